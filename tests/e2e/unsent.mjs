// What was written while the server was out of reach waits, can be changed, and goes out by itself.
import assert from 'node:assert/strict';
import { answer, has, newChat, ready } from './chat.mjs';
import { look, nothing } from './access.mjs';

const composer = (page) => page.getByRole('textbox', { name: 'Message' });
const waiting = (page) => page.getByRole('list', { name: 'Unsent messages' }).getByRole('listitem');

async function write(page, text) {
  await composer(page).fill(text);
  await composer(page).press('Enter');
  await waiting(page).filter({ hasText: text }).waitFor();
  assert.equal(await composer(page).inputValue(), '');
}

export async function unsent({ page, context, mock, allow, shot }) {
  allow(/ERR_|Failed to (fetch|load)|network error/i);
  for (const text of ['Second, edited', 'Third']) mock.on(text, ({ say }) => say(`Answer to ${text}`));
  await newChat(page);
  await context.setOffline(true);
  try {
    await page.getByText('You are offline.').waitFor();
    for (const text of ['First', 'Second', 'Third']) await write(page, text);
    await page.getByText('3 messages will be sent then.').waitFor();
    await waiting(page).filter({ hasText: 'First' }).getByRole('button', { name: 'Remove unsent message' }).click();
    const second = waiting(page).first();
    await second.getByRole('button', { name: 'Edit unsent message' }).click();
    await page.keyboard.type(', edited');
    await page.keyboard.press('Enter');
    await second.getByText('Second, edited').waitFor();
    await composer(page).focus();
    nothing(await look(page, 'unsent messages'));
    await shot('waiting');
  } finally {
    await context.setOffline(false);
  }
  // Both in one chat, in their order.
  await has(answer(page), 'Answer to Third');
  await ready(page);
  assert.deepEqual(await page.getByRole('article', { name: 'You' }).locator('[dir=auto]').allInnerTexts(), ['Second, edited', 'Third']);
  assert.equal(await waiting(page).count(), 0);
  assert.match(page.url(), /\/c\//);
}

/** The browser has a network, but no server answers; the page is loaded anew meanwhile. */
export async function unsentReload({ page, mock, allow }) {
  allow(/ERR_|status of 502/);
  mock.on('Kept', ({ say }) => say('It was kept'));
  const api = /\/api\/v1\/(bootstrap|conversations)/;
  const down = (route) => route.abort();
  await page.route(api, down);
  try {
    await write(page, 'Kept');
    await page.reload();
    await page.getByText('Atelier cannot be reached').first().waitFor();
  } finally {
    await page.unroute(api, down);
  }
  // Nobody presses anything.
  await has(answer(page), 'It was kept');
  await ready(page);
}
