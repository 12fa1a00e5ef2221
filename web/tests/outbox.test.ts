import { beforeEach, expect, it, vi } from 'vitest';
import { ApiError, unreachable } from '$core/api/errors';
import { hasArrived, Outbox, type Unsent } from '$state/outbox.svelte';

type Stored = { id: string; role: 'user' | 'assistant'; content: string };

/** The server: what it has, whether it can be reached, what it refuses. */
const server = { up: true, chats: {} as Record<string, Stored[]>, queues: {} as Record<string, { id: string; content: string }[]>, refuse: null as ApiError | null, running: new Set<string>(), lose: false, bodies: [] as object[] };

const reach = () => {
  if (!server.up) throw unreachable();
};

vi.mock('../src/core/api/conversations', () => ({
  createConversation: async (body: object) => {
    reach();
    server.bodies.push(body);
    const id = `chat${Object.keys(server.chats).length}`;
    server.chats[id] = [];
    return { id };
  },
  listMessages: async (id: string, { before }: { before?: string } = {}, limit = 10) => {
    reach();
    const all = server.chats[id];
    if (!all) throw new ApiError(404, 'not_found', 'There is no such conversation.');
    const end = before ? all.findIndex((m) => m.id === before) : all.length;
    const from = Math.max(0, end - limit);
    return { items: all.slice(from, end), next: from > 0 ? all[from]!.id : null };
  },
}));
vi.mock('../src/core/api/queue', () => ({
  listQueue: async (id: string) => {
    reach();
    return server.queues[id] ?? [];
  },
  queueTurn: async (id: string, body: { content: string }) => {
    reach();
    server.bodies.push(body);
    if (server.refuse) throw server.refuse;
    if (server.running.has(id)) (server.queues[id] ??= []).push({ id: `q${server.queues[id]?.length ?? 0}`, content: body.content });
    else {
      const chat = server.chats[id]!;
      chat.push({ id: `${id}-${chat.length}`, role: 'user', content: body.content }, { id: `${id}-${chat.length + 1}`, role: 'assistant', content: '' });
      server.running.add(id);
    }
    if (server.lose) throw unreachable();
    return {};
  },
}));

let outbox: Outbox;
const asked = (id: string) => server.chats[id]!.filter((m) => m.role === 'user').map((m) => m.content);
const write = (content: string, conversation: string | null = 'a', more: Partial<Unsent> = {}) =>
  outbox.add({ conversation, content, model: 'm', assistant: null, parameters: {}, ...more });
const waits = (id: string) => (server.queues[id] ?? []).map((q) => q.content);
const texts = () => outbox.items.map((i) => i.content);

beforeEach(() => {
  localStorage.clear();
  Object.assign(server, { up: true, chats: { a: [], b: [] }, queues: {}, refuse: null, running: new Set(), lose: false, bodies: [] });
  outbox = new Outbox();
  outbox.open('u');
});

it('keeps what is written while the server is away, over a reload, for the one who wrote it', async () => {
  server.up = false;
  write('one');
  write('two', null);
  await outbox.flush();
  expect(texts()).toEqual(['one', 'two']);
  const later = new Outbox();
  later.open('u');
  expect(later.items).toEqual(outbox.items);
  const other = new Outbox();
  other.open('v');
  expect(other.items).toEqual([]);
});

it('sends the messages of a chat in their order; the server has them wait for the answer before them', async () => {
  write('one');
  write('other', 'b');
  write('two');
  await outbox.flush();
  expect([asked('a'), waits('a'), asked('b'), texts()]).toEqual([['one'], ['two'], ['other'], []]);
});

it('makes one chat of all that was written in the new one', async () => {
  const made: [string, boolean][] = [];
  outbox.onsent = (id, is) => made.push([id, is]);
  write('one', null);
  write('two', null);
  await outbox.flush();
  expect(made).toEqual([['chat2', true], ['chat2', false]]);
  expect([asked('chat2'), waits('chat2')]).toEqual([['one'], ['two']]);
});

it('is asked as it would have been: how its chat was begun, and what its answer draws on', async () => {
  write('one', null, { instructions: 'Be brief.', history: true, drawn: { collection_ids: ['k'], tools: true } });
  await outbox.flush();
  expect(server.bodies).toMatchObject([{ instructions: 'Be brief.', history: true }, { content: 'one', collection_ids: ['k'], tools: true }]);
});

it('has the same words wait twice when they were written twice, and not a third time', async () => {
  server.running.add('a');
  write('yes');
  write('yes');
  server.lose = true;
  await outbox.flush();
  await outbox.flush();
  server.lose = false;
  await outbox.flush();
  expect([waits('a'), texts()]).toEqual([['yes', 'yes'], []]);
});

it('sends nothing twice whose answer got lost', async () => {
  write('one');
  server.lose = true;
  await outbox.flush();
  expect([asked('a'), texts()]).toEqual([['one'], ['one']]);
  server.lose = false;
  server.running.clear();
  await outbox.flush();
  expect([asked('a'), texts()]).toEqual([['one'], []]);
});

it('sends the same words again when they were said before', async () => {
  server.chats.a = [{ id: 'x', role: 'user', content: 'yes' }];
  write('yes', 'a', { before: 'x' });
  await outbox.flush();
  expect(asked('a')).toEqual(['yes', 'yes']);
});

it.each([12, 450])('sends nothing twice whose answer got lost when %i others came meanwhile from another device', async (n) => {
  const came = Array.from({ length: n }, (_, i): Stored => ({ id: `m${i}`, role: i % 2 ? 'assistant' : 'user', content: `${i}` }));
  server.chats.a = [{ id: 'x', role: 'assistant', content: 'Good.' }, { id: 'y', role: 'user', content: 'yes' }, ...came];
  write('yes', 'a', { before: 'x' });
  await outbox.flush();
  expect([asked('a').filter((c) => c === 'yes'), texts()]).toEqual([['yes'], []]);
  server.chats.b = [{ id: 'w', role: 'user', content: 'yes' }, { id: 'x', role: 'assistant', content: 'Good.' }, ...came];
  write('yes', 'b', { before: 'x' });
  await outbox.flush();
  expect([asked('b').filter((c) => c === 'yes'), texts()]).toEqual([['yes', 'yes'], []]);
});

it('asks about one that was tried when what it stood behind is not shown any more', async () => {
  // Another branch is shown now, and the same words stood above.
  server.chats.a = [{ id: 'w', role: 'user', content: 'yes' }, { id: 'v', role: 'assistant', content: 'Good.' }];
  write('yes', 'a', { before: 'x' });
  write('later', 'a');
  await outbox.flush();
  expect(outbox.items.map((i) => [i.content, i.problem])).toEqual([['yes', expect.stringContaining('nobody can tell')]]);
  expect(asked('a')).toEqual(['yes', 'later']);
  server.running.clear();
  outbox.retry(outbox.items[0]!.id);
  await outbox.flush();
  expect([asked('a'), texts()]).toEqual([['yes', 'later', 'yes'], []]);
});

it('knows one that waits although what it stood behind is not shown any more', async () => {
  server.queues.a = [{ id: 'q0', content: 'yes' }];
  write('yes', 'a', { before: 'x', alike: 0 });
  await outbox.flush();
  expect([asked('a'), waits('a'), texts()]).toEqual([[], ['yes'], []]);
});

it('says what the server has against a message, and goes on with the others', async () => {
  write('lost', 'gone');
  write('fine', 'b');
  await outbox.flush();
  expect(outbox.items.map((i) => [i.content, i.problem])).toEqual([['lost', 'There is no such conversation.']]);
  expect(asked('b')).toEqual(['fine']);
  await outbox.flush();
  expect(outbox.items).toHaveLength(1);
});

it('tries a refused message again when it was edited, and forgets one that was removed', async () => {
  server.refuse = new ApiError(413, 'context_too_long', 'Too long.');
  write('long');
  write('no');
  await outbox.flush();
  expect(outbox.items.map((i) => i.problem)).toEqual(['Too long.', 'Too long.']);
  server.refuse = null;
  outbox.remove(outbox.items[1]!.id);
  outbox.edit(outbox.items[0]!.id, 'short');
  await outbox.flush();
  expect([asked('a'), texts()]).toEqual([['short'], []]);
});

it.each([502, 503, 504])('waits when a proxy says %i', async (status) => {
  server.refuse = new ApiError(status, 'http', 'Bad gateway');
  write('one');
  await outbox.flush();
  expect(outbox.items[0]!.problem).toBe('');
});

it('reads no rubbish', () => {
  localStorage.setItem('atelier.unsent.u', '[{"id":1},null,"x",{"id":"a","content":"b"}]');
  const again = new Outbox();
  again.open('u');
  expect(again.items).toHaveLength(1);
});

it.each([
  ['a', 'x', false],
  ['b', 'x', true],
  ['c', 'x', false],
  ['a', '', true],
  ['b', 'y', false],
  ['a', 'gone', null],
])('%s behind %s: %o', (content, before, is) => {
  const chat: Stored[] = [{ id: 'w', role: 'user', content: 'a' }, { id: 'x', role: 'assistant', content: '' }, { id: 'y', role: 'user', content: 'b' }, { id: 'z', role: 'assistant', content: 'c' }];
  expect(hasArrived({ content, before }, chat, [])).toBe(is);
});
