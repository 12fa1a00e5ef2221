import { http, take } from './client';
import type { AccountFields } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export const listUsers = async () => (await take(http.GET('/api/v1/users'))).items;
/** Answers with the link by which the new user sets a password. */
export const createUser = (username: string, role: 'admin' | 'user') =>
  take(http.POST('/api/v1/users', { body: { username, role } }));
export const createPasswordLink = (id: string) => take(http.POST('/api/v1/users/{id}/link', at(id)));
export const changeUser = (id: string, body: AccountFields) => take(http.PATCH('/api/v1/users/{id}', { ...at(id), body }));
/** How many things of theirs others have. */
export const countShared = async (id: string) =>
  Object.values(await take(http.GET('/api/v1/users/{id}/shared', at(id)))).reduce((sum, n) => sum + n, 0);
/** `shared`: to whom it is handed over, or that it is deleted, too; null: nothing was known to be shared, and what has been since is kept. */
export const deleteUser = (id: string, shared: { heir: string } | 'delete' | null) =>
  take(
    http.DELETE('/api/v1/users/{id}', {
      params: { path: { id }, query: shared === 'delete' ? { shared } : (shared ?? {}) },
    }),
  );
