import { serverNow } from './clock';
import { i18n, t } from './i18n/i18n.svelte';

const DAY = 86_400_000;
const startOfDay = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();

/** The group of the sidebar that a time belongs to. */
export function dayGroup(time: string, now = new Date(serverNow())): string {
  const days = Math.round((startOfDay(now) - startOfDay(new Date(time))) / DAY);
  if (days <= 0) return t('day.today');
  if (days === 1) return t('day.yesterday');
  return days <= 7 ? t('day.week') : t('day.older');
}

/** A short relative time: "now", "5 min", "3 h", "2 d", or a date. */
export function ago(time: string, now = serverNow()): string {
  const date = new Date(time);
  const minutes = Math.floor((now - date.getTime()) / 60_000);
  if (minutes < 1) return t('time.now');
  if (minutes < 60) return t('time.min', { n: minutes });
  if (minutes < 24 * 60) return t('time.h', { n: Math.floor(minutes / 60) });
  if (minutes < 7 * 24 * 60) return t('time.d', { n: Math.floor(minutes / (24 * 60)) });
  const year = date.getFullYear() === new Date(now).getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString(i18n.language, { day: 'numeric', month: 'short', year });
}

/** The same within a sentence: "just now", "5 min ago", "on 3 Nov". */
export function agoText(time: string, now = serverNow()): string {
  const short = ago(time, now);
  const minutes = Math.floor((now - new Date(time).getTime()) / 60_000);
  if (minutes < 1) return t('time.justNow');
  return minutes < 7 * 24 * 60 ? t('time.ago', { time: short }) : t('time.on', { date: short });
}

export function bytes(n: number): string {
  const units = ['', 'K', 'M', 'G', 'T'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${n < 10 && i > 0 ? fixed(n, 1) : Math.round(n)} ${units[i]}${i18n.language === 'fr' ? 'o' : 'B'}`;
}

export function seconds(ms: number): string {
  if (ms < 95) return t('time.ms', { n: Math.round(ms) });
  return t('time.s', { n: ms < 9950 ? fixed(ms / 1000, 1) : Math.round(ms / 1000) });
}

export const fixed = (n: number, digits: number) => n.toLocaleString(i18n.language, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });

export const count = (n: number) => n.toLocaleString(i18n.language);

/** With one digit behind the point where that tells something. */
export const decimal = (n: number) => (n < 100 ? fixed(n, 1) : count(Math.round(n)));

/** A number in short: 950, 12.3 K, 4.5 M. */
export function compact(n: number): string {
  if (n < 1000) return String(n);
  const steps = [[1e9, 'B'], [1e6, 'M'], [1e3, 'K']] as const;
  // 999,950 is a million already when it is rounded.
  const [size, unit] = steps.find(([s]) => n >= s * 0.99995) ?? steps[2];
  const value = n / size;
  return `${value < 100 ? value.toLocaleString(i18n.language, { maximumFractionDigits: 1 }) : Math.round(value)} ${unit}`;
}

/** Money from millionths of the currency, with as many digits as small amounts need. */
export function money(micros: number, currency: string): string {
  const value = micros / 1e6;
  const small = value !== 0 && Math.abs(value) < 0.1;
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: small ? 6 : 2 };
  try {
    return value.toLocaleString(i18n.language, { style: 'currency', currency, ...digits });
  } catch {
    return `${value.toLocaleString(i18n.language, digits)} ${currency}`.trim();
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
export function until(time: string, now = serverNow()): string {
  const left = Math.max(0, Math.ceil((new Date(time).getTime() - now) / 1000));
  if (left < 90) return t('time.in', { time: t('time.s', { n: left }) });
  if (left < 90 * 60) return t('time.in', { time: t('time.min', { n: Math.round(left / 60) }) });
  if (left < 36 * 3600) return t('time.in', { time: t('time.h', { n: Math.round(left / 3600) }) });
  return t('time.on', { date: dateText(time) });
}

export const dateText = (time: string) =>
  new Date(time).toLocaleDateString(i18n.language, { day: 'numeric', month: 'short', year: 'numeric' });

export const dateTimeText = (time: string) =>
  new Date(time).toLocaleString(i18n.language, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** The hour of today, else the day too. */
export function timeText(time: string, now = new Date(serverNow())): string {
  const date = new Date(time);
  if (startOfDay(date) !== startOfDay(now)) return dateTimeText(time);
  return date.toLocaleTimeString(i18n.language, { hour: '2-digit', minute: '2-digit' });
}

/** 0 to 100, whole, and 100 only when all is there. */
export const percent = (done: number, whole: number) =>
  whole > 0 ? (done >= whole ? 100 : Math.min(99, Math.floor((done / whole) * 100))) : 0;

export const percentText = (done: number, whole: number) => (percent(done, whole) / 100).toLocaleString(i18n.language, { style: 'percent' });
