// A table of a rendered text, to be taken elsewhere.
import { csvText } from '../csv';

const cells = (row: HTMLTableRowElement) => [...row.cells];

/** The words of a cell, formulas as their source. */
function textOf(node: Node): string {
  if (node instanceof HTMLElement) {
    if (node.dataset.source !== undefined) return node.dataset.source;
    if (node.tagName === 'BR') return '\n';
    if (node.dataset.cite !== undefined) return `[${node.dataset.cite}]`;
  }
  return node instanceof Text ? node.data : [...node.childNodes].map(textOf).join('');
}

export const csvOf = (table: HTMLTableElement) => csvText([...table.rows].map((row) => cells(row).map((c) => textOf(c).trim())));

const MARKS: Record<string, string> = { STRONG: '**', EM: '*', DEL: '~~', CODE: '`' };

function inline(node: Node): string {
  if (!(node instanceof HTMLElement)) return (node.textContent ?? '').replaceAll('|', '\\|');
  if (node.tagName === 'BR') return '<br>';
  if (node.dataset.source !== undefined || node.dataset.cite !== undefined) return textOf(node).replaceAll('|', '\\|');
  const inside = [...node.childNodes].map(inline).join('');
  if (node.tagName === 'A') return `[${inside}](${node.getAttribute('href')})`;
  const mark = MARKS[node.tagName] ?? '';
  return mark + inside + mark;
}

export function markdownOf(table: HTMLTableElement): string {
  const line = (parts: string[]) => `| ${parts.join(' | ')} |\n`;
  const [head, ...rows] = [...table.rows];
  if (!head) return '';
  const align = (cell: Element) =>
    cell.classList.contains('md-right') ? '--:' : cell.classList.contains('md-center') ? ':-:' : cell.classList.contains('md-left') ? ':--' : '---';
  const row = (r: HTMLTableRowElement) => line(cells(r).map((c) => [...c.childNodes].map(inline).join('').trim()));
  return row(head) + line(cells(head).map(align)) + rows.map(row).join('');
}
