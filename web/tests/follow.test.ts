import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, unreachable } from '$core/api/errors';
import { follow } from '$core/turn/follow';

const frames = [
  'id: 1\nevent: start\ndata: {"model":"m"}\n\n',
  'id: 2\nevent: text\ndata: {"text":"a"}\n\n',
  'id: 3\nevent: from_the_future\ndata: {}\n\n',
  'id: 4\nevent: text\ndata: {"text":"b"}\n\n',
  'id: 5\nevent: done\ndata: {"state":"complete","message_id":"m"}\n\n',
];

/** A server that gives the frames behind `after`, but at most `most` a connection, then fails in the given way. */
function source(most: number, end: 'close' | 'error', before: (n: number) => void = () => {}) {
  const seen: number[] = [];
  const opened: number[] = [];
  const connected: boolean[] = [];
  return {
    seen, opened, connected,
    open: async (after: number) => {
      opened.push(after);
      before(opened.length);
      const rest = frames.slice(after, after + most);
      return new Response(
        new ReadableStream<Uint8Array>({
          pull(c) {
            const next = rest.shift();
            if (next) c.enqueue(new TextEncoder().encode(next));
            else if (end === 'close') c.close();
            else c.error(new TypeError('network error'));
          },
        }),
      );
    },
    onEvent: (e: { seq: number }) => void seen.push(e.seq),
    onConnected: (c: boolean) => void connected.push(c),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function finish(promise: Promise<void>) {
  await vi.advanceTimersByTimeAsync(120_000);
  return promise;
}

describe('follow', () => {
  it.each(['close', 'error'] as const)('goes on to done when each connection brings one event (%s)', async (end) => {
    const s = source(1, end);
    await finish(follow(s, 0, new AbortController().signal));
    expect(s.seen).toEqual([1, 2, 4, 5]);
    expect(s.opened).toEqual([0, 1, 2, 3, 4]);
  });

  it('resumes behind the number it is given', async () => {
    const s = source(9, 'close');
    await finish(follow(s, 3, new AbortController().signal));
    expect(s.seen).toEqual([4, 5]);
    expect(s.connected).toEqual([true]);
  });

  it('tries again while the server cannot be reached or is busy', async () => {
    const s = source(9, 'close', (n) => {
      if (n === 1) throw unreachable();
      if (n === 2) throw new ApiError(503, 'busy', 'Busy', 3);
    });
    await finish(follow(s, 0, new AbortController().signal));
    expect(s.seen).toEqual([1, 2, 4, 5]);
    expect(s.connected).toEqual([false, false, true]);
  });

  it('says so when the turn is gone', async () => {
    const s = source(9, 'close', () => {
      throw new ApiError(404, 'not_found', 'gone');
    });
    await expect(follow(s, 0, new AbortController().signal)).rejects.toMatchObject({ status: 404 });
  });

  it('ends at once when it is told to', async () => {
    const stop = new AbortController();
    const s = source(1, 'close', (n) => n === 2 && stop.abort());
    await finish(follow(s, 0, stop.signal));
    expect(s.seen).toEqual([1]);
  });
});
