import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { directionOf } from '$core/direction';
import { composing } from '$core/keys';
import { errorFrom, say } from '$core/api/errors';
import { fillOf, stageText, tokensOf, totalText } from '$core/turn/context';
import { countOf, optionsOf, textsOf } from '$core/turn/options';
import { forgetDrafts, LONG, readDraft, writeDraft } from '$state/storage';
import { picturesOf } from '$features/chat/pictures.svelte';
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
  const stage = (name: string, tokens: number, source: string | null = null) => ({ stage: name, source, tokens, messages: 1 });
  const context = (over: object) => ({ model: 'm', window: 1000, tokens: 180, exact: false, error_percent: 5, left_out: { messages: 0, tokens: 0 }, stages: [stage('instructions', 20, 'instance'), stage('instructions', 10, 'memories'), stage('history', 100), stage('question', 50)], ...over });
  it('is what the server counts of it', () => {
    expect(fillOf(context({}))).toEqual({ window: 1000, used: 180, percent: 18, over: false });
    expect(fillOf(context({ tokens: 2000 }))).toEqual({ window: 1000, used: 2000, percent: 100, over: true });
    expect(fillOf(context({ tokens: 999 }))).toMatchObject({ percent: 100, over: false });
  });
  it('is not told where the window is not known', () => expect(fillOf(context({ window: null }))).toBeNull());
  it('says how sure that is', () => {
    expect(totalText(context({}))).toBe('About 180 tokens (±5%)');
    expect(totalText(context({ error_percent: null }))).toBe('About 180 tokens');
    expect(totalText(context({ exact: true }))).toBe('180 tokens, counted by the provider');
  });
  it('is told by stages, those that nobody knows yet by their own names', () => {
    expect(tokensOf(context({}), 'instructions')).toBe(30);
    expect([stage('history', 1), stage('instructions', 1, 'folder'), stage('passages', 1)].map(stageText)).toEqual(['History', 'Instructions of the folder', 'passages']);
  });
});

describe('a question that is too long', () => {
  const refused = (error: object) => say(errorFrom(new Response(null, { status: 413 }), { error: { code: 'context_too_long', message: 'Too long.', ...error } }));
  it('is refused with the figures, and with what to do', () => {
    expect(refused({ asked: 12_000, limit: 8192 })).toMatch(/about 12,000 tokens, and the model takes 8,192. Shorten/);
    expect(refused({})).toBe('Too long.');
  });
});

describe('a long draft', () => {
  const kept = () => localStorage.getItem('atelier.draft.u.c');
  const long = 'x'.repeat(LONG + 1);
  beforeEach(() => {
    localStorage.clear();
    vi.useFakeTimers();
  });
  afterEach(() => vi.useRealTimers());
  it('is written when one rests, a short one at once', () => {
    writeDraft('u', 'c', 'short');
    expect(kept()).toBe('short');
    writeDraft('u', 'c', long);
    writeDraft('u', 'c', long + 'y');
    expect(kept()).toBe('short');
    vi.runAllTimers();
    expect(kept()).toBe(long + 'y');
    writeDraft('u', 'c', '');
    expect(kept()).toBeNull();
  });
  it('is lost neither by leaving, nor by another one, nor read too early', () => {
    writeDraft('u', 'c', long);
    dispatchEvent(new Event('pagehide'));
    expect(kept()).toBe(long);
    writeDraft('u', 'c', long + 'a');
    writeDraft('u', null, 'other');
    expect(kept()).toBe(long + 'a');
    writeDraft('u', 'c', long + 'b');
    expect(readDraft('u', 'c')).toBe(long + 'b');
    writeDraft('u', 'c', long);
    forgetDrafts();
    vi.runAllTimers();
    expect(kept()).toBeNull();
  });
  it.each([['12: abc', 'ltr'], ['12: שלום', 'rtl'], ['«مرحبا» abc', 'rtl'], ['漢字', 'ltr'], ['12', 'ltr'], ['', 'ltr']])('runs as its first letter: %s', (text, way) => expect(directionOf(text)).toBe(way));
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

it('takes drawings and scans for documents, which browsers cannot hand on as pictures', () => {
  const given = [['a.png', 'image/png'], ['b.svg', 'image/svg+xml'], ['c.tif', 'image/tiff'], ['d.heic', ''], ['e.txt', 'text/plain']] as const;
  expect(picturesOf(given.map(([name, type]) => new File(['x'], name, { type }))).map((f) => f.name)).toEqual(['a.png', 'd.heic']);
});
