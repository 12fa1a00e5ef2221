import { http, take } from './client';
import type { Job } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export const listJobs = async () =>
  (await take(http.GET('/api/v1/jobs', { params: { query: { limit: 20 } } }))).items as Job[];
export const cancelJob = async (id: string) => (await take(http.POST('/api/v1/jobs/{id}/cancel', at(id)))) as Job;
export const resumeJob = async (id: string) => (await take(http.POST('/api/v1/jobs/{id}/resume', at(id)))) as Job;
export const deleteJob = (id: string) => take(http.DELETE('/api/v1/jobs/{id}', at(id)));
