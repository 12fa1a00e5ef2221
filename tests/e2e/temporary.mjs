// A chat of which nothing is kept: neither by the server nor by the browser. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { answer, ask, has, newChat, ready } from './chat.mjs';
import { Gate } from './mock.mjs';
import { counts, holds } from './wait.mjs';

const composer = (page) => page.getByRole('textbox', { name: 'Message' });
/** What the browser keeps of it. */
const kept = (page) => page.evaluate(() => Object.values(localStorage).filter((v) => v.includes('secret')));

export async function temporary({ page, mock, base, shot }) {
  const gate = new Gate();
  let tries = 0;
  mock.on('My secret', async ({ say }) => {
    say('I will not ');
    if (tries++ === 0) await gate.opened;
    say('tell anybody.');
  });
  mock.on('My other secret', ({ say }) => say('Neither that.'));
  const chats = async () => (await (await page.request.get(`${base}/api/v1/conversations?limit=1`)).json()).items[0]?.id;
  const before = await chats();
  const toggle = page.getByRole('button', { name: 'Temporary chat', pressed: true });

  await newChat(page);
  await composer(page).fill('My secr');
  await page.getByRole('button', { name: 'Temporary chat' }).click();
  await toggle.waitFor();
  await page.getByText('Nothing is saved, and it is not in your list.').waitFor();
  await holds(composer(page), 'My secr', 'what was typed comes along');
  await composer(page).fill('');
  await page.mouse.move(1, 400);
  const found = await look(page, 'a temporary chat begins', ['graphite', 'quartz']);
  await shot('begins');

  await composer(page).fill('My secret');
  assert.deepEqual(await kept(page), []);
  await composer(page).press('Enter');
  await has(answer(page), 'I will not');
  // It goes on while nobody looks; Escape stops, and it can be tried again.
  await composer(page).fill('wait');
  await composer(page).press('Enter');
  await page.getByText('The answer is not complete yet.').waitFor();
  await composer(page).fill('');
  await page.keyboard.press('Escape');
  await has(answer(page), 'Stopped.');
  gate.open();
  await answer(page).getByRole('button', { name: 'Try again', exact: true }).click();
  await has(answer(page), 'tell anybody.');
  await ready(page);

  // The next question brings all that was said.
  await ask(page, 'My other secret');
  await has(answer(page), 'Neither that.');
  await ready(page);
  const asked = mock.calls.findLast((c) => c.messages.at(-1).content === 'My other secret').messages.filter((m) => m.role !== 'system');
  assert.deepEqual(asked.map((m) => m.content), ['My secret', 'I will not tell anybody.', 'My other secret']);
  await answer(page).getByRole('button', { name: 'More for this message' }).click();
  await page.getByRole('menuitem', { name: 'Copy as Markdown' }).waitFor();
  await counts(page.getByRole('menuitem', { name: /^Pin|branch|sent/i }), 0, 'nothing of it can be kept');
  await page.keyboard.press('Escape');
  await composer(page).focus();
  await page.mouse.move(1, 400);
  found.push(...(await look(page, 'a temporary chat', ['graphite', 'quartz'])));
  await shot('goes-on');
  await page.getByRole('article', { name: 'You' }).last().getByRole('button', { name: 'Edit message' }).click();
  const field = page.getByRole('textbox', { name: 'Edit message' });
  await field.fill('My secret');
  await field.press('Control+Enter');
  await has(answer(page), 'tell anybody.');
  await ready(page);
  await counts(page.getByRole('article', { name: 'You' }), 2);

  // Tools that are chosen for it are used, ask first, and the next question tells again what they came to.
  const { show } = mock;
  mock.show = () => ({ capabilities: ['completion', 'tools'], model_info: {} });
  await page.request.post(`${base}/api/v1/models/refresh`, { headers: { Origin: base } });
  await page.request.patch(`${base}/api/v1/tools/calculator`, { headers: { Origin: base }, data: { asks: true } });
  mock.on('A sum that nobody keeps', ({ tool }) => tool('calculator', { expression: '6*7' }));
  await page.getByRole('button', { name: 'Add' }).click();
  await page.getByRole('menuitem', { name: 'Use tools' }).click();
  await page.getByRole('option', { name: /All tools/ }).click();
  await page.keyboard.press('Escape');
  await ask(page, 'A sum that nobody keeps');
  await page.getByRole('group', { name: /^Run / }).getByRole('button', { name: 'Run once' }).click();
  await has(answer(page), 'A fine day');
  await ready(page);
  await ask(page, 'My other secret');
  await has(answer(page), 'Neither that.');
  await ready(page);
  const again = mock.calls.findLast((c) => c.messages.at(-1).content === 'My other secret').messages;
  assert.deepEqual(again.at(-4).tool_calls?.[0].function, { name: 'calculator', arguments: { expression: '6*7' } }, JSON.stringify(again));
  assert.deepEqual([again.at(-3).role, again.at(-3).content], ['tool', '42']);
  await page.request.patch(`${base}/api/v1/tools/calculator`, { headers: { Origin: base }, data: { asks: false } });
  mock.show = show;
  await page.request.post(`${base}/api/v1/models/refresh`, { headers: { Origin: base } });

  // Nothing of it is anywhere, and a new chat is not temporary.
  assert.equal(await chats(), before);
  assert.deepEqual(await kept(page), []);
  assert.deepEqual(await page.evaluate(() => Object.entries(localStorage).filter(([k, v]) => /^tools\..*\.new$/.test(k) && v !== '[]' && v !== '')), [], 'what was chosen for it is no later chat\'s');
  await newChat(page);
  await counts(toggle, 0);
  await counts(page.getByRole('article'), 0);
  nothing(found);
}
