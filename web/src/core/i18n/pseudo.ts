import type { Catalogue } from 'virtual:texts';

/**
 * A catalogue for checks of the layout: English with accents, longer by about a third as German is, in brackets. What
 * stands outside of brackets is no text of the catalogue; a bracket that is missing was cut off.
 */
interface Part {
  type: number;
  value?: string;
  options?: Record<string, { value: Part[] }>;
}

const LITERAL = 0;
const plain = 'ACDEGHIKLNOSTUYZacdeghiklnostuyz';
const accented = 'ÅÇÐÉĞĤÎĶĻÑÖŠŢÛÝŽåçðéğĥîķļñöšţûýž';

const accent = (text: string) => [...text].map((c) => accented[plain.indexOf(c)] ?? c).join('');
const more = (length: number) => ' ' + 'one two three four five six seven eight nine ten '.repeat(8).slice(0, Math.ceil(length / 3)).trim();

const parts = (all: Part[]): Part[] =>
  all.map((p) => ({
    ...p,
    ...(p.type === LITERAL ? { value: accent(p.value ?? '') } : {}),
    ...(p.options ? { options: Object.fromEntries(Object.entries(p.options).map(([k, o]) => [k, { value: parts(o.value) }])) } : {}),
  }));

export function pseudo(message: string | Part[]): string | Part[] {
  if (typeof message === 'string') return `[${accent(message)}${more(message.length)}]`;
  const length = message.reduce((sum, p) => sum + (p.type === LITERAL ? (p.value ?? '').length : 8), 0);
  return [{ type: LITERAL, value: '[' }, ...parts(message), { type: LITERAL, value: more(length) + ']' }];
}

export const pseudoOf = (texts: Catalogue): Catalogue =>
  Object.fromEntries(Object.entries(texts).map(([key, message]) => [key, pseudo(message as string | Part[]) as string]));
