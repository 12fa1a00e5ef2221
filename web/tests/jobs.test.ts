// @vitest-environment node
import { expect, it, vi } from 'vitest';
import type { Job } from '$core/api/types';
import type { App } from '$state/app.svelte';
import { Feed } from '$state/feed';
import { Jobs } from '$features/models/jobs.svelte';

const job = (state: Job['state'], completed: number | null) => ({ id: 'j', kind: 'pull', title: 'x', state, progress: completed === null ? null : { completed } }) as unknown as Job;
/** What the server answers, and when; what the stream of the job tells. */
let answer: (list: { items: Job[] }) => void = () => {};
let tell: (job: Job) => void = () => {};
let end: () => void = () => {};

vi.mock('../src/core/api/jobs', () => ({ listJobs: () => new Promise((resolve) => (answer = resolve)) }));
const live = {
  job: (_: string, on: (job: Job) => void) => {
    tell = on;
    return new Promise<void>((resolve) => (end = resolve));
  },
} as unknown as App['live'];

it('takes no list for newer than what the stream of a job has told meanwhile', async () => {
  const jobs = new Jobs({ live, feed: new Feed() });
  jobs.put(job('queued', null));
  const asked = jobs.load();
  tell(job('running', 5));
  answer({ items: [job('running', null)] });
  await asked;
  expect(jobs.items).toEqual([job('running', 5)]);
  jobs.put(job('queued', null));
  expect(jobs.items).toEqual([job('running', 5)]);
  // Once the stream has ended, what is asked is the newest again.
  tell(job('canceled', 5));
  end();
  await new Promise((done) => setTimeout(done));
  jobs.put(job('queued', null));
  expect(jobs.items).toEqual([job('queued', null)]);
});
