const DAY = 86_400_000;
const startOfDay = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();

/** The group of the sidebar that a time belongs to. */
export function dayGroup(time: string, now = new Date()): string {
  const days = Math.round((startOfDay(now) - startOfDay(new Date(time))) / DAY);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return days <= 7 ? 'Previous 7 days' : 'Older';
}

/** A short relative time: "now", "5 min", "3 h", "2 d", or a date. */
export function ago(time: string, now = Date.now()): string {
  const date = new Date(time);
  const minutes = Math.floor((now - date.getTime()) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h`;
  if (minutes < 7 * 24 * 60) return `${Math.floor(minutes / (24 * 60))} d`;
  const year = date.getFullYear() === new Date(now).getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString('en', { day: 'numeric', month: 'short', year });
}

export function bytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${n < 10 && i > 0 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

export function seconds(ms: number): string {
  if (ms < 95) return `${Math.round(ms)} ms`;
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

export const count = (n: number) => n.toLocaleString('en');

/** A number in short: 950, 12.3 K, 4.5 M. */
export function compact(n: number): string {
  if (n < 1000) return String(n);
  const steps = [[1e9, 'B'], [1e6, 'M'], [1e3, 'K']] as const;
  // 999,950 is a million already when it is rounded.
  const [size, unit] = steps.find(([s]) => n >= s * 0.99995) ?? steps[2];
  const value = n / size;
  return `${value < 100 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} ${unit}`;
}

/** Money from millionths of the currency, with as many digits as small amounts need. */
export function money(micros: number, currency: string): string {
  const value = micros / 1e6;
  const small = value !== 0 && Math.abs(value) < 0.1;
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: small ? 6 : 2 };
  try {
    return value.toLocaleString('en', { style: 'currency', currency, ...digits });
  } catch {
    return `${value.toLocaleString('en', digits)} ${currency}`.trim();
  }
}

/** Millionths from what somebody typed ("0.15"); null when it is no amount. */
export function microsFrom(text: string): number | null {
  const plain = text.trim().replace(',', '.');
  if (!/^(\d+(\.\d*)?|\.\d+)$/.test(plain)) return null;
  const micros = Math.round(Number(plain) * 1e6);
  return Number.isSafeInteger(micros) ? micros : null;
}

/** The other way round: what stands in the field. */
export const microsText = (micros: number) => String(micros / 1e6);

/** A time that is still to come: "in 20 s", "in 5 min", "in 3 h", or a date. */
export function until(time: string, now = Date.now()): string {
  const left = Math.max(0, Math.ceil((new Date(time).getTime() - now) / 1000));
  if (left < 90) return `in ${left} s`;
  if (left < 90 * 60) return `in ${Math.round(left / 60)} min`;
  if (left < 36 * 3600) return `in ${Math.round(left / 3600)} h`;
  return 'on ' + new Date(time).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' });
}

export const dateText = (time: string) =>
  new Date(time).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' });

/** 0 to 100, whole, and 100 only when all is there. */
export const percent = (done: number, whole: number) =>
  whole > 0 ? (done >= whole ? 100 : Math.min(99, Math.floor((done / whole) * 100))) : 0;
