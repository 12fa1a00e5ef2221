import { createContext } from 'svelte';
import { base, unauthorized } from '$core/api/client';
import type { Bootstrap, Change } from '$core/api/types';
import { t } from '$core/i18n/i18n.svelte';
import { Live } from '$core/live/live';
import type { Stale } from '$core/live/messages';
import { connect } from '$core/live/wires';
import { notices } from '$design/notices.svelte';
import { Assistants } from './assistants.svelte';
import { Attention } from './attention.svelte';
import { Chats } from './chats.svelte';
import { Collections } from './collections.svelte';
import { Conversations } from './conversations.svelte';
import { Currency } from './currency.svelte';
import { Feed } from './feed';
import { Folders } from './folders.svelte';
import { layout } from './layout.svelte';
import { Models } from './models.svelte';
import { Outbox } from './outbox.svelte';
import { presence } from './presence.svelte';
import { Prompts } from './prompts.svelte';
import { router } from './route.svelte';
import { rescueDraft } from './storage';

/** What a feature keeps for the person who is signed in; `end` is called when they are not any more. */
type Part = object & { end?(): void };

/**
 * All that the page knows of the one person who is signed in: what was read from the server, and the live connection that
 * keeps it right. It is made at sign-in and let go with it, so that the next person begins with nothing of it. What belongs to
 * the browser (theme, language, layout, address, connection) is not here.
 */
export class App {
  readonly feed = new Feed();
  readonly conversations = new Conversations();
  readonly folders = new Folders();
  readonly assistants = new Assistants();
  readonly prompts = new Prompts();
  readonly collections = new Collections();
  readonly currency = new Currency();
  readonly outbox = new Outbox();
  readonly models: Models;
  readonly live: Live;
  /** Whoever it was for has signed out, and leaves nothing behind. */
  private over = false;
  readonly chats: Chats;
  readonly attention: Attention;
  private readonly parts = new Map<new (app: App) => Part, Part>();
  private greeted = false;

  /** `first`: the lists that came with the answer of who is signed in. */
  constructor(
    readonly user: string,
    private readonly first: Bootstrap | null = null,
  ) {
    this.models = new Models(user);
    this.live = new Live((hear) => connect(user, base, hear));
    this.chats = new Chats(this);
    this.attention = new Attention(this.conversations);
    if (first?.conversations) this.conversations.begin(first.conversations, first.pinned?.items);
    if (first?.folders) this.folders.begin(first.folders.items);
    if (first?.assistants) this.assistants.begin(first.assistants.items);
    if (first?.models) this.models.begin(first.models);
    layout.version = first?.version ?? '';
  }

  /** What a feature keeps, made when it is first asked for. */
  part<T extends Part>(kind: new (app: App) => T): T {
    let part = this.parts.get(kind) as T | undefined;
    if (!part) this.parts.set(kind, (part = new kind(this)));
    return part;
  }

  /** Reads what did not come along, and begins to listen. Ends with the function that it returns. */
  begin(): () => void {
    const { conversations, folders, assistants, models, outbox, chats } = this;
    if (!this.first?.conversations) {
      void conversations.load();
      void folders.load().catch(() => {});
      void assistants.load().catch(() => {});
    }
    if (!this.first?.models) void models.load();
    outbox.onsent = (id, made) => {
      conversations.touch(id);
      const { current } = chats;
      if (current.id === id) void current.reload();
      else if (made && current.id === null && router.current.page === 'new') router.go('/c/' + id, true);
    };
    const close = outbox.open(this.user);
    // Those that came along need not be asked for at once.
    let told = !this.first?.models;
    const forget = this.feed.fresh(['models', 'grants'], async () => {
      if (told) await models.look();
      told = true;
    });
    return () => {
      this.over = true;
      forget();
      close();
      this.live.close();
      chats.current.leave();
      this.attention.show(0);
      for (const part of this.parts.values()) part.end?.();
      layout.close();
      notices.clear();
    };
  }

  listen(): void {
    this.live.open({
      hello: (version) => this.connected(version),
      lost: () => presence.connected(false),
      change: (change) => this.changed(change),
      stale: (kind) => this.stale(kind),
      unauthorized,
    });
  }

  private connected(version: string): void {
    presence.connected(true);
    void this.outbox.flush();
    if (layout.version && layout.version !== version)
      notices.show(t('page.updated'), 'info', { label: t('action.reload'), run: () => location.reload() });
    layout.version = version;
    // It was read before the connection, and changes by itself: questions go out while the page loads.
    void this.chats.current.queue.load();
    // Connected again: anything may have been missed.
    if (this.greeted) {
      void this.conversations.load();
      this.folders.touch();
      void this.chats.current.reload();
      for (const hear of this.feed.jobs) hear();
      this.feed.stale();
    } else if (this.models.missing) this.feed.stale('models');
    this.greeted = true;
  }

  private stale(kind: Stale): void {
    if (kind === 'grants') {
      this.assistants.touch();
      this.prompts.touch();
    }
    this.feed.stale(kind);
  }

  private changed(change: Change): void {
    const { current } = this.chats;
    const open = current.id === change.id;
    switch (change.kind) {
      case 'job':
        for (const hear of this.feed.jobs) hear(change);
        return;
      case 'assistant':
        return this.assistants.touch();
      case 'prompt':
        return this.prompts.touch();
      case 'collection':
        return; // Nothing shows them but their own page.
      case 'queue':
        return open ? void current.queue.load() : undefined;
      case 'conversation':
        if (this.folders.items.length > 0) this.folders.touch();
    }
    if (change.what === 'deleted') void this.gone(change.id, open);
    else this.touched(change, open);
  }

  private async gone(id: string, open: boolean): Promise<void> {
    const { conversations, chats } = this;
    const { current } = chats;
    conversations.drop(id);
    if (conversations.view.state === 'deleted') conversations.reload();
    chats.forget(id);
    if (!open) return;
    // What is on its way is no draft, unless it comes back.
    await current.handing;
    if (this.over) return;
    rescueDraft(this.user, id);
    if (chats.current !== current || router.current.page !== 'chat') return;
    router.go('/', true);
    notices.show(t('chat.deletedElsewhere'));
  }

  /** A chat, or an answer in it, is another now. */
  private touched(change: Change, open: boolean): void {
    const { chats, conversations } = this;
    const { page } = router.current;
    if (open && change.kind === 'turn') chats.current.heard(change.what, change.turn_id);
    const waits = change.what === 'waiting';
    const ended = change.kind === 'turn' && (waits || change.what === 'ended');
    const seen = (open && (page === 'chat' || page === 'new') && !document.hidden) || chats.sawEnd(change.id, change.turn_id, waits);
    conversations.touch(change.id, ended && seen);
    // What was not taken a moment ago may be taken now.
    if (ended) void this.outbox.flush();
    if (!ended || seen) return;
    if (chats.left(change.id, change.turn_id, waits)) void conversations.change(change.id, { unread: true });
    void this.attention.ended(change.id, waits);
  }
}

/** The App of the person who is signed in, for what stands within the shell. */
export const [useApp, setApp] = createContext<App>();
