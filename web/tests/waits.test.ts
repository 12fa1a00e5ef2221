import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
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
  expect(found(once).filter((line) => !/^(documents|messages)\.mjs|eventually\(/.test(line))).toEqual([]);
});

it('listens before the act whose answer it waits for', () => {
  expect(found(/^await \w+\.waitFor(Response|Request|Event)\(/)).toEqual([]);
});
