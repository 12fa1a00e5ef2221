import { http, take } from './client';

export interface KeyRequest {
  name: string;
  scopes: string[];
  models?: string[];
  expires_in_days?: number;
}

export const listKeys = async () => (await take(http.GET('/api/v1/keys'))).items;
export const createKey = (body: KeyRequest) => take(http.POST('/api/v1/keys', { body }));
export const deleteKey = (id: string) => take(http.DELETE('/api/v1/keys/{id}', { params: { path: { id } } }));
/** Everybody's, for administrators. */
export const listAllKeys = async () =>
  (await take(http.GET('/api/v1/keys', { params: { query: { all: true } } }))).items;
