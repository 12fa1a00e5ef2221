import { ApiError, say } from '$core/api/errors';
import type { Document } from '$core/api/types';
import { bytes } from '$core/format';
import { t, type Key } from '$core/i18n/i18n.svelte';
import { notices } from '$design/notices.svelte';
import { explain, finish, forget, giveUp, isConflict, isTakenUp, isUnsent, GONE_MS, leftUploads, noteUnsent, sendDocument, tooLarge, type Kept, type OnConflict, type Outgoing } from '$core/upload';

export interface Sending extends Outgoing {
  key: number;
  sent: number;
  problem: string;
  /** Another file of its name is there: it waits for what the person says. */
  conflict: boolean;
  /** So it will be refused again. */
  final: boolean;
  /** The server could not be reached: it is sent when that can be. */
  away: boolean;
  stop: AbortController;
}

/** At most so many files are on their way at a time. */
const AT_ONCE = 3;

/** What is full, and what to do. */
const noRoom: Record<string, Key> = { quota_exceeded: 'documents.quotaFull', storage_full: 'documents.storageFull' };

/** What a file is called: with its folder, where it was in one. */
export const nameOf = (file: File): string => file.webkitRelativePath || file.name;
/** In a folder, what the system or a program keeps for itself. */
const isHidden = (name: string) => name.split('/').length > 1 && (name.split('/').some((part) => part.startsWith('.')) || /\/(thumbs\.db|desktop\.ini)$/i.test(name));
/** What is brought of what was chosen or dropped. */
export const wanted = (files: Iterable<File>): File[] => [...files].filter((file) => !isHidden(nameOf(file)));

/** Whether this is the rest of what was left: given again without saying what for, a new version is one still. */
const isRest = (k: Kept, { file, name, replaces }: Pick<Outgoing, 'file' | 'name' | 'replaces'>) => {
  const same = k.file === file.name && k.size === file.size && k.modified === file.lastModified;
  return same && ((k.replaces && !replaces) || (k.replaces === replaces && k.name === name));
};

const ending = (name: string) => /\.[^./]*$/.exec(name)?.[0].toLowerCase();

/** Of what was brought, what came to nothing new: told once, when all are sent. */
export class Known {
  unchanged = 0;
  private sames: string[] = [];

  note(made: Document, documents: readonly Document[]): void {
    const same = documents.find((d) => d.id === made.same_as);
    if (made.same_as === made.id) this.unchanged++;
    else if (same) this.sames.push(t('documents.same', { name: made.name, other: same.name }));
  }

  tell(): void {
    const { unchanged, sames } = this;
    if (unchanged > 0) notices.show(t('documents.unchanged', { n: unchanged }));
    if (sames.length > 0) notices.show(sames.length === 1 ? sames[0]! : t('documents.sameMany', { n: sames.length }));
    this.unchanged = 0;
    this.sames = [];
  }
}

/** Files on their way to where `path` says; a page that is left goes on sending them. */
export class Senders {
  items = $state<Sending[]>([]);
  /** Files that a page which is gone had sent in part, or not yet: only the person can give them again. */
  left = $state.raw<Kept[]>([]);
  private running = 0;
  private next = 0;

  constructor(
    private readonly user: string,
    private readonly path: () => string | Promise<string>,
    private readonly onsent: (made: Document) => void,
    /** Where it is known that something may have been left; null: nowhere yet. */
    private readonly place?: string | (() => string | null),
  ) {
    if (!place) return;
    const look = () => {
      const { where } = this;
      this.left = where ? leftUploads(user, where).filter((k) => !this.items.some((i) => i.kept?.id === k.id)) : [];
      void this.finishLeft();
    };
    look();
    setTimeout(look, GONE_MS + 1000);
  }

  private get where(): string | null {
    return (typeof this.place === 'function' ? this.place() : this.place) ?? null;
  }

  /** Of what was left, what the server has whole. */
  private async finishLeft(): Promise<void> {
    for (const kept of this.left.filter((k) => !isUnsent(k) && !k.why && k.sent >= k.size))
      try {
        const made = await finish(kept);
        if (made || kept.sent >= kept.size) this.left = this.left.filter((k) => k.id !== kept.id);
        if (made) this.onsent(made);
      } catch {
        // It stays in the list, and the person may give the file again.
      }
  }

  /** The server is there: what could not reach it is sent. */
  back(): void {
    for (const item of this.items) if (item.problem && item.away) this.retry(item);
  }

  private noted: Kept[] = [];
  /** Nothing is on the server of those whose turn has not come: the browser asks whether the page is to go, and they are noted if so, as is
   *  what was not taken. */
  private readonly ending = {
    beforeunload: (event: Event) => event.preventDefault(),
    pagehide: () => void (this.noted = this.where ? noteUnsent(this.where, this.items.filter((i) => !i.kept).map((i) => ({ ...i, why: i.final ? i.problem : undefined }))) : []),
    // A page that is back as it was goes on by itself.
    pageshow: () => this.noted.splice(0).forEach(forget),
    online: () => this.back(),
  };

  /** Only while it is needed: a page that asks is not kept to come back to. */
  private mind(): void {
    const going = this.items.some((i) => !i.problem);
    for (const [name, listen] of Object.entries(this.ending)) {
      if (name === 'beforeunload' ? going : this.items.length > 0) globalThis.addEventListener?.(name, listen);
      else globalThis.removeEventListener?.(name, listen);
    }
  }

  /** What was cut off as its page went may have come whole. */
  arrived(documents: readonly Document[]): void {
    const came = this.left.filter((k) => isUnsent(k) && documents.some((d) => d.name === k.name && d.size === k.size));
    came.forEach(forget);
    if (came.length > 0) this.left = this.left.filter((k) => !came.includes(k));
  }

  /** It is not to be sent any more. */
  forget(kept: Kept): void {
    void giveUp(kept);
    this.left = this.left.filter((k) => k.id !== kept.id);
  }

  /** `onConflict`: where another file of a name is; "refuse" leaves it to `answer`. */
  add(files: Iterable<File>, onConflict?: OnConflict): void {
    for (const file of wanted(files)) this.push({ file, name: nameOf(file), onConflict });
    this.go();
  }

  /** Others than what is there under their names, as is known without sending them. */
  hold(files: Iterable<File>): void {
    for (const file of files) this.push({ file, name: nameOf(file) }).conflict = true;
    this.go();
  }

  /** Those whose names others have. */
  get conflicts(): Sending[] {
    return this.items.filter((i) => i.conflict);
  }
  /** Nothing is on its way, and nothing waits for its turn. */
  get idle(): boolean {
    return this.items.every((i) => i.problem || i.conflict);
  }

  /** What becomes of all of them; null: what is there stays as it is, and they are not brought. What has been sent is not sent again. */
  answer(choice: 'add' | 'replace' | null): void {
    for (const item of this.conflicts) {
      if (!choice) this.drop(item);
      item.conflict = false;
      item.onConflict = choice ?? undefined;
      if (choice) this.retry(item);
    }
  }

  /** The file is a new version of the document, and keeps its name unless it is of another kind. */
  replace({ id, name }: Document, file: File): void {
    this.push({ file, name: ending(name) === ending(file.name) ? name : file.name, replaces: id });
    this.go();
  }

  private push(what: Omit<Outgoing, 'user'>): Sending {
    const { user } = this;
    const rest = this.left.find((k) => isRest(k, what));
    this.left = this.left.filter((k) => k !== rest);
    if (rest && isUnsent(rest)) forget(rest);
    const { name, replaces } = rest ?? what;
    // Refused for good, and given again: told once.
    this.items = this.items.filter((i) => !i.final || i.name !== name);
    const { file, onConflict } = what;
    this.items.push({ user, file, name, replaces, onConflict, key: this.next++, sent: 0, problem: '', conflict: false, final: false, away: false, stop: new AbortController() });
    return this.items.at(-1)!;
  }

  retry(item: Sending): void {
    item.problem = '';
    item.away = false;
    item.sent = 0;
    item.stop = new AbortController();
    this.go();
  }

  drop(item: Sending): void {
    item.stop.abort();
    // One that has failed has no request any more that ends by this; and it may have been chosen again.
    if ((item.problem || item.conflict) && item.kept && !isTakenUp(item.kept)) void giveUp(item.kept);
    this.items = this.items.filter((i) => i.key !== item.key);
    this.mind();
  }

  private readonly started = new Set<AbortController>();

  private go(): void {
    this.mind();
    for (const item of this.items) {
      if (this.running >= AT_ONCE) return;
      if (!item.problem && !item.conflict && !this.started.has(item.stop)) void this.send(item);
    }
  }

  private refused(item: Sending, e: unknown): void {
    const limit = tooLarge(e);
    const full = e instanceof ApiError ? noRoom[e.code] : undefined;
    item.final = limit !== null;
    item.away = e instanceof ApiError && e.unreachable;
    item.problem = full ? t(full) : limit === null ? say(e) : limit > 0 ? t('documents.tooLargeOf', { limit: bytes(limit) }) : t('documents.tooLarge');
    if (item.final && item.kept) explain(item.kept, item.problem);
  }

  private async send(item: Sending): Promise<void> {
    const { stop } = item;
    if (item.file.size === 0) {
      item.problem = t('documents.failedEmpty');
      item.final = true;
      return this.mind();
    }
    this.started.add(stop);
    this.running++;
    try {
      const made = await sendDocument(await this.path(), item, stop.signal, (n) => (item.sent = n));
      this.items = this.items.filter((i) => i.key !== item.key);
      this.onsent(made);
    } catch (e) {
      if (stop.signal.aborted) return;
      if (isConflict(e)) item.conflict = true;
      else this.refused(item, e);
    } finally {
      this.running--;
      this.go();
    }
  }
}
