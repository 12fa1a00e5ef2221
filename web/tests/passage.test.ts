import { expect, it } from 'vitest';
import { partsOf, preview } from '$features/documents/passage';

it('tells tables from the text around them', () => {
  expect(partsOf('Prices:\n\n| What | Price |\n| --- | --- |\n| Crane | 9 |\n| a \\| b |  |\n\nA day.\n')).toEqual([
    'Prices:',
    { head: ['What', 'Price'], rows: [['Crane', '9'], ['a | b', '']] },
    'A day.',
  ]);
});

it('takes rows for a table that begins before the passage, and a line with bars for text', () => {
  expect(partsOf('| Crane | 9 |\n|  | 2 |')).toEqual([{ head: null, rows: [['Crane', '9'], ['', '2']] }]);
  expect(partsOf('| x |\nand more')).toEqual(['| x |\nand more']);
  expect(partsOf('  kept\n  as it is')).toEqual(['  kept\n  as it is']);
  expect(partsOf('')).toEqual([]);
});

it('tells the cells of a table apart, also where one is empty', () => {
  expect(partsOf('| a | | c |\n| --- | --- | --- |\n| | x | |')).toEqual([{ head: ['a', '', 'c'], rows: [['', 'x', '']] }]);
});

/** What is marked, as it is shown. */
const shown = (text: string, ...words: string[]) => {
  const { text: out, marked } = preview(text, words.map((w) => ({ start: text.indexOf(w), end: text.indexOf(w) + w.length })));
  return [out, ...marked.map(({ start, end }) => out.slice(start, end))];
};

it('shows the tables of a hit as words, with what was looked for marked in them', () => {
  expect(shown('Prices:\n\n| What | Price |\n| --- | --- |\n| Crane | 9 |\n| a \\| b |  |\n\nA day.', 'Crane', 'day', 'b')).toEqual([
    'Prices:\n\nWhat · Price; Crane · 9; a | b\n\nA day.', 'Crane', 'day', 'b',
  ]);
  expect(shown('| Old crane |  | 2 |\n| --- | --- | --- |', 'Old', 'crane', '2')).toEqual(['Old crane · 2', 'Old', 'crane', '2']);
  expect(shown('| --- | --- |\n| Old | 2 |', '2')).toEqual(['Old · 2', '2']);
  expect(shown('if (a || b) | c |\nx | y', 'b', 'y')).toEqual(['if (a || b) | c |\nx | y', 'b', 'y']);
});
