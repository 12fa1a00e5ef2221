import type { Message } from '../api/types';
import { t } from '../i18n/i18n.svelte';

type Ended = Pick<Message, 'state' | 'content' | 'reasoning' | 'finish_reason'>;

/** What is to be said of an answer that came to its regular end, but is not what it looks like; else ''. */
export function endNotice({ state, content, reasoning, finish_reason: reason }: Ended, tools: boolean): string {
  if (state !== 'complete') return '';
  if (reason === 'length') return t(content ? 'answer.limit' : 'answer.limitBefore');
  if (reason === 'content_filter') return t('answer.filtered');
  if (!content && !tools) return t(reasoning ? 'answer.onlyThought' : 'answer.empty');
  if (reason && reason !== 'stop' && reason !== 'tool_calls') return t('answer.endedWith', { reason });
  return '';
}

/** Whether the server takes a request to go on with it. */
export function canGoOn({ state, content, finish_reason: reason }: Ended, tools: boolean): boolean {
  return state !== 'complete' || reason === 'length' || (!content && !tools);
}
