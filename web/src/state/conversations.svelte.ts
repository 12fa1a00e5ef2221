import { changeConversation, changeConversations, getConversation, listConversations, type ListFilter } from '$core/api/conversations';
import { ApiError } from '$core/api/errors';
import type { BulkChange, Conversation, ConversationFields, ConversationPage } from '$core/api/types';
import { withPage } from '$core/pages';
import { notices } from '$design/notices.svelte';

/** No more than so many are read anew at once. */
const FAR = 500;
/** Nor are more kept at the top. */
const PINNED = 200;

/** What the list in the sidebar is of: a folder, a tag, what is put away or in the bin; nothing: all the others. */
export type View = Omit<ListFilter, 'q' | 'pinned'>;

const newestFirst = (items: readonly Conversation[], one: Conversation): Conversation[] => {
  const at = items.findIndex((c) => c.updated_at <= one.updated_at);
  return at < 0 ? [...items, one] : [...items.slice(0, at), one, ...items.slice(at)];
};
const without = (items: readonly Conversation[], id: string) => items.filter((c) => c.id !== id);

/** The list in the sidebar: newest first, by pages, with search. */
export class Conversations {
  items = $state.raw<Conversation[]>([]);
  /** Those at the top of the whole list, which the pages below have once more. */
  pinned = $state.raw<Conversation[]>([]);
  query = $state('');
  view = $state.raw<View>({});
  loading = $state(false);
  loaded = $state(false);
  next = $state<string | null>(null);
  /** Those opened by their address and not in the list (yet). */
  private others = $state.raw<Record<string, Conversation>>({});
  /** What the items were found by. */
  private read: ListFilter = {};
  private request: AbortController | null = null;
  private changed = new Set<string>();
  /** Whose end was shown here, even if the answer was too quick for the server to know. */
  private seen = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  find(id: string | null): Conversation | undefined {
    if (id === null) return undefined;
    return this.items.find((c) => c.id === id) ?? this.pinned.find((c) => c.id === id) ?? this.others[id];
  }

  /** The whole list is shown, with what is pinned above the rest. */
  get whole(): boolean {
    return !this.query && Object.keys(this.view).length === 0;
  }

  /** How many have an answer that nobody has seen, as far as the list was read. */
  get unread(): number {
    return new Set([...this.items, ...this.pinned, ...Object.values(this.others)].filter((c) => c.unread).map((c) => c.id)).size;
  }

  private get filter(): ListFilter {
    return this.query ? { ...this.view, q: this.query } : this.view;
  }

  /** The first page, and those that are pinned, as they came with the page itself. */
  begin(page: ConversationPage, pinned = this.pinned): void {
    this.pinned = pinned;
    this.items = page.items;
    this.next = page.next ?? null;
    this.loaded = true;
  }

  async loadPinned(signal?: AbortSignal): Promise<void> {
    this.pinned = (await listConversations({ pinned: true }, null, signal, PINNED)).items;
  }

  /** Reads the list anew, as far down as it was read: who stands in it keeps their place. */
  async load(): Promise<void> {
    this.request?.abort();
    const request = (this.request = new AbortController());
    this.loading = true;
    const { filter } = this;
    const wanted = JSON.stringify(filter) === JSON.stringify(this.read) ? Math.min(this.items.length, FAR) : 0;
    try {
      let [page] = await Promise.all([listConversations(filter, null, request.signal), this.whole ? this.loadPinned(request.signal) : null]);
      let { items } = page;
      while (page.next && items.length < wanted) {
        page = await listConversations(filter, page.next, request.signal);
        items = withPage(items, page.items);
      }
      this.begin({ items, next: page.next });
      this.read = filter;
    } catch (e) {
      if (!request.signal.aborted) notices.error(e);
    } finally {
      if (this.request === request) this.loading = false;
    }
  }

  async more(): Promise<void> {
    if (!this.next || this.loading) return;
    this.loading = true;
    const { filter } = this;
    try {
      const page = await listConversations(filter, this.next);
      if (JSON.stringify(filter) !== JSON.stringify(this.filter)) return;
      this.items = withPage(this.items, page.items);
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

  /** Reads what is searched for at once, for who does not wait; whether that is what the list shows now. */
  async hurry(): Promise<boolean> {
    clearTimeout(this.timer);
    const wanted = JSON.stringify(this.filter);
    if (wanted !== JSON.stringify(this.read)) await this.load();
    return wanted === JSON.stringify(this.read) && wanted === JSON.stringify(this.filter);
  }

  show(view: View): void {
    this.view = view;
    this.query = '';
    clearTimeout(this.timer);
    void this.load();
  }

  /** Whether the list that is shown is of such ones. What is searched for, or is read while one looks, stays as it is. */
  private fits(c: Conversation): boolean {
    const { state, folder_id, tag, unread } = this.view;
    const shelf = c.deleted_at ? 'deleted' : c.archived ? 'archived' : undefined;
    const known = this.items.some((i) => i.id === c.id);
    if (shelf !== state || (this.query && !known)) return false;
    return (!folder_id || c.folder_id === folder_id) && (!tag || c.tags.includes(tag)) && (!unread || c.unread || known);
  }

  /** Puts a conversation in its place. */
  put(conversation: Conversation): void {
    const { id } = conversation;
    const rest = without(this.items, id);
    const fits = this.fits(conversation);
    this.items = fits ? newestFirst(rest, conversation) : rest;
    const top = without(this.pinned, id);
    const isTop = conversation.pinned && !conversation.archived && !conversation.deleted_at;
    this.pinned = isTop ? newestFirst(top, conversation) : top;
    const { [id]: _, ...others } = this.others;
    this.others = fits ? others : { ...others, [id]: conversation };
  }

  drop(id: string): void {
    this.changed.delete(id);
    this.items = without(this.items, id);
    this.pinned = without(this.pinned, id);
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

  /** A change was announced: looks again at what changed, a burst of announcements at once. `seen`: it is the end of an answer that was shown. */
  touch(id: string, seen = false): void {
    if (seen) this.seen.add(id);
    if (this.changed.size === 0) setTimeout(() => void this.flush(), 80);
    this.changed.add(id);
  }

  /** The same for all of the list. */
  reload(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(), 80);
  }

  private async flush(): Promise<void> {
    const ids = [...this.changed];
    this.changed.clear();
    if (ids.length > 5) return this.load();
    for (const id of ids) {
      try {
        this.put(await getConversation(id));
        if (this.seen.delete(id)) this.markRead(id);
      } catch (e) {
        if (e instanceof ApiError && e.status === 404) this.drop(id);
      }
    }
  }

  /** Throws what went wrong, for who still has what was typed; then all is as before. */
  async set(id: string, fields: ConversationFields): Promise<void> {
    const before = this.find(id);
    if (before) this.put({ ...before, ...fields } as Conversation);
    try {
      this.put(await changeConversation(id, fields));
    } catch (e) {
      if (before) this.put(before);
      throw e;
    }
  }

  /** The same, where a press was all that is lost. */
  change = (id: string, fields: ConversationFields): Promise<void> => this.set(id, fields).catch((e) => notices.error(e));

  /** What is looked at is read. */
  markRead(id: string): void {
    if (this.find(id)?.unread) void this.change(id, { unread: false });
  }

  /** Changes many at once; the ids of those that it reached. Throws what went wrong. */
  async changeMany(change: BulkChange): Promise<string[]> {
    const { missing } = await changeConversations(change);
    const done = change.ids.filter((id) => !missing.includes(id));
    if (change.action === 'delete' || change.action === 'purge') done.forEach((id) => this.drop(id));
    await this.load();
    return done;
  }
}
