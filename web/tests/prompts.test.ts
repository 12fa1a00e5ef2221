// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { fold } from '$core/fold';
import { filled, isNumber, matching, namesIn, slashAt, variablesOf } from '$core/prompts';

describe('prompts', () => {
  it('finds the variables of a text, each once, and what is known of them', () => {
    expect(namesIn('{{a}} {{ b }} {{a}} {{1}} {c} {{d e}}')).toEqual(['a', 'b']);
    const known = [{ name: 'b', type: 'date' as const }];
    expect(variablesOf('{{a}}{{b}}', known)).toEqual([{ name: 'a', type: 'text', required: true }, known[0]]);
  });

  it('puts what was said in their places, as it is', () => {
    expect(filled('Dear {{name}}, {{name}}: {{ more }}!', { name: '$& {{more}}' })).toBe('Dear $& {{more}}, $& {{more}}: !');
  });

  it.each([
    ['/', 1, { from: 0, query: '' }],
    ['/Rev', 4, { from: 0, query: 'rev' }],
    ['a\n/re', 5, { from: 2, query: 're' }],
    ['/re view', 3, { from: 0, query: 're' }],
    ['/re view', 8, null],
    ['either /or', 10, null],
    ['/etc/passwd', 11, null],
    ['', 0, null],
  ])('sees in %j at %i what is called for', (text, caret, found) => expect(slashAt(text, caret)).toEqual(found));

  it('puts the names that begin so first', () => {
    const list = ['other', 'review', 'view'].map((name) => ({ name, description: name === 'other' ? 'A Viewpoint' : '' }));
    expect(matching(list, 'view').map((p) => p.name)).toEqual(['view', 'other', 'review']);
    expect(matching(list, 'x')).toEqual([]);
    const own = [{ name: 'road', description: 'Stra\u00dfe und A\u0308rger' }];
    expect(matching(own, fold('STRASSE'))).toEqual(own);
    expect(matching(own, fold('\u00e4RGER'))).toEqual(own);
  });

  it('knows numbers of all countries', () => {
    expect(['1', ' -1,5 ', '.5', '1.'].every(isNumber)).toBe(true);
    expect(['', 'x', '1e3', '1,2,3', '-'].some(isNumber)).toBe(false);
  });
});
