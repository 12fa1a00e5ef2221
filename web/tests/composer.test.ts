import { describe, expect, it } from 'vitest';
import { composing } from '$core/keys';
import { fillOf } from '$core/turn/context';
import { countOf, optionsOf, textsOf } from '$core/turn/options';
import { sources } from './sources';

const files = sources(/\.(svelte|ts)$/);

/** Some of what the server says of them. */
const table = [
  { name: 'temperature', type: 'number', min: 0, max: 2 },
  { name: 'top_p', type: 'number', min: 0, max: 1 },
  { name: 'top_k', type: 'integer', min: 1, max: 1000 },
  { name: 'max_tokens', type: 'integer', min: 1, max: 1_000_000 },
  { name: 'seed', type: 'integer', min: 0, max: 2_147_483_647 },
  { name: 'stop', type: 'strings' },
  { name: 'keep_alive', type: 'string' },
  { name: 'schema', type: 'json' },
] as const;
const texts = (over: Record<string, string>) => ({ ...textsOf(table, {}), ...over });

describe('options of an answer', () => {
  it('are what is typed, a comma for a point too', () => {
    expect(optionsOf(table, texts({ temperature: ' 0,7', top_p: '1', top_k: '40', max_tokens: '100', seed: '0', stop: 'END\n\n\\n\\n' }))).toEqual({
      options: { temperature: 0.7, top_p: 1, top_k: 40, max_tokens: 100, seed: 0, stop: ['END', '\n\n'] },
      wrong: [],
    });
  });
  it.each([
    ['temperature', '2.1'], ['temperature', 'warm'], ['temperature', '1e0'], ['top_p', '-0.1'], ['top_k', '0'], ['top_k', '1.5'],
    ['max_tokens', '0'], ['seed', '2147483648'], ['seed', '-1'], ['schema', '[1]'], ['schema', '{'], ['stop', 'x\n'.repeat(9)], ['stop', 'x'.repeat(201)],
  ] as const)('refuse %s: %s', (field, text) => expect(optionsOf(table, texts({ [field]: text })).wrong).toEqual([field]));
  it('come back as they were typed', () => {
    const options = { temperature: 0, stop: ['a\nb', 'c'], seed: 7, keep_alive: '5m', schema: { type: 'object' } };
    expect(optionsOf(table, textsOf(table, options)).options).toEqual(options);
    expect(countOf({ ...options, effort: 'high' })).toBe(5);
    expect(countOf({})).toBe(0);
  });
});

describe('how full the window is', () => {
  const message = (role: string, over: object) => ({ role, state: 'complete', content: '', tokens_in: null, tokens_out: null, tokens_exact: true, ...over }) as never;
  const model = { kind: 'ollama' as const, context_length: 1000, context_loaded: 500 };
  it('is counted by the newest answer, and what came after it', () => {
    const all = [message('user', { content: 'x'.repeat(400) }), message('assistant', { tokens_in: 100, tokens_out: 50 })];
    expect(fillOf(all, '', model)).toEqual({ used: 150, window: 1000, percent: 15, about: false });
    expect(fillOf(all, 'y'.repeat(40), model)).toMatchObject({ used: 160, about: true });
    const running = [...all, message('user', { content: 'z'.repeat(400) }), message('assistant', { state: 'running' })];
    expect(fillOf(running, '', model)).toMatchObject({ used: 250, percent: 25 });
  });
  it('is guessed where nothing was counted, and ends at all of it', () => {
    expect(fillOf([message('user', { content: 'x'.repeat(40_000) })], '', model)).toMatchObject({ used: 10_000, percent: 100, about: true });
  });
  it('is what a model was loaded with, where that does not grow', () => {
    const asked = [message('user', { content: 'x'.repeat(400) })];
    expect(fillOf(asked, '', { ...model, kind: 'openai' })).toMatchObject({ window: 500, percent: 20 });
    expect(fillOf(asked, '', { kind: 'openai', context_length: 1000, context_loaded: null })).toMatchObject({ window: 1000 });
  });
  it('is not told where nothing is known', () => {
    expect(fillOf([message('user', {})], '', { context_length: null, context_loaded: null })).toBeNull();
    expect(fillOf([], 'x', model)).toBeNull();
    expect(fillOf([message('user', {})], '', undefined)).toBeNull();
  });
});

describe('keys', () => {
  it('belong to an input method while it composes', () => {
    const key = (over: object) => ({ isComposing: false, keyCode: 13, ...over }) as KeyboardEvent;
    expect(composing(key({}))).toBe(false);
    expect(composing(key({ isComposing: true }))).toBe(true);
    expect(composing(key({ keyCode: 229 }))).toBe(true);
  });
  it('are asked about it by everything that hears them', () => {
    const names = (found: typeof files) => found.map(([file]) => file);
    const hears = files.filter(([, text]) => /event\.key\b|\be\.key\b/.test(text));
    expect(hears.length).toBeGreaterThan(6);
    expect(names(hears.filter(([, text]) => !text.includes('composing(')))).toEqual([]);
    expect(names(files.filter(([file, text]) => file !== 'core/keys.ts' && /isComposing/.test(text)))).toEqual([]);
  });
});
