import type { Prompt, PromptVariable } from './api/types';
import { fold } from './fold';

const VARIABLE = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;

/** The names that stand in a text as {{name}}, each once. */
export const namesIn = (body: string): string[] => [...new Set([...body.matchAll(VARIABLE)].map((m) => m[1]!))];

/** What is asked for of each name in the text, as `known` says, or as a line of text. */
export const variablesOf = (body: string, known: readonly PromptVariable[]): PromptVariable[] =>
  namesIn(body).map((name) => known.find((v) => v.name === name) ?? { name, type: 'text', required: true });

/** The text with what was said in the places of its variables; of one that nothing was said of, nothing is left. */
export const filled = (body: string, values: Readonly<Record<string, string>>): string => body.replace(VARIABLE, (_, name: string) => values[name] ?? '');

/** What instructions may name without asking for it: the server fills it in for each answer. */
const OF_SERVER = ['user', 'date', 'language'];

/** What a prompt asks for when it is chosen. */
export const askedBy = ({ kind, body, variables }: Pick<Prompt, 'kind' | 'body' | 'variables'>): PromptVariable[] =>
  variablesOf(body, variables).filter((v) => kind === 'text' || !OF_SERVER.includes(v.name));

/** The text of a prompt with what was said in the places of what it asks for. */
export const filledPrompt = (prompt: Pick<Prompt, 'kind' | 'body'>, values: Readonly<Record<string, string>>): string =>
  filled(prompt.body, prompt.kind === 'text' ? values : { ...Object.fromEntries(OF_SERVER.map((name) => [name, `{{${name}}}`])), ...values });

/** Whether a pattern of models means that one: * any characters, ? one. */
export const fitsModel = (pattern: string, model: string): boolean =>
  new RegExp('^' + pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.') + '$', 's').test(model);

/** A number as people type it, with a comma, too. */
export const isNumber = (text: string): boolean => /^[+-]?(\d+([.,]\d*)?|[.,]\d+)$/.test(text.trim());

/** A name of a prompt that is being typed: "/" at the beginning of a line, and what of the name stands before the caret. */
export function slashAt(text: string, caret: number): { from: number; query: string } | null {
  const found = /(?:^|\n)\/([a-z0-9_-]*)$/i.exec(text.slice(0, caret));
  return found && { from: caret - found[1]!.length - 1, query: fold(found[1]!) };
}

/** The prompts whose names begin so, then those that have it elsewhere in name or description. */
export function matching<P extends Pick<Prompt, 'name' | 'description'>>(prompts: readonly P[], query: string): P[] {
  const begins = prompts.filter((p) => p.name.startsWith(query));
  return [...begins, ...prompts.filter((p) => !begins.includes(p) && fold(`${p.name} ${p.description}`).includes(query))];
}
