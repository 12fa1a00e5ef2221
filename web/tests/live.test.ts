import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Hub } from '$core/live/hub';
import { Live } from '$core/live/live';
import type { ToHub, ToPage } from '$core/live/messages';
import type { NumberedEvent } from '$core/turn/events';

const event = (seq: number, last: number) =>
  seq === last
    ? `id: ${seq}\nevent: done\ndata: {"state":"complete","message_id":"m"}\n\n`
    : `id: ${seq}\nevent: text\ndata: {"text":"${seq}"}\n\n`;

/** One stream as the server gives it. */
class Stream {
  closed = false;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly response = new Response(
    new ReadableStream<Uint8Array>({ start: (c) => void (this.controller = c), cancel: () => void (this.closed = true) }),
  );
  constructor(readonly query: string) {}
  say(text: string) {
    if (!this.closed) this.controller.enqueue(new TextEncoder().encode(text));
  }
  cut() {
    this.closed = true;
    this.controller.error(new TypeError('network error'));
  }
}

/** A server with turns of so many events; it is asked for streams as a browser asks. */
class Server {
  streams: Stream[] = [];
  turns = new Map<string, { shown: number; last: number }>();
  refuse: Response | Error | null = null;

  open = async (query: string, signal: AbortSignal): Promise<Response> => {
    if (this.refuse instanceof Error) throw this.refuse;
    if (this.refuse) return this.refuse;
    const stream = new Stream(query);
    this.streams.push(stream);
    signal.addEventListener('abort', () => (stream.closed = true));
    stream.say('event: hello\ndata: {"version":"1"}\n\n');
    for (const [id, after] of this.wanted(query)) {
      const turn = this.turns.get(id);
      if (!turn) stream.say(`event: turn\ndata: {"id":"${id}","ended":true,"code":"not_found"}\n\n`);
      else this.send(stream, id, after + 1, turn.shown);
    }
    return stream.response;
  };

  /** More of a turn, to all who follow it. */
  show(id: string, shown: number) {
    const turn = this.turns.get(id)!;
    const from = turn.shown + 1;
    turn.shown = shown;
    for (const s of this.live) if (this.wanted(s.query).some(([wanted]) => wanted === id)) this.send(s, id, from, shown);
  }

  get live() {
    return this.streams.filter((s) => !s.closed);
  }

  private wanted(query: string): [string, number][] {
    const list = new URLSearchParams(query).get('turns');
    return list ? list.split(',').map((w) => [w.split(':')[0]!, Number(w.split(':')[1])]) : [];
  }

  private send(s: Stream, id: string, from: number, to: number) {
    const turn = this.turns.get(id)!;
    let text = `event: turn\ndata: {"id":"${id}"}\n\n`;
    for (let seq = from; seq <= to; seq++) text += event(seq, turn.last);
    s.say(text + (to === turn.last ? `event: turn\ndata: {"id":"${id}","ended":true}\n\n` : ''));
  }
}

let server: Server;
let hub: Hub;
let pages: number;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  hub = new Hub(server.open);
  pages = 0;
});
afterEach(() => {
  hub.close();
  vi.useRealTimers();
});

const settle = (ms = 50) => vi.advanceTimersByTimeAsync(ms);

/** A window. */
function open() {
  const name = String(++pages);
  const got = { hello: 0, changes: [] as string[], stale: [] as string[], unauthorized: 0 };
  const page = new Live((hear) => ({
    shared: true,
    send: (m: ToHub) => hub.hear(name, (ms: ToPage[]) => hear(structuredClone(ms)), m),
    close: () => hub.hear(name, () => {}, 'bye'),
  }));
  page.open({
    hello: () => got.hello++,
    change: (c) => void got.changes.push(c.id),
    stale: (kind) => void got.stale.push(kind),
    unauthorized: () => got.unauthorized++,
  });
  return Object.assign(got, { page });
}

function follow(page: Live, turn: string, after = 0, stop = new AbortController()) {
  const f = { seen: [] as number[], connected: [] as boolean[], ended: false, error: null as unknown, stop };
  page
    .turn(turn, after, { events: (es: NumberedEvent[]) => f.seen.push(...es.map((e) => e.seq)), connected: (c) => f.connected.push(c) }, stop.signal)
    .then(() => (f.ended = true), (e: unknown) => (f.error = e));
  return f;
}

const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);

describe('one stream for all windows', () => {
  it('brings ten windows their ten answers by one connection', async () => {
    for (let i = 0; i < 10; i++) server.turns.set('t' + i, { shown: 2, last: 6 });
    const all = [];
    for (let i = 0; i < 10; i++) {
      const w = open();
      all.push(follow(w.page, 't' + i));
      await settle(i % 3 ? 3 : 200);
      expect(server.live.length).toBeLessThanOrEqual(2);
    }
    await settle(2000);
    expect(server.live).toHaveLength(1);
    for (let seq = 3; seq <= 6; seq++) {
      for (let i = 0; i < 10; i++) server.show('t' + i, seq);
      await settle(1);
    }
    await settle();
    for (const f of all) expect([f.seen, f.ended]).toEqual([upTo(6), true]);
  });

  it('tells every window what has become stale', async () => {
    const [one, two] = [open(), open()];
    await settle();
    server.live[0]!.say('event: stale\ndata: {"kind":"models"}\n\n');
    await settle();
    expect([one.stale, two.stale]).toEqual([['models'], ['models']]);
  });

  it('gives each window of one answer what is new to it', async () => {
    server.turns.set('t', { shown: 3, last: 9 });
    const first = follow(open().page, 't');
    await settle();
    server.show('t', 5);
    await settle();
    const second = follow(open().page, 't');
    const third = follow(open().page, 't', 4);
    server.show('t', 6);
    await settle();
    server.show('t', 9);
    await settle();
    expect(first.seen).toEqual(upTo(9));
    expect(second.seen).toEqual(upTo(9));
    expect(third.seen).toEqual(upTo(9, 5));
  });

  it('tells every window of changes, also while one stream takes over from another', async () => {
    server.turns.set('t', { shown: 1, last: 5 });
    const windows = [open(), open()];
    await settle();
    follow(windows[0]!.page, 't');
    await settle();
    expect(server.live).toHaveLength(2);
    server.live[0]!.say('event: change\ndata: {"kind":"turn","id":"late","what":"ended"}\n\n');
    server.live[1]!.say('event: change\ndata: {"kind":"turn","id":"new","what":"ended"}\n\n');
    await settle();
    for (const w of windows) expect([w.changes, w.hello]).toEqual([['late', 'new'], 1]);
    await settle(2000);
    expect(server.live).toHaveLength(1);
  });

  it('goes on behind the last event when the connection is lost', async () => {
    server.turns.set('t', { shown: 2, last: 5 });
    const w = open();
    const f = follow(w.page, 't');
    await settle();
    server.live[0]!.cut();
    server.show('t', 4);
    await settle(3000);
    expect(f.connected).toEqual([true, false, true]);
    expect(server.streams.at(-1)!.query).toBe('?turns=t:2');
    expect(w.hello).toBe(2);
    server.show('t', 5);
    await settle();
    expect([f.seen, f.ended]).toEqual([upTo(5), true]);
  });

  it('tries again while the server cannot be reached or is busy, and waits as it says', async () => {
    server.turns.set('t', { shown: 5, last: 5 });
    server.refuse = new TypeError('no network');
    const f = follow(open().page, 't');
    await settle(800);
    server.refuse = new Response('', { status: 503, headers: { 'Retry-After': '30' } });
    await settle(3000);
    server.refuse = null;
    await settle(20_000);
    expect(f.seen).toEqual([]);
    await settle(15_000);
    expect([f.seen, f.ended]).toEqual([upTo(5), true]);
  });

  it('notices a stream that has fallen silent', async () => {
    server.turns.set('t', { shown: 2, last: 5 });
    const f = follow(open().page, 't');
    await settle();
    server.turns.get('t')!.shown = 5; // Of which this stream never tells.
    await settle(50_000);
    expect([f.seen, f.ended]).toEqual([upTo(5), true]);
  });

  it('says so when a turn is not there, and the others go on', async () => {
    server.turns.set('t', { shown: 2, last: 5 });
    const { page } = open();
    const good = follow(page, 't');
    const bad = follow(page, 'gone');
    await settle();
    expect(bad.error).toMatchObject({ status: 404, code: 'not_found' });
    server.show('t', 5);
    await settle();
    expect(good.ended).toBe(true);
  });

  it('asks again for a turn whose stream ended without its end', async () => {
    server.turns.set('t', { shown: 2, last: 5 });
    const f = follow(open().page, 't');
    await settle();
    server.turns.get('t')!.shown = 5;
    server.live[0]!.say('event: turn\ndata: {"id":"t","ended":true}\n\n');
    await settle(2000);
    expect([f.seen, f.ended]).toEqual([upTo(5), true]);
  });

  it('tells every window that the session is gone, and then rests', async () => {
    const windows = [open(), open()];
    await settle();
    server.refuse = new Response('', { status: 401 });
    server.live[0]!.cut();
    await settle(3000);
    expect(windows.map((w) => w.unauthorized)).toEqual([1, 1]);
    const asked = vi.spyOn(server, 'open');
    await settle(20_000);
    expect(asked).not.toHaveBeenCalled();
  });

  it('ends with its last window, and what is aborted is not told any more', async () => {
    server.turns.set('t', { shown: 1, last: 5 });
    const [a, b] = [open(), open()];
    const f = follow(a.page, 't');
    await settle(2000);
    f.stop.abort();
    server.show('t', 3);
    await settle();
    expect([f.seen, f.ended]).toEqual([[1], true]);
    a.page.close();
    await settle();
    expect(server.live).toHaveLength(1);
    b.page.close();
    await settle();
    expect(server.live).toHaveLength(0);
  });

  it('follows on when the hub is a new one', async () => {
    server.turns.set('t', { shown: 2, last: 5 });
    const w = open();
    const f = follow(w.page, 't');
    await settle();
    hub.close();
    hub = new Hub(server.open);
    w.page.tell();
    await settle();
    server.show('t', 5);
    await settle();
    expect([f.seen, f.ended]).toEqual([upTo(5), true]);
    expect(server.streams.at(-1)!.query).toBe('?turns=t:2');
  });

  it('forgets a window that has been silent for long', async () => {
    open().page.tell = () => {};
    const w = open();
    await settle(400_000);
    w.page.close();
    await settle();
    expect(server.live).toHaveLength(0);
  });
});
