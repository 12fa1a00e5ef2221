import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { i18n, languages, t, type Language } from '$core/i18n/i18n.svelte';
import { toolNote, toolTitle } from '$core/tool_words';

/** The tools that come with the program, from its own table of them, with what it calls them itself. */
const builtin = [...readFileSync('../src/tool/builtin.c', 'utf8').matchAll(/^\t\{"(\w+)",\s*"([^"]+)",/gm)].map(([, name, title]) => ({ name: name!, title: title!, source: 'builtin' }));
const plan = /\.name = "(\w+)",\s*\.title = "([^"]+)"/.exec(readFileSync('../src/turn/plan.c', 'utf8'))!;
const all = [...builtin, { name: plan[1]!, title: plan[2]!, source: 'plan' }];
const told = (tool: (typeof all)[number]) => ({ ...tool, title: 'its own', description: 'its own' });

describe('the tools that come with the program', () => {
  afterEach(() => i18n.use('en'));

  it('are all found', () => expect(all.map((x) => x.name)).toEqual(expect.arrayContaining(['calculator', 'web_search', 'system_info', 'update_plan'])));

  it.each(Object.keys(languages))('have a title and a sentence of the page in %s', async (language) => {
    await i18n.use(language as Language);
    const titles = all.map((tool) => toolTitle(told(tool)));
    const notes = all.map((tool) => toolNote(told(tool)));
    expect(all.filter((_, i) => [titles[i]!, notes[i]!].some((text) => !text || text === 'its own' || text.startsWith('builtin.')))).toEqual([]);
    expect([new Set(titles).size, new Set(notes).size]).toEqual([all.length, all.length]);
    expect(notes.filter((text) => text.length > 100 || !/[.。]$/.test(text))).toEqual([]);
  });

  it('have in English the titles that the server gives them', () => expect(all.map((tool) => toolTitle({ ...tool, title: '' }))).toEqual(all.map((tool) => tool.title)));

  it('have in the text about memories the name that they have elsewhere', async () => {
    for (const language of Object.keys(languages)) {
      await i18n.use(language as Language);
      expect(t('memories.about')).toContain(toolTitle({ name: 'remember', source: 'builtin' }));
    }
  });
});

describe('other tools', () => {
  it('keep the words of their servers, also under the name of one of the program', async () => {
    await i18n.use('de');
    const tool = { name: 'calculator', title: 'Abacus', description: 'Counts.', source: '0198c2d4-0000-7000-8000-000000000000' };
    expect([toolTitle(tool), toolNote(tool)]).toEqual(['Abacus', 'Counts.']);
    expect(toolTitle({ name: 'calculator' })).toBe('calculator');
    expect(toolTitle({ name: 'calculator', source: 'builtin' })).toBe('Taschenrechner');
    const later = { name: 'of_tomorrow', title: 'Of tomorrow', description: 'Not known here.', source: 'builtin' };
    expect([toolTitle(later), toolNote(later)]).toEqual(['Of tomorrow', 'Not known here.']);
    expect(toolTitle({ name: 'constructor', title: '', source: 'builtin' })).toBe('constructor');
    await i18n.use('en');
  });
});
