import type { Message } from '$core/api/types';

type Ended = Pick<Message, 'state' | 'content' | 'reasoning' | 'finish_reason'>;

/** What is to be said of an answer that came to its regular end, but is not what it looks like; else ''. */
export function endNotice({ state, content, reasoning, finish_reason: reason }: Ended, tools: boolean): string {
  if (state !== 'complete') return '';
  if (reason === 'length') {
    return content
      ? 'The answer reached its limit of tokens: it is not finished.'
      : 'The model reached its limit of tokens before it began to answer.';
  }
  if (reason === 'content_filter') return 'The provider’s filter ended this answer.';
  if (!content && !tools) return reasoning ? 'The model thought, and then gave no answer.' : 'The model gave an empty answer.';
  if (reason && reason !== 'stop' && reason !== 'tool_calls') return `The provider ended this answer with the word “${reason}”.`;
  return '';
}

/** Whether the server takes a request to go on with it. */
export function canGoOn({ state, content, finish_reason: reason }: Ended, tools: boolean): boolean {
  return state !== 'complete' || reason === 'length' || (!content && !tools);
}
