import {
  changeConversation,
  deleteConversation,
  getConversation,
  listConversations,
  restoreConversation,
} from '$core/api/conversations';
import { ApiError } from '$core/api/errors';
import type { Conversation, ConversationPage } from '$core/api/types';
import { notices } from '$design/notices.svelte';

/** No more than so many are read anew at once. */
const FAR = 500;

/** The list in the sidebar: newest first, by pages, with search. */
class Conversations {
  items = $state.raw<Conversation[]>([]);
  query = $state('');
  loading = $state(false);
  loaded = $state(false);
  next = $state<string | null>(null);
  /** Whose answer ended while nobody looked at it. */
  unread = $state.raw<ReadonlySet<string>>(new Set());
  /** Those opened by their address and not in the list (yet). */
  private others = $state.raw<Record<string, Conversation>>({});
  /** What the items were found by. */
  private read = '';
  private request: AbortController | null = null;
  private changed = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  find(id: string | null): Conversation | undefined {
    if (id === null) return undefined;
    return this.items.find((c) => c.id === id) ?? this.others[id];
  }

  /** The first page, as it came with the page itself. */
  begin(page: ConversationPage): void {
    this.items = page.items;
    this.next = page.next ?? null;
    this.loaded = true;
  }

  /** Reads the list anew, as far down as it was read: who stands in it keeps their place. */
  async load(): Promise<void> {
    this.request?.abort();
    const request = (this.request = new AbortController());
    this.loading = true;
    const { query } = this;
    const wanted = query === this.read ? Math.min(this.items.length, FAR) : 0;
    try {
      let page = await listConversations(query, null, request.signal);
      let { items } = page;
      while (page.next && items.length < wanted) {
        page = await listConversations(query, page.next, request.signal);
        const known = new Set(items.map((c) => c.id));
        items = [...items, ...page.items.filter((c) => !known.has(c.id))];
      }
      this.begin({ items, next: page.next });
      this.read = query;
    } catch (e) {
      if (!request.signal.aborted) notices.error(e);
    } finally {
      if (this.request === request) this.loading = false;
    }
  }

  async more(): Promise<void> {
    if (!this.next || this.loading) return;
    this.loading = true;
    const query = this.query;
    try {
      const page = await listConversations(query, this.next);
      if (query !== this.query) return;
      const known = new Set(this.items.map((c) => c.id));
      this.items = [...this.items, ...page.items.filter((c) => !known.has(c.id))];
      this.next = page.next ?? null;
    } catch (e) {
      notices.error(e);
    } finally {
      this.loading = false;
    }
  }

  search(query: string): void {
    if (query === this.query) return;
    this.query = query;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(), query ? 200 : 0);
  }

  /** Puts a conversation in its place. While a search is shown, only what is in it changes. */
  put(conversation: Conversation): void {
    const rest = this.items.filter((c) => c.id !== conversation.id);
    if (this.query && rest.length === this.items.length) {
      this.others = { ...this.others, [conversation.id]: conversation };
      return;
    }
    const at = rest.findIndex((c) => c.updated_at <= conversation.updated_at);
    this.items = at < 0 ? [...rest, conversation] : [...rest.slice(0, at), conversation, ...rest.slice(at)];
  }

  drop(id: string): void {
    this.items = this.items.filter((c) => c.id !== id);
    const { [id]: _, ...others } = this.others;
    this.others = others;
  }

  /** The conversation of an address; null when there is none. */
  async ensure(id: string): Promise<Conversation | null> {
    const known = this.find(id);
    if (known) return known;
    try {
      const conversation = await getConversation(id);
      this.others = { ...this.others, [id]: conversation };
      return conversation;
    } catch (e) {
      if (e instanceof ApiError && (e.status === 404 || e.status === 400)) return null;
      throw e;
    }
  }

  /** A change was announced: looks again at what changed, a burst of announcements at once. */
  touch(id: string): void {
    if (this.changed.size === 0) setTimeout(() => void this.flush(), 80);
    this.changed.add(id);
  }

  private async flush(): Promise<void> {
    const ids = [...this.changed];
    this.changed.clear();
    if (ids.length > 5) return this.load();
    for (const id of ids) {
      try {
        this.put(await getConversation(id));
      } catch (e) {
        if (e instanceof ApiError && e.status === 404) this.drop(id);
      }
    }
  }

  async change(id: string, fields: { title?: string; model?: string }): Promise<void> {
    const before = this.find(id);
    if (before) this.put({ ...before, ...fields });
    try {
      this.put(await changeConversation(id, fields));
    } catch (e) {
      if (before) this.put(before);
      notices.error(e);
    }
  }

  /** Takes it out of sight; `restore` brings it back until `purge` has removed it for good. */
  async remove(id: string): Promise<boolean> {
    try {
      await deleteConversation(id, false);
    } catch (e) {
      if (!(e instanceof ApiError && e.status === 404)) {
        notices.error(e);
        return false;
      }
    }
    this.drop(id);
    return true;
  }

  async restore(id: string): Promise<boolean> {
    try {
      this.put(await restoreConversation(id));
      return true;
    } catch (e) {
      notices.error(e);
      return false;
    }
  }

  /** Nobody waits for it, and one that is not there any more is no error. */
  purge(id: string): void {
    void deleteConversation(id, true).catch(() => {});
  }

  /** An answer ended: unless it is looked at, it is marked until it is. */
  markUnread(id: string): void {
    this.unread = new Set([...this.unread, id]);
  }

  markRead(id: string): void {
    if (this.unread.has(id)) this.unread = new Set([...this.unread].filter((u) => u !== id));
  }

  clear(): void {
    this.unread = new Set();
    this.items = [];
    this.others = {};
    this.query = this.read = '';
    this.loaded = false;
    this.next = null;
  }
}

export const conversations = new Conversations();
