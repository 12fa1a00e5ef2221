import { ApiError } from '../api/errors';
import { eventFrom, type NumberedEvent } from './events';
import { readFrames } from './sse';

export const SILENCE_MS = 45_000;

export interface Source {
  /** Opens the turn's events behind number `after`. */
  open(after: number, signal: AbortSignal): Promise<Response>;
  onEvent(event: NumberedEvent): void;
  /** False while the connection is lost and is being made again. */
  onConnected(connected: boolean): void;
}

/** The pause before try number `n` (from 1): 0.5 s, 1 s, 2 s ... 10 s, with a little chance in it. */
export const backoff = (n: number) => Math.min(10_000, 500 * 2 ** (n - 1)) * (0.8 + Math.random() * 0.4);

/** Waits, but no longer than until the network comes back. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      globalThis.removeEventListener?.('online', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    globalThis.addEventListener?.('online', end);
  });
}

/** Trying again cannot help: the turn is not there, or the session is gone. */
const final = (e: unknown) => e instanceof ApiError && [400, 401, 403, 404, 410].includes(e.status);

/**
 * Follows a turn from behind event `after` to its `done`, over any number of connections. Returns when `done` came or
 * the signal aborted; throws only an ApiError that trying again cannot mend. It never ends silently before `done`.
 */
export async function follow(source: Source, after: number, signal: AbortSignal): Promise<void> {
  let last = after;
  let failures = 0;
  let done = false;
  while (!signal.aborted) {
    let wait = 0;
    try {
      const response = await source.open(last, signal);
      source.onConnected(true);
      await readFrames(response.body!, SILENCE_MS, signal, (frame) => {
        const seq = Number(frame.id);
        const event = eventFrom(frame.event, frame.data);
        if (!Number.isSafeInteger(seq) || seq <= last || done) return;
        last = seq;
        failures = 0;
        if (!event) return;
        source.onEvent({ seq, event });
        done = event.type === 'done';
      });
    } catch (e) {
      if (signal.aborted) return;
      if (final(e)) throw e;
      if (e instanceof ApiError && e.retryAfter) wait = e.retryAfter * 1000;
    }
    if (done || signal.aborted) return;
    source.onConnected(false);
    failures++;
    await pause(Math.max(wait, backoff(failures)), signal);
  }
}
