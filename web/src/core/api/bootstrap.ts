import { ApiError, errorFrom, unreachable } from './errors';
import { hearTime } from '../clock';
import { base } from './client';
import type { Bootstrap } from './types';

/** All that the page begins with. The first call takes what the browser began to load with the page (index.html): any header would make it ask again. */
export async function bootstrap(): Promise<Bootstrap> {
  let response: Response;
  try {
    response = await fetch(base + '/api/v1/bootstrap');
  } catch {
    throw unreachable();
  }
  hearTime(response.headers.get('Date'));
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw errorFrom(response, body);
  if (!body) throw new ApiError(response.status, 'no_json', unreachable().message);
  return body as Bootstrap;
}
