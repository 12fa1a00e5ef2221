import type { Limit } from '$core/api/types';
import { count, money } from '$core/format';

export const measures: { value: Limit['measure']; label: string }[] = [
  { value: 'tokens', label: 'Tokens' },
  { value: 'requests', label: 'Calls' },
  { value: 'money', label: 'Money' },
];
export const periods: { value: Limit['period']; label: string }[] = [
  { value: 'minute', label: 'a minute' },
  { value: 'hour', label: 'an hour' },
  { value: 'day', label: 'a day' },
  { value: 'month', label: 'a month' },
];
export const subjects: { value: Limit['subject']; label: string }[] = [
  { value: 'everyone', label: 'Everyone together' },
  { value: 'user', label: 'A user' },
  { value: 'group', label: 'A group, its members together' },
  { value: 'key', label: 'An API key' },
  { value: 'model', label: 'A model, for all together' },
];

export const amountText = (n: number, measure: Limit['measure'], currency: string) =>
  measure === 'money' ? money(n, currency) : `${count(n)} ${measure === 'tokens' ? 'tokens' : n === 1 ? 'call' : 'calls'}`;

/** Whom a limit binds. */
export function limitSubject(limit: Limit): string {
  const name = limit.subject_name ?? 'one that is gone';
  switch (limit.subject) {
    case 'everyone': return 'Everyone together';
    case 'user': return `User ${name}`;
    case 'group': return `Group ${name}`;
    case 'key': return `Key ${name}`;
    case 'model': return `All calls of ${limit.model ?? name}`;
  }
}

export function limitTitle(limit: Limit): string {
  const what = measures.find((m) => m.value === limit.measure)!.label;
  const period = periods.find((p) => p.value === limit.period)!.label;
  const of = limit.model && limit.subject !== 'model' ? ` of ${limit.model}` : '';
  return `${limitSubject(limit)}: ${what.toLowerCase()}${of} in ${period}`;
}
