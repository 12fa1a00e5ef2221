import type { App } from './app.svelte';
import { Chat } from './chat.svelte';
import { layout } from './layout.svelte';
import { router } from './route.svelte';

const KEEP = 8;

/** The chats opened lately, so that going back to one shows it at once. One of them is on the screen. */
export class Chats {
  current: Chat;
  private kept: Chat[] = [];

  constructor(private readonly app: App) {
    this.current = $state.raw(new Chat(app, null));
  }

  open(id: string | null): Chat {
    if (this.current.id === id && id !== null) return this.current;
    this.current.leave();
    const known = id === null ? undefined : this.kept.find((c) => c.id === id);
    this.current = known ?? new Chat(this.app, id);
    this.kept = [this.current, ...this.kept.filter((c) => c !== this.current && c.id !== null)].slice(0, KEEP);
    return this.current;
  }

  /** Goes to a message of a chat, in its branch; null: to where one was. */
  goTo(id: string, message: string | null): void {
    const chat = this.open(id);
    if (message) void chat.seek(message);
    router.go('/c/' + id);
  }

  /** A new chat; from one that is temporary, too. */
  begin(): void {
    if (router.address !== '/') return router.go('/');
    if (this.current.temporary || this.current.messages.length > 0) this.open(null);
    layout.focusComposer();
  }

  /** The new chat that is open shall be temporary, or no longer. `draft`: what is written in it. */
  async setTemporary(on: boolean, draft: string): Promise<void> {
    const { current } = this;
    const next = on ? new (await import('./temporary.svelte')).TemporaryChat(this.app, draft) : new Chat(this.app, null);
    if (this.current !== current || current.id !== null || current.messages.length > 0) return;
    await next.setOptions(current.options, current.whenFull, current.instructions, current.history);
    this.current = next;
  }

  /** Whether an answer was followed here, but not to its end: its stream may have gone on for a while, and nobody saw that. */
  left(id: string, turn: string | undefined, waits: boolean): boolean {
    return this.kept.some((c) => c.id === id && c.followed === turn && !c.saw(turn, waits));
  }

  sawEnd(id: string, turn: string | undefined, waits: boolean): boolean {
    return this.kept.some((c) => c.id === id && c.saw(turn, waits));
  }

  forget(id: string): void {
    this.kept = this.kept.filter((c) => c.id !== id);
  }
}
