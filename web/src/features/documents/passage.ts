/** A table of what was read; without a header where a passage begins within it. */
export interface Table {
  head: string[] | null;
  rows: string[][];
}

const isRow = (line: string) => line.length > 2 && line.startsWith('| ') && line.endsWith(' |');
const isRule = (line: string) => /^\|( --- \|)+$/.test(line);
const cellsOf = (line: string) =>
  line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.replaceAll('\\|', '|').trim());

/** The parts of a passage: text as it stands, and tables, which the reader writes as rows of Markdown. */
export function partsOf(text: string): (string | Table)[] {
  const parts: (string | Table)[] = [];
  let said: string[] = [];
  const put = () => {
    const whole = said.join('\n').replace(/^\n+|\n+$/g, '');
    if (whole) parts.push(whole);
    said = [];
  };
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; ) {
    let end = i;
    while (end < lines.length && isRow(lines[end]!)) end++;
    const ruled = isRule(lines[i + 1] ?? '');
    // A single line with bars may be anything.
    if (end - i < 2) {
      said.push(lines[i++]!);
      continue;
    }
    put();
    parts.push({ head: ruled ? cellsOf(lines[i]!) : null, rows: lines.slice(ruled ? i + 2 : i, end).map(cellsOf) });
    i = end;
  }
  put();
  return parts;
}

export interface Span {
  start: number;
  end: number;
}

/** A row without its bars: its cells, and a dot between those that say something. `at` is where it begins. */
function* wordsOf(line: string, at: number): Generator<[string, number]> {
  let some = false;
  for (const { 0: cell, index } of line.matchAll(/(?:\\\||[^|])+/g)) {
    const from = at + index + (cell.length - cell.trimStart().length);
    if (!cell.trim()) continue;
    if (some) yield [' · ', -1];
    some = true;
    let done = 0;
    for (const bar of cell.trim().matchAll(/\\\|/g)) {
      yield [cell.trim().slice(done, bar.index), from + done];
      done = bar.index + 1; // the bar without what escapes it
    }
    yield [cell.trim().slice(done), from + done];
  }
}

/** A passage in a few lines: rows of its tables as words, one behind the other, and what is marked in it where that stands now. */
export function preview(text: string, marked: readonly Span[]): { text: string; marked: Span[] } {
  const lines = text.split('\n');
  const moved: { from: number; to: number; length: number }[] = [];
  let out = '';
  const put = (piece: string, from: number) => {
    if (from >= 0) moved.push({ from, to: out.length, length: piece.length });
    out += piece;
  };
  let at = 0;
  let behind = false;
  lines.forEach((line, i) => {
    const row = isRow(line) && (isRow(lines[i - 1] ?? '') || isRow(lines[i + 1] ?? ''));
    if (!isRule(line) || !row) {
      if (out && i > 0) put(row && behind ? '; ' : '\n', -1);
      behind = row;
      if (row) for (const [piece, from] of wordsOf(line, at)) put(piece, from);
      else put(line, at);
    }
    at += line.length + 1;
  });
  const found = ({ start, end }: Span) => {
    const piece = moved.find((m) => start >= m.from && start < m.from + m.length);
    return piece ? [{ start: piece.to + start - piece.from, end: piece.to + Math.min(end - piece.from, piece.length) }] : [];
  };
  return { text: out, marked: marked.flatMap(found) };
}
