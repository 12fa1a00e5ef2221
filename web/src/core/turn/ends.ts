import type { Message } from '../api/types';
import { t } from '../i18n/i18n.svelte';
import { callsTools, reasoningOf } from './parts';

type Ended = Pick<Message, 'state' | 'content' | 'parts' | 'finish_reason'>;

/** What is to be said of an answer that came to its regular end, but is not what it looks like; else ''. */
export function endNotice({ state, content, parts, finish_reason: reason }: Ended): string {
  if (state !== 'complete') return '';
  if (reason === 'length') return t(content ? 'answer.limit' : 'answer.limitBefore');
  if (reason === 'content_filter') return t('answer.filtered');
  if (!content && !callsTools(parts)) return t(reasoningOf(parts) ? 'answer.onlyThought' : 'answer.empty');
  if (reason && reason !== 'stop' && reason !== 'tool_calls') return t('answer.endedWith', { reason });
  return '';
}

/** Whether the server takes a request to go on with it. */
export function canGoOn({ state, content, parts, finish_reason: reason }: Ended): boolean {
  return (state !== 'complete' && state !== 'waiting') || reason === 'length' || (!content && !callsTools(parts));
}
