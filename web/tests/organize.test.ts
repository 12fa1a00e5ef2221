import { describe, expect, it, vi } from 'vitest';
import type { Conversation } from '$core/api/types';
import { App } from '$state/app.svelte';
import { Organizer, undoing } from '$features/chat/organize.svelte';

const chat = (id: string, over: Partial<Conversation> = {}): Conversation => ({
  id, title: id, message_count: 0, tokens_in: 0, tokens_out: 0, pinned: false, archived: false, unread: false, tags: [],
  instructions: '', parameters: {}, context: 'refuse', running_turn_ids: [], waiting: false, history: false,
  created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z', ...over,
});

describe('what takes a change of many chats back', () => {
  it('reaches only those that it changed', () => {
    const before = [chat('a', { pinned: true, tags: ['x'] }), chat('b')];
    expect(undoing('pin', {}, before)).toEqual([{ ids: ['b'], action: 'unpin' }]);
    expect(undoing('tag', { tag: 'x' }, before)).toEqual([{ ids: ['b'], action: 'untag', tag: 'x' }]);
    expect(undoing('untag', { tag: 'x' }, before)).toEqual([{ ids: ['a'], action: 'tag', tag: 'x' }]);
    expect(undoing('unpin', {}, [before[1]!])).toEqual([]);
  });

  it('puts each back into its own folder', () => {
    const before = [chat('a', { folder_id: '1' }), chat('b'), chat('c', { folder_id: '1' }), chat('d', { folder_id: '2' })];
    expect(undoing('move', { folder_id: '2' }, before)).toEqual([
      { ids: ['a', 'c'], action: 'move', folder_id: '1' },
      { ids: ['b'], action: 'move', folder_id: null },
    ]);
    expect(undoing('move', { folder_id: null }, before).flatMap((c) => c.ids)).toEqual(['a', 'c', 'd']);
  });

  it('restores what was deleted, and nothing that is gone for good', () => {
    expect(undoing('delete', {}, [chat('a')])).toEqual([{ ids: ['a'], action: 'restore' }]);
    expect(undoing('purge', {}, [chat('a')])).toEqual([]);
  });
});

const organizer = new Organizer(new App('u'));

describe('what takes its time', () => {
  it('is shown on the rows until the server has answered, also that it failed', async () => {
    let answer = () => {};
    vi.stubGlobal('fetch', () => new Promise((_, fail) => (answer = () => fail(new Error('away')))));
    const done = organizer.act(['a', 'b'], 'pin');
    await vi.waitFor(() => expect([...organizer.under]).toEqual(['a', 'b']));
    await vi.waitFor(() => (answer(), expect([...organizer.under]).toEqual([])));
    await done;
    vi.unstubAllGlobals();
  });
});

describe('what is offered for chats', () => {
  it('has a key of its own for each', () => {
    for (const some of [[chat('a')], [chat('a', { deleted_at: '2026-01-01T00:00:00Z' })]]) {
      const keys = organizer.deeds(some).map((d) => d.key);
      expect(new Set(keys).size).toBe(keys.length);
      // F2 and x are the row's own.
      expect(keys).not.toContain('X');
    }
    expect(organizer.deeds([])).toEqual([]);
  });
});
