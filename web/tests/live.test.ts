import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Hub } from '$core/live/hub';
import { Live } from '$core/live/live';
import type { ToHub, ToPage } from '$core/live/messages';
import { opener, query, type Stream as Opened, type Wanted } from '$core/live/open';
import { SILENCE_MS } from '$core/live/pause';
import { readFrames } from '$core/live/sse';
import type { NumberedEvent } from '$core/turn/events';

const event = (seq: number, last: number) =>
  seq === last
    ? `id: ${seq}\nevent: done\ndata: {"state":"complete","message_id":"m"}\n\n`
    : `id: ${seq}\nevent: text\ndata: {"text":"${seq}"}\n\n`;

/** One stream as the server gives it. */
class Stream {
  closed = false;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly body = new ReadableStream<Uint8Array>({ start: (c) => void (this.controller = c), cancel: () => void (this.closed = true) });
  readonly query: string;
  /** What was asked for later, over the same connection. */
  readonly more: Wanted[] = [];
  constructor(readonly wanted: Wanted) {
    this.query = query(wanted);
  }
  follows(turn: string) {
    return [this.wanted, ...this.more].some(({ turns }) => turns.some(([id]) => id === turn));
  }
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
  refuse: { status: number; wait: number } | Error | null = null;

  /** `grows`: more can be asked for over a connection. */
  constructor(private readonly grows: boolean) {}

  open = async (wanted: Wanted, signal: AbortSignal): Promise<Opened> => {
    if (this.refuse instanceof Error) throw this.refuse;
    if (this.refuse) return { ...this.refuse, read: async () => {} };
    const stream = new Stream(wanted);
    this.streams.push(stream);
    signal.addEventListener('abort', () => (stream.closed = true));
    stream.say('event: hello\ndata: {"version":"1"}\n\n');
    this.begin(stream, wanted);
    const more = (what: Wanted) => {
      stream.more.push(what);
      this.begin(stream, what);
    };
    return { status: 200, wait: 0, read: (onFrame) => readFrames(stream.body, SILENCE_MS, signal, onFrame), more: this.grows ? more : undefined };
  };

  private begin(stream: Stream, { turns }: Wanted) {
    for (const [id, after] of turns) {
      const turn = this.turns.get(id);
      if (!turn) stream.say(`event: turn\ndata: {"id":"${id}","ended":true,"code":"not_found"}\n\n`);
      else this.send(stream, id, after + 1, turn.shown);
    }
  }

  /** More of a turn, to all who follow it. */
  show(id: string, shown: number) {
    const turn = this.turns.get(id)!;
    const from = turn.shown + 1;
    turn.shown = shown;
    for (const s of this.live) if (s.follows(id)) this.send(s, id, from, shown);
  }

  get live() {
    return this.streams.filter((s) => !s.closed);
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
  pages = 0;
});
function begin(grows: boolean) {
  server = new Server(grows);
  hub = new Hub(server.open);
}
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

describe.each([
  ['opened anew for each thing more', false],
  ['asked for more over the same connection', true],
])('one stream for all windows, %s', (_, grows) => {
  beforeEach(() => begin(grows));

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
    // A window that wants what has come already is not served by the stream that is there.
    follow(windows[1]!.page, 't');
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
    server.refuse = { status: 503, wait: 30_000 };
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
    server.refuse = { status: 401, wait: 0 };
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

it('asks for more over the connection that is there, as long as that brings it from where it is wanted', async () => {
  begin(true);
  for (const id of ['a', 'b', 'c']) server.turns.set(id, { shown: 2, last: 6 });
  const all = [follow(open().page, 'a')];
  await settle();
  for (const id of ['b', 'c']) {
    all.push(follow(open().page, id));
    await settle();
  }
  expect(server.streams.map((s) => [s.query, s.more.length])).toEqual([['?turns=a:0', 2]]);
  for (const id of ['a', 'b', 'c']) server.show(id, 6);
  await settle();
  for (const f of all) expect([f.seen, f.ended]).toEqual([upTo(6), true]);
});

/** A WebSocket whose other end is the test. */
class Socket {
  static all: Socket[] = [];
  static reachable = true;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: ((e: { code: number }) => void) | null = null;
  closed = false;
  sent: unknown[] = [];
  constructor(readonly url: string) {
    Socket.all.push(this);
    if (Socket.reachable) setTimeout(() => this.say('event: hello\ndata: {"version":"1"}\n\n'), 5);
    else setTimeout(() => this.onclose?.({ code: 1006 }), 5);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  say(data: string) {
    this.onmessage?.({ data });
  }
  close() {
    this.closed = true;
  }
}

describe('a WebSocket where one comes through, an event stream where none does', () => {
  let asked: string[];
  beforeEach(() => {
    begin(false);
    asked = [];
    Socket.all = [];
    Socket.reachable = true;
    vi.stubGlobal('WebSocket', Socket);
    vi.stubGlobal('fetch', async (url: string, { signal }: { signal: AbortSignal }) => {
      asked.push(url);
      if (server.refuse instanceof Error) throw server.refuse;
      if (server.refuse) return new Response('', { status: server.refuse.status });
      const turns = (new URL(url).searchParams.get('turns') ?? '').split(',').filter(Boolean);
      await server.open({ turns: turns.map((w) => [w.split(':')[0]!, Number(w.split(':')[1])]), jobs: [] }, signal);
      return new Response(server.streams.at(-1)!.body);
    });
    hub = new Hub(opener('http://host/below'));
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  const turn = (id: string) => `event: turn\ndata: {"id":"${id}"}\n\n`;

  it('asks over the socket, for more as well, and for no stream beside it', async () => {
    const first = follow(open().page, 'a', 3);
    await settle();
    const second = follow(open().page, 'b');
    await settle();
    expect(Socket.all.map((s) => s.url)).toEqual(['ws://host/below/ws']);
    expect(Socket.all[0]!.sent).toEqual([
      { type: 'subscribe', id: '1', turns: ['a:3'], jobs: [] },
      { type: 'subscribe', id: '2', turns: ['b:0'], jobs: [] },
    ]);
    // Cut anywhere.
    for (const piece of (turn('a') + event(4, 5) + turn('b') + event(1, 1) + turn('a') + event(5, 5)).match(/[^]{1,7}/g)!) Socket.all[0]!.say(piece);
    await settle();
    expect([first.seen, second.seen, first.ended, second.ended]).toEqual([[4, 5], [1], true, true]);
    expect(asked).toEqual([]);
  });

  it('loses nothing when sockets are cut and come through no more', async () => {
    server.turns.set('t', { shown: 4, last: 6 });
    const f = follow(open().page, 't');
    await settle();
    Socket.all[0]!.say(turn('t') + event(1, 6) + event(2, 6) + 'id: 3\nevent: te');
    Socket.reachable = false;
    Socket.all[0]!.onclose!({ code: 1006 });
    await settle(3000);
    expect(asked).toEqual(['http://host/below/api/v1/events?turns=t:2']);
    server.show('t', 6);
    await settle();
    expect([f.seen, f.ended, f.connected]).toEqual([upTo(6), true, [true, false, true]]);
    // What does not come through is left alone for a while, then tried again.
    server.live[0]!.cut();
    await settle(3000);
    expect(Socket.all).toHaveLength(2);
    Socket.reachable = true;
    await settle(600_000);
    server.live[0]?.cut();
    await settle(60_000);
    expect(Socket.all.length).toBeGreaterThan(2);
  });

  it('takes a socket that says nothing for one that does not come through', async () => {
    vi.spyOn(Socket.prototype, 'say').mockImplementation(() => {});
    const w = open();
    await settle(6000);
    expect([w.hello, asked.length, Socket.all[0]!.closed]).toEqual([1, 1, true]);
  });

  it('takes one that answers nothing after its first words for the same', async () => {
    server.turns.set('t', { shown: 6, last: 6 });
    const f = follow(open().page, 't');
    await settle(6000);
    expect(Socket.all.map((s) => [s.sent.length, s.closed])).toEqual([[1, true]]);
    expect([asked, f.seen, f.ended]).toEqual([['http://host/below/api/v1/events?turns=t:0'], upTo(6), true]);
  });

  it('opens a socket again when the server was away, not only its network', async () => {
    const w = open();
    await settle();
    Socket.reachable = false;
    server.refuse = new TypeError('no network');
    Socket.all[0]!.onclose!({ code: 1006 });
    await settle(5000);
    Socket.reachable = true;
    server.refuse = null;
    await settle(20_000);
    expect([w.hello, Socket.all.at(-1)!.closed]).toEqual([2, false]);
  });

  it('hears that the session is gone', async () => {
    const w = open();
    await settle();
    server.refuse = { status: 401, wait: 0 };
    Socket.all[0]!.onclose!({ code: 1008 });
    await settle(3000);
    expect([w.unauthorized, Socket.all.length]).toEqual([1, 1]);
  });

  it('begins anew when it is refused more', async () => {
    server.turns.set('t', { shown: 2, last: 2 });
    follow(open().page, 't');
    await settle();
    Socket.all[0]!.say('event: result\ndata: {"id":"1","status":429,"body":null}\n\n');
    await settle(3000);
    expect([Socket.all[0]!.closed, Socket.all.length]).toEqual([true, 2]);
  });
});
