import type { Change, Job } from '../api/types';
import { eventFrom } from '../turn/events';
import type { Port, Stale, ToHub, ToPage, Wish } from './messages';
import type { Open, Wanted } from './open';
import { backoff, pause } from './pause';
import type { Frame } from './sse';

/** The old stream goes on so long when a new one has taken over: what was on its way still comes. */
const OVERLAP_MS = 1000;
/** A page that has said nothing for so long is not there any more; even a hidden one speaks each minute. */
const FORGOTTEN_MS = 200_000;
/** The server follows so many of a kind in one stream. */
const MOST = 64;

/** One thing that a page follows. */
interface Sub {
  n: number;
  turn?: string;
  job?: string;
  /** Number of the last event the page has. */
  last: number;
  /** The first connection whose events lead on from there; 0: none yet. */
  from: number;
}

interface Client {
  port: Port;
  subs: Map<number, Sub>;
  seen: number;
  outbox: ToPage[];
}

interface Connection {
  id: number;
  stop: AbortController;
  /** Turns it brings, and the number of the last event it has brought of each. */
  turns: Map<string, number>;
  jobs: Set<string>;
  /** The turn whose events come now. */
  turn: string;
  /** Asks for more over it, where that can be done. */
  more?: (wanted: Wanted) => void;
}

const again = (code: string) => code === 'busy' || code === 'rate_limited' || code === 'unavailable';

/**
 * The one stream of a browser, for all its pages: changes, and the events of what the pages follow. When a page wants something
 * more, it is asked for over the same connection; where that cannot be, a new stream with all of it is opened, and takes over
 * without a gap.
 */
export class Hub {
  private clients = new Map<string, Client>();
  private current: Connection | null = null;
  private coming: Connection | null = null;
  private leaving: Connection | null = null;
  private version = '';
  private count = 0;
  private failures = 0;
  private planned: ReturnType<typeof setTimeout> | undefined;
  private rest: AbortController | null = null;
  private flushing = false;

  constructor(private readonly open: Open) {}

  hear(page: string, port: Port, message: ToHub): void {
    if (message === 'bye') {
      this.clients.delete(page);
      if (this.clients.size === 0) this.close();
      return;
    }
    let client = this.clients.get(page);
    if (!client) {
      client = { port, subs: new Map(), seen: 0, outbox: [] };
      this.clients.set(page, client);
      if (this.current) this.say(client, { type: 'hello', version: this.version });
    }
    client.port = port;
    client.seen = Date.now();
    const known = client.subs;
    client.subs = new Map(message.wishes.map((w) => [w.n, known.get(w.n) ?? this.subscribe(w)]));
    this.forgetSilent();
    if (!this.current && !this.coming) this.plan();
  }

  close(): void {
    clearTimeout(this.planned);
    this.planned = undefined;
    for (const c of [this.current, this.coming, this.leaving]) c?.stop.abort();
    this.rest?.abort();
    this.current = this.coming = this.leaving = this.rest = null;
    this.failures = 0;
  }

  private subscribe(wish: Wish): Sub {
    const sub: Sub = 'turn' in wish ? { n: wish.n, turn: wish.turn, last: wish.after, from: 0 } : { n: wish.n, job: wish.job, last: 0, from: 0 };
    for (const c of [this.current, this.coming]) {
      const brought = sub.turn === undefined ? undefined : c?.turns.get(sub.turn);
      if (c && brought !== undefined && brought <= sub.last) sub.from ||= c.id;
    }
    // Of a job the state is told at once to who asks anew: so it is asked for anew.
    if (!sub.from) this.plan();
    return sub;
  }

  private forgetSilent(): void {
    const before = Date.now() - FORGOTTEN_MS;
    for (const [page, client] of this.clients) if (client.seen < before) this.clients.delete(page);
  }

  private *subs(): Generator<[Client, Sub]> {
    for (const client of this.clients.values()) for (const sub of client.subs.values()) yield [client, sub];
  }

  /** Opens a stream soon: pages that are opened together are served by one. */
  private plan(): void {
    if (this.planned || this.rest) return;
    this.planned = setTimeout(() => {
      this.planned = undefined;
      if (!this.extend()) void this.connect();
    }, 10);
  }

  /** Asks for what nobody brings yet over the connection that is there. False: that takes a new one. */
  private extend(): boolean {
    const { current } = this;
    if (!current?.more || this.coming) return false;
    const subs = [...this.subs()].map(([, sub]) => sub).filter((sub) => !sub.from);
    // Its events come already, from further on.
    if (subs.some((sub) => sub.turn !== undefined && current.turns.has(sub.turn))) return false;
    const more = wantedBy(subs);
    if (current.turns.size + more.turns.length > MOST || current.jobs.size + more.jobs.length > MOST) return false;
    for (const [id, after] of more.turns) current.turns.set(id, after);
    for (const id of more.jobs) current.jobs.add(id);
    for (const sub of subs) sub.from = current.id;
    current.more(more);
    return true;
  }

  private async connect(): Promise<void> {
    this.coming?.stop.abort();
    this.leaving?.stop.abort();
    this.leaving = null;
    if (this.clients.size === 0) return;
    const subs = [...this.subs()].map(([, sub]) => sub);
    const wanted = wantedBy(subs);
    const mine: Connection = { id: ++this.count, stop: new AbortController(), turns: new Map(wanted.turns), jobs: new Set(wanted.jobs), turn: '' };
    this.coming = mine;
    for (const sub of subs) if (!this.current || !sub.from || sub.from > this.current.id) sub.from = mine.id;
    let wait = 0;
    try {
      const stream = await this.open(wanted, mine.stop.signal);
      if (mine.stop.signal.aborted) return;
      if (stream.status === 401) return this.unauthorized();
      wait = stream.wait;
      mine.more = stream.more;
      if (stream.status === 200) await stream.read((f) => this.take(mine, f));
    } catch {
      // The network: it is tried again below.
    }
    if (!mine.stop.signal.aborted) await this.lost(mine, wait);
  }

  private async lost(c: Connection, wait: number): Promise<void> {
    if (this.coming === c) {
      this.coming = null;
      for (const [, sub] of this.subs()) if (sub.from === c.id) sub.from = 0;
    }
    if (this.leaving === c) this.leaving = null;
    if (this.current === c) this.current = null;
    if (this.coming || this.rest || (this.current && !this.unserved())) return;
    if (!this.current && this.failures === 0) this.sayAll({ type: 'lost' });
    const rest = (this.rest = new AbortController());
    await pause(Math.max(wait, backoff(++this.failures)), rest.signal);
    if (this.rest !== rest) return;
    this.rest = null;
    void this.connect();
  }

  private unserved(): boolean {
    for (const [, sub] of this.subs()) if (!sub.from) return true;
    return false;
  }

  private unauthorized(): void {
    this.sayAll({ type: 'unauthorized' });
    this.flush();
    this.clients.clear();
    this.close();
  }

  private take(c: Connection, frame: Frame): void {
    if (frame.event === 'hello') return this.takeOver(c, (JSON.parse(frame.data) as { version: string }).version);
    this.failures = 0;
    if (frame.event === 'change') this.sayAll({ type: 'change', change: JSON.parse(frame.data) as Change });
    else if (frame.event === 'stale') this.sayAll({ type: 'stale', ...(JSON.parse(frame.data) as { kind: Stale }) });
    else if (frame.event === 'job') this.takeJob(JSON.parse(frame.data) as Job);
    else if (frame.event === 'turn' || frame.event === 'job_end') this.takeTurn(c, JSON.parse(frame.data) as { id: string; ended?: boolean; code?: string });
    else this.takeEvent(c, frame);
  }

  private takeOver(c: Connection, version: string): void {
    if (this.coming !== c) return;
    const old = this.current;
    this.coming = null;
    this.current = c;
    this.version = version;
    if (!old) this.sayAll({ type: 'hello', version });
    else {
      this.leaving = old;
      setTimeout(() => {
        old.stop.abort();
        if (this.leaving === old) this.leaving = null;
      }, OVERLAP_MS);
    }
    // Somebody came while it was opened.
    if (this.unserved()) this.plan();
  }

  private takeJob(job: Job): void {
    for (const [client, sub] of this.subs()) if (sub.job === job.id) this.say(client, { type: 'job', n: sub.n, job });
  }

  private takeTurn(c: Connection, turn: { id: string; ended?: boolean; code?: string }): void {
    c.turn = turn.id;
    if (!turn.ended) return;
    c.turns.delete(turn.id);
    for (const [client, sub] of this.subs()) {
      if ((sub.turn !== turn.id && sub.job !== turn.id) || sub.from > c.id) continue;
      if (turn.code && !again(turn.code)) this.say(client, { type: 'gone', n: sub.n, code: turn.code });
      else {
        // Ended without its `done`, or refused for now. Who has the end takes the wish back; the others ask again.
        sub.from = 0;
        setTimeout(() => this.unserved() && !this.coming && this.plan(), backoff(1));
      }
    }
  }

  private takeEvent(c: Connection, frame: Frame): void {
    const seq = Number(frame.id);
    if (!Number.isSafeInteger(seq) || !c.turns.has(c.turn)) return;
    c.turns.set(c.turn, seq);
    const event = eventFrom(frame.event, frame.data);
    for (const [client, sub] of this.subs()) {
      if (sub.turn !== c.turn || !sub.from || sub.from > c.id || seq <= sub.last) continue;
      sub.last = seq;
      if (!event) continue;
      const last = client.outbox[client.outbox.length - 1];
      if (last?.type === 'events' && last.n === sub.n) last.events.push({ seq, event });
      else this.say(client, { type: 'events', n: sub.n, events: [{ seq, event }] });
    }
  }

  private sayAll(message: ToPage): void {
    for (const client of this.clients.values()) this.say(client, message);
  }

  /** What comes together goes together. */
  private say(client: Client, message: ToPage): void {
    client.outbox.push(message);
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => this.flush());
  }

  private flush(): void {
    this.flushing = false;
    for (const client of this.clients.values()) {
      if (client.outbox.length === 0) continue;
      const messages = client.outbox;
      client.outbox = [];
      client.port(messages);
    }
  }
}

/** What they follow, no more than the server brings in one stream: who came last counts. */
function wantedBy(subs: readonly Sub[]): Wanted {
  const turns = new Map<string, number>();
  const jobs = new Set<string>();
  for (const { turn, job, last } of subs) {
    if (job !== undefined) jobs.add(job);
    else turns.set(turn!, Math.min(turns.get(turn!) ?? Infinity, last));
  }
  return { turns: [...turns].slice(-MOST), jobs: [...jobs].slice(-MOST) };
}
