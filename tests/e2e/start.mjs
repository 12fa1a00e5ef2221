// How the page begins: what is seen before the program runs, and how little is asked for.
import assert from 'node:assert/strict';
import { Gate } from './mock.mjs';

export async function firstPaint({ context, base, watch }) {
  const page = watch(await context.newPage());
  const asked = [];
  page.on('request', (r) => r.url().includes('/api/v1/') && asked.push(new URL(r.url()).pathname));
  const scripts = new Gate();
  await page.route('**/assets/Shell-*.js', async (route) => {
    await scripts.opened;
    await route.continue();
  });
  await page.goto(base + '/', { waitUntil: 'commit' });
  const early = page.locator('#frame textarea');
  await early.fill('Begun before the program ran');
  const box = await early.boundingBox();
  scripts.open();
  const composer = page.locator('textarea[data-composer]');
  await composer.waitFor();
  assert.equal(await page.locator('#frame').count(), 0);
  assert.equal(await composer.inputValue(), 'Begun before the program ran');
  await page.getByRole('navigation', { name: 'Chats' }).getByRole('link').first().waitFor();
  const now = await composer.boundingBox();
  assert.ok(Math.abs(now.x - box.x) < 3 && Math.abs(now.width - box.width) < 6, `the message box moved: ${JSON.stringify([box, now])}`);
  assert.deepEqual(asked.filter((path) => path !== '/api/v1/events'), ['/api/v1/bootstrap'], 'one question');
  await composer.fill('');
  await page.close();

  // Whoever is not signed in sees no chat before the form.
  const other = await context.browser().newContext({ locale: 'en-US' });
  const outside = watch(await other.newPage());
  await outside.goto(base + '/', { waitUntil: 'commit' });
  await outside.locator('#frame, form').first().waitFor();
  assert.equal(await outside.locator('.frame-box').isVisible(), false);
  await outside.getByRole('button', { name: 'Sign in' }).waitFor();
  await other.close();
}
