import { http, take } from './client';
import type { BulkChange, ConversationFields, Message, Parameters, WhenFull } from './types';

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
export const createConversation = (body: { model?: string; assistant_id?: string; parameters?: Parameters; context?: WhenFull; instructions?: string; history?: boolean }) => take(http.POST('/api/v1/conversations', { body }));
export const getConversation = (id: string) => take(http.GET('/api/v1/conversations/{id}', { params: at(id) }));
export const changeConversation = (id: string, body: ConversationFields) =>
  take(http.PATCH('/api/v1/conversations/{id}', { params: at(id), body }));
/** One change of many; `missing` are those that it did not reach. */
export const changeConversations = (body: BulkChange) => take(http.POST('/api/v1/conversations/bulk', { body }));
/** The branch up to a message, as a conversation of its own. */
export const forkConversation = (id: string, message_id: string) => take(http.POST('/api/v1/conversations/{id}/fork', { params: at(id), body: { message_id } }));

/** Which part of the branch shown; nothing: its end. */
export interface MessagePlace {
  before?: string;
  after?: string;
  around?: string;
}
export interface MessagePage {
  items: Message[];
  /** What stands before and behind: `before` and `after` of the next page; null: nothing. */
  next?: string | null;
  newer?: string | null;
}
/** A page is what one task draws: ten rich messages, below which a person sees no halt. */
export const listMessages = async (id: string, place: MessagePlace = {}, limit = 10) =>
  (await take(http.GET('/api/v1/conversations/{id}/messages', { params: { path: { id }, query: { ...place, limit } } }))) as MessagePage;
export const changeMessage = (id: string, body: { pinned: boolean }) => take(http.PATCH('/api/v1/messages/{id}', { params: at(id), body }));
/** The answer of a comparison that the chat goes on with. */
export const keepMessage = (id: string) => take(http.POST('/api/v1/messages/{id}/keep', { params: at(id) }));
export const getMessage = async (id: string) => (await take(http.GET('/api/v1/messages/{id}', { params: at(id) }))) as Message;

/** A message with all that stands below it; `dry_run` only tells what would go. */
export const deleteMessage = (id: string, dry_run: boolean) => take(http.DELETE('/api/v1/messages/{id}', { params: { ...at(id), query: { dry_run } } }));
