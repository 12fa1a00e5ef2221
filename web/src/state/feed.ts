import { ApiError } from '$core/api/errors';
import { changeEvents } from '$core/api/turns';
import type { Change } from '$core/api/types';
import { backoff, pause, SILENCE_MS } from '$core/turn/follow';
import { readFrames } from '$core/turn/sse';

export interface FeedHandlers {
  /** Connected (again): anything may have changed meanwhile. */
  hello(version: string): void;
  change(change: Change): void;
}

/** Listens to the change feed until the signal aborts, over any number of connections. */
export async function listen(handlers: FeedHandlers, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      const response = await changeEvents(signal);
      await readFrames(response.body!, SILENCE_MS, signal, (frame) => {
        failures = 0;
        if (frame.event === 'hello') handlers.hello((JSON.parse(frame.data) as { version: string }).version);
        if (frame.event === 'change') handlers.change(JSON.parse(frame.data) as Change);
      });
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) return;
    }
    if (!signal.aborted) await pause(backoff(++failures), signal);
  }
}
