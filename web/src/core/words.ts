import type { Job, Model, ProviderDetails } from './api/types';
import { bytes, count, percentText, timeText } from './format';
import { t } from './i18n/i18n.svelte';

/** How a state is meant; a colour goes with it. */
export type Tone = 'ok' | 'warn' | 'danger' | 'muted' | 'busy';

export interface Said {
  tone: Tone;
  text: string;
}

/** How a provider is, in words. */
export function providerState(p: Pick<ProviderDetails, 'state' | 'breaker' | 'retry_in_ms' | 'enabled'>): Said {
  if (!p.enabled || p.state === 'disabled') return { tone: 'muted', text: t('provider.stateDisabled') };
  const trouble = t(p.state === 'unreachable' ? 'provider.stateUnreachable' : 'provider.stateFailing');
  if (p.breaker === 'open') {
    const s = Math.ceil(p.retry_in_ms / 1000);
    return { tone: 'warn', text: s > 0 ? t('provider.stateRetryIn', { trouble, s }) : t('provider.stateRetrySoon', { trouble }) };
  }
  if (p.breaker === 'half_open') return { tone: 'warn', text: t('provider.stateRetrying', { trouble }) };
  if (p.state === 'unreachable') return { tone: 'danger', text: t('provider.stateUnreachable') };
  if (p.state === 'checking') return { tone: 'busy', text: t('provider.stateChecking') };
  return { tone: 'ok', text: t('provider.stateOk') };
}

/** How ready a model is to answer. */
export function modelState(state: Model['state']): Said {
  if (state === 'ready') return { tone: 'ok', text: t('model.ready') };
  if (state === 'loading') return { tone: 'busy', text: t('model.loading') };
  if (state === 'reachable') return { tone: 'muted', text: t('model.notLoaded') };
  return { tone: 'danger', text: t('model.unreachable') };
}

export const isRunning = (job: Pick<Job, 'state'>) => job.state === 'queued' || job.state === 'running';

export function jobTitle(job: Pick<Job, 'kind' | 'title'>): string {
  const name = job.title.replace(/^(pull|load) /i, '');
  if (job.kind === 'pull') return t('job.pull', { name });
  return job.kind === 'load' ? t('job.load', { name }) : job.title;
}

/** How far a job is, in one line. */
export function jobState(job: Pick<Job, 'state' | 'progress' | 'error' | 'retry_at' | 'server_away'>): Said {
  const { progress } = job;
  if (job.retry_at) return { tone: 'warn', text: t('job.retryAt', { why: job.error?.message ?? t('job.failed'), when: timeText(job.retry_at) }) };
  if (job.server_away) return { tone: 'warn', text: t('job.serverAway') };
  if (job.state === 'queued') return { tone: 'muted', text: t('job.queued') };
  if (job.state === 'complete') return { tone: 'ok', text: t('job.done') };
  if (job.state === 'canceled') return { tone: 'muted', text: t('job.stopped') };
  if (job.state === 'failed') return { tone: 'danger', text: job.error?.message ?? t('job.failed') };
  if (!progress) return { tone: 'busy', text: t('job.starting') };
  // Ollama names a layer in the status while it fetches it; the bar says that better.
  if (progress.total > 0 && progress.completed < progress.total) {
    const amount = progress.unit === 'bytes' ? bytes : count;
    const part = t('amount.of', { part: amount(progress.completed), whole: amount(progress.total) });
    return { tone: 'busy', text: `${percentText(progress.completed, progress.total)} · ${part}` };
  }
  const { status } = progress;
  return { tone: 'busy', text: status ? status.charAt(0).toUpperCase() + status.slice(1) + '…' : t('job.working') };
}

/** Words in the names of models that do something else; the server goes by the same for its defaults (src/provider/catalogue.c). */
const NO_CHAT = /embed|bge-|gte-|minilm|e5-small|e5-base|e5-large|rerank|whisper|transcribe|tts-|-tts|dall-e|moderation|gpt-image|sora-/i;

/** Whether a model answers in words: by what its server tells, else by its name. An alias is what its name says. */
export const canChat = ({ capabilities, id }: Pick<Model, 'capabilities' | 'id'>) =>
  capabilities.length === 0 ? !NO_CHAT.test(id) : capabilities.includes('completion') || !capabilities.includes('embedding');
