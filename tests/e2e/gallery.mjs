// Every part of the design in its states (web/src/gallery): axe finds nothing, nothing scrolls sideways, and what opens
// closes by Escape and gives the focus back.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { inspect, nothing } from './access.mjs';

const WEB = join(import.meta.dirname, '../../web');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const OVERLAYS = ['Dialog', 'FormDialog', 'PromptDialog', 'ConfirmDialog', 'Sheet', 'Menu', 'Popover'];

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

export async function gallery({ context, watch, shot }) {
  const built = spawnSync(process.execPath, [join(WEB, 'node_modules/vite/bin/vite.js'), 'build', '--mode', 'gallery', '--logLevel', 'warn'], { cwd: WEB });
  assert.equal(built.status, 0, String(built.stderr));
  const server = await serve(join(WEB, 'dist-gallery'));
  const own = await context.browser().newContext({ reducedMotion: 'reduce' });
  const found = [];
  try {
    const page = watch(await own.newPage());
    await page.goto(`http://127.0.0.1:${server.address().port}/gallery.html`);
    await page.getByRole('heading', { name: 'Gallery' }).waitFor();
    for (const theme of ['graphite', 'quartz']) {
      await page.evaluate((name) => (document.documentElement.dataset.theme = name), theme);
      for (const width of [320, 390, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        found.push(...(await inspect(page, `the gallery, ${theme}`)));
        for (const name of OVERLAYS) {
          const button = page.getByRole('button', { name: 'Open ' + name, exact: true });
          await button.click();
          const overlay = page.locator('[role="dialog"], [role="alertdialog"], [role="menu"]');
          await overlay.waitFor();
          found.push(...(await inspect(page, `${name}, ${theme}`)));
          await page.keyboard.press('Escape');
          await overlay.waitFor({ state: 'detached' });
          await page.waitForFunction((label) => document.activeElement.innerText?.trim() === label, 'Open ' + name);
        }
      }
      await shot(theme);
    }
  } finally {
    await own.close();
    server.close();
  }
  nothing(found);
}
