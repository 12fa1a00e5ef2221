import type { Job, Model, ProviderDetails } from './api/types';
import { bytes, percent } from './format';

/** How a state is meant; a colour goes with it. */
export type Tone = 'ok' | 'warn' | 'danger' | 'muted' | 'busy';

export interface Said {
  tone: Tone;
  text: string;
}

/** How a provider is, in words. */
export function providerState(p: Pick<ProviderDetails, 'state' | 'breaker' | 'retry_in_ms' | 'enabled'>): Said {
  if (!p.enabled || p.state === 'disabled') return { tone: 'muted', text: 'Disabled' };
  const trouble = p.state === 'unreachable' ? 'Cannot be reached' : 'Failed several times';
  if (p.breaker === 'open') {
    const s = Math.ceil(p.retry_in_ms / 1000);
    return { tone: 'warn', text: s > 0 ? `${trouble}. Tried again in ${s} s.` : `${trouble}. About to be tried again.` };
  }
  if (p.breaker === 'half_open') return { tone: 'warn', text: `${trouble}. Being tried again.` };
  if (p.state === 'unreachable') return { tone: 'danger', text: 'Cannot be reached' };
  if (p.state === 'checking') return { tone: 'busy', text: 'Looking…' };
  return { tone: 'ok', text: 'Connected' };
}

/** How ready a model is to answer. */
export function modelState(state: Model['state']): Said {
  if (state === 'ready') return { tone: 'ok', text: 'Ready' };
  if (state === 'loading') return { tone: 'busy', text: 'Loading…' };
  if (state === 'reachable') return { tone: 'muted', text: 'Loads when asked' };
  return { tone: 'danger', text: 'Cannot be reached' };
}

export const isRunning = (job: Pick<Job, 'state'>) => job.state === 'queued' || job.state === 'running';

export function jobTitle(job: Pick<Job, 'kind' | 'title'>): string {
  const verbs: Record<string, string> = { pull: 'Pull', load: 'Load' };
  const verb = verbs[job.kind];
  return verb && !job.title.toLowerCase().startsWith(verb.toLowerCase() + ' ') ? `${verb} ${job.title}` : job.title;
}

/** How far a job is, in one line. */
export function jobState(job: Pick<Job, 'state' | 'progress' | 'error'>): Said {
  const { progress } = job;
  if (job.state === 'queued') return { tone: 'muted', text: 'Waiting for its turn' };
  if (job.state === 'complete') return { tone: 'ok', text: 'Done' };
  if (job.state === 'canceled') return { tone: 'muted', text: 'Stopped' };
  if (job.state === 'failed') return { tone: 'danger', text: job.error?.message ?? 'Failed' };
  if (!progress) return { tone: 'busy', text: 'Starting…' };
  // Ollama names a layer in the status while it fetches it; the bar says that better.
  if (progress.total > 0 && progress.completed < progress.total) {
    const part = `${bytes(progress.completed)} of ${bytes(progress.total)}`;
    return { tone: 'busy', text: `${percent(progress.completed, progress.total)} % · ${part}` };
  }
  const status = progress.status || 'working';
  return { tone: 'busy', text: status.charAt(0).toUpperCase() + status.slice(1) + '…' };
}
