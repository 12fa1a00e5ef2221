/** So long a stream may say nothing at all, not even a heartbeat. */
export const SILENCE_MS = 45_000;

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
