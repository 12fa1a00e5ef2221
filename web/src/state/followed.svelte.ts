import { ApiError } from '$core/api/errors';
import { cancelTurn } from '$core/api/turns';
import type { Message } from '$core/api/types';
import { t } from '$core/i18n/i18n.svelte';
import { pace } from '$core/pace';
import { pause } from '$core/live/pause';
import type { NumberedEvent } from '$core/turn/events';
import { textOf } from '$core/turn/parts';
import { beginTurn, messageOf, partsOf, reduce, type TurnView } from '$core/turn/reduce';
import { notices } from '$design/notices.svelte';
import type { App } from './app.svelte';
import type { Shown } from './history';
import { presence } from './presence.svelte';

/** An answer that may be being written: it is followed while somebody looks, and resumed from where that was left. */
export abstract class Followed {
  /** Its newest state while it is written. */
  live = $state.raw<TurnView | null>(null);
  connected = $state(true);
  stopping = $state(false);

  /** The turn that was followed last. */
  followed: string | undefined;
  /** The one whose end was seen by somebody last; of a turn that only waits, that it waits: its end is still to come. */
  private seen: { turn: string; waits: boolean } | undefined;

  protected attached = false;
  protected stream: AbortController | null = null;
  protected pending: TurnView | null = null;

  constructor(protected readonly app: Pick<App, 'live'>) {}

  /** The message of the answer. */
  abstract get last(): Shown | undefined;
  /** The answer is this message now. */
  protected abstract put(message: Message): void;
  /** Looks at what the server has. */
  abstract reload(): Promise<void>;

  /** Nobody looks any more; what was received stays, and is resumed from. */
  detach(): void {
    this.attached = false;
    this.stopStream();
  }

  /** The turn that is being written, '' before it has one; undefined: none is. */
  protected get runs(): string | undefined {
    return this.last?.state === 'running' ? (this.last.turn_id ?? '') : undefined;
  }

  /** The turn that waits for a person; undefined: none does. */
  get waits(): string | undefined {
    return this.last?.state === 'waiting' ? (this.last.turn_id ?? undefined) : undefined;
  }

  /** Whether somebody saw the turn come to its end, or, `waits`, to where it waits. */
  saw(turn: string | undefined, waits: boolean): boolean {
    return this.seen?.turn === turn && this.seen?.waits === waits;
  }

  /** What it waited for was decided, here or elsewhere: it may go on. */
  async decided(): Promise<void> {
    if (this.live) return; // It is being followed, and will be told.
    await this.reload();
  }

  async stop(): Promise<void> {
    const turn = this.runs ?? this.waits;
    if (turn === undefined) return;
    this.stopping = true;
    if (!turn) return; // Sent, not accepted yet: it is stopped when it is.
    try {
      await cancelTurn(turn);
      // Of one that waits nobody follows the end.
      if (this.waits !== undefined) {
        this.stopping = false;
        await this.reload();
      }
    } catch (e) {
      this.stopping = false;
      notices.error(e);
    }
  }

  protected follow(): void {
    const message = this.last;
    if (message?.state !== 'running' || !message.turn_id) {
      this.stopStream();
      this.live = null;
      return;
    }
    if (this.live?.turnId !== message.turn_id) {
      this.stopStream();
      this.pending = this.live = beginTurn(message.turn_id, message);
    }
    if (!this.stream && this.attached) void this.run(message.turn_id);
  }

  private async run(turn: string): Promise<void> {
    const stream = (this.stream = new AbortController());
    this.followed = turn;
    try {
      await this.app.live.turn(
        turn,
        this.live?.seq ?? 0,
        { events: (events) => this.take(stream, events), connected: (c) => (this.connected = c) },
        stream.signal,
      );
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) return;
      notices.error(e);
      // The stored message may still say that it runs: look again, but not without a rest.
      await pause(3000, stream.signal);
    }
    if (this.stream !== stream) return;
    this.stream = null;
    this.connected = true;
    if (this.pending?.turnId === turn && this.pending.state !== 'running') this.finish(this.pending);
    else if (!stream.signal.aborted) this.live = null;
    await this.reload();
  }

  protected take(stream: AbortController, events: NumberedEvent[]): void {
    if (stream !== this.stream || !this.pending) return;
    this.pending = events.reduce(reduce, this.pending);
    pace.soon(this.draw);
  }

  private draw = (): void => {
    if (this.stream) this.live = this.pending;
  };

  protected finish(view: TurnView): void {
    if (this.last) this.put(messageOf(this.last as Message, view));
    this.live = this.pending = null;
    this.stopping = false;
    if (presence.watched) this.seen = { turn: view.turnId, waits: view.state === 'waiting' };
    if (view.state === 'waiting') return notices.speak(t('answer.waits'));
    const said = { complete: 'chat.saidComplete', canceled: 'chat.saidCanceled', failed: 'chat.saidFailed' } as const;
    notices.speak(`${t(said[view.state as keyof typeof said] ?? 'chat.saidInterrupted')} ${textOf(partsOf(view)).slice(-2000)}`);
  }

  protected stopStream(): void {
    this.stream?.abort();
    if (this.stream && this.pending) this.live = this.pending;
    this.stream = null;
    this.connected = true;
    pace.forget(this.draw);
  }
}
