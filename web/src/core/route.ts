/** The pages and their addresses (behind the #). */
export type Route =
  | { page: 'new' }
  | { page: 'chat'; id: string }
  | { page: 'setup'; code: string }
  | { page: 'login' }
  | { page: 'settings'; section: string | null }
  | { page: 'manual'; slug: string | null; anchor: string | null }
  | { page: 'unknown' };

const decode = (s: string) => {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
};

export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#?\/?/, '').split('/').filter(Boolean).map(decode);
  const [page, a, b] = parts;
  if (page === undefined) return { page: 'new' };
  if (page === 'c' && a && parts.length === 2) return { page: 'chat', id: a };
  if (page === 'setup') return { page: 'setup', code: a ?? '' };
  if (page === 'login') return { page: 'login' };
  if (page === 'settings' && parts.length <= 2) return { page: 'settings', section: a ?? null };
  if (page === 'manual') return { page: 'manual', slug: a ?? null, anchor: b ?? null };
  return { page: 'unknown' };
}
