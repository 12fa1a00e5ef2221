import { http, take } from './client';
import type { TurnRequest } from './turns';
import type { TurnQueued } from './types';

const at = (id: string) => ({ params: { path: { id } } });

/** What waits until the answer that is being written is complete, in its order. */
export const listQueue = async (conversation: string) => (await take(http.GET('/api/v1/conversations/{id}/queue', at(conversation)))).items;
/** Has a question wait, or asks it at once where nothing is being written. */
export const queueTurn = async (conversation: string, body: TurnRequest) =>
  (await take(http.POST('/api/v1/conversations/{id}/turns', { ...at(conversation), body: { ...body, queue: true } }))) as TurnQueued;
export const changeQueued = (id: string, content: string) => take(http.PATCH('/api/v1/queued/{id}', { ...at(id), body: { content } }));
export const removeQueued = (id: string) => take(http.DELETE('/api/v1/queued/{id}', at(id)));
/** Asks it now; an answer that is being written is stopped first. */
export const sendQueued = (id: string) => take(http.POST('/api/v1/queued/{id}/send', at(id)));
