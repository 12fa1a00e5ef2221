import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../src/core/api/types';

const message = (n: number) => ({ id: `m${n}`, conversation_id: 'c', siblings: [`m${n}`], role: n % 2 ? 'assistant' : 'user', content: `${n}`, parts: [], state: 'complete' }) as unknown as Message;
let stored: Message[] = [];

vi.mock('../src/core/api/conversations', () => ({
  listMessages: async (_: string, before?: string | null, limit = 40) => {
    const end = before ? stored.findIndex((m) => m.id === before) : stored.length;
    const from = Math.max(0, end - limit);
    return { items: stored.slice(from, end), next: from > 0 ? stored[from]!.id : null };
  },
  getConversation: async () => ({ id: 'c', updated_at: '' }),
}));
vi.mock('../src/core/api/turns', () => ({
  startTurn: async () => {
    const n = stored.length;
    stored.push(message(n), message(n + 1));
    return { conversation_id: 'c', turn_id: `t${n}`, message_id: `m${n + 1}`, user_message_id: `m${n}` };
  },
  cancelTurn: async () => {},
}));

const { Chat } = await import('../src/state/chat.svelte');
const put = (place: () => void) => place();

describe('a long chat', () => {
  beforeEach(() => (stored = Array.from({ length: 200 }, (_, i) => message(i))));

  it('lets go of what stands far above when it goes on, and finds it again', async () => {
    const chat = new Chat('c');
    await chat.reload();
    while (chat.older) await chat.loadOlder(put);
    expect(chat.messages.map((m) => m.id)).toEqual(stored.map((m) => m.id));
    await chat.send('more', null, null, () => {});
    await chat.reload();
    expect(chat.messages.length).toBeLessThan(100);
    expect(chat.messages.at(-1)!.id).toBe('m201');
    while (chat.older) await chat.loadOlder(put);
    expect(chat.messages.map((m) => m.id)).toEqual(stored.map((m) => m.id));
  });

  it('does not grow by its own going on', async () => {
    const chat = new Chat('c');
    await chat.reload();
    for (let i = 0; i < 100; i++) {
      await chat.send(`again ${i}`, null, null, () => {});
      await chat.reload();
    }
    expect(chat.messages.length).toBeLessThan(100);
  });
});
