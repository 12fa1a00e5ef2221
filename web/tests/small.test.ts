import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sources } from './sources';
import { bootstrap } from '$core/api/bootstrap';
import type { Part } from '$core/api/types';
import { hearTime } from '$core/clock';
import { ago, bytes, dayGroup, seconds } from '$core/format';
import { findQuote } from '$core/markdown/quote';
import { passwordProblem, userNameProblem } from '$core/rules';
import { mergeLatest, optimistic, type Shown } from '$state/history';
import { canGoOn, endNotice } from '$core/turn/ends';
import { noticeText } from '$core/turn/words';
import { parseRoute, pathOfFragment } from '$core/route';
import { canChat } from '$core/words';

it.each([
  [{ code: 'context', count: 12, tokens: 3400 }, 'The 12 oldest messages are left out: about 3,400 tokens.'],
  [{ code: 'context', count: 2 }, 'The oldest 2 messages could not be summarized, and were left out.'],
  [{ code: 'summary', count: 1 }, 'The oldest message is given to the model as a summary.'],
  [{ code: 'summary' }, 'The oldest 4 messages, in words of the server.'],
  [{ code: 'fallback', count: 3 }, 'The oldest 4 messages, in words of the server.'],
])('a notice %o in words of the page: %s', (notice, words) =>
  expect(noticeText({ text: 'The oldest 4 messages, in words of the server.', ...notice })).toBe(words));

describe('how an answer ended', () => {
  const ended = (content: string, finish_reason: string | null, ...parts: Part[]) =>
    ({ state: 'complete', content, parts, finish_reason }) as const;
  const thought: Part = { type: 'reasoning', text: 'hm' };
  const call: Part = { type: 'tool_call', id: 'a', name: 'f', arguments: '{}', result: null, failed: false };
  it.each([
    [ended('x', 'stop'), '', false],
    [ended('x', null), '', false],
    [ended('x', 'length'), 'token limit and is incomplete', true],
    [ended('', 'length', thought), 'before it began', true],
    [ended('x', 'content_filter'), 'filter', false],
    [ended('', 'stop', thought), 'reasoned but gave no answer', true],
    [ended('', 'stop'), 'empty answer', true],
    [ended('x', 'odd_word'), 'odd_word', false],
  ])('%o', (message, notice, open) => {
    expect(endNotice(message)).toContain(notice);
    expect(endNotice(message) === '').toBe(notice === '');
    expect(canGoOn(message)).toBe(open);
  });
  it('says nothing of calls of tools without a text', () => expect(endNotice(ended('', 'tool_calls', call))).toBe(''));
});

describe('routes', () => {
  it.each([
    ['/', { page: 'new' }],
    ['/c/abc', { page: 'chat', id: 'abc' }],
    ['/c', { page: 'unknown' }],
    ['/setup#A%20B', { page: 'setup', code: 'A B' }],
    ['/setup', { page: 'setup', code: '' }],
    ['/login', { page: 'login' }],
    ['/password#T/ben', { page: 'password', token: 'T', name: 'ben' }],
    ['/password#T', { page: 'password', token: 'T', name: '' }],
    ['/password/x', { page: 'unknown' }],
    ['/settings', { page: 'settings', section: null }],
    ['/settings/providers', { page: 'settings', section: 'providers' }],
    ['/settings/providers/x', { page: 'unknown' }],
    ['/settings/assistants', { page: 'assistants' }],
    ['/prompts', { page: 'prompts' }],
    ['/prompts/x', { page: 'unknown' }],
    ['/manual', { page: 'manual', slug: null, anchor: null }],
    ['/manual/models#pull', { page: 'manual', slug: 'models', anchor: 'pull' }],
    ['/%E0%A4', { page: 'unknown' }],
  ])('%s', (address, route) => expect(parseRoute(address)).toEqual(route));

  it.each([
    ['#/', '/'],
    ['#/c/abc', '/c/abc'],
    ['#/setup/A%20B', '/setup#A%20B'],
    ['#/manual/models/pull', '/manual/models#pull'],
    ['#pull', null],
    ['', null],
  ])('knows the address %s of before', (hash, path) => expect(pathOfFragment(hash)).toBe(path));
});

describe('format', () => {
  const now = new Date(2026, 5, 15, 12);
  const at = (day: number, hour = 12) => new Date(2026, 5, day, hour).toISOString();
  it('groups by calendar day', () => {
    expect([at(15, 0), at(14, 23), at(8), at(7)].map((t) => dayGroup(t, now))).toEqual([
      'Today', 'Yesterday', 'Previous 7 days', 'Older',
    ]);
  });
  it('says how long ago', () => {
    expect([at(15, 12), at(15, 9), at(13)].map((t) => ago(t, now.getTime()))).toEqual(['now', '3 h', '2 d']);
  });
  it('says sizes and times', () => {
    expect([bytes(2.02e9), bytes(40e9), bytes(12)]).toEqual(['2.0 GB', '40 GB', '12 B']);
    expect([seconds(7), seconds(420), seconds(12_400)]).toEqual(['7 ms', '0.4 s', '12 s']);
  });
});

describe('a browser whose clock is wrong', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    hearTime(null);
  });
  it('tells ages by the clock of the server', async () => {
    for (const off of [-86_400_000, 86_400_000]) {
      const now = new Date(Date.now() + off);
      vi.stubGlobal('fetch', () => Promise.resolve(new Response('{}', { headers: { Date: now.toUTCString() } })));
      await bootstrap();
      expect([ago(now.toISOString()), dayGroup(now.toISOString())]).toEqual([ago(new Date().toISOString(), Date.now()), 'Today']);
    }
  });
});

describe('rules', () => {
  it('are the server’s', () => {
    expect(['', 'a b', 'a'.repeat(65)].every((n) => userNameProblem(n) !== '')).toBe(true);
    expect(userNameProblem('Ada.L_1-2@x')).toBe('');
    // Letters they are, too: the words must say which ones.
    expect(userNameProblem('Müller')).toContain('a–z');
    expect([passwordProblem('1234567'), passwordProblem('a'.repeat(1025))].every((p) => p !== '')).toBe(true);
    expect(passwordProblem('äääää')).toBe(''); // 10 bytes
  });
});

describe('history', () => {
  const [question, answer] = optimistic('c', 'q', 'm', null);
  const made = (id: string, over: Partial<Shown> = {}): Shown => ({ ...question, key: undefined, id, ...over });

  it('keeps older messages that the newest page joins, and the keys of what is drawn', () => {
    const have = [made('1'), made('2', { key: 'k' }), made('3')];
    const { messages, replaced } = mergeLatest(have, [made('2'), made('3'), made('4')]);
    expect(messages.map((m) => m.id)).toEqual(['1', '2', '3', '4']);
    expect(messages[1]!.key).toBe('k');
    expect(replaced).toBe(false);
  });

  it('begins anew when messages are missing in between', () => {
    expect(mergeLatest([made('1')], [made('5'), made('6')])).toMatchObject({ replaced: true, messages: [{ id: '5' }, { id: '6' }] });
  });

  it('does not go back to running once the end was seen', () => {
    const ended: Shown = { ...answer, id: 'a', turn_id: 't', content: 'all', state: 'complete' };
    const late = { ...ended, content: '', state: 'running' as const };
    expect(mergeLatest([ended], [late]).messages[0]).toBe(ended);
    expect(mergeLatest([ended], [{ ...late, turn_id: 'u' }]).messages[0]!.state).toBe('running');
  });
});

describe('findQuote', () => {
  const page = () => {
    const root = document.createElement('div');
    root.innerHTML =
      '<h2 id="a">First</h2><p>Set the <code>PORT</code> here.</p><h2 id="b">Second</h2><p>Set the <em>PORT</em> here, too.</p>';
    return root;
  };
  it('marks the passage behind its heading, across elements', () => {
    const root = page();
    const mark = findQuote(root, 'Set the `PORT` here', 'b')!;
    expect(mark.closest('p')!.textContent).toBe('Set the PORT here, too.');
    expect([...root.querySelectorAll('mark')].map((m) => m.textContent)).toEqual(['Set the', 'PORT', 'here']);
  });
  it('finds it elsewhere when the heading is not there', () => {
    expect(findQuote(page(), 'Set the PORT', 'none')).not.toBeNull();
  });
  it('compares words as people read them, however their letters are composed', () => {
    const root = document.createElement('div');
    root.innerHTML = '<p>Die Straße führt zum Cafe\u0301 ﬁnal.</p>';
    expect(findQuote(root, 'STRASSE fu\u0308hrt zum CAFÉ final', null)).not.toBeNull();
  });
  it('says when it is not there', () => {
    expect(findQuote(page(), 'something else altogether', null)).toBeNull();
  });
});

describe('searches', () => {
  const files = sources(/\.(ts|svelte)$/);
  it('fold letters in one way', () => expect(files.filter(([, text]) => text.includes('toLocaleLowerCase')).map(([f]) => f)).toEqual([]));
});

describe('what a model is for', () => {
  const can = (id: string, capabilities: string[] = []) => canChat({ id, capabilities });
  it('is told by its server, else by its name', () => {
    expect(['gpt-4o', 'llama3.2:1b', 'claude-3-5-sonnet', 'gemma3n:e4b', 'team'].filter((id) => !can(id))).toEqual([]);
    expect(['text-embedding-3-small', 'all-minilm', 'multilingual-e5-small', 'whisper-1', 'gpt-4o-transcribe', 'tts-1', 'gpt-4o-mini-tts', 'dall-e-3', 'omni-moderation-latest'].filter((id) => can(id))).toEqual([]);
    expect([can('embedded-helper', ['completion']), can('x', ['embedding']), can('x', ['embedding', 'completion'])]).toEqual([true, false, true]);
  });

  it('is told by the same words as on the server', () => {
    const lists = [...readFileSync('../src/provider/catalogue.c', 'utf8').matchAll(/static const char \*const (?:embedders|others)\[\] = \{([^}]*)\}/g)];
    const words = lists.flatMap((list) => [...list[1]!.matchAll(/"([^"]+)"/g)].map((m) => m[1]!));
    expect(words).toContain('dall-e');
    expect(readFileSync('src/core/words.ts', 'utf8')).toContain(`= /${words.join('|')}/i;`);
  });
});
