import { inWords } from '../api/sentences';
import type { NoticePart } from '../api/types';
import { count, seconds } from '../format';
import { t } from '../i18n/i18n.svelte';
import type { TurnStatus } from './reduce';

/**
 * What a turn waits for, in words; '' when it writes. `name`: of the model. `loaded`: it is known to be in memory, so
 * that what takes long is reading the question.
 */
export function statusText(status: TurnStatus | null, name: string, writing: boolean, loaded = false): string {
  if (!status) return writing ? '' : t('status.waiting', { name });
  const said = inWords(status.text);
  switch (status.state) {
    case 'loading':
      return t(loaded ? 'status.waiting' : 'status.loading', { name });
    case 'queued':
      return status.position ? t('status.queuedAt', { n: status.position }) : t('status.queued');
    case 'connecting':
      return said || t('status.connecting', { name });
    case 'summarising':
      return t('status.summarising');
    case 'searching':
      return said || t('status.searching');
    case 'fallback':
      return said || t('status.fallback');
    case 'retrying': {
      const words = said || (status.waitMs ? t('status.retryIn', { time: seconds(status.waitMs) }) : t('status.retry'));
      return status.attempt ? t('status.attempt', { words, n: status.attempt }) : words;
    }
    default:
      return said || t('status.wait');
  }
}

/** A notice in the language of the page; one that the page has no words for keeps the server's. */
export function noticeText({ code, text, count: n, tokens }: Omit<NoticePart, 'type'>): string {
  if (!n) return inWords(text);
  if (code === 'summary') return t('notice.summary', { n });
  if (code !== 'context') return inWords(text);
  return tokens ? t('context.leftOut', { n, tokens: count(tokens) }) : t('notice.notSummarised', { n });
}
