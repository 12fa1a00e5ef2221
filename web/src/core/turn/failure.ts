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

/** Whether an administrator may find the cause at the provider. */
export const isOfProvider = (code: string): boolean => code.startsWith('provider_') || code === 'model_not_found';

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
