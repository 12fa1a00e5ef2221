import { ApiError } from '../api/errors';
import { t } from '../i18n/i18n.svelte';
import rules from './rules.json';

export type Schema = keyof typeof rules;

/** What the server's OpenAPI document says of a field (`npm run generate`). */
interface Rule {
  type?: string;
  required?: boolean;
  choices?: string[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
}

/** How a field differs from a text that is sent as it stands. */
export interface FieldHow {
  /** What is sent of what was typed; null: it cannot be read. Nothing is sent of a field that is undefined. */
  read?: (text: string) => unknown;
  /** It must be filled in, though the server could do without. */
  needed?: () => boolean;
  /** Said when it is needed and empty, and when it cannot be read. */
  missing?: () => string;
  wrong?: () => string;
  /** What else may be wrong with it; '' when all is well. */
  check?: (text: string) => string;
}

/** What is wrong with one field, as only the sending could find out. */
export class Refused extends Error {
  constructor(
    readonly field: string,
    says: string,
  ) {
    super(says);
  }
}

/**
 * The fields of a form and what is wrong with them, by the rules that the server has for the body it is sent in. A field
 * says what is wrong once it was left (`touched`) or the form was sent; what the server finds wrong with one stands at it
 * until it is changed.
 */
export class Form<K extends string> {
  /** What stands in the fields. */
  text = $state() as Record<K, string>;
  private touched = $state<Partial<Record<K, boolean>>>({});
  private sent = $state(false);
  private refused = $state.raw<{ field: K; text: string; says: string } | null>(null);
  private initial: Record<K, string>;

  constructor(
    /** null: nothing but `how` is known of the fields. */
    private readonly schema: Schema | null,
    empty: Record<K, string>,
    private readonly how: Partial<Record<K, FieldHow>> = {},
  ) {
    this.initial = empty;
    this.text = { ...empty };
  }

  /** Begins anew with what is known; what is not given is empty. */
  fill(known: Partial<Record<K, string>> = {}): void {
    this.text = { ...this.initial, ...known };
    this.initial = { ...this.text };
    this.touched = {};
    this.sent = false;
    this.refused = null;
  }

  /** Begins anew with what stood in the fields first. */
  reset(): void {
    this.fill(this.initial);
  }

  get dirty(): boolean {
    return this.fields.some((k) => this.text[k] !== this.initial[k]);
  }

  get valid(): boolean {
    return this.fields.every((k) => !this.problem(k));
  }

  /** For the attributes of a field: its error, its longest text, and that it was left. */
  field(k: K): { error: string; maxlength: number | undefined; onblur: (event?: FocusEvent) => void } {
    const refused = this.refused?.field === k && this.refused.text === this.text[k] ? this.refused.says : '';
    // A button that is pressed would move away under the finger if something were said just then.
    const onblur = (event?: FocusEvent) => {
      if (!(event?.relatedTarget instanceof HTMLButtonElement)) this.touched[k] = true;
    };
    const shown = this.sent || (this.touched[k] && this.text[k] !== this.initial[k]);
    return { error: refused || (shown ? this.problem(k) : ''), maxlength: this.rule(k).maxLength, onblur };
  }

  /** What would be sent. */
  get body(): Record<string, unknown> {
    const all = this.fields.map((k) => [k, this.value(k)] as const);
    return Object.fromEntries(all.filter(([, value]) => value !== undefined));
  }

  /**
   * Sends the body unless something is wrong: then, and when the server refuses a single field, it is said at the field and
   * the answer is not empty. For FormDialog's `onsubmit`.
   */
  async submit(send: (body: Record<string, unknown>) => Promise<unknown>): Promise<string | void> {
    this.sent = true;
    if (!this.valid) return ' ';
    try {
      await send(this.body);
    } catch (e) {
      const top = (e instanceof ApiError || e instanceof Refused) && e.field?.split(/[.[]/)[0];
      const field = this.fields.find((k) => k === top);
      if (!field) throw e;
      this.refused = { field, text: this.text[field], says: (e as Error).message };
      return ' ';
    }
  }

  private get fields(): K[] {
    return Object.keys(this.text) as K[];
  }

  private rule(k: K): Rule {
    return (this.schema && (rules[this.schema] as Record<string, Rule>)[k]) || {};
  }

  private value(k: K): unknown {
    const { read } = this.how[k] ?? {};
    return read ? read(this.text[k]) : this.text[k].trim() || undefined;
  }

  private problem(k: K): string {
    const { required, ...rule } = this.rule(k);
    const { needed, missing, wrong, check } = this.how[k] ?? {};
    if (!this.text[k].trim()) return (needed?.() ?? required) ? (missing?.() ?? t('form.missing')) : '';
    const value = this.value(k);
    const outside = value === null ? t('form.wrong') : broken(value, rule);
    const own = check?.(this.text[k]) ?? '';
    return outside ? (wrong?.() ?? (own || outside)) : own; // a field's own words say more than "wrong"
  }
}

/** What is wrong with a value by its rule; '' when all is well. */
function broken(value: unknown, rule: Rule): string {
  if (value === undefined) return '';
  const { choices, minLength = 0, maxLength = Infinity, minimum = -Infinity, maximum = Infinity, minItems = 0, maxItems = Infinity, pattern } = rule;
  if (typeof value === 'string') {
    const size = [...value].length;
    if (size > maxLength) return t('field.atMost', { n: maxLength });
    if (size < minLength) return t('form.short', { n: minLength });
    const odd = (pattern && !new RegExp(pattern, 'u').test(value)) || (choices && !choices.includes(value));
    return odd ? t('form.wrong') : '';
  }
  if (typeof value === 'number') return value < minimum || value > maximum ? t('form.range', { min: minimum, max: maximum }) : '';
  if (Array.isArray(value)) return value.length < minItems || value.length > maxItems ? t('form.wrong') : '';
  return '';
}
