import { http, take } from './client';
import type { Job } from './types';

const at = (id: string) => ({ params: { path: { id } } });

/** Which jobs; without: the newest of all. */
export interface JobsWish {
  state?: 'open' | Job['state'];
  cursor?: string;
}

export async function listJobs(wish: JobsWish = {}): Promise<{ items: Job[]; next: string | null }> {
  const page = await take(http.GET('/api/v1/jobs', { params: { query: { limit: 20, ...wish } } }));
  return { items: page.items as Job[], next: page.next ?? null };
}

export const cancelJob = async (id: string) => (await take(http.POST('/api/v1/jobs/{id}/cancel', at(id)))) as Job;
export const retryJob = async (id: string) => (await take(http.POST('/api/v1/jobs/{id}/retry', at(id)))) as Job;
export const deleteJob = (id: string) => take(http.DELETE('/api/v1/jobs/{id}', at(id)));
