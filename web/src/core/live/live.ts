import { ApiError, refused } from '../api/errors';
import type { Change, Job } from '../api/types';
import { isRunning } from '../words';
import type { NumberedEvent } from '../turn/events';
import type { Stale, ToPage, Wish } from './messages';
import type { connect } from './wires';

/** How often the hub is told that the page is there; browsers let hidden ones speak once a minute. */
const HERE_MS = 30_000;

export interface LiveHandlers {
  /** Connected (again): anything may have changed meanwhile. */
  hello(version: string): void;
  /** The connection is gone; `hello` tells when it is back. */
  lost?(): void;
  change(change: Change): void;
  /** All that is shown of this kind is to be asked for anew. */
  stale(kind: Stale): void;
  unauthorized(): void;
}

interface Following {
  wish: Wish;
  events?: (events: NumberedEvent[]) => void;
  job?: (job: Job) => void;
  connected: (connected: boolean) => void;
  end(error?: ApiError): void;
}

/** What a page follows of the server, by way of the browser's one stream (`Hub`). */
export class Live {
  private wire: ReturnType<typeof connect> | null = null;
  private following = new Map<number, Following>();
  private handlers: LiveHandlers | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private count = 0;
  private connected = true;

  constructor(private readonly connect: (hear: (messages: ToPage[]) => void) => ReturnType<typeof import('./wires').connect>) {}

  /** Whether the stream goes on without this page, so that it may listen while it is hidden. */
  get shared(): boolean {
    return this.wire?.shared ?? false;
  }

  get listening(): boolean {
    return this.wire !== null;
  }

  /** Begins to listen; `close` ends it. What is followed before or meanwhile is followed from then on. */
  open(handlers: LiveHandlers): void {
    this.close();
    this.handlers = handlers;
    this.wire = this.connect((messages) => {
      for (const m of messages) this.hear(m);
    });
    this.tell();
    this.timer = setInterval(() => this.tell(), HERE_MS);
  }

  close(): void {
    clearInterval(this.timer);
    this.wire?.close();
    this.wire = null;
    this.handlers = null;
  }

  /** Tells the hub what is followed. */
  tell(): void {
    this.wire?.send({ wishes: [...this.following.values()].map((f) => f.wish) });
  }

  /**
   * Follows a turn from behind event `after` to its `done`, over any number of connections. Resolves when `done` came or
   * the signal aborted; rejects only with what trying again cannot mend. It never ends silently before `done`.
   */
  turn(
    turn: string,
    after: number,
    on: { events(events: NumberedEvent[]): void; connected(connected: boolean): void },
    signal: AbortSignal,
  ): Promise<void> {
    const wish: Wish = { n: ++this.count, turn, after };
    return this.follow(signal, {
      wish,
      connected: on.connected,
      events: (events) => {
        const fresh = events.filter((e) => e.seq > wish.after);
        if (fresh.length === 0) return;
        wish.after = fresh[fresh.length - 1]!.seq;
        on.events(fresh);
        if (fresh.some((e) => e.event.type === 'done')) this.following.get(wish.n)?.end();
      },
    });
  }

  /** Follows a job to its end, in the same way. */
  job(id: string, on: (job: Job) => void, signal: AbortSignal): Promise<void> {
    const wish: Wish = { n: ++this.count, job: id };
    return this.follow(signal, {
      wish,
      connected: () => {},
      job: (job) => {
        on(job);
        if (!isRunning(job)) this.following.get(wish.n)?.end();
      },
    });
  }

  private follow(signal: AbortSignal, what: Omit<Following, 'end'>): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = () => following.end();
      const following: Following = {
        ...what,
        end: (error) => {
          signal.removeEventListener('abort', stop);
          this.following.delete(what.wish.n);
          this.tell();
          if (error) reject(error);
          else resolve();
        },
      };
      signal.addEventListener('abort', stop);
      this.following.set(what.wish.n, following);
      if (!this.connected) what.connected(false);
      this.tell();
    });
  }

  private hear(m: ToPage): void {
    switch (m.type) {
      case 'who':
        return this.tell();
      case 'hello':
        this.setConnected(true);
        return this.handlers?.hello(m.version);
      case 'lost':
        this.setConnected(false);
        return this.handlers?.lost?.();
      case 'unauthorized':
        return this.handlers?.unauthorized();
      case 'change':
        return this.handlers?.change(m.change);
      case 'stale':
        return this.handlers?.stale(m.kind);
      case 'events':
        return this.following.get(m.n)?.events?.(m.events);
      case 'job':
        return this.following.get(m.n)?.job?.(m.job);
      case 'gone':
        return this.following.get(m.n)?.end(refused(m.code));
    }
  }

  private setConnected(connected: boolean): void {
    this.connected = connected;
    for (const f of this.following.values()) f.connected(connected);
  }
}
