import { utcOffset } from '$core/api/usage';
import type { UsagePoint } from '$core/api/types';
import { serverNow } from '$core/clock';
import { i18n } from '$core/i18n/i18n.svelte';

const DAY = 86_400_000;

const dayText = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** The first of `days` days of which today is the last, by the clock of whoever looks. */
export const firstDay = (days: number, now = serverNow(), offset = utcOffset()) => dayText(now + offset * 60_000 - (days - 1) * DAY);

/** Every day from the first to the last. */
export function everyDay(from: string, to: string): string[] {
  const days = [];
  for (let t = Date.parse(from); t <= Date.parse(to) && days.length < 400; t += DAY) days.push(dayText(t));
  return days;
}

/** Whether there is something, and all of it on that day. */
export const allOn = (items: readonly UsagePoint[], day: string) => items.length > 0 && items.every((p) => p.day === day);

/** Every hour of a day: 2026-11-21T00 and so on. */
export const everyHour = (day: string): string[] => Array.from({ length: 24 }, (_, i) => `${day}T${String(i).padStart(2, '0')}`);

/** "21 Nov" of 2026-11-21, "14:00" of 2026-11-21T14, as the page's language writes it. */
export const shortTime = (at: string) =>
  at.includes('T')
    ? new Date(at + ':00:00Z').toLocaleTimeString(i18n.language, { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' })
    : new Date(at + 'T00:00:00Z').toLocaleDateString(i18n.language, { day: 'numeric', month: 'short', timeZone: 'UTC' });

export type Measure = 'tokens' | 'requests' | 'cost';
export const MEASURES: Record<Measure, (p: UsagePoint) => number> = {
  tokens: (p) => p.tokens_in + p.tokens_out,
  requests: (p) => p.requests,
  cost: (p) => p.cost_micros,
};

export interface Stack {
  /** What is stacked, the largest first; null: all others together. */
  keys: (string | null)[];
  /** For each day, or hour, what each of the keys has, in their order. */
  days: { day: string; parts: number[]; sum: number }[];
}

/** So many models have a colour of their own; those behind are one. */
const COLOURS = 5;

/** The days, or hours, of a series as a stack of models, which keep their place and colour whatever is measured. */
export function stack(items: readonly UsagePoint[], days: readonly string[], of: (p: UsagePoint) => number): Stack {
  const size = new Map<string, number>();
  for (const p of items) size.set(p.key, (size.get(p.key) ?? 0) + MEASURES.tokens(p) + p.requests);
  const order = [...size.keys()].sort((a, b) => size.get(b)! - size.get(a)! || a.localeCompare(b));
  const own = order.length > COLOURS + 1 ? order.slice(0, COLOURS) : order;
  const keys: (string | null)[] = own.length < order.length ? [...own, null] : own;
  const place = new Map(order.map((key, i) => [key, Math.min(i, keys.length - 1)]));
  const parts = new Map(days.map((day) => [day, keys.map(() => 0)]));
  for (const p of items) {
    const of_day = parts.get(p.day);
    if (of_day) of_day[place.get(p.key)!]! += of(p);
  }
  return { keys, days: days.map((day) => ({ day, parts: parts.get(day)!, sum: parts.get(day)!.reduce((a, b) => a + b, 0) })) };
}

/** Round values from 0 to at least `highest`, for the lines of a chart. */
export function niceSteps(highest: number): number[] {
  if (highest <= 0) return [0, 1];
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough)!;
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, i) => i * step);
}
