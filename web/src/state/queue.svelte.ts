import { changeQueued, listQueue, removeQueued, sendQueued } from '$core/api/queue';
import type { Queued } from '$core/api/types';
import { notices } from '$design/notices.svelte';

/** What a chat is to be asked when its answer is complete. The server keeps it, for all windows and over reloads. */
export class Queue {
  items = $state.raw<Queued[]>([]);
  private asked = 0;

  /** `changed`: the chat itself may be another now. */
  constructor(
    private readonly chat: () => string | null,
    private readonly changed: () => Promise<void>,
  ) {}

  async load(): Promise<void> {
    const id = this.chat();
    const mine = ++this.asked;
    if (!id) return;
    try {
      const items = await listQueue(id);
      if (mine === this.asked) this.items = items;
    } catch {
      // The next change, or connection, looks again.
    }
  }

  edit = (id: string, content: string) => this.attempt(changeQueued(id, content));
  remove = (id: string) => this.attempt(removeQueued(id));

  async send(id: string): Promise<void> {
    await this.attempt(sendQueued(id));
    await this.changed();
  }

  /** Whether it was done; else why not is told. */
  private async attempt(done: Promise<unknown>): Promise<boolean> {
    const ok = await done.then(
      () => true,
      (e) => (notices.error(e), false),
    );
    await this.load();
    return ok;
  }
}
