import { http, openStream, take } from './client';
import type { TurnStarted } from './types';

export interface TurnRequest {
  content?: string;
  continue?: boolean;
  model?: string;
}

/** Starts a turn; it is then followed by `turnEvents`, as any other reader of it. */
export const startTurn = async (conversation: string, body: TurnRequest): Promise<TurnStarted> =>
  // The answer is a stream only for those who ask for one.
  (await take(
    http.POST('/api/v1/conversations/{id}/turns', { params: { path: { id: conversation } }, body }),
  )) as TurnStarted;
export const cancelTurn = (id: string) => take(http.POST('/api/v1/turns/{id}/cancel', { params: { path: { id } } }));
export const turnEvents = (id: string, after: number, signal: AbortSignal) =>
  openStream(`/api/v1/turns/${encodeURIComponent(id)}/events?after=${after}`, signal);
export const changeEvents = (signal: AbortSignal) => openStream('/api/v1/events', signal);
