import createClient from 'openapi-fetch';
import { ApiError, errorFrom, learnWords, unreachable } from './errors';
import type { paths } from './schema';

/** Where the page is served from, without the slash at the end; not empty below a path of a reverse proxy. */
export const base = new URL('.', document.baseURI).href.replace(/\/$/, '');

let onUnauthorized: () => void = () => {};

/** Sets what happens when any call finds the session gone. */
export function whenUnauthorized(fn: () => void): void {
  onUnauthorized = fn;
}

// The server cannot know the path that a proxy takes away; cookies and links have to stay below it.
const options: RequestInit = {
  credentials: 'same-origin',
  cache: 'no-store',
  headers: { 'X-Atelier-Base': new URL(base).pathname },
};

export const http = createClient<paths>({ baseUrl: base, ...options });

/** Sign-in and setup answer 401 and 403 about what was typed, not about the session. */
const aboutTyped = (url: string) => /\/api\/v1\/(auth\/login|auth\/link|setup|me\/password)$/.test(new URL(url).pathname);

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of a call, or an ApiError. */
export async function take<T>(call: Promise<Result<T>>): Promise<T> {
  let result: Result<T>;
  try {
    result = await call;
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw e instanceof ApiError ? e : unreachable();
  }
  if (result.response.ok) return result.data as T;
  if (result.response.status === 401 && !aboutTyped(result.response.url)) onUnauthorized();
  await learnWords();
  throw errorFrom(result.response, result.error);
}

/** The session is gone, as something else than a call found out. */
export const unauthorized = () => onUnauthorized();
