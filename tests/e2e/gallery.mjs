// Every part of the design in its states (web/src/gallery): axe finds nothing, nothing scrolls sideways, and what opens
// closes by Escape and gives the focus back.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { look, nothing } from './access.mjs';

const WEB = join(import.meta.dirname, '../../web');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const WIDTHS = [1440, 390, 320];
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
    const themes = ['graphite', 'quartz'];
    for (const width of WIDTHS) {
      // What opens opens alike in every theme: it is opened once for all of them.
      found.push(...(await look(page, 'the gallery', themes, [width])));
      await page.setViewportSize({ width, height: 900 });
      for (const name of OVERLAYS) {
        await page.getByRole('button', { name: 'Open ' + name, exact: true }).click();
        const overlay = page.locator('[role="dialog"], [role="alertdialog"], [role="menu"]');
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
