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
  else if (!before || 'open' in before.block || htmlOf(before.block) !== block.html) morph(node, nodesOf(block.html));
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
  if (text.startsWith(shown)) code.append(text.slice(shown.length));
  else code.textContent = text;
  if (lang) colourSoon(code);
}

/** Colours growing code now and then: at most four times a second, less often where it takes long. */
function colourSoon(code: HTMLElement, wait = 250): void {
  if (colouring.has(code)) return;
  colouring.add(code);
  setTimeout(() => {
    colouring.delete(code);
    if (!code.isConnected || code.dataset.open === undefined) return;
    const begun = performance.now();
    morph(code, nodesOf(highlight(code.textContent ?? '', code.dataset.lang ?? '')));
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
 * A long table keeps the widths that its first rows gave it: else every longer word below would move all that is read above,
 * and each new row would have all of them laid out again.
 */
function settle(node: Element): void {
  const table = node.querySelector('table');
  const cells = [...(table?.tHead?.rows[0]?.cells ?? [])];
  const widths = cells.map((cell) => cell.getBoundingClientRect().width);
  const whole = widths.reduce((sum, width) => sum + width, 0);
  if (!table || whole === 0) return;
  cells.forEach((cell, i) => (cell.style.width = `${(widths[i]! / whole) * 100}%`));
  if (whole > table.parentElement!.clientWidth + 1) table.style.minWidth = `${whole}px`;
  table.style.tableLayout = 'fixed';
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
