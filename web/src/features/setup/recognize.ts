import type { ProviderFields } from '$core/api/types';

type Kind = NonNullable<ProviderFields['kind']>;

/** Where something that was pasted may lead: to be tried in this order. */
export interface Guess {
  label: string;
  name: string;
  kind: Kind;
  url: string;
  key?: string;
}

/** Providers by the beginning of their keys, the longer ones first. */
const prefixes: [string, Omit<Guess, 'key'>][] = [
  ['sk-ant-', { label: 'Anthropic', name: 'anthropic', kind: 'anthropic', url: 'https://api.anthropic.com' }],
  ['sk-or-', { label: 'OpenRouter', name: 'openrouter', kind: 'openai', url: 'https://openrouter.ai/api/v1' }],
  ['gsk_', { label: 'Groq', name: 'groq', kind: 'openai', url: 'https://api.groq.com/openai/v1' }],
  ['xai-', { label: 'xAI', name: 'xai', kind: 'openai', url: 'https://api.x.ai/v1' }],
  ['AIza', { label: 'Google Gemini', name: 'gemini', kind: 'openai', url: 'https://generativelanguage.googleapis.com/v1beta/openai' }],
  ['sk-', { label: 'OpenAI', name: 'openai', kind: 'openai', url: 'https://api.openai.com/v1' }],
];

/** What a key or an address can be; empty: neither. */
export function recognize(pasted: string): Guess[] {
  const text = pasted.trim();
  const found = prefixes.find(([prefix]) => text.startsWith(prefix) && text.length >= prefix.length + 8 && !/\s/.test(text));
  if (found) return [{ ...found[1], key: text }];
  if (!/^(https?:\/\/)?(\[[0-9a-f:]+\]|[\w.-]+)(:\d{1,5})?(\/\S*)?$/i.test(text) || !/[.:]|localhost/i.test(text)) return [];
  const url = (/^https?:\/\//i.test(text) ? text : 'http://' + text).replace(/\/+$/, '');
  const host = new URL(url).hostname.replace(/[^a-z0-9]+/gi, '-').replace(/^-|-$/g, '').toLowerCase().slice(0, 24);
  const versioned = /\/v\d+\w*$/.test(url);
  const guesses: Guess[] = [
    { label: 'Ollama', name: host === 'localhost' ? 'ollama' : host, kind: 'ollama', url },
    { label: host, name: host, kind: 'openai', url: versioned ? url : url + '/v1' },
  ];
  // What is said when none answers is what the first said, so that the likelier one is first.
  return versioned ? guesses.reverse() : guesses;
}
