import { http, take } from './client';

export type UsageBy = 'day' | 'model' | 'provider' | 'user' | 'key';

export const getUsage = (from: string, by: UsageBy, all: boolean) =>
  take(http.GET('/api/v1/usage', { params: { query: { from, by, all: all || undefined } } }));
export const listCalls = (all: boolean, cursor?: string | null) =>
  take(
    http.GET('/api/v1/usage/calls', {
      params: { query: { limit: 25, all: all || undefined, cursor: cursor ?? undefined } },
    }),
  );
export const listMyLimits = () => take(http.GET('/api/v1/me/limits'));
