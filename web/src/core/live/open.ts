/** Asks the server at `base` (no slash at the end) for the event stream; a worker, which has no document, is told it. */
export const opener = (base: string) => (query: string, signal: AbortSignal) =>
  fetch(base + '/api/v1/events' + query, {
    signal,
    credentials: 'same-origin',
    cache: 'no-store',
    headers: { Accept: 'text/event-stream' },
  });
