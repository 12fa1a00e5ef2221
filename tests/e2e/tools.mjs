// Tools: servers that offer them are added, tried, switched and removed; in a chat their calls are seen as they happen and
// after a reload, with results as tables, charts and text. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { newChat } from './chat.mjs';

const headers = (base) => ({ Origin: base });

/** A server with one request as a tool, as by the page's form. */
const offer = (page, base, name, tools) =>
  page.request.post(base + '/api/v1/tool-servers', { headers: headers(base), data: { name, kind: 'http', config: { tools } } });

export async function toolsPage({ page, mock, base, shot, allow }) {
  allow(/status of 400/);
  mock.tools.set('/boats', () => [{ boat: 'Ada', berth: 3 }]);
  await page.goto(base + '/tools');
  const builtin = page.getByRole('list', { name: 'Built in' });
  await builtin.getByRole('switch', { name: /Calculator/ }).waitFor();
  const found = await look(page, 'the built-in tools', ['graphite', 'quartz']);
  await shot('builtin');

  // Tried by hand.
  await page.getByRole('button', { name: 'More for Calculator' }).click();
  await page.getByRole('menuitem', { name: 'Try it' }).click();
  const trial = page.getByRole('dialog', { name: 'Try Calculator' });
  await trial.getByLabel('Arguments of calculator').fill('{"expression":"6*7"}');
  await trial.getByRole('button', { name: 'Run' }).click();
  await trial.getByText('42').first().waitFor();
  found.push(...(await look(page, 'a tool that is tried')));
  await shot('tried');
  await page.keyboard.press('Escape');

  // Switched off, it is off after a reload.
  await builtin.getByRole('switch', { name: /Calculator/ }).click();
  await page.reload();
  await builtin.getByRole('switch', { name: /Calculator/, checked: false }).click();
  await builtin.getByRole('switch', { name: /Calculator/, checked: true }).waitFor();

  // One is added: tried first, with what is wrong said in words.
  await page.getByRole('button', { name: 'Add tools' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add tools' });
  await dialog.getByLabel('Kind').selectOption('http');
  await dialog.getByLabel('Name', { exact: true }).fill('Harbour');
  await dialog.getByLabel('Name for models').fill('boats');
  await dialog.getByLabel('Address').fill(`ftp://nowhere`);
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.locator('.text-danger').getByText(/http/).waitFor();
  await dialog.getByLabel('Address').fill(mock.url + '/boats');
  await dialog.getByLabel('What it does').fill('Lists the boats in the harbour.');
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByText('boats', { exact: true }).waitFor();
  found.push(...(await look(page, 'adding a tool server', ['graphite', 'quartz'])));
  await shot('adding');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  const own = page.getByRole('list', { name: 'Tools of Harbour' });
  await own.getByText('Lists the boats in the harbour.').waitFor();
  found.push(...(await look(page, 'a tool server', ['graphite', 'quartz'])));
  await shot('server');

  // Removed again.
  await page.getByRole('button', { name: 'More for Harbour' }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
  await own.waitFor({ state: 'detached' });
  nothing(found);
}

export async function toolCalls({ page, mock, base, shot }) {
  const { show } = mock;
  mock.show = () => ({ capabilities: ['completion', 'tools'], model_info: {} });
  await page.request.post(base + '/api/v1/models/refresh', { headers: headers(base) });
  const spec = { data: { values: [{ day: 'Mon', boats: 3 }, { day: 'Tue', boats: 5 }] }, mark: 'bar', encoding: { x: { field: 'day', type: 'nominal' }, y: { field: 'boats', type: 'quantitative' } } };
  mock.tools.set('/boats', () => [{ boat: 'Ada', berth: 3 }, { boat: 'Zoë', berth: 12 }]);
  mock.tools.set('/chart', () => spec);
  mock.tools.set('/deep', () => ({ quay: { depth: 4.5 }, lights: ['red', 'green'] }));
  const { id } = await (await offer(page, base, 'Town', [
    { name: 'boats', url: mock.url + '/boats', description: 'Boats.' },
    { name: 'chart', url: mock.url + '/chart', description: 'A chart.' },
    { name: 'deep', url: mock.url + '/deep', description: 'Data.' },
  ])).json();
  mock.on('Look around', ({ call, tool, say }) => {
    if (call.messages.at(-1).role !== 'user') return say('I looked.');
    tool('calculator', { expression: '6*7' });
    tool('town_boats', {});
    tool('town_chart', {});
    tool('town_deep', {});
  });
  // The last result stands last when the model is asked again.
  mock.on(JSON.stringify({ quay: { depth: 4.5 }, lights: ['red', 'green'] }), ({ say }) => say('I looked.'));
  await page.goto(base);
  await newChat(page);
  const message = page.getByRole('textbox', { name: 'Message' });
  await page.getByRole('button', { name: 'Add' }).click();
  await page.getByRole('menuitem', { name: 'Use tools' }).click();
  await page.getByRole('option', { name: /All tools/ }).click();
  const found = await look(page, 'tools to choose from');
  await shot('choosing');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Answers may use all tools' }).waitFor();
  await message.fill('Look around');
  await message.press('Enter');
  const answer = page.getByRole('article', { name: /Answer/ });
  await answer.getByText('I looked.').waitFor();
  assert.ok(mock.calls.find((c) => c.messages.at(-1).content === 'Look around').tools.length >= 4);

  // Folded; opened, each result in its form; the same after a reload.
  for (const reloaded of [false, true]) {
    if (reloaded) await page.reload();
    const row = (name) => answer.getByRole('button', { name });
    await row(/^Calculator 6\*7/).click();
    await answer.getByRole('group', { name: 'Result of calculator' }).getByText('42').waitFor();
    await row(/boats/).click();
    await answer.getByRole('cell', { name: 'Zoë' }).waitFor();
    await row(/chart/).click();
    await answer.getByRole('img', { name: 'Chart of town_chart' }).waitFor();
    await row(/deep/).click();
    await answer.getByRole('group', { name: 'Result of town_deep' }).getByText('4.5').waitFor();
    // As it came, by one press.
    await answer.getByRole('button', { name: 'Raw' }).last().click();
    await answer.getByRole('group', { name: 'Result of town_deep' }).getByText('"lights"').waitFor();
  }
  found.push(...(await look(page, 'calls of tools', ['graphite', 'quartz'])));
  await shot('calls');
  await page.request.delete(`${base}/api/v1/tool-servers/${id}`, { headers: headers(base) });
  mock.show = show;
  await page.request.post(base + '/api/v1/models/refresh', { headers: headers(base) });
  nothing(found);
}
