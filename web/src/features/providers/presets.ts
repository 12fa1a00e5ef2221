import type { ProviderDetails } from '$core/api/types';
import { t, type Key } from '$core/i18n/i18n.svelte';

type Kind = ProviderDetails['kind'];

/** What one may add, with the address where it usually is. */
export interface Preset {
  id: string;
  /** Its own name; without one it is any other. */
  label?: string;
  kind: Kind;
  name: string;
  url: string;
  /** 'needed': it answers nobody without one. */
  key: 'needed' | 'optional' | 'none';
  hint?: Key;
}

export const presets: Preset[] = [
  { id: 'ollama', label: 'Ollama', kind: 'ollama', name: 'ollama', url: 'http://localhost:11434', key: 'optional' },
  { id: 'openai', label: 'OpenAI', kind: 'openai', name: 'openai', url: 'https://api.openai.com/v1', key: 'needed' },
  { id: 'anthropic', label: 'Anthropic', kind: 'anthropic', name: 'anthropic', url: 'https://api.anthropic.com', key: 'needed' },
  { id: 'openrouter', label: 'OpenRouter', kind: 'openai', name: 'openrouter', url: 'https://openrouter.ai/api/v1', key: 'needed' },
  { id: 'groq', label: 'Groq', kind: 'openai', name: 'groq', url: 'https://api.groq.com/openai/v1', key: 'needed' },
  { id: 'lmstudio', label: 'LM Studio', kind: 'openai', name: 'lm-studio', url: 'http://localhost:1234/v1', key: 'optional' },
  { id: 'llamacpp', label: 'llama.cpp (llama-server)', kind: 'openai', name: 'llama-cpp', url: 'http://localhost:8080/v1', key: 'optional' },
  { id: 'vllm', label: 'vLLM', kind: 'openai', name: 'vllm', url: 'http://localhost:8000/v1', key: 'optional' },
  {
    id: 'other', kind: 'openai', name: '', url: '', key: 'optional', hint: 'provider.otherHint',
  },
];

/** For one that exists: only what it speaks matters. */
export const kinds: { value: Kind; label: string }[] = [
  { value: 'ollama', label: 'Ollama' },
  { value: 'openai', label: 'OpenAI-compatible' },
  { value: 'anthropic', label: 'Anthropic' },
];

export const kindName = (kind: string) => kinds.find((k) => k.value === kind)?.label ?? (kind === 'librarian' ? t('provider.builtIn') : kind);

/** `name`, or with a number behind it when it is taken. */
export function freeName(name: string, taken: readonly string[]): string {
  if (!name || !taken.includes(name)) return name;
  let n = 2;
  while (taken.includes(`${name}-${n}`)) n++;
  return `${name}-${n}`;
}

export function providerNameProblem(name: string): string {
  if (!name) return t('field.nameMissing');
  if (name.length > 32) return t('field.atMost', { n: 32 });
  return /^[a-z0-9-]+$/.test(name) ? '' : t('provider.nameRule');
}

/** Seconds of a field as milliseconds: 0 when it is empty, null when it is no number. */
export function msFrom(text: string): number | null {
  const plain = text.trim().replace(',', '.');
  if (plain === '') return 0;
  if (!/^\d+(\.\d+)?$/.test(plain)) return null;
  const ms = Math.round(Number(plain) * 1000);
  return ms <= 86_400_000 ? ms : null;
}
