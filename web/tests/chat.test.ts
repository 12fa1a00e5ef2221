import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../src/core/api/types';

const message = (n: number) => ({ id: `m${n}`, conversation_id: 'c', siblings: [`m${n}`], role: n % 2 ? 'assistant' : 'user', content: `${n}`, parts: [], state: 'complete' }) as unknown as Message;
let stored: Message[] = [];
let refused = false;

vi.mock('../src/core/api/conversations', () => ({
  listMessages: async (_: string, { before, after }: { before?: string; after?: string } = {}, limit = 20) => {
    const at = (id: string) => stored.findIndex((m) => m.id === id);
    const end = before ? at(before) : after ? Math.min(stored.length, at(after) + 1 + limit) : stored.length;
    const from = after ? at(after) + 1 : Math.max(0, end - limit);
    return { items: stored.slice(from, end), next: from > 0 ? stored[from]!.id : null, newer: end < stored.length ? stored[end - 1]!.id : null };
  },
  getConversation: async () => ({ id: 'c', updated_at: '' }),
}));
vi.mock('../src/core/api/turns', () => ({
  startTurn: async () => {
    if (refused) throw new Error('refused');
    const n = stored.length;
    stored.push(message(n), message(n + 1));
    return { conversation_id: 'c', turn_id: `t${n}`, message_id: `m${n + 1}`, user_message_id: `m${n}` };
  },
  cancelTurn: async () => {},
}));

const { App } = await import('../src/state/app.svelte');
const { Chat } = await import('../src/state/chat.svelte');
const { forgetDrafts } = await import('../src/state/storage');
const { TemporaryChat } = await import('../src/state/temporary.svelte');
const put = (place: () => void) => place();

describe('a long chat', () => {
  beforeEach(() => (stored = Array.from({ length: 200 }, (_, i) => message(i))));

  const ids = (list: readonly { id: string }[]) => list.map((m) => m.id);

  it('has no more on the page than one can look at, and all of it can be found, upwards and downwards', async () => {
    const chat = new Chat(new App('u'), 'c');
    await chat.reload();
    const met = new Set(ids(chat.messages));
    let most = 0;
    const meet = () => {
      most = Math.max(most, chat.messages.length);
      for (const id of ids(chat.messages)) met.add(id);
      const first = stored.findIndex((m) => m.id === chat.messages[0]!.id);
      expect(ids(chat.messages)).toEqual(ids(stored.slice(first, first + chat.messages.length)));
    };
    for (; chat.older; meet()) await chat.loadOlder(put);
    expect([met.size, chat.messages[0]!.id, chat.newer]).toEqual([200, 'm0', 'm99']);
    for (; chat.newer; meet()) await chat.loadNewer(put);
    expect([most, chat.messages.at(-1)!.id, chat.older]).toEqual([100, 'm199', 'm100']);
  });

  it('goes on at its end, wherever one reads', async () => {
    const chat = new Chat(new App('u'), 'c');
    await chat.reload();
    while (chat.older) await chat.loadOlder(put);
    await chat.send('more', null, null, () => {});
    await chat.reload();
    expect([chat.messages.at(-1)!.id, chat.newer]).toEqual(['m201', null]);
    expect(chat.messages.length).toBeLessThan(100);
  });

  it('does not grow by its own going on', async () => {
    const chat = new Chat(new App('u'), 'c');
    await chat.reload();
    for (let i = 0; i < 100; i++) {
      await chat.send(`again ${i}`, null, null, () => {});
      await chat.reload();
    }
    expect(chat.messages.length).toBeLessThan(100);
  });
});

describe('what this page sent', () => {
  beforeEach(() => {
    stored = [message(0), message(1)];
    refused = false;
  });

  it('is to be shown by its list, however late that comes', async () => {
    const chat = new Chat(new App('u'), 'c');
    await chat.reload();
    expect(chat.sent).toBe(null);
    await chat.send('a question', null, null, () => {});
    expect([chat.sending, chat.sent]).toEqual([false, 'anew']);
    await chat.regenerate(chat.last!, null);
    expect(chat.sent).toBe('anew');
  });

  it('is not, when it is taken back, and when it was sent elsewhere', async () => {
    const chat = new Chat(new App('u'), 'c');
    await chat.reload();
    refused = true;
    await expect(chat.send('a question', null, null, () => {})).rejects.toThrow('refused');
    expect(chat.sent).toBe(null);
    stored.push(message(2), message(3));
    await chat.reload();
    expect([chat.last!.id, chat.sent]).toEqual(['m3', null]);
  });

  it('goes on where an answer ended', async () => {
    const chat = new Chat(new App('u'), 'c');
    await chat.reload();
    await chat.goOn(null);
    expect(chat.sent).toBe('more');
  });
});

describe('a question that is being changed', () => {
  beforeEach(() => {
    stored = [message(0), message(1)];
    refused = false;
    localStorage.clear();
  });
  const again = () => new Chat(new App('u'), 'c');

  it('is there when the page is loaded anew, until the server has it, and for nobody else', async () => {
    const chat = again();
    await chat.reload();
    chat.edits.set('m0', 'with more thought');
    expect(again().edits.get('m0')).toBe('with more thought');
    expect(new Chat(new App('v'), 'c').edits.get('m0')).toBeUndefined();
    refused = true;
    expect(await chat.edit(chat.messages[0]!, 'with more thought', null)).toBe(false);
    expect(again().edits.get('m0')).toBe('with more thought');
    refused = false;
    expect(await chat.edit(chat.messages[0]!, 'with more thought', null)).toBe(true);
    expect(again().edits.get('m0')).toBeUndefined();
  });

  it('leaves with who signs out, and is not kept of a temporary chat', async () => {
    again().edits.set('m0', 'mine');
    forgetDrafts();
    expect(again().edits.get('m0')).toBeUndefined();
    const chat = new TemporaryChat(new App('u'), '');
    chat.edits.set('m0', 'of this page alone');
    expect(chat.edits.get('m0')).toBe('of this page alone');
    expect(JSON.stringify(localStorage)).not.toContain('of this page alone');
  });
});
