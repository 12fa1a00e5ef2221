import { readdirSync, readFileSync } from 'node:fs';
import { parse, TYPE, type MessageFormatElement } from '@formatjs/icu-messageformat-parser';
import { describe, expect, it } from 'vitest';
import { i18n, match, t } from '$core/i18n/i18n.svelte';

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
const takes = (text: string) => [...argumentsOf(parse(text))].sort();

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((f) => /\.(ts|svelte)$/.test(f) && !f.endsWith('schema.d.ts'))
  .map((f) => [f, readFileSync('src/' + f, 'utf8')] as const);

describe('the catalogue of texts', () => {
  it('is sorted', () => expect(Object.keys(raw)).toEqual(Object.keys(raw).sort()));

  it('has no text that nothing uses', () => {
    const all = sources.map(([, text]) => text).join('\n');
    expect(Object.keys(raw).filter((key) => !all.includes(`'${key}'`))).toEqual([]);
  });

  it('gets the arguments that its messages take', () => {
    const wrong: string[] = [];
    for (const [file, text] of sources)
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

  it('counts', () => {
    expect(t('job.layers', { n: 1 })).toBe('1 layer');
    expect(t('job.layers', { n: 3 })).toBe('3 layers');
    expect(t('amount.tokens', { n: 1200, text: '1,200' })).toBe('1,200 tokens');
  });

  it('takes the first language of the browser that there is', () => {
    expect(match(['xx', 'en-GB'])).toBe('en');
    expect(match([])).toBe('en');
    expect(i18n.language).toBe('en');
  });

  it('is the only place with texts', () => {
    // Words between tags, and labels as plain attributes; names of programs and things of the trade stay as they are.
    const plain = /^(?:[^A-Za-z]*|Atelier|Aa|Esc|Del|Enter|F2|F6|Shift|llama3\.2|gpt-4o|openai\/gpt-5\*|https:\/\/)$/;
    const wrong: string[] = [];
    for (const [file, text] of sources.filter(([f]) => f.endsWith('.svelte') && !f.startsWith('gallery/'))) {
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
