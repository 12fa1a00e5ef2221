// What was written while the server was out of reach, or while an answer is being written, waits, can be changed, and goes out
// by itself.
import assert from 'node:assert/strict';
import { answer, ask, has, newChat, ready } from './chat.mjs';
import { Gate } from './mock.mjs';
import { counts, holds, list } from './wait.mjs';
import { look, nothing } from './access.mjs';

const composer = (page) => page.getByRole('textbox', { name: 'Message' });
const waiting = (page) => page.getByRole('list', { name: 'Unsent messages' }).getByRole('listitem');

async function write(page, text) {
  await composer(page).fill(text);
  await composer(page).press('Enter');
  await waiting(page).filter({ hasText: text }).waitFor();
  await holds(composer(page), '');
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
  await list(page.getByRole('article', { name: 'You' }).locator('[dir=auto]'), ['Second, edited', 'Third']);
  await counts(waiting(page), 0);
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

export async function queueing({ page, mock, shot }) {
  const gates = { Slow: new Gate(), 'Slow again': new Gate() };
  for (const [question, gate] of Object.entries(gates))
    mock.on(question, async ({ say }) => {
      say(`${question} begins `);
      await gate.opened;
      say('and ends');
    });
  for (const text of ['Next, edited', 'At once']) mock.on(text, ({ say }) => say(`Answer to ${text}`));
  const queued = page.getByRole('list', { name: 'Queued messages' }).getByRole('listitem');
  const questions = page.getByRole('article', { name: 'You' }).locator('[dir=auto]');
  const put = async (text) => {
    await composer(page).fill(text);
    await composer(page).press('Enter');
    await queued.filter({ hasText: text }).waitFor();
    await holds(composer(page), '');
  };
  await newChat(page);
  await ask(page, 'Slow');
  await has(answer(page), 'Slow begins');
  for (const text of ['Next', 'Never', 'Slow again']) await put(text);
  await queued.first().getByRole('button', { name: 'Edit queued message' }).click();
  await page.keyboard.type(', edited');
  await page.keyboard.press('Enter');
  await queued.getByText('Next, edited').waitFor();
  await queued.filter({ hasText: 'Never' }).getByRole('button', { name: 'Remove queued message' }).click();
  await queued.filter({ hasText: 'Never' }).waitFor({ state: 'detached' });
  await queued.first().getByText('Sent when the answer is complete').waitFor();
  await composer(page).fill('At once');
  await page.mouse.move(1, 1); // no tooltip of what the mouse happens to point at
  const found = await look(page, 'queued messages', ['graphite', 'quartz']);
  await shot('queued');

  // They are there after a reload, and go out one after the other.
  await page.reload();
  await queued.getByText('Slow again').waitFor();
  gates.Slow.open();
  await has(answer(page), 'Slow again begins');
  await queued.first().waitFor({ state: 'detached' });
  await list(questions, ['Slow', 'Next, edited', 'Slow again']);

  // Escape stops; what waits then waits to be sent.
  await put('Next, edited');
  await page.keyboard.press('Escape');
  await queued.getByText('Waits until you send it').waitFor();
  await queued.getByRole('button', { name: 'Send', exact: true }).click();
  await has(answer(page), 'Answer to Next, edited');
  await queued.first().waitFor({ state: 'detached' });
  await ready(page);

  // Stop and send: what runs ends as it stands.
  await ask(page, 'Slow again');
  await has(answer(page), 'Slow again begins');
  await composer(page).fill('At once');
  await page.getByRole('button', { name: 'Stop and send' }).click();
  await has(answer(page), 'Answer to At once');
  await ready(page);
  await has(questions.last(), 'At once');
  await has(page.getByRole('article', { name: /^Answer/ }).nth(-2), 'Stopped.');
  nothing(found);
}

/** A page that could not be loaded while nothing answered comes by itself when the server does. */
export async function pageComesBack({ page, context, base, allow }) {
  allow(/ERR_|Failed to (fetch|load)|network error/i);
  await page.goto(base + '/');
  await page.getByRole('textbox', { name: 'Message', exact: true }).waitFor();
  const program = /\/assets\/(Settings|Usage|Prompts)-/;
  const down = (route) => route.abort();
  const places = page.getByRole('navigation', { name: 'Main' });
  for (const [name, heading] of [['Prompts', 'Prompts'], ['Settings', 'Settings']]) {
    await page.route(program, down);
    await context.setOffline(true);
    try {
      await page.getByText('You are offline.').waitFor();
      await places.getByRole('link', { name }).click();
      await page.getByText('This page could not be loaded').waitFor();
    } finally {
      await page.unroute(program, down);
      await context.setOffline(false);
    }
    await page.getByText('This page could not be loaded').waitFor({ state: 'detached' });
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
  }
}
