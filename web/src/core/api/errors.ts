/** A request that failed, with a text for the person. `status` 0: the server could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfter: number | null = null,
    readonly requestId: string | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  get unreachable(): boolean {
    return this.status === 0;
  }
}

export const unreachable = () => new ApiError(0, 'unreachable', 'Atelier cannot be reached. Check the connection.');

function text(status: number): string {
  if (status === 413) return 'This is too long to send.';
  if (status === 429) return 'Too many tries. Wait a moment.';
  if (status >= 500) return 'The server had a problem. Try again in a moment.';
  return `The server refused the request (${status}).`;
}

/** The error of a response that is not ok; a proxy's error page has no JSON body. */
export function errorFrom(response: Response, body: unknown): ApiError {
  const error = (body as { error?: { code?: string; message?: string; request_id?: string } } | null)?.error;
  const after = Number(response.headers.get('Retry-After'));
  return new ApiError(
    response.status,
    error?.code ?? 'http_' + response.status,
    error?.message || text(response.status),
    after > 0 ? after : null,
    error?.request_id ?? response.headers.get('X-Request-Id'),
  );
}

/** What to tell the person about anything that was thrown. */
export function say(error: unknown): string {
  if (error instanceof ApiError) {
    return error.retryAfter ? `${error.message} (try again in ${error.retryAfter} s)` : error.message;
  }
  return error instanceof Error ? error.message : 'Something went wrong.';
}
