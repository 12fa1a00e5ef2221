import { Chat } from './chat.svelte';

const KEEP = 8;

/** The chats opened lately, so that going back to one shows it at once. One of them is on the screen. */
class Chats {
  current = $state.raw(new Chat(null));
  private kept: Chat[] = [];

  open(id: string | null): Chat {
    if (this.current.id === id && id !== null) return this.current;
    this.current.detach();
    const known = id === null ? undefined : this.kept.find((c) => c.id === id);
    this.current = known ?? new Chat(id);
    this.kept = [this.current, ...this.kept.filter((c) => c !== this.current && c.id !== null)].slice(0, KEEP);
    return this.current;
  }

  /** Whether an answer was followed here, but not to its end: its stream may have gone on for a while, and nobody saw that. */
  left(id: string, turn: string | undefined): boolean {
    return this.kept.some((c) => c.id === id && c.followed === turn && c.ended !== turn);
  }

  sawEnd(id: string, turn: string | undefined): boolean {
    return this.kept.some((c) => c.id === id && c.ended === turn);
  }

  forget(id: string): void {
    this.kept = this.kept.filter((c) => c.id !== id);
  }

  clear(): void {
    this.current.detach();
    this.current = new Chat(null);
    this.kept = [];
  }
}

export const chats = new Chats();
