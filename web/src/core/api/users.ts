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
/** What others have of theirs is the heir's from then on; null: it is deleted, too. */
export const deleteUser = (id: string, heir: string | null) =>
  take(
    http.DELETE('/api/v1/users/{id}', {
      params: { path: { id }, query: heir ? { heir } : { shared: 'delete' } },
    }),
  );
