import { http, take } from './client';
import type { KeyNew } from './types';

export const listKeys = async () => (await take(http.GET('/api/v1/keys'))).items;
export const createKey = (body: KeyNew) => take(http.POST('/api/v1/keys', { body }));
export const deleteKey = (id: string) => take(http.DELETE('/api/v1/keys/{id}', { params: { path: { id } } }));
/** Everybody's, for administrators. */
export const listAllKeys = async () =>
  (await take(http.GET('/api/v1/keys', { params: { query: { all: true } } }))).items;
