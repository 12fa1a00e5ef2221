import { http, take } from './client';
import type { components } from './schema';

type Generate = components['schemas']['Generate'];
/** One thing that was said, as it is told to the model. */
export type Said = Generate['messages'][number];

/** Has a conversation answered of which nothing is kept; the body brings the events of the answer. */
export const generate = (body: Generate, signal: AbortSignal) =>
  take(http.POST('/api/v1/chat/generate', { body, signal, headers: { Accept: 'text/event-stream' }, parseAs: 'stream' })) as Promise<ReadableStream<Uint8Array>>;
