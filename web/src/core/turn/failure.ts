import type { Message, Model } from '../api/types';
import type { Key } from '../i18n/i18n.svelte';
import { canChat } from '../words';

/** What a failure is about, by its code: the title over the server's own words. */
const TITLES: Record<string, Key> = {
  provider_unreachable: 'failure.unreachable',
  provider_timeout: 'failure.timeout',
  provider_error: 'failure.provider',
  provider_broken_stream: 'failure.provider',
  provider_refused: 'failure.refused',
  provider_rejected: 'failure.refused',
  provider_quota: 'failure.quota',
  provider_busy: 'failure.busy',
  provider_limited: 'failure.busy',
  busy: 'failure.busy',
  rate_limited: 'failure.limit',
  limit_reached: 'failure.limit',
  budget_exceeded: 'failure.limit',
  context_too_long: 'failure.context',
  model_not_found: 'failure.model',
  model_cannot: 'failure.model',
  interrupted: 'failure.interrupted',
  stopping: 'failure.interrupted',
};

export const failureTitle = (code: string): Key => TITLES[code] ?? 'failure.other';

/** What another model may have, where this one's could not: the server's own state and what binds the person are the same for all. */
const helpsElsewhere = (code: string): boolean => isOfProvider(code) || ['model_cannot', 'context_too_long'].includes(code);

/** A limit that is reached, as the server tells it (refuse() of src/call/meter.c). */
export const LIMIT =
  /^The (?:limit|budget) of (.+?)(?: (requests?|tokens?))? (a minute|an hour|a day|a month) for (.+) is (?:reached|used up): (.+?) used(?:, (.+) held by running answers)?\. It begins anew at (\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC\.$/s;

/** The one model that a limit is for, or the pattern of some; null: whatever model is asked. */
export const modelOfLimit = (whose: string): string | null => /^model (.+)$/s.exec(whose)?.[1] ?? /, model (.+)$/s.exec(whose)?.[1] ?? null;

/** When the limit that a message tells of begins anew, in milliseconds, and the models that it is for; null: it tells of none. */
export function limitOf(message: string): { until: number; model: string | null } | null {
  const m = LIMIT.exec(message);
  return m && { until: Date.parse(`${m[7]}T${m[8]}:00Z`), model: modelOfLimit(m[4]!) };
}

/** Whether another model may answer where this one has failed. */
export const anotherHelps = (code: string, message: string): boolean => helpsElsewhere(code) || !!limitOf(message)?.model;

/** Whether an administrator may find the cause at the provider. */
export const isOfProvider = (code: string): boolean => code.startsWith('provider_') || code === 'model_not_found';

/** Whether an administrator may find the cause at the limits. */
export const isOfLimits = (code: string): boolean => code === 'limit_reached' || code === 'budget_exceeded';

/** When an answer failed. */
export const failedAt = (message: Pick<Message, 'created_at' | 'duration_ms'>): string =>
  new Date(new Date(message.created_at).getTime() + (message.duration_ms ?? 0)).toISOString();

/** Another model that would answer now, best of another provider when this one's has failed; null: none. */
export function insteadOf(id: string | null, code: string, models: readonly Model[], liked: readonly string[]): Model | null {
  const failed = models.find((m) => m.id === id);
  const usable = models.filter((m) => m.id !== id && m.alias_of !== id && m.kind !== 'librarian' && canChat(m) && m.state !== 'unreachable' && m.breaker !== 'open');
  const elsewhere = isOfProvider(code) ? usable.filter((m) => m.provider !== failed?.provider) : [];
  const from = elsewhere.length > 0 ? elsewhere : usable;
  const rank = (m: Model) => (m.state === 'ready' ? 0 : 2) + (liked.includes(m.id) ? 0 : 1);
  return [...from].sort((a, b) => rank(a) - rank(b))[0] ?? null;
}
