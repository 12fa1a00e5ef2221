import type { HLJSApi } from 'highlight.js';

let hljs: HLJSApi | null = null;
let loading: Promise<void> | null = null;

const plain = (s: string) => s.replace(/[&<>]/g, (c) => (c === '&' ? '&amp;' : c === '<' ? '&lt;' : '&gt;'));

/** Longer blocks stay plain: colouring them would hold up the page. */
const MAX = 50_000;

/** The HTML of code; plain until the highlighter is there and for languages it does not know. */
export function highlight(text: string, lang: string): string {
  if (!hljs || text.length > MAX || !hljs.getLanguage(lang)) return plain(text);
  return hljs.highlight(text, { language: lang, ignoreIllegals: true }).value;
}

export const highlighterReady = () => hljs !== null;

/** Brings the highlighter in, once; a failure (offline) leaves code plain and the next call tries again. */
export function loadHighlighter(): Promise<void> {
  loading ??= import('./languages').then(
    (m) => void (hljs = m.default),
    () => void (loading = null),
  );
  return loading;
}
