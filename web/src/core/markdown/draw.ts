import { htmlOf, type Block } from './blocks';
import { drawDiagrams } from './diagrams';
import { highlight } from './highlight';
import { drawMaths } from './maths';
import { morph, nodesOf } from './morph';
import { codeBlock, sanitize } from './render';

type Long = Extract<Block, { parts: readonly string[] }>;

interface Drawn {
  block: Block;
  /** Of a long block: what of it will not change any more. */
  kept?: { parts: number; count: number; last: Element | null };
}

const drawn = new WeakMap<Element, Drawn>();
const colouring = new WeakSet<Element>();

/** Shows a block in `node`, changing as little as it can of what is shown there. */
export function draw(node: HTMLElement, block: Block): void {
  const before = drawn.get(node);
  if (before?.block === block) return;
  const now: Drawn = { block };
  if ('open' in block) drawOpen(node, block.open);
  else if ('parts' in block) now.kept = drawLong(node, block, before);
  else {
    if (!before || 'open' in before.block || htmlOf(before.block) !== block.html) morph(node, nodesOf(block.html));
    if (block.widens) settle(node);
    else if (before && 'html' in before.block && before.block.widens) relax(node);
  }
  drawn.set(node, now);
  void drawMaths(node);
  drawDiagrams(node);
}

function drawOpen(node: HTMLElement, { lang, text }: { lang: string; text: string }): void {
  let code = node.querySelector<HTMLElement>('code[data-open]');
  if (!code || (code.dataset.lang ?? '') !== lang) {
    morph(node, nodesOf(sanitize(codeBlock('', lang, true))));
    code = node.querySelector<HTMLElement>('code[data-open]')!;
  }
  const shown = code.textContent ?? '';
  if (text.startsWith(shown)) {
    const { lastChild } = code;
    if (lastChild instanceof Text) lastChild.appendData(text.slice(shown.length));
    else code.append(text.slice(shown.length));
  } else code.textContent = text;
  if (lang) colourSoon(code);
}

type Marked = [from: [Node, number], to: [Node, number]];

/** What is selected in `code`, when both of its ends are. */
function markedIn(code: HTMLElement): Marked | null {
  const marked = document.getSelection();
  if (!marked?.anchorNode || !marked.focusNode || marked.isCollapsed) return null;
  if (!code.contains(marked.anchorNode) || !code.contains(marked.focusNode)) return null;
  return [[marked.anchorNode, marked.anchorOffset], [marked.focusNode, marked.focusOffset]];
}

/** How many letters of `code` stand before a place in it. */
function lettersBefore(code: HTMLElement, [node, offset]: [Node, number]): number {
  const range = document.createRange();
  range.selectNodeContents(code);
  range.setEnd(node, offset);
  return range.toString().length;
}

/** The place behind so many letters of `code`. */
function placeAt(code: HTMLElement, letters: number): [Node, number] {
  const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const { length } = node as Text;
    if (letters <= length) return [node, letters];
    letters -= length;
  }
  return [code, code.childNodes.length];
}

/**
 * Colours the whole lines of growing code anew. What has its colours already stays as it is; the rest gets new nodes: a node
 * that took another's text would have jumped to its place, for the browser as for who has selected it.
 */
function colour(code: HTMLElement): void {
  const text = code.textContent ?? '';
  const whole = text.lastIndexOf('\n') + 1;
  const next = nodesOf(highlight(text.slice(0, whole), code.dataset.lang ?? ''));
  let child = code.firstChild;
  while (child && next.firstChild && child.isEqualNode(next.firstChild)) {
    next.firstChild.remove();
    child = child.nextSibling;
  }
  const marked = markedIn(code);
  const letters = marked?.map((end) => lettersBefore(code, end));
  while (child) {
    const after: ChildNode | null = child.nextSibling;
    child.remove();
    child = after;
  }
  code.append(next, text.slice(whole));
  // What is selected in the newest lines has other nodes now.
  if (marked && letters && !marked.every(([node]) => code.contains(node)))
    document.getSelection()?.setBaseAndExtent(...placeAt(code, letters[0]!), ...placeAt(code, letters[1]!));
}

/** Colours growing code now and then: at most four times a second, less often where it takes long. */
function colourSoon(code: HTMLElement, wait = 250): void {
  if (colouring.has(code)) return;
  colouring.add(code);
  setTimeout(() => {
    colouring.delete(code);
    if (!code.isConnected || code.dataset.open === undefined) return;
    const begun = performance.now();
    colour(code);
    // The next time not before this has become a tenth of the time.
    const rest = (performance.now() - begun) * 10 - 250;
    if (rest > 0) {
      colouring.add(code);
      setTimeout(() => colouring.delete(code), rest);
    }
  }, wait);
}

/** Where a table's or list's children stand. */
const body = (node: Element) => node.querySelector('tbody') ?? node.firstElementChild!;

/**
 * A table that grows keeps the widths that its first rows gave it: else every longer word below would move all that is read
 * above, and each new row would have all of them laid out again.
 */
function settle(node: Element): void {
  const table = node.querySelector('table');
  if (table?.style.tableLayout === 'fixed') return;
  const cells = [...(table?.tHead?.rows[0]?.cells ?? [])];
  const widths = cells.map((cell) => cell.getBoundingClientRect().width);
  const whole = widths.reduce((sum, width) => sum + width, 0);
  if (!table || whole === 0) return;
  cells.forEach((cell, i) => (cell.style.width = `${(widths[i]! / whole) * 100}%`));
  if (whole > table.parentElement!.clientWidth + 1) table.style.minWidth = `${whole}px`;
  table.style.tableLayout = 'fixed';
}

/** A short table that is whole may have the widths of all its rows, where this makes it clearly lower. */
function relax(node: Element): void {
  const table = node.querySelector('table');
  if (table?.style.tableLayout !== 'fixed') return;
  const cells = [...(table.tHead?.rows[0]?.cells ?? [])];
  const widths = cells.map((cell) => cell.style.width);
  const { minWidth } = table.style;
  const height = table.offsetHeight;
  const free = (on: boolean) => {
    table.style.tableLayout = on ? 'auto' : 'fixed';
    table.style.minWidth = on ? '' : minWidth;
    cells.forEach((cell, i) => (cell.style.width = on ? '' : widths[i]!));
  };
  free(true);
  if (table.offsetHeight > height * 0.8) free(false);
}

function drawLong(node: HTMLElement, block: Long, before: Drawn | undefined): Drawn['kept'] {
  const same = before && 'parts' in before.block && before.block.parts === block.parts;
  let { parts, count, last } = (same && before.kept) || { parts: 0, count: 0, last: null };
  if (last) {
    const inside = block.after.startsWith('</tbody>') ? 'table tbody' : 'ul';
    const at = last.nextSibling instanceof Text ? last.nextSibling.nextSibling : last.nextSibling;
    morph(body(node), nodesOf(block.parts.slice(parts).join('') + block.tail, inside), at);
    for (; count < block.count; count++) last = last?.nextElementSibling ?? null;
  } else {
    morph(node, nodesOf(htmlOf(block)));
    last = body(node).children[block.count - 1] ?? null;
    settle(node);
  }
  parts = block.parts.length;
  return { parts, count: block.count, last };
}
