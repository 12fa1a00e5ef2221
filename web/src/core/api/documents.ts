import { base, http, take } from './client';
import type { CollectionFields, Document, DocumentFields, ShareNew } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export const listCollections = async () => (await take(http.GET('/api/v1/collections'))).items;
export const getCollection = (id: string) => take(http.GET('/api/v1/collections/{id}', at(id)));
export const createCollection = (body: CollectionFields & { name: string }) => take(http.POST('/api/v1/collections', { body }));
export const changeCollection = (id: string, body: CollectionFields) => take(http.PATCH('/api/v1/collections/{id}', { ...at(id), body }));
export const deleteCollection = (id: string) => take(http.DELETE('/api/v1/collections/{id}', at(id)));
/** Has all documents embedded by the model that is there for that. */
export const embedCollection = (id: string) => take(http.POST('/api/v1/collections/{id}/embed', at(id)));
/** Has what an older version of the program has read read anew, as far as this one reads it otherwise. */
export const refreshCollection = (id: string) => take(http.POST('/api/v1/collections/{id}/refresh', at(id)));
export const listShares = async (id: string) => (await take(http.GET('/api/v1/collections/{id}/grants', at(id)))).grants;
export const setShares = (id: string, grants: ShareNew[]) => take(http.PUT('/api/v1/collections/{id}/grants', { ...at(id), body: { grants } }));

/** The newest first. */
export const listDocuments = (id: string, query: { cursor?: string; limit?: number; search?: string } = {}) =>
  take(http.GET('/api/v1/collections/{id}/documents', { params: { path: { id }, query: { limit: 200, newest: true, ...query } } }));
/** The files that were dropped into a conversation. */
export const listChatDocuments = (id: string) => take(http.GET('/api/v1/conversations/{id}/documents', { params: { path: { id }, query: { limit: 1000 } } }));
export const chatDocumentsPath = (id: string) => `/api/v1/conversations/${encodeURIComponent(id)}/documents`;
/** Documents of all collections with this in their name. */
export const findDocuments = async (search: string) => (await take(http.GET('/api/v1/documents', { params: { query: { search, limit: 20 } } }))).items as Document[];
export const getDocument = (id: string) => take(http.GET('/api/v1/documents/{id}', at(id)));
export const changeDocument = (id: string, body: DocumentFields) => take(http.PATCH('/api/v1/documents/{id}', { ...at(id), body }));
export const deleteDocument = (id: string) => take(http.DELETE('/api/v1/documents/{id}', at(id)));
export const retryDocument = (id: string) => take(http.POST('/api/v1/documents/{id}/retry', at(id)));
export const cancelDocument = (id: string) => take(http.POST('/api/v1/documents/{id}/cancel', at(id)));
/** What was read from it, from a passage on or around one. */
export const readContent = (id: string, query: { from?: number; passage_id?: string }) =>
  take(http.GET('/api/v1/documents/{id}/content', { params: { path: { id }, query } }));
export const fileUrl = (id: string) => `${base}/api/v1/documents/${encodeURIComponent(id)}/file`;
export const searchDocuments = (query: string, collection_ids: string[]) =>
  take(http.POST('/api/v1/search', { body: { query, collection_ids, limit: 20 } }));
/** A page, and where on it a passage stands. */
export const readPage = (id: string, n: number, passage_id: string) =>
  take(http.GET('/api/v1/documents/{id}/pages/{n}', { params: { path: { id, n }, query: { passage_id } } }));
export const pageUrl = (id: string, n: number, width: number) => `${base}/api/v1/documents/${encodeURIComponent(id)}/pages/${n}.png?width=${width}`;
