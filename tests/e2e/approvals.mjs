// A tool that changes something asks first: what would run is shown, and runs as it is decided, here, in another browser, after
// a reload, once or from then on. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { go, newChat } from './chat.mjs';
import { counts, eventually } from './wait.mjs';

export async function approvals({ page, context, mock, base, watch, shot }) {
  const headers = { Origin: base };
  const { show } = mock;
  mock.show = () => ({ capabilities: ['completion', 'tools'], model_info: {} });
  await page.request.post(base + '/api/v1/models/refresh', { headers });
  const booked = [];
  mock.tools.set('/book', ({ body }) => {
    booked.push(JSON.parse(body).berth);
    return { booked: booked.at(-1) };
  });
  const parameters = { type: 'object', properties: { berth: { type: 'integer' } }, required: ['berth'] };
  const config = { tools: [{ name: 'book', method: 'POST', url: mock.url + '/book', description: 'Books a berth.', parameters }] };
  const { id } = await (await page.request.post(base + '/api/v1/tool-servers', { headers, data: { name: 'Quay', kind: 'http', config } })).json();
  const wants = (question, ...berths) => mock.on(question, ({ tool }) => berths.forEach((berth) => tool('quay_book', { berth })));
  wants('Book two', 3, 12);
  wants('Book one', 7);
  wants('Book a last one', 21);

  const begin = async () => {
    await newChat(page);
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('menuitem', { name: 'Use tools' }).click();
    await page.getByRole('option', { name: /All tools/ }).click();
    await page.keyboard.press('Escape');
  };
  const ask = async (question) => {
    const message = page.getByRole('textbox', { name: 'Message' });
    await message.fill(question);
    await message.press('Enter');
  };
  const answers = (of = page) => of.getByRole('article', { name: /Answer/ });
  const cards = (of = page) => of.getByRole('group', { name: /^Run / });
  const said = (n) => answers().nth(n).getByText('A fine day').waitFor();
  await page.goto(base);

  // Two calls of a round: a card each, with exactly what would run; nothing has run, also after a reload.
  await begin();
  await ask('Book two');
  await cards().nth(1).waitFor();
  await answers().getByText('Waiting for your decision.').waitFor();
  // In the list it is no answer that is being written: somebody must decide.
  const row = page.getByRole('navigation', { name: 'Chats' }).locator(`a[href$="${new URL(page.url()).pathname}"]`);
  await row.getByText('Waiting for your decision').waitFor();
  await counts(row.getByText('Answering'), 0);
  const found = await look(page, 'calls that ask', ['graphite', 'quartz']);
  await shot('asked');
  await page.reload();
  await cards().nth(1).waitFor();
  await eventually(async () => assert.deepEqual((await cards().locator('pre').allInnerTexts()).map((text) => JSON.parse(text)), [{ berth: 3 }, { berth: 12 }]));
  assert.deepEqual(booked, []);

  // Another browser decides of one; here its card goes, and the other is refused with a reason, by the keyboard.
  const elsewhere = await context.browser().newContext({ storageState: await context.storageState(), locale: 'en-US', reducedMotion: 'reduce' });
  const other = watch(await elsewhere.newPage());
  await other.goto(page.url());
  await cards(other).first().getByRole('button', { name: 'Run once' }).click();
  await cards(other).nth(1).waitFor({ state: 'detached' });
  await cards().nth(1).waitFor({ state: 'detached' });
  await cards().getByRole('button', { name: 'No…' }).press('Enter');
  await cards().getByRole('button', { name: 'Cancel' }).press('Enter');
  await page.waitForFunction(() => document.activeElement.textContent.trim() === 'No…');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.matches('input, textarea') && !document.activeElement.matches('[data-composer]'));
  await page.keyboard.type('Too small');
  found.push(...(await look(page, 'a call that is refused', ['graphite', 'quartz'])));
  await shot('refusing');
  await page.keyboard.press('Enter');
  await said(0);
  // The card is gone, and the keyboard goes on where one writes.
  await page.waitForFunction(() => document.activeElement.matches('[data-composer]'));
  await answers(other).getByText('A fine day').waitFor();
  await elsewhere.close();
  assert.deepEqual(booked, [3]);
  const results = mock.calls.findLast((c) => c.messages.at(-1).role === 'tool').messages.filter((m) => m.role === 'tool').map((m) => m.content);
  assert.deepEqual([results.length, JSON.parse(results[0])], [2, { booked: 3 }]);
  assert.match(results[1], /Too small/);
  for (const reloaded of [false, true]) {
    if (reloaded) await page.reload();
    await answers().getByRole('button', { name: 'book 12 Refused' }).click();
    await page.getByText('Refused. “Too small”').waitFor();
  }

  // Once was once. In this chat it is not asked again; elsewhere it is.
  await ask('Book one');
  // The answer to a decision may come before what it changes; the keyboard goes on where one writes then, too.
  await page.route('**/approvals/**', async (route) => {
    const decision = route.request();
    await route.fulfill({ status: 200, json: {} });
    await cards().getByRole('button', { name: 'Always', disabled: false }).waitFor();
    await page.request.fetch(decision);
  });
  await cards().getByRole('button', { name: 'In this chat' }).press('Enter');
  await said(1);
  await page.waitForFunction(() => document.activeElement.matches('[data-composer]'));
  await page.unroute('**/approvals/**');
  await ask('Book a last one');
  await said(2);
  assert.deepEqual(booked, [3, 7, 21]);
  await begin();
  await ask('Book one');
  await cards().getByRole('button', { name: 'Always' }).click();
  await said(0);
  await begin();
  await ask('Book a last one');
  await said(0);
  assert.deepEqual(booked, [3, 7, 21, 7, 21]);

  // What was allowed for good is taken back; then it is asked again, and an answer that waits is stopped.
  await go(page, base, '/tools');
  const rules = page.getByRole('list', { name: 'Run without asking' }).getByRole('listitem', { name: 'quay_book' });
  await rules.nth(1).waitFor();
  await rules.filter({ hasText: 'Everywhere' }).getByRole('button', { name: 'Revoke' }).click();
  await rules.nth(1).waitFor({ state: 'detached' });
  await begin();
  await ask('Book one');
  await cards().waitFor();
  await answers().getByRole('button', { name: 'Stop' }).click();
  await cards().waitFor({ state: 'detached' });
  await answers().getByText('Refused').or(answers().getByText('Not run')).or(answers().getByText('Failed')).first().waitFor();
  await ask('What now?');
  await said(1);
  assert.equal(booked.length, 5);

  // A fact that a model notes about the person stands below its call, where it is taken back, and noted again after a reload.
  const enable = (enabled) => page.request.put(base + '/api/v1/memories/settings', { headers, data: { enabled } });
  const facts = async () => (await (await page.request.get(base + '/api/v1/memories')).json()).items.map((m) => m.text);
  await enable(true);
  mock.on('I take tea', ({ tool }) => tool('remember', { fact: 'Drinks tea.' }));
  await begin();
  await ask('I take tea');
  await said(0);
  const note = (name) => page.getByRole('group', { name }).filter({ hasText: 'Drinks tea.' });
  await note('Noted about you').getByRole('button', { name: 'Undo' }).waitFor();
  found.push(...(await look(page, 'a fact that is noted', ['graphite', 'quartz'])));
  await shot('noted');
  await note('Noted about you').getByRole('button', { name: 'Undo' }).click();
  await note('Not noted any more').getByRole('button', { name: 'Note again' }).waitFor();
  assert.deepEqual(await facts(), []);
  await page.reload();
  await note('Not noted any more').getByRole('button', { name: 'Note again' }).click();
  await note('Noted about you').getByRole('button', { name: 'Undo' }).waitFor();
  assert.deepEqual(await facts(), ['Drinks tea.']);
  await page.reload(); // it has another id now, and is there all the same
  await note('Noted about you').getByRole('button', { name: 'Undo' }).click();
  await note('Not noted any more').waitFor();
  await enable(false);
  await page.request.delete(`${base}/api/v1/tool-servers/${id}`, { headers });
  mock.show = show;
  await page.request.post(base + '/api/v1/models/refresh', { headers });
  nothing(found);
}
