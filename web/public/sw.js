// The service worker: keeps the program of the page, so that it opens at once and without a network, and nothing else. What
// the server says is never kept here.
const CACHE = 'atelier-shell';
const root = new URL('./', self.location.href);

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

/** Files that never change under their name. */
const lasting = (path) => /^assets\/.+-[\w-]{8}\.\w+$/.test(path);
/** Places of the page: the server answers each with the same program. */
const place = (path) => path === '' || /^(c|documents|assistants|prompts|tools|settings|manual|login|setup|password)(\/[^/]*)?$/.test(path);

async function kept(request) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(request);
  if (found) return found;
  const response = await fetch(request);
  if (response.ok && response.status === 200) await cache.put(request, response.clone());
  return response;
}

/** The page, which finds its files from its <base>, as it is served at `path`. */
const based = (html, path) => html.replace(/<base href="[^"]*"/, `<base href="${'../'.repeat(path.split('/').length - 1) || './'}"`);

/** The newest page if there is a network; else the last one, of whichever place, which says by itself that the server is away. */
async function page(request, path) {
  const cache = await caches.open(CACHE);
  const key = new URL('page', root).href;
  try {
    const response = await fetch(request);
    if (response.ok) {
      await cache.put(key, response.clone());
      void tidy(cache, await response.clone().text());
    }
    return response;
  } catch (error) {
    const last = await cache.match(key);
    if (!last) throw error;
    const headers = new Headers(last.headers); // the policy above all; the text is not compressed any more
    headers.delete('Content-Encoding');
    headers.delete('Content-Length');
    return new Response(based(await last.text(), path), { headers });
  }
}

/** Files of an earlier version go when the page names others. */
async function tidy(cache, html) {
  const version = /assets\/first-[\w-]{8}\.js/.exec(html)?.[0];
  const mark = new URL('version', root).href;
  const before = await cache.match(mark).then((r) => r?.text());
  if (!version || version === before) return;
  if (before) for (const request of await cache.keys()) if (lasting(new URL(request.url).href.slice(root.href.length))) await cache.delete(request);
  await cache.put(mark, new Response(version));
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(root.href)) return;
  const path = new URL(request.url).origin + new URL(request.url).pathname;
  const name = path.slice(root.href.length);
  if (request.mode === 'navigate' && place(name)) event.respondWith(page(request, name));
  else if (lasting(name) || name === 'theme.js' || /^favicon/.test(name)) event.respondWith(name === 'theme.js' ? fresh(request) : kept(request));
});

/** The newest, or the last one without a network. */
async function fresh(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const last = await cache.match(request);
    if (last) return last;
    throw error;
  }
}
