// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { hashAt, without } from '$core/mention';

describe('documents named in a message', () => {
  it.each([
    ['#', 1, { from: 0, query: '' }],
    ['Where, by #Rul', 14, { from: 10, query: 'rul' }],
    ['Where, by #rul do boats moor?', 14, { from: 10, query: 'rul' }],
    ['see\n#a', 6, { from: 4, query: 'a' }],
    ['(#a.pdf', 7, { from: 1, query: 'a.pdf' }],
    ['＃資料', 3, { from: 0, query: '資料' }],
    ['`x` and #a', 10, { from: 8, query: 'a' }],
    ['```\nx\n```\n#a', 12, { from: 10, query: 'a' }],
    ['# Heading', 2, null],
    ['# Heading', 9, null],
    ['## Heading', 2, null],
    ['C#', 2, null],
    ['a#b', 3, null],
    ['https://x.example/#top', 22, null],
    ['`#a', 3, null],
    ['``a ` #b', 8, null],
    ['```\n#a', 6, null],
    ['~~~ sh\n#a\n```\n#b', 16, null],
    ['    #a', 6, null],
    ['', 0, null],
  ])('sees in %j at %i what is called for', (text, caret, found) => expect(hashAt(text, caret)).toEqual(found));

  it('looks no further back than a name is long', () => expect(hashAt('#' + 'a'.repeat(200), 201)).toBeNull());

  it('leaves the rest of the text and the caret where they are', () => {
    expect(without('Where, by #rul do boats', 10, 14)).toEqual({ text: 'Where, by do boats', caret: 10 });
    expect(without('#rul', 0, 4)).toEqual({ text: '', caret: 0 });
    expect(without('by #rules', 3, 6)).toEqual({ text: 'by les', caret: 3 });
    expect(without('by\n#rul\nnow', 3, 7)).toEqual({ text: 'by\n\nnow', caret: 3 });
  });
});
