import type { Provider } from '$core/api/types';

/** The Ollamas that can be asked for a model, by name: those that answer come first, so that the first one is a good choice. */
export function pullers(providers: readonly Pick<Provider, 'kind' | 'state' | 'name'>[]): string[] {
  const all = providers.filter((p) => p.kind === 'ollama' && p.state !== 'disabled');
  const answers = (p: (typeof all)[number]) => p.state === 'ok';
  return [...all.filter(answers), ...all.filter((p) => !answers(p))].map((p) => p.name);
}
