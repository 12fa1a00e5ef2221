import { http, take } from './client';
import type { Message } from './types';

const at = (id: string) => ({ path: { id } });

export const listConversations = (q?: string, cursor?: string | null, signal?: AbortSignal) =>
  take(http.GET('/api/v1/conversations', { params: { query: { q: q || undefined, cursor: cursor ?? undefined } }, signal }));
export const createConversation = (model?: string) => take(http.POST('/api/v1/conversations', { body: { model } }));
export const getConversation = (id: string) => take(http.GET('/api/v1/conversations/{id}', { params: at(id) }));
export const changeConversation = (id: string, body: { title?: string; model?: string; leaf_id?: string }) =>
  take(http.PATCH('/api/v1/conversations/{id}', { params: at(id), body }));
/** For good: there is no place in the page from which a hidden chat could come back. */
export const deleteConversation = (id: string) =>
  take(http.DELETE('/api/v1/conversations/{id}', { params: { ...at(id), query: { hard: true } } }));
export const listMessages = async (id: string, before?: string | null, limit = 100) =>
  (await take(
    http.GET('/api/v1/conversations/{id}/messages', {
      params: { path: { id }, query: { before: before ?? undefined, limit } },
    }),
  )) as { items: Message[]; next?: string | null };
