// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { plainOf } from '$core/markdown/plain';
import { phrases } from '$features/chat/speech.svelte';

describe('Markdown as plain text', () => {
  it.each([
    ['# A *title*\n\nSome **bold** [text](https://example.org) and `code`.', 'A title\n\nSome bold text and code.'],
    ['- one\n- two\n  - three\n\n1. a\n2. b', '- one\n- two\n  - three\n\n1. a\n2. b'],
    ['- [x] done\n- [ ] open', '[x] done\n[ ] open'],
    ['```js\nlet a = 1 < 2;\n```', 'let a = 1 < 2;'],
    ['| a | b |\n|--|--|\n| *1* | 2 |', 'a\tb\n1\t2'],
    ['> quoted\n> twice\n\nline  \nbreak', 'quoted\ntwice\n\nline\nbreak'],
    ['a < b & c', 'a < b & c'],
    ['', ''],
  ])('%j', (markdown, plain) => expect(plainOf(markdown)).toBe(plain));
});

describe('what is read aloud', () => {
  it('comes in pieces that no browser breaks off, and loses nothing', () => {
    const text = `One. Two! Three? ${'a long sentence goes on '.repeat(30)}\n\n- \n你好。再见！`;
    const parts = phrases(text);
    expect(parts.slice(0, 3)).toEqual(['One.', 'Two!', 'Three?']);
    expect(Math.max(...parts.map((p) => p.length))).toBeLessThanOrEqual(221);
    expect(parts.join('').replace(/\s/g, '')).toBe(text.replace(/[\s-]/g, ''));
    expect(parts.slice(-2)).toEqual(['你好。', '再见！']);
    expect(phrases('x'.repeat(500)).join('')).toBe('x'.repeat(500));
  });
});
