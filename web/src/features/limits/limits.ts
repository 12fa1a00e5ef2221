import type { Limit } from '$core/api/types';
import { count, money } from '$core/format';
import { t, type Key } from '$core/i18n/i18n.svelte';

export const measures: Record<Limit['measure'], Key> = { tokens: 'measure.tokens', requests: 'measure.requests', money: 'measure.money' };
export const periods: Record<Limit['period'], Key> = { minute: 'period.minute', hour: 'period.hour', day: 'period.day', month: 'period.month' };
export const subjects: Record<Limit['subject'], Key> = {
  everyone: 'subject.everyone',
  user: 'subject.user',
  group: 'subject.group',
  key: 'subject.key',
  model: 'subject.model',
};

export const amountText = (n: number, measure: Limit['measure'], currency: string) =>
  measure === 'money' ? money(n, currency) : t(measure === 'tokens' ? 'amount.tokens' : 'amount.calls', { n, text: count(n) });

/** Whom a limit binds. */
export function limitSubject(limit: Limit): string {
  const name = limit.subject_name ?? t('limit.gone');
  switch (limit.subject) {
    case 'everyone':
      return t('limit.everyone');
    case 'user':
      return t('limit.user', { name });
    case 'group':
      return t('limit.group', { name });
    case 'key':
      return t('limit.key', { name });
    case 'model':
      return t('limit.model', { name: limit.model ?? name });
  }
}

export function limitTitle(limit: Limit): string {
  const of = limit.model && limit.subject !== 'model' ? ` (${limit.model})` : '';
  return t('limit.title', { subject: limitSubject(limit), measure: t(measures[limit.measure]) + of, period: t(periods[limit.period]) });
}
