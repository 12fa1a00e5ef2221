import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { i18n, languages, type Language } from '$core/i18n/i18n.svelte';
import { choiceTitle, parameterNote, parameterTitle } from '$features/parameters/words';

/** The server's own table of parameters, and the words that some of them choose from. */
const source = readFileSync('../src/provider/parameters.h', 'utf8');
const table = source.slice(source.indexOf('#define PARAMETER_TABLE'), source.indexOf('#define PARAMETER_EFFORTS'));
const all = [...table.matchAll(/X\((\w+), (\w+),/g)].map(([, type, name]) => ({ type: type!, name: name!, doc: 'its own' }));
const words = (what: string) => new RegExp(`#define PARAMETER_${what}\\s+"([^"]+)"`).exec(source)![1]!.split(' ');
const choices: Record<string, string[]> = { EFFORT: words('EFFORTS'), FORMAT: words('FORMATS'), SWITCH: words('SWITCH_WORDS') };

describe('the parameters of answers', () => {
  afterEach(() => i18n.use('en'));

  it('are all found', () => {
    expect(all.map((p) => p.name)).toEqual(expect.arrayContaining(['temperature', 'min_p', 'effort', 'schema', 'raw']));
    expect(choices.FORMAT).toContain('schema');
  });

  it.each(Object.keys(languages))('have words of the page in %s', async (language) => {
    await i18n.use(language as Language);
    expect(all.filter((p) => parameterTitle(p) === p.name || parameterNote(p) === p.doc || !/[.。]$/.test(parameterNote(p)))).toEqual([]);
    for (const p of all) {
      const titles = (choices[p.type] ?? []).map((choice) => choiceTitle(p, choice));
      expect(titles.filter((title, i) => title === choices[p.type]![i])).toEqual([]);
      expect(new Set(titles).size).toBe(titles.length);
    }
  });

  it('that the page does not know keep the words of the server', () => {
    const p = { name: 'mirostat', doc: 'Mirostat.' };
    expect([parameterTitle(p), parameterNote(p), choiceTitle(p, 'v2')]).toEqual(['mirostat', 'Mirostat.', 'v2']);
  });
});
