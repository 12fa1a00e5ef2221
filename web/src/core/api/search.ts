import { http, take } from './client';
import type { SearchHit } from './types';

export interface SearchFilter {
  q: string;
  model?: string;
  folder_id?: string;
  /** Days, as in "2026-11-26"; both belong to what is meant. */
  from?: string;
  to?: string;
  role?: 'user' | 'assistant';
  pinned?: boolean;
}

export const search = async (query: SearchFilter, cursor: string | null, signal: AbortSignal) =>
  (await take(http.GET('/api/v1/search', { params: { query: { ...query, cursor: cursor ?? undefined, limit: 30 } }, signal }))) as { items: SearchHit[]; next?: string | null };
