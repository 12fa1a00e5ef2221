import { expect, it } from 'vitest';
import { sources } from './sources';

const files = sources(/\.(svelte|css)$/).filter(([file]) => !file.startsWith('design/'));

const found = (pattern: RegExp) => files.flatMap(([file, text]) => [...text.matchAll(pattern)].map((m) => `${file}: ${m[0].trim()}`));

it('has colours in the themes only', () => expect(found(/#[0-9a-f]{3,8}\b(?=[;,)\s])|\b(?:rgb|hsl|oklch)a?\(/gi)).toEqual([]));

it('overrules nothing', () => {
  const classes = files.flatMap(([file, text]) => [...text.matchAll(/class="([^"]*)"/g)].map((m) => [file, m[1]!.replace(/\{[^{}]*\}/g, ' ')] as const));
  expect(classes.length).toBeGreaterThan(200);
  expect(classes.filter(([, c]) => /(^|\s)!|!(\s|$)/.test(c))).toEqual([]);
  expect(found(/!important/g)).toEqual([]);
});

it('takes sizes from the scale', () => {
  // What depends on the window or on what stands there, and the few widths of one place, are said where they stand.
  const measured = /\[(?:\d+d?v[hw]|\d+%|min\(|max\(|calc\(|26rem)/;
  expect(found(/[\w:-]+-\[[^\]]+\]/g).filter((f) => !measured.test(f) && !/data-|aria-|has-\[|group-/.test(f))).toEqual([]);
});

// `break-words` lets no row of flex become narrower than its longest word; in the cells of a table that is what is wanted.
it('breaks long words where there is no room', () => {
  const all = sources(/\.svelte$/).filter(([file]) => !file.startsWith('gallery/'));
  expect(all.flatMap(([file, text]) => text.split('\n').filter((l) => /\bbreak-words\b/.test(l) && !l.includes('<td')).map((l) => `${file}: ${l.trim()}`))).toEqual([]);
});
