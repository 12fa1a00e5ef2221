/* The form of a tool's question, from the schema that came with it: flat, as the Model Context Protocol has it. */
import { t } from '$core/i18n/i18n.svelte';
import { isObject } from './results';

export interface Choice {
  value: string;
  label: string;
}
export interface AskedField {
  name: string;
  label: string;
  hint: string;
  kind: 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'choices';
  required: boolean;
  /** Of a text: email, uri, date, date-time. */
  format: string;
  choices: Choice[];
  min: number | undefined;
  max: number | undefined;
  pattern: string;
  initial: unknown;
}

const text = (v: unknown) => (typeof v === 'string' ? v : '');
const number = (v: unknown) => (typeof v === 'number' ? v : undefined);

/** The values of a list, by their names where it has any: enum with enumNames, or oneOf and anyOf with titles. */
function choicesOf(schema: Record<string, unknown>): Choice[] {
  const titled = [schema.oneOf, schema.anyOf].find(Array.isArray) as unknown[] | undefined;
  const names = Array.isArray(schema.enumNames) ? schema.enumNames : [];
  const pairs: [unknown, unknown][] = titled ? titled.filter(isObject).map((c) => [c.const, c.title]) : Array.isArray(schema.enum) ? schema.enum.map((value, i) => [value, names[i]]) : [];
  const choices = new Map<string, Choice>(); // a server may name one twice
  for (const [value, label] of pairs) if (typeof value === 'string' && !choices.has(value)) choices.set(value, { value, label: text(label) || value });
  return [...choices.values()];
}

function fieldOf(name: string, schema: Record<string, unknown>, required: boolean): AskedField | null {
  const type = Array.isArray(schema.type) ? schema.type.find((x) => x !== 'null') : schema.type;
  const base = { name, label: text(schema.title) || name, hint: text(schema.description), required, format: text(schema.format), pattern: text(schema.pattern), initial: schema.default, choices: [] };
  if (type === 'array') {
    const choices = isObject(schema.items) ? choicesOf(schema.items) : [];
    return choices.length > 0 ? { ...base, kind: 'choices', choices, min: number(schema.minItems), max: number(schema.maxItems) } : null;
  }
  const choices = choicesOf(schema);
  if (choices.length > 0) return { ...base, kind: 'choice', choices, min: undefined, max: undefined };
  if (type === 'number' || type === 'integer') return { ...base, kind: type, min: number(schema.minimum), max: number(schema.maximum) };
  if (type === 'boolean') return { ...base, kind: 'boolean', min: undefined, max: undefined };
  return type === 'string' || type === undefined ? { ...base, kind: 'text', min: number(schema.minLength), max: number(schema.maxLength) } : null;
}

/** The fields of a question; what a form cannot ask for is left out. */
export function fieldsOf(schema: unknown): AskedField[] {
  if (!isObject(schema) || !isObject(schema.properties)) return [];
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties).flatMap(([name, s]) => (isObject(s) ? (fieldOf(name, s, required.includes(name)) ?? []) : []));
}

export type Typed = string | boolean | string[];

/** What stands in a field before anybody typed. */
export function initialOf({ kind, initial, choices }: AskedField): Typed {
  if (kind === 'boolean') return initial === true;
  if (kind === 'choices') return Array.isArray(initial) ? initial.filter((v) => typeof v === 'string') : [];
  if (kind === 'choice') return choices.some((c) => c.value === initial) ? (initial as string) : '';
  return initial === undefined || initial === null ? '' : String(initial);
}

const FORMATS: Record<string, RegExp> = {
  email: /^[^\s@]+@[^\s@]+$/,
  uri: /^[a-z][a-z0-9+.-]*:\S+$/i,
  date: /^\d{4}-\d\d-\d\d$/,
};

/** What is wrong with what was typed; '' when all is well. */
export function problemOf(field: AskedField, typed: Typed): string {
  const { kind, required, min = -Infinity, max = Infinity } = field;
  if (kind === 'boolean') return '';
  if (kind === 'choices') {
    const n = (typed as string[]).length;
    return n < Math.max(min, required ? 1 : 0) || n > max ? t('question.howMany', { min: Math.max(min, required ? 1 : 0), max: Math.min(max, field.choices.length) }) : '';
  }
  const value = (typed as string).trim();
  if (!value) return required ? t('form.missing') : '';
  if (kind === 'number' || kind === 'integer') return numberProblem(value, field);
  if (kind === 'choice') return '';
  const size = [...value].length;
  if (size > max) return t('field.atMost', { n: max });
  if (size < min) return t('form.short', { n: min });
  return fits(value, field) ? '' : t('form.wrong');
}

function numberProblem(value: string, { kind, min = -Infinity, max = Infinity }: AskedField): string {
  const n = Number(value.replace(',', '.'));
  if (!Number.isFinite(n) || (kind === 'integer' && !Number.isInteger(n))) return kind === 'integer' ? t('field.wholeNumber') : t('form.wrong');
  if (n >= min && n <= max) return '';
  return Number.isFinite(min) && Number.isFinite(max) ? t('form.range', { min, max }) : n < min ? t('question.atLeast', { n: min }) : t('question.atMost', { n: max });
}

function fits(value: string, { format, pattern }: AskedField): boolean {
  if (FORMATS[format] && !FORMATS[format].test(value)) return false;
  if (!pattern) return true;
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    // A pattern that is none here is the tool's affair.
    return true;
  }
}

/** The answer: nothing of a field that is empty and need not be filled in. */
export function contentOf(fields: readonly AskedField[], typed: Record<string, Typed>): Record<string, unknown> {
  const value = ({ kind, format }: AskedField, v: Typed): unknown => {
    if (kind === 'boolean') return v;
    if (kind === 'choices') return (v as string[]).length > 0 ? v : undefined;
    const words = (v as string).trim();
    if (!words) return undefined;
    if (kind === 'number' || kind === 'integer') return Number(words.replace(',', '.'));
    // What a field for date and time gives has no zone: it is the person's own.
    return format === 'date-time' ? new Date(words).toISOString() : words;
  };
  return Object.fromEntries(fields.map((f) => [f.name, value(f, typed[f.name]!)] as const).filter(([, v]) => v !== undefined));
}
