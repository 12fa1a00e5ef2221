/** The places of the page and their addresses, below the path that the page is served from. */
export type Route =
  | { page: 'new' }
  | { page: 'chat'; id: string }
  | { page: 'setup'; code: string }
  | { page: 'login' }
  | { page: 'password'; token: string; name: string }
  | { page: 'settings'; section: string | null }
  | { page: 'documents'; collection: string | null; document: string | null; passage: string | null }
  | { page: 'assistants' }
  | { page: 'prompts' }
  | { page: 'tools' }
  | { page: 'manual'; slug: string | null; anchor: string | null }
  | { page: 'unknown' };

const decode = (s: string) => {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
};

/** `address`: path and fragment, as in "/manual/models#pull". A secret stands in the fragment: servers never see that. */
export function parseRoute(address: string): Route {
  const at = address.indexOf('#');
  const hash = at < 0 ? '' : decode(address.slice(at + 1));
  const parts = (at < 0 ? address : address.slice(0, at)).split('/').filter(Boolean).map(decode);
  const [page, a] = parts;
  if (page === undefined) return { page: 'new' };
  if (parts.length > 2) return { page: 'unknown' };
  if (page === 'c' && a) return { page: 'chat', id: a };
  if (page === 'setup' && !a) return { page: 'setup', code: hash };
  if (page === 'password' && !a) {
    const [token = '', name = ''] = hash.split('/');
    return { page: 'password', token, name };
  }
  if (page === 'login' && !a) return { page: 'login' };
  // These two were sections of the settings once.
  if (page === 'settings' && (a === 'assistants' || a === 'prompts')) return { page: a };
  if (page === 'settings') return { page: 'settings', section: a ?? null };
  if (page === 'documents') {
    const [document, passage] = hash.split('/');
    return { page: 'documents', collection: a ?? null, document: document || null, passage: passage || null };
  }
  if ((page === 'assistants' || page === 'prompts' || page === 'tools') && !a) return { page };
  if (page === 'manual') return { page: 'manual', slug: a ?? null, anchor: hash || null };
  return { page: 'unknown' };
}

/**
 * Addresses were fragments once ("#/manual/models/pull"), and what the server prints and cites still is written so: the
 * path for such a one, or null.
 */
export function pathOfFragment(hash: string): string | null {
  if (!hash.startsWith('#/')) return null;
  const [page, a, b] = hash.slice(2).split('/').filter(Boolean);
  if (page === undefined) return '/';
  if (page === 'setup') return '/setup#' + (a ?? '');
  return `/${page}${a ? '/' + a : ''}${b ? '#' + b : ''}`;
}
