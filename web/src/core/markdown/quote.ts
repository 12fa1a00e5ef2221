import { fold } from '../fold';

/** The heading with this id; ids are made of any text, so no selector is built of them. */
export const byId = (root: Element, id: string) => [...root.querySelectorAll('[id]')].find((e) => e.id === id) ?? null;

const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu;

/** The words of a text, as they are compared: letters and digits alone, folded. */
const words = (s: string) => s.match(WORD)?.map(fold) ?? [];

interface Word {
  text: string;
  node: Text;
  from: number;
  to: number;
}

function wordsOf(root: Element): Word[] {
  const result: Word[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode() as Text | null; node; node = walker.nextNode() as Text | null) {
    if (node.parentElement?.closest('.code-bar')) continue;
    for (const m of node.data.matchAll(WORD)) {
      result.push({ text: fold(m[0]), node, from: m.index, to: m.index + m[0].length });
    }
  }
  return result;
}

/**
 * Marks a quoted passage in rendered text and returns its first mark, or null when it is not there. The quote is
 * Markdown or plain, and may be cut at its end; it is looked for behind the heading `anchor` first.
 */
export function findQuote(root: Element, quote: string, anchor: string | null): Element | null {
  const want = words(quote.replace(/\]\([^)]*\)/g, ']'));
  if (want.length === 0) return null;
  const have = wordsOf(root);
  const heading = anchor ? byId(root, anchor) : null;
  const first = heading
    ? have.findIndex((w) => heading.compareDocumentPosition(w.node) & (Node.DOCUMENT_POSITION_FOLLOWING | Node.DOCUMENT_POSITION_CONTAINED_BY))
    : 0;
  const found = longest(have, want, Math.max(0, first)) ?? longest(have, want, 0);
  return found ? mark(found) : null;
}

/** Where most of the quote's words follow each other; at least three quarters of them must. */
function longest(have: Word[], want: string[], from: number): Word[] | null {
  let best: Word[] = [];
  for (let i = from; i < have.length; i++) {
    let n = 0;
    while (n < want.length && have[i + n]?.text === want[n]) n++;
    if (n > best.length) best = have.slice(i, i + n);
    if (n === want.length) break;
  }
  return best.length >= Math.max(1, want.length * 0.75) ? best : null;
}

function mark(found: Word[]): Element | null {
  const spans = new Map<Text, { from: number; to: number }>();
  for (const w of found) {
    const span = spans.get(w.node);
    if (span) span.to = w.to;
    else spans.set(w.node, { from: w.from, to: w.to });
  }
  let first: Element | null = null;
  for (const [node, { from, to }] of spans) {
    const range = document.createRange();
    range.setStart(node, from);
    range.setEnd(node, to);
    const element = document.createElement('mark');
    range.surroundContents(element);
    first ??= element;
  }
  return first;
}
