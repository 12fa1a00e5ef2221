/* How the result of a tool is to be seen. Pure: what it is, not how it looks. */
import type { CallPart } from '$core/api/types';

export type Cell = string | number | boolean | null;
export type Seen =
  | { as: 'text'; text: string }
  | { as: 'table'; columns: string[]; rows: Cell[][] }
  | { as: 'chart'; spec: Record<string, unknown> }
  | { as: 'data'; data: unknown };

const COLUMNS_MAX = 40;
/** More of them make the page slow, and are read by nobody. */
export const ROWS_MAX = 500;

export function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const isCell = (v: unknown): v is Cell => v === null || v === undefined || typeof v !== 'object';

/** A chart that says of itself that it is one. */
function isChart(data: unknown): data is Record<string, unknown> {
  if (!isObject(data)) return false;
  const says = typeof data.$schema === 'string' && /vega-lite/.test(data.$schema);
  return says || (isObject(data.data) && isObject(data.encoding) && 'mark' in data);
}

/** A list of flat objects, alone or as the only list of an object: rows. */
function rowsOf(data: unknown): Record<string, Cell>[] | null {
  const list = Array.isArray(data) ? data : isObject(data) ? onlyList(data) : null;
  if (!list || list.length === 0) return null;
  return list.every((row) => isObject(row) && Object.keys(row).length > 0 && Object.values(row).every(isCell)) ? list : null;
}

function onlyList(data: Record<string, unknown>): unknown[] | null {
  const values = Object.values(data);
  return values.length === 1 && Array.isArray(values[0]) ? values[0] : null;
}

/** Whole numbers that JSON.parse would round, such as ids, as texts. Of JSON alone: where a text does not end, each quote would be read from to the end. */
const unrounded = (text: string) => text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => (/^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token));

/** The data with the numbers that the text has; where it says something else, as it is. */
function precise(data: unknown, text: string): unknown {
  const rough = /\d{16}/.test(text) ? parsed(text) : undefined;
  return rough !== undefined && JSON.stringify(rough) === JSON.stringify(data) ? parsed(unrounded(text)) : data;
}

/** `structured` counts before the text, which is the same for the model. */
export function seen(text: string, structured: unknown): Seen {
  const rough = structured ?? parsed(text);
  if (rough === undefined || rough === null || typeof rough !== 'object') return { as: 'text', text };
  const chart = isChart(rough) ? rough : isObject(rough) && Object.keys(rough).length === 1 ? Object.values(rough).find(isChart) : undefined;
  if (chart) return { as: 'chart', spec: chart };
  const data = precise(rough, text);
  const rows = rowsOf(data);
  const columns = [...new Set(rows?.flatMap((row) => Object.keys(row)))];
  if (rows && columns.length <= COLUMNS_MAX) return { as: 'table', columns, rows: rows.map((row) => columns.map((c) => row[c] ?? null)) };
  return { as: 'data', data };
}

/** A chart without anything that would be fetched, or lead somewhere: data by address, pictures, links. */
export function harmless(spec: unknown): unknown {
  if (Array.isArray(spec)) return spec.map(harmless);
  if (!isObject(spec)) return spec;
  return Object.fromEntries(
    Object.entries(spec)
      .filter(([key, value]) => !/^(url|href|src|loader|usermeta)$/i.test(key) && !(key === 'mark' && markOf(value) === 'image'))
      .map(([key, value]) => [key, harmless(value)]),
  );
}
const markOf = (mark: unknown) => (isObject(mark) ? mark.type : mark);

/** What is called with what, in one line. */
export function summary(text: string): string {
  const data = parsed(text);
  if (!isObject(data)) return text.replace(/\s+/g, ' ').trim();
  const word = (v: unknown) => (typeof v === 'string' ? v.replace(/\s+/g, ' ') : JSON.stringify(v));
  const entries = Object.entries(data);
  return entries.length === 1 ? word(entries[0]![1]) : entries.map(([k, v]) => `${k}: ${word(v)}`).join(', ');
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
/** What is not seen, or turns what stands beside it around: a person would agree to something else than what runs. Joiners are left as they are: words and signs need them. */
const UNSEEN = /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;
const escaped = (c: string) => (/[\u200c\u200d]/.test(c) ? c : [...Array(c.length).keys()].map((i) => '\\u' + c.charCodeAt(i).toString(16).padStart(4, '0')).join(''));

/** Laid out for reading once it is whole; before that as it comes. Numbers, their order and names that come twice stay as they were written. */
export function pretty(text: string): string {
  if (parsed(text) === undefined) return text;
  let result = '';
  let depth = 0;
  let before = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const closes = token === '}' || token === ']';
    if (closes) depth--;
    if (before === '{' || before === '[' ? !closes : closes || before === ',') result += '\n' + '  '.repeat(depth);
    result += token.startsWith('"') ? JSON.stringify(JSON.parse(token)).replace(UNSEEN, escaped) : token === ':' ? ': ' : token;
    if (token === '{' || token === '[') depth++;
    before = token;
  }
  return result;
}

/** What an assistant was given to do, of the arguments of its call; while they are written, as they come. */
export function taskOf(text: string): string {
  const data = parsed(text);
  if (!isObject(data)) return text;
  return [data.task, data.context].filter((v) => typeof v === 'string' && v !== '').join('\n\n');
}

/** The fact that a call has noted about the person; null: it is no such call. */
export function noted(call: Pick<CallPart, 'source' | 'name' | 'structured'>): { id: string; text: string } | null {
  const memory = call.source === 'builtin' && call.name === 'remember' && isObject(call.structured) ? call.structured.memory : null;
  return isObject(memory) && typeof memory.id === 'string' && typeof memory.text === 'string' ? { id: memory.id, text: memory.text } : null;
}

/** Pictures that may be shown where they stand; of SVG only as a picture, where nothing in it runs. */
export const isPicture = (type: string): boolean => /^image\/(png|jpeg|webp|gif|svg\+xml)$/.test(type);

/** The files that a call made for the person; the whole of a result that is cut is none of them. */
export const made = (call: Pick<CallPart, 'files'>) => (call.files ?? []).filter((file) => !file.whole);
