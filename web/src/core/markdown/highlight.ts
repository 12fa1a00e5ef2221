import type { HLJSApi, LanguageFn } from 'highlight.js';
import { escape } from './escape';
import { more } from './more_languages';

let hljs: HLJSApi | null = null;
let loading: Promise<void> | null = null;
const asked = new Map<string, Promise<void>>();
let arrived = () => {};

/** Longer blocks stay plain: colouring them would hold up the page. */
const MAX = 50_000;

/** `hear` is called when a language has come in that a text wanted. */
export const onLanguage = (hear: () => void) => void (arrived = hear);

/** Brings in a language that is not among the first ones. A failure leaves its code plain. */
function want(lang: string): void {
  const name = lang.toLowerCase();
  const bring = more[name];
  if (!bring || asked.has(name)) return;
  const done = bring().then(
    (m: { default: LanguageFn }) => {
      hljs?.registerLanguage(name, m.default);
      arrived();
    },
    () => void asked.delete(name),
  );
  asked.set(name, done);
}

/** The HTML of code; plain until the highlighter and the language are there, and for languages it does not know. */
export function highlight(text: string, lang: string): string {
  if (!hljs || !lang || text.length > MAX) return escape(text);
  if (!hljs.getLanguage(lang)) {
    want(lang);
    return escape(text);
  }
  return hljs.highlight(text, { language: lang, ignoreIllegals: true }).value;
}

/** Resolves when the languages that were wanted have come in. */
export const languagesArrived = () => Promise.all(asked.values());

export const highlighterReady = () => hljs !== null;

/** Brings the highlighter in, once; a failure (offline) leaves code plain and the next call tries again. */
export function loadHighlighter(): Promise<void> {
  return (loading ??= bring());
}

async function bring(): Promise<void> {
  try {
    hljs = (await import('./languages')).default;
  } catch {
    loading = null;
  }
}
