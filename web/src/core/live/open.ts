import { SILENCE_MS } from './pause';
import { readFrames, SseParser, type Frame } from './sse';

/** What is to come beside the changes: turns, each with the number of the last event that is known, and jobs. */
export interface Wanted {
  turns: readonly (readonly [id: string, after: number])[];
  jobs: readonly string[];
}

/** A stream of the server, or why there is none. */
export interface Stream {
  /** 200: it is open. */
  status: number;
  /** So many milliseconds the server wants not to be asked again. */
  wait: number;
  /** Gives frames until the stream ends; rejects or returns, it makes no difference. Nothing comes after `signal` aborted. */
  read(onFrame: (frame: Frame) => void): Promise<void>;
  /** Asks for more over the same connection; a stream without it is to be opened anew for that. */
  more?(wanted: Wanted): void;
}

export type Open = (wanted: Wanted, signal: AbortSignal) => Promise<Stream>;

/** So long a WebSocket may take to say its first word. */
const OPEN_MS = 4000;
/** Where WebSockets do not come through and event streams do, these are used for so long. */
const AVOID_MS = 600_000;
/** The server ended the connection with the right it was opened by. */
const NO_RIGHT = 1008;
/** A code of ours, which no close has: it answered nothing that was asked. Something between lets its first words through, and no others. */
const MUTE = -1;

/** What is wanted, as the server reads it. */
const turnsOf = ({ turns }: Wanted) => turns.map(([id, after]) => `${id}:${after}`);

/** "?turns=ID:17,ID:0&jobs=ID" */
export function query(wanted: Wanted): string {
  const parts = [];
  if (wanted.turns.length) parts.push('turns=' + turnsOf(wanted).join(','));
  if (wanted.jobs.length) parts.push('jobs=' + wanted.jobs.join(','));
  return parts.length ? '?' + parts.join('&') : '';
}

async function openEvents(base: string, wanted: Wanted, signal: AbortSignal): Promise<Stream> {
  const { status, headers, body } = await fetch(base + '/api/v1/events' + query(wanted), {
    signal,
    credentials: 'same-origin',
    cache: 'no-store',
    headers: { Accept: 'text/event-stream' },
  });
  return {
    status,
    wait: Number(headers.get('Retry-After') ?? 0) * 1000,
    read: async (onFrame) => (body ? readFrames(body, SILENCE_MS, signal, onFrame) : undefined),
  };
}

/** The same stream as a WebSocket; null: it does not come through here. `closed` learns the code that it ended with. */
function openSocket(base: string, wanted: Wanted, signal: AbortSignal, closed: (code: number) => void): Promise<Stream | null> {
  return new Promise((resolve) => {
    const socket = new WebSocket(base.replace(/^http/, 'ws') + '/ws');
    const parser = new SseParser();
    let end = () => {};
    const ended = new Promise<void>((done) => (end = done));
    const waiting: Frame[] = [];
    let take: (frame: Frame) => void = (frame) => waiting.push(frame);
    let asked = 0;

    const over = () => {
      clearTimeout(timer);
      clearTimeout(unanswered);
      signal.removeEventListener('abort', over);
      socket.onmessage = socket.onclose = null;
      socket.close();
      end();
      resolve(null); // What is open already stays what it is.
    };
    let timer = setTimeout(over, OPEN_MS);
    let unanswered: ReturnType<typeof setTimeout> | undefined;
    let answers = false;
    signal.addEventListener('abort', over);

    const more = (what: Wanted) => {
      if (what.turns.length + what.jobs.length === 0) return;
      socket.send(JSON.stringify({ type: 'subscribe', id: String(++asked), turns: turnsOf(what), jobs: what.jobs }));
      if (answers) return;
      clearTimeout(unanswered);
      unanswered = setTimeout(() => {
        closed(MUTE);
        over();
      }, OPEN_MS);
    };
    const stream: Stream = {
      status: 200,
      wait: 0,
      async read(onFrame) {
        for (const frame of waiting) onFrame(frame);
        take = onFrame;
        await ended;
      },
      more,
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      clearTimeout(timer);
      timer = setTimeout(over, SILENCE_MS);
      for (const frame of parser.push(data)) {
        if (frame.event === 'hello') {
          more(wanted);
          resolve(stream);
        }
        if (frame.event === 'result' || frame.event === 'turn') {
          answers = true;
          clearTimeout(unanswered);
        }
        // What is asked for is refused when the server has no room: a new connection asks again, when it is time.
        if (frame.event !== 'result') take(frame);
        else if ((JSON.parse(frame.data) as { status: number }).status >= 400) return over();
      }
    };
    socket.onclose = ({ code }) => {
      closed(code);
      over();
    };
  });
}

/**
 * Asks the server at `base` (no slash at the end; a worker, which has no document, is told it) for its stream: as a WebSocket,
 * and where none comes through, as an event stream. Both bring the same frames with the same numbers.
 */
export function opener(base: string): Open {
  let avoid = 0;
  return async (wanted, signal) => {
    const tried = 'WebSocket' in globalThis && Date.now() >= avoid;
    // A socket cannot say that nobody is signed in: the next stream does.
    const closed = (code: number) => {
      if (code === NO_RIGHT) avoid = Date.now() + OPEN_MS;
      if (code === MUTE) avoid = Date.now() + AVOID_MS;
    };
    const socket = tried && (await openSocket(base, wanted, signal, closed));
    if (socket) return socket;
    const events = await openEvents(base, wanted, signal);
    if (tried && events.status === 200) avoid = Date.now() + AVOID_MS;
    return events;
  };
}
