// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { diffLines } from '$core/diff';

const marks = { same: ' ', gone: '-', new: '+' };
const shown = (a: string, b: string) => diffLines(a, b).map((l) => marks[l.kind] + l.text);

describe('the lines of two texts', () => {
  it('are told apart', () => {
    expect(shown('a\nb\nc', 'a\nx\nc')).toEqual([' a', '-b', '+x', ' c']);
    expect(shown('a', 'a\nb')).toEqual([' a', '+b']);
    expect(shown('a\nb', 'b')).toEqual(['-a', ' b']);
    expect(shown('x', 'x')).toEqual([' x']);
    expect(shown('', 'x')).toEqual(['-', '+x']);
  });

  it('make both texts again', () => {
    const a = 'one\ntwo\nthree\nfour\ntwo';
    const b = 'two\nthree\n\nfive\ntwo\nsix';
    const lines = diffLines(a, b);
    expect(lines.filter((l) => l.kind !== 'new').map((l) => l.text).join('\n')).toBe(a);
    expect(lines.filter((l) => l.kind !== 'gone').map((l) => l.text).join('\n')).toBe(b);
    expect(lines.filter((l) => l.kind === 'same').map((l) => l.text)).toEqual(['two', 'three', 'two']);
  });
});
