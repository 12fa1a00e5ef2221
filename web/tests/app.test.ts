import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bootstrap } from '$core/api/types';
import { beginTurn } from '$core/turn/reduce';
import { notices } from '$design/notices.svelte';
import { Organizer } from '$features/chat/organize.svelte';
import { App } from '$state/app.svelte';
import { layout } from '$state/layout.svelte';
import { router } from '$state/route.svelte';
import { readDraft, writeDraft } from '$state/storage';
import { sources } from './sources';

const page = <T>(...items: T[]) => ({ items, next: null });
/** What one person sees, made of their name, so that it is found wherever it stays. */
const first = (who: string) =>
  ({
    version: '1',
    conversations: page({ id: `${who}-chat`, title: `${who}-title`, tags: [], unread: true, updated_at: '2026-01-01T00:00:00Z' }),
    pinned: page(),
    folders: page({ id: `${who}-folder`, name: `${who}-name` }),
    assistants: page({ id: `${who}-assistant`, name: `${who}-helper` }),
    models: { items: [{ id: `${who}-model`, name: `${who}-model`, kind: 'chat' }], default: null, defaults: {}, providers: [], looking: false },
  }) as unknown as Bootstrap;

/** All that can be reached from something, as text: of state classes, too. */
function textOf(root: unknown): string {
  const seen = new Set<unknown>();
  const found: string[] = [];
  const visit = (value: unknown) => {
    if (typeof value === 'string') found.push(value);
    if (typeof value !== 'object' || value === null || seen.has(value) || value instanceof Node || value === window) return;
    seen.add(value);
    for (let o: object | null = value; o && o !== Object.prototype; o = Object.getPrototypeOf(o) as object | null)
      for (const [name, p] of Object.entries(Object.getOwnPropertyDescriptors(o))) {
        found.push(name);
        if ('value' in p) visit(p.value);
        else if (p.get && o !== HTMLElement.prototype) {
          try {
            visit(p.get.call(value));
          } catch {
            // A getter of another object.
          }
        }
      }
    if (value instanceof Map || value instanceof Set) for (const item of value) visit(item);
  };
  visit(root);
  return found.join('\n');
}

describe('who is signed in after another', () => {
  beforeEach(() => {
    localStorage.clear();
    vi.stubGlobal('fetch', async () => new Response('{}', { status: 503, headers: { 'Content-Type': 'application/json' } }));
  });
  afterEach(() => vi.unstubAllGlobals());

  it('finds nothing of theirs, in no store and in nothing that is left open', () => {
    const anna = new App('anna', first('anna'));
    const end = anna.begin();
    anna.models.choose('anna-model');
    anna.models.star('anna-model');
    anna.chats.current.setPlaces(['anna-collection']);
    anna.conversations.search('anna-words');
    anna.outbox.add({ conversation: null, content: 'anna-unsent', model: null, assistant: null, parameters: {} });
    anna.part(Organizer).choose(['anna-chat']);
    layout.assistant = 'anna-assistant';
    layout.search = 'anna-sought';
    notices.show('anna-notice', 'info', { label: 'Undo', run: () => {} });
    notices.speak('anna-answer');
    expect(textOf(anna)).toContain('anna-title');
    end();

    const ben = new App('ben', first('ben'));
    const endBen = ben.begin();
    ben.part(Organizer);
    expect(textOf([ben, layout, notices])).toContain('ben-title');
    expect(textOf([ben, layout, notices]).match(/anna[^\n]*/)).toBeNull();
    endBen();

    // And she finds her own again.
    const again = new App('anna', first('anna'));
    expect([again.models.chosen, again.models.starred, again.chats.current.places]).toEqual(['anna-model', ['anna-model'], ['anna-collection']]);
  });

  it('could not: what belongs to a person is made with their App alone', () => {
    // What is made once for the browser, and holds nothing of who uses it.
    const browser = ['clock', 'layout', 'preferences', 'presence', 'router', 'session', 'theme'];
    const made = sources(/\.ts$/)
      .filter(([file]) => /^(state|features|app)\//.test(file))
      .flatMap(([, text]) => [...text.matchAll(/^(?:export )?(?:const|let) (\w+)[^=\n]*= (?:new (?!URL)|\$state)/gm)].map((m) => m[1]!));
    expect(made.sort()).toEqual(browser);
  });
});

describe('a chat that is deleted elsewhere while somebody writes in it', () => {
  const drafts = () => [router.address, readDraft('anna', null), readDraft('anna', 'chat')];
  const settled = () => new Promise((resolve) => setTimeout(resolve));
  /** It is open at this address, and deleted while `handing` is on its way. */
  async function deleted(address: string, handing?: Promise<unknown>) {
    const app = new App('anna', first('anna'));
    writeDraft('anna', null, 'begun');
    writeDraft('anna', 'chat', 'half a question');
    router.go(address);
    const chat = app.chats.open('chat');
    if (handing) chat.handing = handing;
    (app as unknown as { changed: (c: unknown) => void }).changed({ kind: 'conversation', id: 'chat', what: 'deleted' });
    await settled();
  }

  it('leaves what was written to the new chat, below what is begun there', async () => {
    await deleted('/c/chat');
    expect(drafts()).toEqual(['/', 'begun\n\nhalf a question', '']);
  });

  it('leaves it there too where one stands elsewhere', async () => {
    await deleted('/settings/account');
    expect(drafts()).toEqual(['/settings/account', 'begun\n\nhalf a question', '']);
  });

  it('leaves nothing behind of what comes back when the person has signed out', async () => {
    const app = new App('anna', first('anna'));
    const end = app.begin();
    writeDraft('anna', 'chat', 'half a question');
    router.go('/c/chat');
    let answer = () => {};
    app.chats.open('chat').handing = new Promise<void>((resolve) => (answer = resolve));
    (app as unknown as { changed: (c: unknown) => void }).changed({ kind: 'conversation', id: 'chat', what: 'deleted' });
    end();
    writeDraft('anna', null, '');
    answer();
    await settled();
    expect(drafts().slice(0, 2)).toEqual(['/c/chat', '']);
  });

  it('takes nothing for a draft that is on its way, until it comes back', async () => {
    for (const left of ['', 'half a question']) {
      let answer = () => {};
      await deleted('/c/chat', new Promise<void>((resolve) => (answer = resolve)));
      expect(drafts()).toEqual(['/c/chat', 'begun', 'half a question']);
      writeDraft('anna', 'chat', left);
      answer();
      await settled();
      expect(drafts()).toEqual(['/', left ? 'begun\n\nhalf a question' : 'begun', '']);
    }
  });
});

describe('the first connection', () => {
  it('reads the queue again, of which something may have gone out before it, untold', () => {
    const app = new App('anna', first('anna'));
    const chat = app.chats.open('chat');
    const queue = vi.spyOn(chat.queue, 'load').mockResolvedValue();
    (app as unknown as { connected: (version: string) => void }).connected('1');
    expect(queue).toHaveBeenCalledOnce();
  });
});

describe('an answer that waits for a decision', () => {
  const change = (what: 'waiting' | 'ended') => ({ kind: 'turn', id: 'chat', turn_id: 'turn', what }) as const;

  it('is told of as such, and its end is told of again', () => {
    const app = new App('anna', first('anna'));
    const told = vi.spyOn(app.attention, 'ended').mockResolvedValue();
    vi.spyOn(app.conversations, 'touch').mockReturnValue();
    const hear = (what: 'waiting' | 'ended') => (app as unknown as { changed: (c: unknown) => void }).changed(change(what));
    hear('waiting');
    hear('ended');
    expect(told.mock.calls).toEqual([['chat', true], ['chat', false]]);

    // Whoever saw that it waits has not seen its end.
    const chat = app.chats.open('chat');
    app.chats.open(null);
    (chat as unknown as { finish: (view: unknown) => void }).finish({ ...beginTurn('turn', { id: 'm', parts: [] } as never), state: 'waiting' });
    told.mockClear();
    hear('waiting');
    hear('ended');
    expect(told.mock.calls).toEqual([['chat', false]]);
  });
});
