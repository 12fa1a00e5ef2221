import { getMessage } from '$core/api/conversations';
import type { Message } from '$core/api/types';
import { notices } from '$design/notices.svelte';
import type { App } from './app.svelte';
import { Followed } from './followed.svelte';
import type { Shown } from './history';

/** One of the answers that a chat compares, beside the one that its branch ends with. */
export class Rival extends Followed {
  /** null: it is not here yet. */
  message = $state.raw<Shown | null>(null);

  constructor(
    app: Pick<App, 'live'>,
    readonly id: string,
    message: Shown | null,
  ) {
    super(app);
    this.message = message;
  }

  override get last(): Shown | undefined {
    return this.message ?? undefined;
  }

  get busy(): boolean {
    return this.message?.state === 'running';
  }

  attach(): void {
    this.attached = true;
    if (this.message) this.follow();
    else void this.reload();
  }

  protected override put(message: Message): void {
    this.message = message;
  }

  async reload(): Promise<void> {
    try {
      const message = await getMessage(this.id);
      // `done` was seen, and the stored message is a moment behind it.
      if (message.state === 'running' && this.message?.turn_id === message.turn_id && !this.busy && this.message) return;
      this.message = message;
      this.follow();
    } catch (e) {
      notices.error(e);
    }
  }
}
