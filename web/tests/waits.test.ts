// @vitest-environment node
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const folder = resolve(import.meta.dirname, '../../tests/e2e');
const cases = readdirSync(folder).filter((name) => /\.mjs$/.test(name) && !/^(wait|browser|mock|server|sheet|bench)\.mjs$/.test(name));
const lines = cases.flatMap((name) => readFileSync(resolve(folder, name), 'utf8').split('\n').map((line) => [name, line.trim()] as const));
const found = (pattern: RegExp) => lines.filter(([, line]) => pattern.test(line)).map(([name, line]) => `${name}: ${line}`);

// Each of these has failed on a machine that was busy, or passed by chance (tests/e2e/wait.mjs has what to write instead).
it('waits in the browser for what is asserted, not for a time', () => {
  expect(lines.length).toBeGreaterThan(4000);
  expect(found(/waitForTimeout|networkidle/)).toEqual([]);
  // A promise is true at once.
  expect(found(/waitForFunction\(\s*async/)).toEqual([]);
});

it('reads nothing once that an act before it changes', () => {
  const once = /assert\.\w+\(.*await [^;]*\.(count|isVisible|isHidden|isChecked|inputValue|innerText|allInnerTexts|textContent|getAttribute)\(/;
  expect(found(once).filter((line) => !/eventually\(/.test(line))).toEqual([]);
});

it('listens before the act whose answer it waits for', () => {
  expect(found(/^await \w+\.waitFor(Response|Request|Event)\(/)).toEqual([]);
});

/** Files of tests/ and its folders, but for packages and recordings. */
const under = (at: string): string[] =>
  readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return /^(node_modules|corpus|recordings|logs|same)$/.test(entry.name) ? [] : under(join(at, entry.name));
    return /\.(py|mjs|c|h)$|^meson\.build$/.test(entry.name) ? [join(at, entry.name)] : [];
  });

// Whoever gives up after ten seconds fails on a machine that is busy, and measures nothing (tests/README.md, "Rules").
it('gives nothing up in less than a minute, and says how long in one place', () => {
  const files = under(resolve(folder, '..'));
  expect(files.length).toBeGreaterThan(250);
  const short = '(?:[1-5]?[1-9]|[1-5]0)'; // seconds
  const guards: [RegExp, RegExp][] = [
    [/\.py$/, new RegExp(`(?:timeout=|settimeout\\(|monotonic\\(\\) \\+ |\\.wait\\(|\\.join\\(|create_connection\\(.*\\), )${short}(?:[),]|$)`)],
    [/\.mjs$/, /(?:timeout: |setDefaultTimeout\()(?:\d{1,4}|[1-5]\d_?\d{3})\b(?!.*catch)/],
    [/\.[ch]$/, /(?:clock_mono_ms\(\) \+ (?:\d{4}|[1-5]\d{4})\b|tv_sec \+?= [1-5]?\d;|PATIENCE_MS = (?:\d{1,4}|[1-5]\d{4})\b)/],
    [/meson\.build$/, /\btimeout:/],
  ];
  const early = files.flatMap((file) => {
    const guard = guards.find(([kind]) => kind.test(file))![1];
    return readFileSync(file, 'utf8').split('\n').filter((line) => guard.test(line)).map((line) => `${file}: ${line.trim()}`);
  });
  expect(early).toEqual([]);
});
