import type { BulkChange, Conversation, Folder } from '$core/api/types';
import { composing } from '$core/keys';
import { t, type Key } from '$core/i18n/i18n.svelte';
import type { IconName } from '$design/components/Icon.svelte';
import type { MenuItem } from '$design/components/Menu.svelte';
import { notices } from '$design/notices.svelte';
import type { App } from '$state/app.svelte';
import { router } from '$state/route.svelte';

/** What is dragged from the list: the id of a chat. */
export const DRAGGED = 'application/x-atelier-chat';

export type Action = BulkChange['action'];

/** What is asked in a dialog before something happens. */
export type Asked =
  | { what: 'move' | 'tags' | 'purge'; ids: readonly string[] }
  /** All that is in the bin. */
  | { what: 'empty' }
  | { what: 'folder'; folder: Folder | null; /** Which are put into a new one. */ ids?: readonly string[] };

type Extra = Pick<BulkChange, 'folder_id' | 'tag'>;

/** What is said when it is done, and what takes it back for those who were otherwise before. */
const deeds: Record<Action, { said: Key; undo?: Action; was?: (c: Conversation, extra: Extra) => boolean }> = {
  pin: { said: 'done.pin', undo: 'unpin', was: (c) => c.pinned },
  unpin: { said: 'done.unpin', undo: 'pin', was: (c) => !c.pinned },
  archive: { said: 'done.archive', undo: 'unarchive', was: (c) => c.archived },
  unarchive: { said: 'done.unarchive', undo: 'archive', was: (c) => !c.archived },
  move: { said: 'done.move' },
  tag: { said: 'done.tag', undo: 'untag', was: (c, { tag }) => c.tags.includes(tag!) },
  untag: { said: 'done.untag', undo: 'tag', was: (c, { tag }) => !c.tags.includes(tag!) },
  read: { said: 'done.read', undo: 'unread', was: (c) => !c.unread },
  unread: { said: 'done.unread', undo: 'read', was: (c) => c.unread },
  delete: { said: 'done.delete', undo: 'restore' },
  restore: { said: 'done.restore', undo: 'delete' },
  purge: { said: 'done.purge' },
};

/** What takes an action back. */
export function undoing(action: Action, extra: Extra, before: readonly Conversation[]): BulkChange[] {
  if (action === 'move') {
    const places = new Set(before.map((c) => c.folder_id ?? null));
    places.delete(extra.folder_id ?? null);
    return [...places].map((folder_id) => ({ ids: before.filter((c) => (c.folder_id ?? null) === folder_id).map((c) => c.id), action, folder_id }));
  }
  const { undo, was } = deeds[action];
  const ids = before.filter((c) => !was?.(c, extra)).map((c) => c.id);
  return undo && ids.length > 0 ? [{ ...extra, ids, action: undo }] : [];
}

interface Deed {
  label: Key;
  icon: IconName;
  /** The key that does it while a chat has the focus. */
  key: string;
  danger?: boolean;
  run: () => void;
}

/** What is being put in order: the dialog that is open, and those that are chosen together. */
export class Organizer {
  asked = $state.raw<Asked | null>(null);
  /** null: one clicks on chats to open them. */
  chosen = $state.raw<ReadonlySet<string> | null>(null);
  /** Those that the server is asked to change. */
  under = $state.raw<ReadonlySet<string>>(new Set());
  /** Where a range begins. */
  private anchor: string | null = null;

  constructor(private readonly app: Pick<App, 'chats' | 'conversations' | 'folders'>) {}

  /** Chooses from one chat to another, in the order in which they are shown. */
  range(ids: readonly string[], to: string): void {
    const { current } = router;
    const from = ids.indexOf(this.anchor ?? (current.page === 'chat' ? current.id : ''));
    const at = ids.indexOf(to);
    const between = from < 0 ? [to] : ids.slice(Math.min(from, at), Math.max(from, at) + 1);
    this.chosen = new Set([...(this.chosen ?? []), ...between]);
    this.anchor = to;
  }

  toggle(id: string): void {
    const chosen = new Set(this.chosen ?? []);
    if (!chosen.delete(id)) chosen.add(id);
    this.chosen = chosen;
    this.anchor = id;
  }

  choose(ids: readonly string[]): void {
    this.chosen = new Set(ids);
    this.anchor = ids.at(-1) ?? null;
  }

  end(): void {
    this.chosen = this.anchor = null;
  }

  /** Does something with chats, says so, and offers to take it back. False: it could not be done, and why is told. */
  async act(ids: readonly string[], action: Action, extra: Extra = {}): Promise<boolean> {
    const { chats, conversations, folders } = this.app;
    const before = ids.map((id) => conversations.find(id)).filter((c) => c !== undefined);
    const goes = action === 'delete' || action === 'purge';
    const { current } = router;
    const open = goes && current.page === 'chat' && ids.includes(current.id) ? current.id : null;
    // It is left first: the change feed would take it for somebody else's doing.
    if (open) router.go('/', true);
    this.end();
    this.under = new Set([...this.under, ...ids]);
    try {
      const done = await conversations.changeMany({ ids: [...ids], action, ...extra });
      if (goes) done.forEach((id) => chats.forget(id));
      if (done.length === 0) return true;
      folders.touch();
      const back = undoing(action, extra, before.filter((c) => done.includes(c.id)));
      const undo = async () => {
        try {
          for (const change of back) await conversations.changeMany(change);
          folders.touch();
          if (open) router.go('/c/' + open);
        } catch (e) {
          notices.error(e);
        }
      };
      notices.show(t(deeds[action].said, { n: done.length }), 'info', back.length > 0 ? { label: t('action.undo'), run: () => void undo() } : undefined);
      return true;
    } catch (e) {
      if (open) router.go('/c/' + open, true);
      notices.error(e);
      return false;
    } finally {
      this.under = new Set([...this.under].filter((id) => !ids.includes(id)));
    }
  }

  /** What can be done with chats, in the menu and by a key; of several, what the first of them is decides. */
  deeds(some: readonly Conversation[]): Deed[] {
    const first = some[0];
    if (!first) return [];
    const ids = some.map((c) => c.id);
    const act = (action: Action) => () => void this.act(ids, action);
    const ask = (what: 'move' | 'tags' | 'purge') => () => (this.asked = { what, ids });
    if (first.deleted_at)
      return [
        { label: 'action.restore', icon: 'undo', key: 'R', run: act('restore') },
        { label: 'bin.purge', icon: 'trash', key: 'Delete', danger: true, run: ask('purge') },
      ];
    return [
      first.pinned ? { label: 'action.unpin', icon: 'pin', key: 'P', run: act('unpin') } : { label: 'action.pin', icon: 'pin', key: 'P', run: act('pin') },
      { label: 'list.move', icon: 'folder', key: 'M', run: ask('move') },
      { label: 'list.tags', icon: 'tag', key: 'T', run: ask('tags') },
      first.unread ? { label: 'list.markRead', icon: 'check', key: 'U', run: act('read') } : { label: 'list.markUnread', icon: 'unread', key: 'U', run: act('unread') },
      first.archived ? { label: 'action.unarchive', icon: 'archive', key: 'E', run: act('unarchive') } : { label: 'action.archive', icon: 'archive', key: 'E', run: act('archive') },
      { label: 'action.delete', icon: 'trash', key: 'Delete', danger: true, run: act('delete') },
    ];
  }

  /** The same as lines of a menu; `keys`: where they work. */
  items(some: readonly Conversation[], keys: boolean): MenuItem[] {
    return this.deeds(some).map(({ label, icon, key, danger, run }) => ({ label: t(label), icon, keys: keys ? [key === 'Delete' ? 'Del' : key] : undefined, danger, apart: danger, run }));
  }

  /** Whether a key that was pressed on chats does something with them. */
  key(event: KeyboardEvent, some: readonly Conversation[]): boolean {
    if (composing(event) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
    const deed = this.deeds(some).find((d) => d.key.toLowerCase() === event.key.toLowerCase());
    deed?.run();
    return !!deed;
  }
}
