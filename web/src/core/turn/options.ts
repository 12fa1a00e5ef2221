import type { Parameter, Parameters } from '../api/types';

/** How much a model is to think first; '': as it does by itself. */
export const EFFORTS = ['', 'none', 'low', 'medium', 'high'] as const;
export type Effort = (typeof EFFORTS)[number];

type Kind = Pick<Parameter, 'name' | 'type' | 'min' | 'max'>;
export type Texts = Record<string, string>;

const STOPS = 8;
const known = (value: unknown) => value !== null && value !== undefined;

/** A value as it is typed: texts of lists a line each, with \n for a line end in them. */
export function textOf(kind: Kind, value: unknown): string {
  if (!known(value)) return '';
  if (kind.type === 'strings') return (value as string[]).map((s) => s.replaceAll('\n', '\\n')).join('\n');
  return kind.type === 'json' ? JSON.stringify(value, null, 2) : String(value);
}

/** The parameters as they are typed, empty where nothing is said. */
export const textsOf = (table: readonly Kind[], parameters: Parameters): Texts =>
  Object.fromEntries(table.map((kind) => [kind.name, textOf(kind, parameters[kind.name as keyof Parameters])]));

/** A number as people type it, with a comma, too; undefined: it is none, or out of bounds. */
function numberOf(text: string, { type, min, max }: Kind): number | undefined {
  const value = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)$/.test(text) ? Number(text.replace(',', '.')) : NaN;
  const fits = value >= (min ?? -Infinity) && value <= (max ?? Infinity) && (type !== 'integer' || Number.isInteger(value));
  return fits ? value : undefined;
}

function valueOf(text: string, kind: Kind): unknown {
  if (kind.type === 'number' || kind.type === 'integer') return numberOf(text.trim(), kind);
  if (kind.type === 'strings') {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    return lines.length <= STOPS && lines.every((line) => line.length <= 200) ? lines.map((line) => line.replaceAll('\\n', '\n')) : undefined;
  }
  if (kind.type !== 'json') return text.trim();
  try {
    const value: unknown = JSON.parse(text);
    return value && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What was typed as parameters; `wrong` names those that say nothing the server takes. */
export function optionsOf(table: readonly Kind[], texts: Texts): { options: Parameters; wrong: string[] } {
  const options: Record<string, unknown> = {};
  const wrong: string[] = [];
  for (const kind of table) {
    const text = texts[kind.name] ?? '';
    if (!text.trim()) continue;
    const value = valueOf(text, kind);
    if (value === undefined) wrong.push(kind.name);
    else options[kind.name] = value;
  }
  return { options: options as Parameters, wrong };
}

/** How many of them are said, effort apart, which is shown by itself. */
export const countOf = ({ effort: _, ...others }: Parameters): number => Object.values(others).filter(known).length;

/** Those that are said. */
export const said = (parameters: Parameters): Parameters => Object.fromEntries(Object.entries(parameters).filter(([, value]) => known(value))) as Parameters;
