import { http, take } from './client';
import type { Grants } from './types';

interface GrantNew {
  subject: 'everyone' | 'group' | 'user';
  subject_id?: string;
}

export const listGrants = async () => (await take(http.GET('/api/v1/grants'))).items;
/** null: everybody may use it again. */
export const setGrants = (kind: Grants['kind'], name: string, grants: GrantNew[] | null) =>
  take(http.PUT('/api/v1/grants', { body: { kind, name, grants } }));
