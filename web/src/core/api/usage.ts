import { http, take } from './client';

export type UsageBy = 'day' | 'model' | 'provider' | 'user' | 'key';

/** Days begin by the clock of whoever looks: minutes that it is ahead of UTC. */
export const utcOffset = (now = new Date()) => -now.getTimezoneOffset();

export const getUsage = (from: string, by: UsageBy, all: boolean) =>
  take(http.GET('/api/v1/usage', { params: { query: { from, by, utc_offset: utcOffset(), all: all || undefined } } }));
/** The same for each day, or each hour, split by model. */
export const getUsageSeries = (from: string, each: 'day' | 'hour', all: boolean) =>
  take(http.GET('/api/v1/usage/series', { params: { query: { from, by: 'model', each, utc_offset: utcOffset(), all: all || undefined } } }));
export const listCalls = (all: boolean, cursor?: string | null) =>
  take(
    http.GET('/api/v1/usage/calls', {
      params: { query: { limit: 25, all: all || undefined, cursor: cursor ?? undefined } },
    }),
  );
export const listMyLimits = () => take(http.GET('/api/v1/me/limits'));
