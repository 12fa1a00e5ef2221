// What is done with single messages, and how they are found. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { answer, ask, chats, chooseModel, has, newChat, ready } from './chat.mjs';
import { copied, counts, eventually, holds, list } from './wait.mjs';

const question = (page) => page.getByRole('article', { name: 'You' });

async function choose(page, message, item) {
  await message.hover();
  await message.getByRole('button', { name: 'More for this message' }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

export async function messageActions({ page, mock, context, base, shot, allow }) {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  mock.on('First thing', ({ say }) => say('# Head\n\nSome **bold** words. And `code`.'));
  mock.on('Second thing', ({ say }) => say('Two.'));
  await newChat(page);
  await ask(page, 'First thing');
  await has(answer(page), 'Some bold words');
  await ready(page);
  const first = page.getByRole('article', { name: /^Answer/ }).first();
  await ask(page, 'Second thing');
  await has(answer(page), 'Two.');
  await ready(page);
  const clip = () => page.evaluate(() => navigator.clipboard.readText());
  await choose(page, first, 'Copy as plain text');
  await page.getByRole('group', { name: 'Notification' }).first().waitFor();
  assert.equal(await clip(), 'Head\n\nSome bold words. And code.');
  await choose(page, first, 'Copy as Markdown');
  await copied(page, /^# Head/);

  // Read by the browser's voice, a sentence at a time, until it is stopped.
  await page.evaluate(() => {
    window.spoken = [];
    speechSynthesis.speak = (u) => window.spoken.push(u.text);
    speechSynthesis.cancel = () => window.spoken.push('stopped');
  });
  await choose(page, first, 'Read aloud');
  const stop = first.getByRole('button', { name: 'Stop reading' });
  await stop.click();
  await stop.waitFor({ state: 'detached' });
  assert.deepEqual(await page.evaluate(() => window.spoken), ['stopped', 'Head', 'Some bold words.', 'And code.', 'stopped']);

  // Pinned, over a reload.
  await choose(page, first, 'Pin message');
  await first.getByRole('button', { name: 'Unpin message' }).waitFor();
  await page.reload();
  await first.getByRole('button', { name: 'Unpin message' }).click();
  await first.getByRole('button', { name: 'Unpin message' }).waitFor({ state: 'detached' });

  // A chat of its own from there on.
  const address = page.url();
  await choose(page, first, 'Branch into new chat');
  await page.waitForURL((url) => url.href !== address);
  await has(answer(page), 'Some bold words');
  await question(page).filter({ hasText: 'Second thing' }).waitFor({ state: 'detached' });
  await page.goto(address);
  await has(answer(page), 'Two.');

  // Deleted with what is below it, after saying how much that is.
  await choose(page, first, 'Delete message');
  const dialog = page.getByRole('alertdialog');
  await dialog.getByText('with the 2 messages below it').waitFor();
  const found = await look(page, 'a message is deleted');
  await shot('delete');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await has(answer(page), 'Two.');
  await choose(page, first, 'Delete message');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await answer(page).waitFor({ state: 'detached' });
  await counts(question(page), 1);
  await page.goto(base + '/');
  nothing(found);
}

/** What was sent is told of each answer, and how full the window is while one writes; what is too long goes without the oldest. */
export async function whatIsSent({ page, mock, base, shot, allow }) {
  const headers = { Origin: base };
  const { models } = mock;
  mock.models = [...models, 'small:1b'];
  await page.request.post(base + '/api/v1/models/refresh', { headers });
  const counted = ({ say, counts, call }) => {
    counts(Math.ceil(call.messages.reduce((n, m) => n + m.content.length, 0) / 4));
    say('tide and wave '.repeat(60));
  };
  const more = 'sand and stone '.repeat(50).trim();
  mock.on('First words', counted);
  mock.on(more, counted);
  const data = { model: 'small:1b', instructions: 'Speak of the sea.', parameters: { context_tokens: 256 } };
  const made = await (await page.request.post(base + '/api/v1/conversations', { headers, data })).json();
  await page.goto(`${base}/c/${made.id}`);
  await page.getByRole('button', { name: /^Model: small:1b/ }).waitFor();
  await ask(page, 'First words');
  await has(answer(page), 'tide and wave');
  await ready(page);
  await choose(page, answer(page), 'Show what was sent');
  const sent = page.getByRole('dialog', { name: 'What was sent' });
  await sent.getByText('7 tokens, counted by the provider').waitFor();
  await sent.getByRole('listitem').filter({ hasText: 'Instructions of this chat' }).getByRole('button', { name: 'Show text' }).click();
  await sent.getByText('Speak of the sea.').waitFor();
  const found = await look(page, 'what was sent', ['graphite', 'quartz']);
  await shot('sent');
  await page.keyboard.press('Escape');
  await sent.waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'More for this message');

  // The ring counts what is written, and says that it would be too much.
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.fill(more);
  await page.getByRole('button', { name: 'Context: 100% used' }).click();
  const ring = page.getByRole('dialog', { name: 'Context: 100% used' });
  await ring.getByText('it would not be sent').waitFor();
  found.push(...(await look(page, 'the context', ['graphite', 'quartz'])));
  await shot('context');
  await page.keyboard.press('Escape');
  allow(/status of 413/);
  await box.press('Enter');
  const refused = page.getByRole('alert').filter({ hasText: /about \d+ tokens, and the model takes 256/ });
  await refused.waitFor();
  await holds(box, more);
  found.push(...(await look(page, 'a message that is too long', ['graphite', 'quartz'])));
  await shot('too-long');
  await refused.getByRole('button', { name: 'Leave out oldest messages and send' }).click();
  await has(answer(page), /oldest messages? (is|are) left out: about/);
  await has(answer(page), 'tide and wave');
  await ready(page);
  await choose(page, answer(page), 'Show what was sent');
  await sent.getByText(/oldest messages are left out: about \d+ tokens/).waitFor();
  await page.keyboard.press('Escape');

  // It stands in the options of the chat.
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Answer options' }).click();
  const options = page.getByRole('dialog', { name: 'Answer options' });
  const full = options.getByLabel('When the chat is longer than the context window');
  await page.waitForFunction((e) => e.value === 'drop', await full.elementHandle());
  await shot('options');
  await page.keyboard.press('Escape');
  await options.waitFor({ state: 'detached' });
  mock.models = models;
  await page.request.post(base + '/api/v1/models/refresh', { headers });
  await page.goto(base + '/');
  await newChat(page);
  await chooseModel(page, 'mock:1b');
  nothing(found);
}

export async function searching({ page, mock, base, shot }) {
  mock.on('Where is the teapot', ({ say, call }) => say(call.messages.length > 2 ? 'In the garden.' : 'It is in the **pantry**, beside the samovar.'));
  await newChat(page);
  await ask(page, 'Where is the teapot');
  await has(answer(page), 'samovar');
  await ready(page);
  const chat = page.url();
  // Another branch hides what will be looked for.
  await question(page).hover();
  await question(page).getByRole('button', { name: 'Edit message' }).click();
  await page.getByRole('textbox', { name: 'Edit message' }).fill('Something else');
  await page.keyboard.press('Control+Enter');
  await has(answer(page), 'A fine day');
  await ready(page);
  await newChat(page);

  await page.keyboard.press('Control+Shift+F');
  const dialog = page.getByRole('dialog', { name: 'Search messages' });
  const field = dialog.getByRole('searchbox');
  await dialog.getByText('Search your messages').waitFor();
  const found = await look(page, 'the search, empty');
  await field.fill('samov');
  const hit = dialog.getByRole('link').filter({ hasText: 'samovar' });
  await hit.waitFor();
  await list(hit.locator('mark'), ['samov']);
  await dialog.getByRole('button', { name: 'Filters' }).click();
  found.push(...(await look(page, 'what was found', ['graphite', 'quartz'])));
  await shot('found');
  await page.setViewportSize({ width: 390, height: 844 });
  await shot('found-phone');
  await page.setViewportSize({ width: 1280, height: 800 });
  await dialog.getByLabel('Written by').selectOption('user');
  await dialog.getByText('No results').waitFor();
  await dialog.getByLabel('Written by').selectOption('');
  await dialog.getByLabel('Pinned messages only').click();
  await dialog.getByText('No results').waitFor();
  await dialog.getByLabel('Pinned messages only').click();
  await dialog.getByLabel('Until').fill('2020-01-01');
  await dialog.getByText('No results').waitFor();
  await dialog.getByLabel('Until').fill('');
  await hit.waitFor();
  // By the arrows to it, and into its branch.
  await field.press('ArrowDown');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(page.url(), chat);
  await has(answer(page), 'samovar');
  await page.waitForFunction(() => document.activeElement?.matches('article') && document.activeElement.innerText.includes('samovar'));
  await question(page).getByRole('group', { name: 'Version 1 of 2' }).waitFor();
  // Or by Enter, sooner than it is found.
  await newChat(page);
  await page.keyboard.press('Control+Shift+F');
  await field.fill('samov');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(page.url(), chat);

  // From the list's own search, too; and in the middle of something long.
  const headers = { Origin: base };
  const made = await (await page.request.post(base + '/api/v1/conversations', { headers, data: { title: 'Long talk' } })).json();
  for (let i = 0; i < 60; i++) {
    const turn = await (await page.request.post(`${base}/api/v1/conversations/${made.id}/turns`, { headers, data: { content: i === 3 ? 'The xylophone is here' : `Number ${i}` } })).json();
    await page.request.get(`${base}/api/v1/turns/${turn.turn_id}/events`, { headers });
  }
  await page.getByRole('searchbox', { name: 'Search chats' }).fill('xylophone');
  await chats(page).getByRole('button', { name: 'Search in messages' }).click();
  await dialog.getByRole('link').filter({ hasText: 'xylophone' }).click();
  const sought = question(page).filter({ hasText: 'The xylophone is here' });
  await sought.waitFor();
  await page.waitForFunction(() => document.activeElement?.innerText?.includes('xylophone'));
  await sought.waitFor();
  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await has(question(page).last(), 'Number 59');
  await page.getByRole('searchbox', { name: 'Search chats' }).fill('');
  await page.goto(base + '/');
  // A long chat opens at its end at once; what stands above that is drawn in the next task.
  const drawn = page.evaluate(
    () =>
      new Promise((done) => {
        const sizes = [];
        new MutationObserver((_, watch) => {
          const n = document.querySelectorAll('ol[aria-label="Messages"] > li[data-message]').length;
          if (n > 0 && n !== sizes.at(-1)) sizes.push(n);
          if (n < 10) return;
          watch.disconnect();
          done(sizes);
        }).observe(document.body, { childList: true, subtree: true });
      }),
  );
  await chats(page).getByRole('link', { name: /^Long talk/ }).click();
  assert.deepEqual(await drawn, [2, 10]);
  nothing(found);
}

/** A keyboard that comes, or a window that is made smaller, leaves a short answer in view: its question stays at the top. */
export async function viewShrinks({ page, mock }) {
  mock.on('Few words', ({ say }) => say('So few.'));
  // The second time, what draws messages is there before the chat has an id.
  for (let i = 0; i < 2; i++) {
    await newChat(page);
    await ask(page, 'Few words');
    await has(answer(page), 'So few.');
    await ready(page);
  }
  for (const size of [{ width: 640, height: 400 }, { width: 1280, height: 800 }, { width: 390, height: 420 }]) {
    await page.setViewportSize(size);
    await eventually(async () => {
      const [top, bottom] = await answer(page).getByText('So few.').evaluate((text) => {
        const [words, view] = [text, text.closest('.overflow-y-auto')].map((e) => e.getBoundingClientRect());
        return [words.top - view.top, view.bottom - words.bottom];
      });
      assert.ok(top > 0 && bottom > 0, `in view at ${size.width} x ${size.height}: ${top} below the top, ${bottom} above the end`);
    });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}
