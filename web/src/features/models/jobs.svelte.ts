import { ApiError } from '$core/api/errors';
import { cancelJob, deleteJob, listJobs, retryJob } from '$core/api/jobs';
import type { Change, Job } from '$core/api/types';
import { serverNow } from '$core/clock';
import { t } from '$core/i18n/i18n.svelte';
import type { App } from '$state/app.svelte';
import { notices } from '$design/notices.svelte';
import { isRunning, jobTitle } from '$core/words';

const DONE_MS = 300_000;
const UNDONE_MS = 86_400_000;

/** The jobs, and live how far the running ones are, while somebody watches. */
export class Jobs {
  items = $state.raw<Job[]>([]);
  private streams = new Map<string, AbortController>();
  /** Those whose stream has told how far they are: an answer to a question that was asked before is older than that. */
  private told = new Set<string>();

  constructor(private readonly app: Pick<App, 'feed' | 'live'>) {}

  /** Running ones, and lately ended ones that no later job of the same kind and name has overtaken. */
  get shown(): Job[] {
    const now = serverNow();
    return this.items.filter((job, i) => {
      if (isRunning(job)) return true;
      const later = this.items.slice(0, i).some((j) => j.kind === job.kind && j.title === job.title);
      const keep = job.state === 'complete' ? DONE_MS : UNDONE_MS;
      return !later && !!job.ended_at && now - new Date(job.ended_at).getTime() < keep;
    });
  }

  /** Begins to look; the answer ends it. */
  watch(): () => void {
    const hear = (change?: Change) => void ((change && this.streams.has(change.id)) || this.load());
    this.app.feed.jobs.add(hear);
    void this.load();
    return () => {
      this.app.feed.jobs.delete(hear);
      for (const stream of this.streams.values()) stream.abort();
      this.streams.clear();
      this.told.clear();
    };
  }

  async load(): Promise<void> {
    try {
      this.items = (await listJobs()).items.map((job) => this.newest(job));
    } catch {
      return; // The feed tells when it is connected again.
    }
    this.followRunning();
  }

  private newest = (job: Job) => (this.told.has(job.id) && this.items.find((j) => j.id === job.id)) || job;

  put(asked: Job): void {
    const job = this.newest(asked);
    const at = this.items.findIndex((j) => j.id === job.id);
    this.items = at < 0 ? [job, ...this.items] : this.items.map((j) => (j.id === job.id ? job : j));
    this.followRunning();
  }

  async cancel(job: Job): Promise<void> {
    await cancelJob(job.id).then((j) => this.put(j), (e) => notices.error(e));
  }

  async retry(job: Job): Promise<void> {
    await retryJob(job.id).then((j) => this.put(j), (e) => notices.error(e));
  }

  /** Another page may have dismissed it before; then it is gone all the same. */
  async dismiss(job: Job): Promise<void> {
    try {
      await deleteJob(job.id);
    } catch (e) {
      if (!(e instanceof ApiError && e.status === 404)) return notices.error(e);
    }
    this.items = this.items.filter((j) => j.id !== job.id);
  }

  private followRunning(): void {
    for (const job of this.items) if (isRunning(job) && !this.streams.has(job.id)) void this.follow(job.id);
  }

  private async follow(id: string): Promise<void> {
    const stop = new AbortController();
    this.streams.set(id, stop);
    try {
      await this.app.live.job(
        id,
        (job) => {
          this.told.add(id);
          this.items = this.items.map((j) => (j.id === id ? job : j));
          if (!isRunning(job)) this.tell(job);
        },
        stop.signal,
      );
    } catch {
      // It is not there any more.
    }
    if (this.streams.get(id) !== stop) return;
    this.streams.delete(id);
    this.told.delete(id);
  }

  private tell(job: Job): void {
    if (job.state === 'complete') notices.show(t('job.toldDone', { job: jobTitle(job) }));
    else if (job.state === 'failed') notices.show(t('job.toldFailed', { job: jobTitle(job), why: job.error?.message ?? t('job.failed') }), 'error');
  }
}
