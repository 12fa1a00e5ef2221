// How the page begins: what is seen before the program runs, and how little is asked for.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { readAll } from './chat.mjs';
import { Gate, Mock } from './mock.mjs';
import { Server } from './server.mjs';
import { counts, eventually, holds } from './wait.mjs';

/** A file of the page as it comes over the wire. */
const wire = (url, encoding, method = 'GET') =>
  new Promise((resolve, reject) => {
    const ask = request(url, { method, headers: { 'Accept-Encoding': encoding } }, async (answer) => {
      const parts = await answer.toArray();
      resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) });
    });
    ask.on('error', reject).end();
  });

/** Each file is kept compressed alone, and is the same for whoever takes nothing compressed. */
export async function encodings({ base }) {
  const html = String((await wire(base + '/', 'identity')).body);
  const script = new URL(/src="\.\/(assets\/first-[^"]+)"/.exec(html)[1], base + '/').href;
  for (const url of [base + '/', base + '/theme.js', script]) {
    const [plain, gz, br] = await Promise.all(['identity', 'gzip', 'br'].map((encoding) => wire(url, encoding)));
    assert.deepEqual([plain, gz, br].map((a) => a.headers['content-encoding']), [undefined, 'gzip', 'br'], url);
    assert.ok(plain.body.equals(gunzipSync(gz.body)) && plain.body.equals(brotliDecompressSync(br.body)), url);
    assert.equal(new Set([plain, gz, br].map((a) => a.headers.etag)).size, 3, 'a tag for each form');
    const head = await wire(url, 'identity', 'HEAD');
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, String(plain.body.length), 0]);
  }
}

/** An address where nothing is: a person gets the page, which says so, a program an error; below a path of a proxy, too. */
export async function unknownAddress({ context, base, watch, allow }) {
  const program = await context.request.get(base + '/nowhere/at/all', { headers: { Accept: 'application/json' } });
  assert.deepEqual([program.status(), (await program.json()).error.code], [404, 'not_found']);
  assert.equal((await context.request.get(base + '/api/v1/nowhere', { headers: { Accept: 'text/html' } })).headers()['content-type'], 'application/json');
  const proxy = createServer((ask, answer) => {
    const onward = request(base + ask.url.replace(/^\/workshop/, ''), { method: ask.method, headers: ask.headers }, (from) => {
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    ask.pipe(onward.on('error', () => answer.destroy()));
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  allow(/404 \(Not Found\)/);
  allow(/WebSocket|ERR_INCOMPLETE_CHUNKED_ENCODING/); // this proxy takes none
  for (const root of [base, `http://127.0.0.1:${proxy.address().port}/workshop`]) {
    const page = watch(await context.newPage());
    assert.equal((await page.goto(root + '/nowhere/at/all')).status(), 404);
    assert.equal(await page.evaluate(() => document.baseURI), root + '/');
    await page.getByRole('heading', { name: 'Page not found' }).waitFor();
    await page.getByRole('link', { name: 'Go to chats' }).click();
    await page.locator('[data-composer]').waitFor();
    assert.equal(page.url(), root + '/');
    await page.close();
  }
  proxy.closeAllConnections();
  proxy.close();
}

export async function firstPaint({ context, base, watch, allow }) {
  const page = watch(await context.newPage());
  const asked = [];
  page.on('request', (r) => r.url().includes('/api/v1/') && asked.push(new URL(r.url()).pathname));
  const scripts = new Gate();
  await page.route('**/assets/shell-*.js', async (route) => {
    await scripts.opened;
    await route.continue();
  });
  // What is said later is not waited for.
  const texts = new Gate();
  await page.route('**/assets/*-rest-*.js', async (route) => {
    await texts.opened;
    await route.continue();
  });
  await page.goto(base + '/', { waitUntil: 'commit' });
  const early = page.locator('#frame textarea');
  await early.fill('Begun before the program ran');
  const box = await early.boundingBox();
  scripts.open();
  const composer = page.locator('textarea[data-composer]');
  await composer.waitFor();
  await counts(page.locator('#frame'), 0);
  await holds(composer, 'Begun before the program ran');
  await page.getByRole('navigation', { name: 'Chats' }).waitFor();
  texts.open();
  // What opens above the page comes later; when it cannot be had, that is said, and the next press asks again.
  await page.route('**/assets/MenuPanel-*.js', (route) => route.abort());
  allow(/MenuPanel/);
  const more = page.getByRole('button', { name: 'Add', exact: true });
  await more.click();
  await page.getByText('Atelier may have been updated, or it cannot be reached.').waitFor();
  await page.unroute('**/assets/MenuPanel-*.js');
  await more.click();
  await page.getByRole('menuitem', { name: 'Answer options' }).waitFor();
  await page.keyboard.press('Escape');
  await eventually(async () => {
    const now = await composer.boundingBox();
    assert.ok(Math.abs(now.x - box.x) < 3 && Math.abs(now.width - box.width) < 6, `the message box moved: ${JSON.stringify([box, now])}`);
  });
  assert.deepEqual(asked.filter((path) => path !== '/api/v1/events'), ['/api/v1/bootstrap'], 'one question');
  await composer.fill('');
  await page.close();

  // Whoever is not signed in sees no chat before the form.
  const other = await context.browser().newContext({ locale: 'en-US' });
  const outside = watch(await other.newPage());
  await outside.goto(base + '/', { waitUntil: 'commit' });
  await outside.locator('#frame, form').first().waitFor();
  await outside.locator('.frame-box').waitFor({ state: 'hidden' });
  await outside.getByRole('button', { name: 'Sign in' }).waitFor();
  await other.close();
}

/** A newcomer: account, a model that is fetched while one looks elsewhere, the first question. */
export async function firstConnect({ context, server, watch, allow, shot }) {
  allow(/status of 401/);
  const mock = new Mock([]);
  const fetched = new Gate();
  mock.pull = async ({ line }) => {
    line({ status: 'pulling 1234', digest: 'sha256:1234', total: 1000, completed: 400 });
    await fetched.opened;
    line({ status: 'success' });
  };
  mock.on('The first question', ({ say }) => say('And its answer'));
  await mock.start();
  const fresh = new Server(server.binary, { OLLAMA_HOST: mock.url });
  await fresh.start();
  const newcomer = await context.browser().newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US', reducedMotion: 'reduce' });
  try {
    const page = watch(await newcomer.newPage());
    const began = Date.now();
    await page.goto(fresh.setup);
    await page.getByLabel('User name').fill('grace');
    await page.getByLabel('Password', { exact: true }).fill('a long enough password');
    await page.getByLabel('Repeat password').fill('a long enough password');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByText('has no model yet').waitFor();
    await page.getByText('the Librarian answers questions').waitFor();
    await shot('first-connect', page);
    await page.getByText('llama3.2:1b').click();
    await page.getByRole('button', { name: 'Download' }).click();
    await page.getByRole('progressbar').first().waitFor();
    await page.getByText('the download continues').waitFor();
    await shot('first-pull', page);
    await page.goto(fresh.url + '/manual');
    await page.getByRole('heading', { level: 1, name: 'Getting started' }).waitFor();
    await page.goto(fresh.url + '/');
    await page.getByRole('progressbar').first().waitFor();
    fetched.open();
    await page.getByRole('button', { name: /^Model: llama3.2:1b/ }).waitFor();
    await page.getByRole('heading', { name: 'Where should answers come from?' }).waitFor({ state: 'hidden' });
    await page.getByRole('textbox', { name: 'Message' }).fill('The first question');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('And its answer', { exact: true }).waitFor();
    assert.ok(Date.now() - began < 60_000);
  } finally {
    await newcomer.close();
    await fresh.destroy();
    await mock.stop();
  }
}

/** Nothing is there: how to install it is said, and an address that is pasted is tried and kept. */
export async function firstAddress({ context, server, mock, watch, allow, shot }) {
  allow(/status of 401/);
  const fresh = new Server(server.binary, { OLLAMA_HOST: 'http://127.0.0.1:1' });
  await fresh.start();
  const newcomer = await context.browser().newContext({ viewport: { width: 390, height: 844 }, locale: 'en-US', reducedMotion: 'reduce' });
  try {
    const page = watch(await newcomer.newPage());
    await page.goto(fresh.setup);
    await page.getByLabel('User name').fill('grace');
    await page.getByLabel('Password', { exact: true }).fill('a long enough password');
    await page.getByLabel('Repeat password').fill('a long enough password');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByText('curl -fsSL https://ollama.com/install.sh').waitFor();
    await shot('first-nothing', page);
    const field = page.getByLabel('API key or address');
    await field.fill('sk-ant-api03-0123456789abcdef');
    await page.getByText('This is an API key from Anthropic.').waitFor();
    await field.fill('nothing of that kind');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByText('neither a known API key').waitFor();
    await field.fill('127.0.0.1:2');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByRole('link', { name: /under Providers/ }).waitFor();
    await field.fill(mock.url.replace('http://', ''));
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByText('Ollama is connected: 1 model.').waitFor();
    await page.getByRole('button', { name: /^Model: mock:1b/ }).waitFor();
  } finally {
    await newcomer.close();
    await fresh.destroy();
  }
}

/** The program opens without the server, and says that it is away; nothing that the server said is kept. */
export async function installed({ context, server, base, watch, allow }) {
  const own = await context.browser().newContext({ storageState: await context.storageState(), locale: 'en-US' });
  const page = watch(await own.newPage());
  await page.goto(base + '/');
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  const manifest = await page.evaluate(async () => (await fetch(document.querySelector('link[rel=manifest]').href)).json());
  assert.deepEqual(manifest.icons.filter((i) => i.purpose === 'maskable').map((i) => i.sizes), ['512x512']);
  for (const { src } of manifest.icons) assert.equal((await page.request.get(new URL(src, base + '/').href)).status(), 200, src);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await page.reload(); // Now the worker sees what is loaded.
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.getByRole('navigation', { name: 'Chats' }).waitFor();
  // The worker keeps what it has handed on, a moment later.
  const missing = () =>
    page.evaluate(async () => {
      const loaded = performance.getEntriesByType('resource').map((e) => e.name).filter((url) => new URL(url).pathname.startsWith('/assets/'));
      const there = await Promise.all(loaded.map((url) => caches.match(url)));
      return loaded.filter((_, i) => !there[i]);
    });
  await eventually(async () => assert.deepEqual(await missing(), []));
  allow(/ERR_CONNECTION_REFUSED|Failed to load resource/);
  await server.end('SIGKILL');
  await page.reload();
  await page.getByText('Atelier cannot be reached').first().waitFor();
  const kept = await page.evaluate(async () => {
    const cache = await caches.open('atelier-shell');
    return (await cache.keys()).map((r) => new URL(r.url).pathname);
  });
  assert.ok(kept.some((path) => /^\/assets\/shell-/.test(path)), kept.join(' '));
  assert.deepEqual(kept.filter((path) => /^\/(api|v1|ollama|stream|health)/.test(path)), []);
  // So does every other place, a bookmark too that is opened for the first time.
  for (const path of ['/documents', '/c/0000000000000', '/']) {
    await page.goto(base + path);
    await page.getByText('Atelier cannot be reached').first().waitFor();
  }
  await server.start();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await own.close();
}

/** An answer that ends while nobody looks is told by the icon and by a notification, if one is wanted. */
export async function notified({ context, mock, base, watch }) {
  const more = new Gate();
  mock.on('Tell me later', async ({ say }) => {
    say('soon ');
    await more.opened;
    say('now');
  });
  const page = watch(await context.newPage());
  await page.addInitScript(() => {
    window.notes = [];
    class Note {
      static permission = 'default';
      static requestPermission = async () => (Note.permission = 'granted');
      constructor(title, options) {
        window.notes.push({ title, body: options.body });
      }
      close() {}
    }
    window.Notification = Note;
  });
  await readAll(page, base);
  await page.goto(base + '/settings/appearance');
  await page.getByRole('switch', { name: 'Notify me when an answer is ready or needs a decision' }).click();
  await page.getByRole('switch', { name: 'Notify me when an answer is ready or needs a decision', checked: true }).waitFor();
  await page.getByRole('link', { name: 'Chats' }).first().click();
  await page.getByRole('textbox', { name: 'Message' }).fill('Tell me later');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('soon').last().waitFor();
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  more.open();
  await page.waitForFunction(() => window.notes.length === 1, null, { polling: 100 });
  assert.equal((await page.evaluate(() => window.notes))[0].body, 'Your answer is ready.');
  await page.waitForFunction(() => document.querySelector('link[rel=icon]').href.endsWith('favicon-unread.svg'), null, { polling: 100 });
  await eventually(async () => assert.match(await page.title(), /^● /));
  await page.evaluate(() => {
    delete document.hidden;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await page.waitForFunction(() => document.querySelector('link[rel=icon]').href.endsWith('favicon.svg'), null, { polling: 100 });
  await page.evaluate(() => localStorage.removeItem('atelier.notify'));
  await page.close();
}
