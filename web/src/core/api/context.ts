import { http, take } from './client';
import type { ContextDraft } from './types';

/** What the model was given for an answer, stage by stage. */
export const promptOf = (turn: string) => take(http.GET('/api/v1/turns/{id}/prompt', { params: { path: { id: turn } } }));
/** What it would be given for a question that is being written. */
export const countContext = (conversation: string, body: ContextDraft, signal: AbortSignal) =>
  take(http.POST('/api/v1/conversations/{id}/context', { params: { path: { id: conversation } }, body, signal }));
