/** A table of what was read; without a header where a passage begins within it. */
export interface Table {
  head: string[] | null;
  rows: string[][];
}

const isRow = (line: string) => line.length > 2 && line.startsWith('| ') && line.endsWith(' |');
const isRule = (line: string) => /^\|( --- \|)+$/.test(line);
const cellsOf = (line: string) =>
  line
    .slice(2, -2)
    .split(' | ')
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
