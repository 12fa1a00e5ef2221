import { http, take } from './client';
import type { AccountFields } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export const listUsers = async () => (await take(http.GET('/api/v1/users'))).items;
/** Answers with the link by which the new user sets a password. */
export const createUser = (username: string, role: 'admin' | 'user') =>
  take(http.POST('/api/v1/users', { body: { username, role } }));
export const createPasswordLink = (id: string) => take(http.POST('/api/v1/users/{id}/link', at(id)));
export const changeUser = (id: string, body: AccountFields) => take(http.PATCH('/api/v1/users/{id}', { ...at(id), body }));
export const deleteUser = (id: string) => take(http.DELETE('/api/v1/users/{id}', at(id)));
