import type { UsageSum } from '$core/api/types';
import { i18n } from '$core/i18n/i18n.svelte';

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

/** "21 Nov" of 2026-11-21, as the page's language writes it. */
export const shortDay = (day: string) =>
  new Date(day + 'T00:00:00Z').toLocaleDateString(i18n.language, { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** Round values from 0 to at least `highest`, for the lines of a chart. */
export function niceSteps(highest: number): number[] {
  if (highest <= 0) return [0, 1];
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough)!;
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, i) => i * step);
}
