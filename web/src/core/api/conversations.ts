import { http, take } from './client';
import type { BulkChange, ConversationFields, Message } from './types';

const at = (id: string) => ({ path: { id } });

/** Which conversations a list is of; nothing: those that are neither put away nor in the bin. */
export interface ListFilter {
  q?: string;
  state?: 'archived' | 'deleted';
  folder_id?: string;
  tag?: string;
  pinned?: boolean;
  unread?: boolean;
}

export const listConversations = (filter: ListFilter, cursor?: string | null, signal?: AbortSignal, limit?: number) =>
  take(http.GET('/api/v1/conversations', { params: { query: { ...filter, q: filter.q || undefined, cursor: cursor ?? undefined, limit } }, signal }));
export const createConversation = (model?: string) => take(http.POST('/api/v1/conversations', { body: { model } }));
export const getConversation = (id: string) => take(http.GET('/api/v1/conversations/{id}', { params: at(id) }));
export const changeConversation = (id: string, body: ConversationFields) =>
  take(http.PATCH('/api/v1/conversations/{id}', { params: at(id), body }));
/** One change of many; `missing` are those that it did not reach. */
export const changeConversations = (body: BulkChange) => take(http.POST('/api/v1/conversations/bulk', { body }));
export const listMessages = async (id: string, before?: string | null, limit = 40) =>
  (await take(
    http.GET('/api/v1/conversations/{id}/messages', {
      params: { path: { id }, query: { before: before ?? undefined, limit } },
    }),
  )) as { items: Message[]; next?: string | null };
