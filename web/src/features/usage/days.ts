import type { UsageSum } from '$core/api/types';

const DAY = 86_400_000;

/** The day, UTC, as the API writes it. */
export const dayText = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** The first of `days` days of which today is the last. */
export const firstDay = (days: number, now = Date.now()) => dayText(now - (days - 1) * DAY);

/** One entry for every day from the first to the last: those without calls are not in the answer. */
export function everyDay(items: UsageSum[], from: string, to: string): { day: string; sum: UsageSum | null }[] {
  const known = new Map(items.map((i) => [i.key, i]));
  const days = [];
  for (let t = Date.parse(from); t <= Date.parse(to) && days.length < 400; t += DAY) {
    const day = dayText(t);
    days.push({ day, sum: known.get(day) ?? null });
  }
  return days;
}

/** "21 Nov" of 2026-11-21. */
export const shortDay = (day: string) =>
  new Date(day + 'T00:00:00Z').toLocaleDateString('en', { day: 'numeric', month: 'short', timeZone: 'UTC' });
