// @vitest-environment node
import { expect, test } from 'vitest';
import { fold } from '../src/core/fold';

test.each([
  ['Straße', 'STRASSE'],
  ['STRAẞE', 'straße'],
  ['ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
  ['Ｆｕｌｌ', 'full'],
  ['ｶﾞ', 'ガ'],
  ['한국어', '한국어'.normalize('NFD')],
  ['Å', 'Å'],
  ['ﬁn', 'FIN'],
])('%s is %s', (one, other) => expect(fold(one)).toBe(fold(other)));

test('what is typed so far is found in the whole', () => {
  for (const [whole, typed] of [
    ['ΟΔΥΣΣΕΥΣ', 'ΟΔΥΣ'],
    ['Οδυσσέας', 'ΟΔΥΣ'],
    ['GROẞ', 'gross'],
  ] as const)
    expect(fold(whole)).toContain(fold(typed));
});

test('no character differs from its other case, or from its parts', () => {
  const odd = [];
  for (let code = 0; code < 0x1ffff; code++) {
    const c = String.fromCodePoint(code);
    const forms = [c.toUpperCase(), c.toLowerCase(), c.normalize('NFD'), c.normalize('NFKD')];
    if ((code < 0xd800 || code > 0xdfff) && forms.some((f) => fold(`a${f}b`) !== fold(`a${c}b`))) odd.push(c);
  }
  expect(odd).toEqual([]);
});
