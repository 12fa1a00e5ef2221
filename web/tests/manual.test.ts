// @vitest-environment node
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Marked } from 'marked';
import { expect, test } from 'vitest';
// @ts-expect-error: plain JavaScript, which the build runs as it is
import { unwrap } from '../unwrap.mjs';

const folder = join(import.meta.dirname, '../../docs/manual');
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'));
const read = (text: string, breaks: boolean) => new Marked({ gfm: true, breaks }).parse(text, { async: false });

// A model's line ends count, and the Librarian answers as a model does.
test.each(pages)('%s reads the same where line ends count', (name) => {
  const text = readFileSync(join(folder, name), 'utf8');
  const words = (html: string) => html.replace(/\s+/g, ' ');
  expect(words(read(unwrap(text), true))).toBe(words(read(text, false)));
});

test('code, tables, items, quotations and breaks that are meant stay', () => {
  const text = [
    '# Title\nText that\ngoes on.',
    '- an item\n  of two lines\n- another\n\n1. one\n2. two',
    '```sh\nmake\nmake run\n```\nafter\nit',
    '    indented\n    code',
    '| a | b |\n|---|---|\n| 1 | 2 |',
    '> said\n> twice',
    'a break  \nis kept\\\nhere',
    '~~~\n```\nwithin\n~~~\nout',
  ].join('\n\n');
  expect(unwrap(text).split('\n\n')).toEqual([
    '# Title\nText that goes on.',
    '- an item of two lines\n- another',
    '1. one\n2. two',
    '```sh\nmake\nmake run\n```\nafter it',
    '    indented\n    code',
    '| a | b |\n|---|---|\n| 1 | 2 |',
    '> said\n> twice',
    'a break  \nis kept\\\nhere',
    '~~~\n```\nwithin\n~~~\nout',
  ]);
});
