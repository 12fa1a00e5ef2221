import { chatDocumentsPath, listChatDocuments } from '$core/api/documents';
import type { Document } from '$core/api/types';
import { withPage } from '$core/pages';
import { notices } from '$design/notices.svelte';
import type { Known, Senders } from './sending.svelte';

/** The files that were dropped into a chat: its questions are answered from them. */
export class Files {
  items = $state.raw<Document[]>([]);
  private asked = 0;
  private place: () => Promise<string> = async () => this.chat() ?? '';
  /** Brings them to the server; there is none before the first. */
  senders = $state.raw<Senders | null>(null);
  private coming = $state(0);

  constructor(
    private readonly chat: () => string | null,
    private readonly user: () => string,
  ) {}

  get sending() {
    return this.senders?.items ?? [];
  }

  /** What a page that is gone has not sent whole. */
  get left() {
    return this.senders?.left ?? [];
  }

  get shown(): boolean {
    return this.items.length + this.sending.length + this.left.length > 0;
  }

  /** A question would be answered without some of them: they are on their way, or not read yet. */
  get busy(): boolean {
    return this.coming > 0 || this.sending.some((i) => !i.problem) || this.items.some(unread);
  }

  /** Some of them will not be read, unless somebody does something about it. */
  get failed(): boolean {
    return this.left.length > 0 || this.sending.some((i) => i.problem) || this.items.some((d) => d.state === 'failed');
  }

  async load(): Promise<void> {
    const id = this.chat();
    const mine = ++this.asked;
    if (!id) return;
    try {
      const { items } = await listChatDocuments(id);
      if (mine === this.asked) this.items = items as Document[];
      this.senders?.back();
      // What brings files is loaded where some may have been left.
      if (!this.senders && globalThis.localStorage?.getItem('atelier.uploads.' + this.user())) await this.bringer();
    } catch {
      // The next change, or connection, looks again.
    }
  }

  /** `place` makes the conversation when there is none yet; it is asked once. */
  add(files: Iterable<File>, place: () => Promise<string>): void {
    let made: Promise<string> | null = null;
    this.place = () => (made ??= place().catch((e) => {
      made = null;
      throw e;
    }));
    const all = [...files];
    // What brings them comes with the first.
    this.coming++;
    void this.bringer().then((senders) => senders.add(all, 'refuse'), notices.error.bind(notices)).finally(() => this.coming--);
  }

  private async bringer(): Promise<Senders> {
    const { Known, Senders } = await import('./sending.svelte');
    const known = new Known();
    return (this.senders ??= new Senders(
      this.user(),
      async () => chatDocumentsPath(await this.place()),
      (made) => this.arrived(made, known),
      () => this.chat() && chatDocumentsPath(this.chat()!),
    ));
  }

  private arrived(made: Document, known: Known): void {
    known.note(made, this.items);
    if (this.senders?.idle) known.tell();
    this.items = withPage(this.items, [made]); // a look that began after it was made may have found it already
    void this.load();
  }
}

/** Nothing of it can be found yet, and that will change. */
export const unread = (d: Document) => !d.searchable && d.state !== 'failed' && d.state !== 'ready';
