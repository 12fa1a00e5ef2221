import { http, take } from './client';
import type { Message } from './types';

const at = (id: string) => ({ path: { id } });

export const listConversations = (q?: string, cursor?: string | null, signal?: AbortSignal) =>
  take(http.GET('/api/v1/conversations', { params: { query: { q: q || undefined, cursor: cursor ?? undefined } }, signal }));
export const createConversation = (model?: string) => take(http.POST('/api/v1/conversations', { body: { model } }));
export const getConversation = (id: string) => take(http.GET('/api/v1/conversations/{id}', { params: at(id) }));
export const changeConversation = (id: string, body: { title?: string; model?: string; leaf_id?: string }) =>
  take(http.PATCH('/api/v1/conversations/{id}', { params: at(id), body }));
/** Out of sight, from where `restoreConversation` brings it back; or for good, also when the page is just being closed. */
export const deleteConversation = (id: string, hard: boolean) =>
  take(http.DELETE('/api/v1/conversations/{id}', { params: { ...at(id), query: { hard } }, keepalive: hard }));
export const restoreConversation = (id: string) => take(http.POST('/api/v1/conversations/{id}/restore', { params: at(id) }));
export const listMessages = async (id: string, before?: string | null, limit = 40) =>
  (await take(
    http.GET('/api/v1/conversations/{id}/messages', {
      params: { path: { id }, query: { before: before ?? undefined, limit } },
    }),
  )) as { items: Message[]; next?: string | null };
