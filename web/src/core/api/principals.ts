import { http, take } from './client';

/** Groups and people that something can be shared with; the asking person is not among them. */
export const listPrincipals = (search: string, signal: AbortSignal, limit = 8) =>
  take(http.GET('/api/v1/principals', { params: { query: { search: search || undefined, limit } }, signal }));
