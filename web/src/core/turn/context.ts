import type { Message, Model } from '../api/types';

/** How full a model's window is. */
export interface Fill {
  used: number;
  window: number;
  /** Of a hundred; never above that. */
  percent: number;
  /** Some of it is no provider's count. */
  about: boolean;
}

/** About so many characters make a token. */
const PER_TOKEN = 4;

type Counted = Pick<Message, 'role' | 'state' | 'content' | 'tokens_in' | 'tokens_out' | 'tokens_exact'>;

/**
 * What a question would find in the window: the figures of the newest answer that has them, what came after it, and what is
 * typed. null: the window is not known, or nothing is there.
 */
export function fillOf(
  messages: readonly Counted[],
  draft: string,
  model: (Pick<Model, 'context_length' | 'context_loaded'> & Partial<Pick<Model, 'kind'>>) | undefined,
): Fill | null {
  // At an Ollama the window grows to what the model was made for; elsewhere a loaded model keeps the one it has.
  const grows = model?.kind === 'ollama';
  const window = (grows ? null : model?.context_loaded) ?? model?.context_length ?? model?.context_loaded ?? 0;
  if (!window || messages.length === 0) return null;
  const at = messages.findLastIndex((m) => m.role === 'assistant' && m.state !== 'running' && !!m.tokens_in);
  const counted = messages[at];
  const rest = messages.slice(at + 1).reduce((n, m) => n + m.content.length, draft.length);
  const used = (counted?.tokens_in ?? 0) + (counted?.tokens_out ?? 0) + Math.ceil(rest / PER_TOKEN);
  const percent = Math.min(100, Math.round((used / window) * 100));
  return { used, window, percent, about: !counted?.tokens_exact || rest > 0 };
}
