import type { Parameter } from '$core/api/types';
import { t, type Key } from '$core/i18n/i18n.svelte';

/** The page's own words for the parameters that it knows: a title and a sentence. What the server says of them is English. */
const names: Record<string, [Key, Key]> = {
  temperature: ['options.temperature', 'options.temperatureHint'],
  top_p: ['options.topP', 'options.topPHint'],
  top_k: ['options.topK', 'options.topKHint'],
  min_p: ['options.minP', 'options.minPHint'],
  max_tokens: ['options.maxTokens', 'options.maxTokensHint'],
  repeat_penalty: ['options.repeatPenalty', 'options.repeatPenaltyHint'],
  presence_penalty: ['options.presencePenalty', 'options.presencePenaltyHint'],
  frequency_penalty: ['options.frequencyPenalty', 'options.frequencyPenaltyHint'],
  seed: ['options.seed', 'options.seedHint'],
  stop: ['options.stop', 'options.stopHint'],
  context_tokens: ['options.contextTokens', 'options.contextTokensHint'],
  keep_alive: ['options.keepAlive', 'options.keepAliveHint'],
  effort: ['options.effort', 'options.effortHint'],
  format: ['options.format', 'options.formatHint'],
  schema: ['options.schema', 'options.schemaHint'],
  raw: ['options.raw', 'options.rawHint'],
};

const choices: Record<string, Record<string, Key>> = {
  effort: { none: 'effort.none', low: 'effort.low', medium: 'effort.medium', high: 'effort.high' },
  format: { text: 'options.formatText', json: 'options.formatJson', schema: 'options.formatSchema' },
  raw: { off: 'options.off', on: 'options.on' },
};

type Named = Pick<Parameter, 'name'>;

export const parameterTitle = (p: Named) => (names[p.name] ? t(names[p.name]![0]) : p.name);
export const parameterNote = (p: Named & Pick<Parameter, 'doc'>) => (names[p.name] ? t(names[p.name]![1]) : p.doc);
export const choiceTitle = (p: Named, choice: string) => (choices[p.name]?.[choice] ? t(choices[p.name]![choice]!) : choice);
