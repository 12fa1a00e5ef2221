import { listPrompts } from '$core/api/prompts';
import type { Prompt } from '$core/api/types';

/** The prompts that the person has, own and shared, by name; asked for when they are first wanted. */
export class Prompts {
  items = $state.raw<Prompt[]>([]);
  loaded = $state(false);
  private asked: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  async load(): Promise<void> {
    this.items = await listPrompts();
    this.loaded = true;
  }

  /** Looks once; after a failure, again the next time. */
  want(): void {
    this.asked ??= this.load().catch(() => void (this.asked = null));
  }

  /** One was changed somewhere: looks again, once for a burst, if they were looked at. */
  touch(): void {
    if (!this.asked && !this.loaded) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load().catch(() => {}), 200);
  }

  /** Those that may be sent. */
  get usable(): Prompt[] {
    return this.items.filter((p) => p.may !== 'read' && p.kind === 'text');
  }
}
