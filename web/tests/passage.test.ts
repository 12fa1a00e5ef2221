import { expect, it } from 'vitest';
import { partsOf } from '$features/documents/passage';

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
