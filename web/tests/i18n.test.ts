import { readdirSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { parse, TYPE, type MessageFormatElement } from '@formatjs/icu-messageformat-parser';
import { IntlMessageFormat } from 'intl-messageformat';
import { describe, expect, it, vi } from 'vitest';
import { bytes, decimal, percentText } from '$core/format';
import { i18n, languages, match, PSEUDO, t, type Language } from '$core/i18n/i18n.svelte';
import type en from '$locales/en.json';
import { divide, filesOf, waiting } from '../locales.ts';
import { sources } from './sources';

const raw = JSON.parse(readFileSync('src/locales/en.json', 'utf8')) as Record<string, string>;
const others = readdirSync('src/locales').filter((f) => f.endsWith('.json') && f !== 'en.json');

/** The arguments that a message takes. */
function argumentsOf(parts: MessageFormatElement[], found = new Set<string>()): Set<string> {
  for (const part of parts) {
    if (part.type === TYPE.argument || part.type === TYPE.number || part.type === TYPE.date || part.type === TYPE.time) found.add(part.value);
    if (part.type === TYPE.plural || part.type === TYPE.select) {
      found.add(part.value);
      for (const option of Object.values(part.options)) argumentsOf(option.value, found);
    }
  }
  return found;
}
/** The plural forms that a message has, of each of its plurals. */
function forms(parts: MessageFormatElement[]): string[][] {
  return parts.flatMap((p) => (p.type === TYPE.plural ? [Object.keys(p.options), ...Object.values(p.options).flatMap((o) => forms(o.value))] : []));
}
const takes = (text: string) => [...argumentsOf(parse(text))].sort();

const files = sources(/\.(ts|svelte)$/).filter(([file]) => !file.endsWith('schema.d.ts'));

/** WCAG 2.5.3: who says what stands on a button finds it, whatever more its name says. */
it('names no button otherwise than it reads, in any language', () => {
  const named = /<(?:button|a|Button)\b(?:[^>]|=>)*?aria-label=\{t\('([\w.]+)'[^>]*>[^<]*\{t\('([\w.]+)'\)\}/g;
  const pairs = files.flatMap(([file, text]) => [...text.matchAll(named)].map(([, name, words]) => ({ file, name: name!, words: words! })));
  expect(pairs.length).toBeGreaterThan(2);
  for (const language of ['en.json', ...others]) {
    const texts = JSON.parse(readFileSync('src/locales/' + language, 'utf8')) as Record<string, string>;
    expect(pairs.filter(({ name, words }) => !texts[name]!.toLowerCase().includes(texts[words]!.toLowerCase())), language).toEqual([]);
  }
});

describe('the parts of the catalogue', () => {
  const first = filesOf(['main.ts', 'app/Shell.svelte'].map((f) => resolve('src', f)));
  const names = [...first].map((f) => relative('src', f));
  const parts = divide(raw, first);

  it('follows what is imported at once, not what comes later or types', () => {
    expect(names).toEqual(expect.arrayContaining(['app/App.svelte', 'features/chat/Composer.svelte', 'core/i18n/i18n.svelte.ts', 'design/components/Button.svelte']));
    expect(names.filter((f) => /^(gallery|features\/(documents|tools|manual|account)|app\/Settings)/.test(f))).toEqual([]);
  });

  it('has every text in one of them, a text of a feature not in the first', () => {
    expect({ ...parts.first, ...parts.rest }).toEqual(raw);
    expect(Object.keys(parts.first).length + Object.keys(parts.rest).length).toBe(Object.keys(raw).length);
    expect([parts.first['action.cancel'], parts.rest['account.changePassword']]).toEqual(['Cancel', 'Change password']);
  });

  it('has each text that a file of the first page names in the first', () => {
    const missing = files.filter(([f]) => names.includes(f)).flatMap(([f, text]) => Object.keys(parts.rest).filter((k) => text.includes(`'${k}'`)).map((k) => `${f}: ${k}`));
    expect(missing).toEqual([]);
  });

  it('lets what is imported later wait for its texts', () => {
    const file = resolve('src/app/App.svelte');
    expect(waiting(`const a = () => import('./A.svelte'), b = import("$core/b");`, file, first)).toBe(
      `import { withTexts as __withTexts } from '$core/i18n/i18n.svelte';\nconst a = () => __withTexts(import('./A.svelte')), b = __withTexts(import("$core/b"));`,
    );
    expect([waiting(`import('highlight.js')`, file, first), waiting(`import a from './a';`, file, first)]).toEqual([null, null]);
  });

  it('lets what is of the first page wait for nothing', () => {
    const file = resolve('src/app/App.svelte');
    expect(waiting(`const a = () => import('./Shell.svelte'), b = () => import('$app/Shell.svelte');`, file, first)).toBeNull();
    expect(waiting(`const a = () => import('./Shell.svelte'), b = () => import('./Settings.svelte');`, file, first)).toContain(
      `() => import('./Shell.svelte'), b = () => __withTexts(import('./Settings.svelte'))`,
    );
  });
});

/** Two languages in two parts each, the parts of one held back until `let` is called. */
async function divided() {
  let go = () => {};
  const held = new Promise<void>((done) => (go = done));
  const of = (name: string) => ({
    first: () => Promise.resolve({ 'action.save': `${name} save` }),
    rest: vi.fn((): Promise<Record<string, string>> => held.then(() => ({ 'action.close': `${name} close` }))),
  });
  const parts = { en: of('en'), de: of('de') };
  vi.resetModules();
  vi.doMock('virtual:texts', () => ({ first: { 'action.save': 'en save' }, parts }));
  const fresh = await import('$core/i18n/i18n.svelte');
  vi.doUnmock('virtual:texts');
  return { ...fresh, parts, go };
}

describe('texts that come later', () => {
  it('are there once what needs them is', async () => {
    const { i18n, t, withTexts, parts, go } = await divided();
    const part = withTexts(Promise.resolve('part'));
    expect([t('action.save'), t('action.close')]).toEqual(['en save', 'action.close']);
    go();
    expect(await part).toBe('part');
    await i18n.complete();
    expect([t('action.save'), t('action.close'), parts.en.rest.mock.calls.length]).toEqual(['en save', 'en close', 1]);
    // A language that is chosen now has all its texts at once.
    await i18n.use('de');
    expect([t('action.save'), t('action.close')]).toEqual(['de save', 'de close']);
  });

  it('are those of the language that was chosen while they came', async () => {
    const { i18n, t, withTexts, go } = await divided();
    const chosen = i18n.use('de');
    const part = withTexts(Promise.resolve());
    go();
    await Promise.all([chosen, part]);
    expect([t('action.save'), t('action.close')]).toEqual(['de save', 'de close']);
  });

  it('say in words that a part could not be had', async () => {
    const { withTexts, go } = await divided();
    go();
    const missing = new TypeError('Failed to fetch dynamically imported module: http://localhost/assets/Part-1234.js');
    await expect(withTexts(Promise.reject(missing))).rejects.toMatchObject({ message: 'page.brokenText', cause: missing });
  });

  it('are asked for again when they could not be had', async () => {
    const { withTexts, t, parts, go } = await divided();
    parts.en.rest.mockRejectedValueOnce(new Error('away'));
    await expect(withTexts(Promise.resolve())).rejects.toThrow('away');
    go();
    await withTexts(Promise.resolve());
    expect(t('action.close')).toBe('en close');
  });
});

describe('texts that only put values in their places', () => {
  const plain = Object.entries(raw).filter(([, text]) => /\{/.test(text) && parse(text).every((p) => p.type === TYPE.literal || p.type === TYPE.argument));
  const values = (text: string) => Object.fromEntries(takes(text).map((name, i) => [name, i % 2 ? 12_345 : `<${name}>`]));

  it('need no formatter, whose first costs a slow machine a tenth of a second', () => {
    const made = vi.spyOn(Intl.NumberFormat, 'supportedLocalesOf');
    expect(plain.length).toBeGreaterThan(50);
    for (const [key, text] of plain) t(key as keyof typeof en, values(text));
    expect(made).not.toHaveBeenCalled();
    made.mockRestore();
  });

  it('say what the formatter would', () => {
    for (const [key, text] of plain) expect(t(key as keyof typeof en, values(text))).toBe(new IntlMessageFormat(text, 'en').format(values(text)));
  });
});

describe('the catalogue of texts', () => {
  it('is sorted', () => expect(Object.keys(raw)).toEqual(Object.keys(raw).sort()));

  it('has no text that nothing uses', () => {
    const all = files.map(([, text]) => text).join('\n');
    expect(Object.keys(raw).filter((key) => !all.includes(`'${key}'`))).toEqual([]);
  });

  it('gets the arguments that its messages take', () => {
    const wrong: string[] = [];
    for (const [file, text] of files)
      for (const [, key, given] of text.matchAll(/\bt\(\s*'([\w.]+)'\s*(?:,\s*\{([^{}]*)\})?\s*,?\s*\)/g)) {
        let plain = given ?? '';
        // What stands in parentheses is part of a value.
        while (/\([^()]*\)/.test(plain)) plain = plain.replace(/\([^()]*\)/g, '');
        const names = [...plain.matchAll(/(?:^|,)\s*(\w+)/g)].map((m) => m[1]!).sort();
        if (raw[key!] !== undefined && names.join() !== takes(raw[key!]!).join()) wrong.push(`${file}: ${key} takes ${takes(raw[key!]!).join()}, gets ${names.join()}`);
      }
    expect(wrong).toEqual([]);
  });

  it.each(others)('%s says the same things', (file) => {
    const other = JSON.parse(readFileSync('src/locales/' + file, 'utf8')) as Record<string, string>;
    expect(Object.keys(other)).toEqual(Object.keys(raw));
    expect(Object.keys(raw).filter((key) => takes(raw[key]!).join() !== takes(other[key]!).join())).toEqual([]);
  });

  it('has a file for each language, and no other', () =>
    expect(others.map((f) => f.replace('.json', ''))).toEqual(Object.keys(languages).filter((l) => l !== 'en').sort()));

  it.each(others)('%s has the plural forms of its language', (file) => {
    const other = JSON.parse(readFileSync('src/locales/' + file, 'utf8')) as Record<string, string>;
    const has = new Intl.PluralRules(file.replace('.json', '')).resolvedOptions().pluralCategories;
    // "many" is for whole millions in Spanish and French, which are written in digits here.
    const needed = has.filter((c) => c !== 'many').sort().join();
    const wrong = Object.keys(other).filter((key) =>
      forms(parse(other[key]!)).some((f) => f.filter((c) => !c.startsWith('=')).sort().join() !== needed),
    );
    expect(wrong).toEqual([]);
  });

  it.each(others)('%s has no straight quotes and no three dots', (file) => {
    const other = JSON.parse(readFileSync('src/locales/' + file, 'utf8')) as Record<string, string>;
    expect(Object.keys(other).filter((key) => /["']|\.\.\./.test(other[key]!))).toEqual([]);
  });

  // What docs/glossary.md calls something is its only name, and each language has its own punctuation.
  it.each([
    ['de', /\b(du|dich|dein\w*|dir)\b/i],
    ['es', /\b(tú|tus?|usted(es)?)\b/i],
    ['fr', /discussion|conversation|[^\u00a0\u202f][!?;](\s|$)|[^\u00a0\u202f]:(\s|$)|« | »/i],
    ['ja', /文書|会話|デフォルト|ブラウザ(?!ー)|ユーザ(?!ー)|[\u3040-\u30ff\u4e00-\u9fff][,:;?!]/],
    ['zh', /聊天|(?<!您)你|[\u4e00-\u9fff][,:;?!]/],
  ] as const)('%s speaks with one voice', (language, odd) => {
    const other = JSON.parse(readFileSync(`src/locales/${language}.json`, 'utf8')) as Record<string, string>;
    expect(Object.entries(other).filter(([key, text]) => odd.test(text) && !key.startsWith('welcome.'))).toEqual([]);
  });

  it('speaks another language, with its plurals, numbers and units', async () => {
    const say = async (language: Language) => {
      await i18n.use(language);
      return [t('job.layers', { n: 1 }), t('job.layers', { n: 3 }), decimal(1.5), bytes(2.5e9), percentText(1, 4).replace(/\s/, ' '), document.documentElement.lang];
    };
    expect(await say('de')).toEqual(['1 Schicht', '3 Schichten', '1,5', '2,5 GB', '25 %', 'de']);
    expect(await say('fr')).toEqual(['1 couche', '3 couches', '1,5', '2,5 Go', '25 %', 'fr']);
    expect(await say('ja')).toEqual(['1 レイヤー', '3 レイヤー', '1.5', '2.5 GB', '25%', 'ja']);
    expect(await say(PSEUDO)).toEqual([expect.stringMatching(/^\[1 ļåýér .*\]$/), expect.stringMatching(/^\[3 /), '1.5', '2.5 GB', '25%', 'en-XA']);
    expect(t('action.save')).toMatch(/^\[Šåvé .*\]$/);
    // The one asked for last is the one that is spoken.
    const first = i18n.use('es');
    expect([await i18n.use('en'), await first]).toEqual([true, false]);
    expect(t('action.save')).toBe('Save');
  });

  it('counts', () => {
    expect(t('job.layers', { n: 1 })).toBe('1 layer');
    expect(t('job.layers', { n: 3 })).toBe('3 layers');
    expect(t('amount.tokens', { n: 1200, text: '1,200' })).toBe('1,200 tokens');
  });

  it('takes the first language of the browser that there is', () => {
    expect(match(['xx', 'en-GB'])).toBe('en');
    expect(match([])).toBe('en');
    expect([match(['pt', 'fr-CA', 'en']), match(['zh-CN']), match(['de-AT'])]).toEqual(['fr', 'zh', 'de']);
    expect(i18n.language).toBe('en');
  });

  it('is the only place with texts', () => {
    // Words between tags, and labels as plain attributes; names of programs and things of the trade stay as they are.
    const plain = /^(?:[^A-Za-z]*|Atelier|Aa|Esc|Del|Enter|F2|F6|Shift|llama3\.2|gpt-4o|openai\/gpt-5\*|https:\/\/)$/;
    const wrong: string[] = [];
    for (const [file, text] of files.filter(([f]) => f.endsWith('.svelte') && !f.startsWith('gallery/'))) {
      const markup = text.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->/g, '');
      const seen = [
        ...[...markup.matchAll(/>([^<>{}]*[A-Za-z]{2}[^<>{}]*)</g)].map((m) => m[1]!.trim()),
        ...[...markup.matchAll(/\b(?:aria-label|title|label|text|placeholder|hint|alt)="([^"{]+)"/g)].map((m) => m[1]!),
      ];
      for (const words of seen) if (!plain.test(words) && !/^[^\n]*=>|[;=&|]/.test(words)) wrong.push(`${file}: ${words}`);
    }
    expect(wrong).toEqual([]);
  });
});
