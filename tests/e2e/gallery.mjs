// Every part of the design in its states (web/src/gallery): axe finds nothing, nothing scrolls sideways, and what opens
// closes by Escape and gives the focus back; each looks as in the picture that is kept of it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { look, nothing } from './access.mjs';

const WEB = join(import.meta.dirname, '../../web');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const WIDTHS = [1440, 390, 320];
const PICTURES = join(import.meta.dirname, 'gallery');
const OVERLAYS = ['Dialog', 'FormDialog', 'PromptDialog', 'ConfirmDialog', 'Sheet', 'SidePanel', 'Menu', 'Popover'];

/** The files of a folder, at a free port. */
async function serve(folder) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    try {
      const data = readFileSync(join(folder, pathname));
      response.setHeader('Content-Type', TYPES[extname(pathname)] ?? 'application/octet-stream');
      response.end(data);
    } catch {
      // The browser asks for an icon by itself.
      response.statusCode = pathname === '/favicon.ico' ? 204 : 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/**
 * In the page: its parts, each made eight times smaller, one below the other in a picture, and where each stands in it. So
 * small, letters are grey: how a machine smooths them makes no difference, what has another place, size or colour does.
 */
async function reduced(screen) {
  const CELL = 8;
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + screen)).blob());
  const parts = [...document.querySelectorAll('section[aria-label]')].map((e) => {
    const { x, y, width, height } = e.getBoundingClientRect();
    return { name: e.getAttribute('aria-label'), x: Math.round(x), y: Math.round(y), w: Math.floor(width / CELL), h: Math.floor(height / CELL) };
  });
  const all = new OffscreenCanvas(image.width, image.height).getContext('2d', { willReadFrequently: true });
  all.drawImage(image, 0, 0);
  const small = new OffscreenCanvas(parts[0].w, parts.reduce((sum, p) => sum + p.h, 0)).getContext('2d');
  const places = {};
  let top = 0;
  for (const { name, x, y, w, h } of parts) {
    const from = all.getImageData(x, y, w * CELL, h * CELL).data;
    const to = small.createImageData(w, h);
    const sums = new Uint32Array(w * h * 3);
    for (let y = 0, at = 0; y < h * CELL; y++)
      for (let x = 0; x < w * CELL; x++, at += 4) {
        const cell = (Math.floor(y / CELL) * w + Math.floor(x / CELL)) * 3;
        sums[cell] += from[at];
        sums[cell + 1] += from[at + 1];
        sums[cell + 2] += from[at + 2];
      }
    for (let i = 0; i < sums.length; i++) to.data[Math.floor(i / 3) * 4 + (i % 3)] = sums[i] / (CELL * CELL);
    for (let i = 3; i < to.data.length; i += 4) to.data[i] = 255;
    small.putImageData(to, 0, top);
    places[name] = [top, w, h];
    top += h;
  }
  const bytes = new Uint8Array(await (await small.canvas.convertToBlob()).arrayBuffer());
  return { places, png: btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join('')) };
}

/** In the page: which parts of two such pictures are not the same. */
async function compared([now, then]) {
  const pixels = async ({ png }) => {
    const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
    context.drawImage(image, 0, 0);
    return (y, w, h) => context.getImageData(0, y, w, h).data;
  };
  const [one, other] = [await pixels(now), await pixels(then)];
  return Object.keys({ ...now.places, ...then.places }).flatMap((name) => {
    const [a, b] = [now.places[name], then.places[name]];
    if (!a || !b) return [`${name} is ${a ? 'new' : 'gone'}`];
    if (a[1] !== b[1] || a[2] !== b[2]) return [`${name} is ${a[1] * 8}x${a[2] * 8}, was ${b[1] * 8}x${b[2] * 8}`];
    const [x, y] = [one(...a), other(...b)];
    let differ = 0;
    for (let i = 0; i < x.length; i += 4)
      if (Math.max(Math.abs(x[i] - y[i]), Math.abs(x[i + 1] - y[i + 1]), Math.abs(x[i + 2] - y[i + 2])) > 28) differ++;
    return differ > Math.max(2, (a[1] * a[2]) / 400) ? [`${name} looks otherwise: ${differ} of ${a[1] * a[2]} places`] : [];
  });
}

/** Compares what is shown with the picture that is kept of it, or keeps it: `E2E_PICTURES=keep`. */
async function looksAsBefore(page, theme, width) {
  // All of it at once.
  await page.setViewportSize({ width, height: 900 });
  const height = await page.evaluate(() => Math.max(...[...document.querySelectorAll('main *')].map((e) => e.scrollHeight)) + 100);
  await page.setViewportSize({ width, height });
  await page.evaluate((name) => (document.documentElement.dataset.theme = name), theme);
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.fonts.ready.then(() => document.activeElement?.blur()));
  const now = await page.evaluate(reduced, (await page.screenshot({ animations: 'disabled' })).toString('base64'));
  const [picture, places] = ['png', 'json'].map((end) => join(PICTURES, `${theme}-${width}.${end}`));
  if (process.env.E2E_PICTURES === 'keep') {
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(picture, Buffer.from(now.png, 'base64'));
    writeFileSync(places, JSON.stringify(now.places) + '\n');
    return [];
  }
  if (!existsSync(picture)) return [{ where: `${theme} at ${width}`, what: 'no picture is kept: E2E_PICTURES=keep' }];
  const then = { png: readFileSync(picture).toString('base64'), places: JSON.parse(readFileSync(places, 'utf8')) };
  return (await page.evaluate(compared, [now, then])).map((what) => ({ where: `${theme} at ${width}`, what: what + ' (if it is meant: E2E_PICTURES=keep)' }));
}

export async function gallery({ context, watch, shot }) {
  await promisify(execFile)(process.execPath, [join(WEB, 'node_modules/vite/bin/vite.js'), 'build', '--mode', 'gallery', '--logLevel', 'warn'], { cwd: WEB });
  const server = await serve(join(WEB, 'dist-gallery'));
  const own = await context.browser().newContext({ reducedMotion: 'reduce' });
  const found = [];
  try {
    const page = watch(await own.newPage());
    await page.goto(`http://127.0.0.1:${server.address().port}/gallery.html`);
    await page.getByRole('heading', { name: 'Gallery' }).waitFor();
    const themes = ['graphite', 'quartz'];
    // Where the arrangement is that of another width, the colours are those of one theme.
    for (const [width, theme] of [[1440, 'graphite'], [1440, 'quartz'], [390, 'quartz'], [320, 'graphite']]) found.push(...(await looksAsBefore(page, theme, width)));
    for (const width of WIDTHS) {
      // What opens opens alike in every theme: it is opened once for all of them.
      found.push(...(await look(page, 'the gallery', themes, [width])));
      await page.setViewportSize({ width, height: 900 });
      for (const name of OVERLAYS) {
        await page.getByRole('button', { name: 'Open ' + name, exact: true }).click();
        const overlay = page.locator('[role="dialog"], [role="alertdialog"], [role="menu"], #beside aside');
        await overlay.waitFor();
        found.push(...(await look(page, name, themes, [width])));
        await page.keyboard.press('Escape');
        await overlay.waitFor({ state: 'detached' });
        await page.waitForFunction((label) => document.activeElement.innerText?.trim() === label, 'Open ' + name);
      }
    }
  } finally {
    await own.close();
    server.close();
  }
  nothing(found);
}
