import type { TurnOptions } from '../api/types';

/** How much a model is to think first; '': as it does by itself. */
export const EFFORTS = ['', 'none', 'low', 'medium', 'high'] as const;
export type Effort = (typeof EFFORTS)[number];

/** The options as they are typed: texts, empty where the model's own hold. */
export interface OptionTexts {
  temperature: string;
  top_p: string;
  top_k: string;
  max_tokens: string;
  seed: string;
  /** A line each; \n in it is a line end. */
  stop: string;
}

interface Bounds {
  min: number;
  max: number;
  whole: boolean;
}

/** What the server takes (TurnOptions). */
export const BOUNDS: Record<Exclude<keyof OptionTexts, 'stop'>, Bounds> = {
  temperature: { min: 0, max: 2, whole: false },
  top_p: { min: 0, max: 1, whole: false },
  top_k: { min: 1, max: 1000, whole: true },
  max_tokens: { min: 1, max: 1_000_000, whole: true },
  seed: { min: 0, max: 2_147_483_647, whole: true },
};
const FIELDS = Object.keys(BOUNDS) as (keyof typeof BOUNDS)[];
const STOPS = 8;

export function textsOf(options: TurnOptions): OptionTexts {
  const [temperature, top_p, top_k, max_tokens, seed] = FIELDS.map((f) => String(options[f] ?? ''));
  const stop = (options.stop ?? []).map((s) => (s ?? '').replaceAll('\n', '\\n')).join('\n');
  return { temperature: temperature!, top_p: top_p!, top_k: top_k!, max_tokens: max_tokens!, seed: seed!, stop };
}

/** A number as people type it, with a comma, too; NaN: it is none, or out of bounds. */
function numberOf(text: string, { min, max, whole }: Bounds): number {
  const value = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)$/.test(text) ? Number(text.replace(',', '.')) : NaN;
  return value >= min && value <= max && (!whole || Number.isInteger(value)) ? value : NaN;
}

/** What was typed as options; `wrong` names the fields that say nothing the server takes. */
export function optionsOf(texts: OptionTexts): { options: TurnOptions; wrong: (keyof OptionTexts)[] } {
  const options: TurnOptions = {};
  const wrong: (keyof OptionTexts)[] = [];
  for (const field of FIELDS) {
    const text = texts[field].trim();
    if (!text) continue;
    const value = numberOf(text, BOUNDS[field]);
    if (Number.isNaN(value)) wrong.push(field);
    else options[field] = value;
  }
  const stop = texts.stop.split('\n').filter((line) => line.trim() !== '');
  if (stop.length > STOPS || stop.some((line) => line.length > 200)) wrong.push('stop');
  else if (stop.length > 0) options.stop = stop.map((line) => line.replaceAll('\\n', '\n'));
  return { options, wrong };
}

/** How many of them are not the model's own, effort apart, which is shown by itself. */
export const countOf = ({ effort: _, ...others }: TurnOptions): number =>
  Object.values(others).filter((v) => v !== null && v !== undefined).length;
