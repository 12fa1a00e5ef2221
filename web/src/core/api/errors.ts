import { count } from '../format';
import { i18n, t } from '../i18n/i18n.svelte';
import type { components } from './schema';

type Schemas = components['schemas'];

/** A request that failed, with a text for the person. `status` 0: the server could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfter: number | null = null,
    readonly requestId: string | null = null,
    /** Of context_too_long: the tokens of what was to be sent, and how many the model takes. */
    readonly size: { asked: number; limit: number } | null = null,
    /** What of the request is refused, as in `grants[0].subject_id`. */
    readonly field: string | null = null,
    /** The message is the server's own sentence. */
    readonly said = false,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  get unreachable(): boolean {
    return this.status === 0;
  }
}

export const unreachable = () => new ApiError(0, 'unreachable', t('error.unreachable'));

function text(status: number): string {
  if (status === 413) return t('error.tooLong');
  if (status === 429) return t('error.tooMany');
  if (status >= 500) return t('error.server');
  return t('error.refused', { status });
}

/** The error of a response that is not ok; a proxy's error page has no JSON body. */
export function errorFrom(response: Response, body: unknown): ApiError {
  const error = (body as { error?: Partial<Schemas['ErrorBody']> } | null)?.error;
  const after = Number(response.headers.get('Retry-After'));
  return new ApiError(
    response.status,
    error?.code ?? 'http_' + response.status,
    error?.message || text(response.status),
    after > 0 ? after : null,
    error?.request_id ?? response.headers.get('X-Request-Id'),
    error?.asked && error.limit ? { asked: error.asked, limit: error.limit } : null,
    error?.field ?? null,
    !!error?.message,
  );
}

/** Something that a stream was to bring cannot be had; `code` is a code of the server's errors. */
export const refused = (code: string) => new ApiError(code === 'not_found' ? 404 : 400, code, t('error.refused', { status: code }));

/** The server's sentences in the page's language, from the first on that is met in another than its own. */
let inWords = (message: string, _quotes?: boolean): string => message;
export async function learnWords(): Promise<void> {
  if (i18n.language !== 'en') await import('./sentences').then((found) => (inWords = found.inWords)).catch(() => {});
}

/** The sentence says itself when to try again. */
const TELLS_WHEN = /Try again in \d+ second|It begins anew at/;

/** What to tell the person about anything that was thrown. */
export function say(error: unknown): string {
  if (error instanceof ApiError) {
    // By the time that it is read, who asked has signed in again.
    if (error.code === 'unauthorized') return t('session.again');
    if (error.size) return t('error.context', { asked: count(error.size.asked), limit: count(error.size.limit) });
    const message = inWords(error.message, error.said);
    return error.retryAfter && !TELLS_WHEN.test(error.message) ? t('error.retryAfter', { message, s: error.retryAfter }) : message;
  }
  return error instanceof Error ? error.message : t('error.unknown');
}
