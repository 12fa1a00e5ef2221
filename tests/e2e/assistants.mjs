// Assistants: made, chosen, changed and taken back, copied, shared; and what administrators say of models. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { answer, ask, go, has, newChat, ready } from './chat.mjs';
import { draw } from './pictures.mjs';
import { counts, eventually, holds, says } from './wait.mjs';

export async function assistants({ page, mock, base, shot }) {
  const calls = mock.calls.length;
  mock.on('Begin, please', ({ say }) => say('Begun.'));
  await go(page, base, '/assistants');
  await page.getByText('No assistants yet').waitFor();
  const found = await look(page, 'no assistants');
  await page.getByRole('button', { name: 'New assistant' }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('A name is needed').or(form.locator('[aria-invalid="true"]')).first().waitFor();
  await form.getByLabel('Name').fill('Pirate');
  await form.getByLabel('Emoji').fill('🦜');
  await form.locator('input[type=file]').setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await form.getByText('This picture cannot be read.').waitFor();
  await form.locator('input[type=file]').setInputFiles({ name: 'parrot.png', mimeType: 'image/png', buffer: await draw(page, 60, 60) });
  await form.getByRole('button', { name: 'Remove picture' }).waitFor();
  await form.getByLabel('Description').fill('Speaks like the sea');
  await form.getByRole('textbox', { name: 'Instructions' }).fill('You are a pirate.\nToday you serve {{user}}.');
  await form.getByLabel('Starter questions').fill('Begin, please\nTell a tale');
  // By the keyboard: the picture above, which comes just now, moves it.
  await form.getByRole('button', { name: 'Answer options' }).press('Enter');
  await form.getByLabel('Temperature').fill('9');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('A number from 0 to 2.').waitFor();
  await form.getByLabel('Temperature').fill('0,5');
  await form.getByLabel('Stop sequences').fill('END');
  found.push(...(await look(page, 'an assistant is made', ['graphite', 'quartz'])));
  await shot('form');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'detached' });
  const row = page.getByRole('listitem', { name: 'Pirate', exact: true });
  await row.getByText('Speaks like the sea').waitFor();
  const seen = (place) => place.locator('img[src*="/api/v1/images/"]').evaluate((img) => img.decode().then(() => img.naturalWidth));
  assert.equal(await seen(row), 60);

  // Asked from its page: what it begins with is offered, and its instructions are what the model is told.
  await row.getByRole('button', { name: 'New chat with Pirate' }).click();
  await page.getByRole('heading', { name: 'Pirate' }).waitFor();
  await page.getByRole('button', { name: 'Assistant: Pirate' }).waitFor();
  assert.equal(await seen(page.locator('#main h2')), 60);
  found.push(...(await look(page, 'a new chat with an assistant')));
  await shot('welcome');
  await page.getByRole('button', { name: 'Begin, please' }).click();
  await has(answer(page), 'Begun.');
  await ready(page);
  const call = mock.calls.slice(calls).find((c) => c.messages.at(-1).content === 'Begin, please');
  assert.deepEqual([call.options.temperature, call.options.stop], [0.5, ['END']]);
  const told = call.messages[0];
  assert.equal(told.role, 'system');
  assert.match(told.content, /You are a pirate\.\nToday you serve ada\./);
  await page.reload();
  assert.equal(await seen(page.locator('#main header')), 60);
  await shot('chat');
  await page.getByRole('button', { name: 'Assistant: Pirate' }).click();
  await page.getByRole('option', { name: 'No assistant' }).click();
  await page.getByRole('button', { name: 'Choose an assistant' }).waitFor();

  // By @ in an empty message box.
  await page.getByRole('textbox', { name: 'Message' }).press('@');
  await page.getByRole('combobox').fill('pir');
  found.push(...(await look(page, 'assistants to choose from')));
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Assistant: Pirate' }).waitFor();
  await holds(page.getByRole('textbox', { name: 'Message' }), '');

  // Changed, compared and taken back; copied; shared; deleted.
  await go(page, base, '/assistants');
  const choose = async (name, item) => {
    await page.getByRole('button', { name: `More for ${name}`, exact: true }).click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  await choose('Pirate', 'Edit');
  await form.getByRole('textbox', { name: 'Instructions' }).fill('You are a sailor.\nToday you serve {{user}}.');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'detached' });
  await choose('Pirate', 'Versions');
  await form.getByText('You are a sailor.').waitFor();
  await says(form.getByRole('group', { name: 'Instructions' }), /Removed:\s*You are a pirate\.\s+\+\s+Added:\s*You are a sailor\.\s+Today/);
  found.push(...(await look(page, 'versions of an assistant', ['graphite', 'quartz'])));
  await shot('versions');
  await form.getByRole('button', { name: 'Restore this version' }).click();
  await form.waitFor({ state: 'detached' });
  await choose('Pirate', 'Edit');
  await holds(form.getByRole('textbox', { name: 'Instructions' }), 'You are a pirate.\nToday you serve {{user}}.');
  await form.getByRole('button', { name: 'Cancel' }).click();
  await form.waitFor({ state: 'detached' });
  await choose('Pirate', 'Share');
  await form.getByLabel('Everyone').selectOption('use');
  found.push(...(await look(page, 'an assistant is shared')));
  await form.getByRole('button', { name: 'Save' }).click();
  await row.getByText('Shared').waitFor();
  await choose('Pirate', 'Begin new chats with it');
  await row.getByText('Default', { exact: true }).waitFor();
  await page.goto(base + '/');
  await page.getByRole('heading', { name: 'Pirate' }).waitFor();
  await page.getByRole('button', { name: 'Assistant: Pirate' }).waitFor();
  await go(page, base, '/assistants');
  await choose('Pirate', 'Begin new chats without it');
  await row.getByText('Default', { exact: true }).waitFor({ state: 'detached' });
  await choose('Pirate', 'Duplicate');
  await page.getByRole('listitem', { name: 'Pirate 2' }).waitFor();
  for (const name of ['Pirate 2', 'Pirate']) {
    await choose(name, 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('listitem', { name, exact: true }).waitFor({ state: 'detached' });
  }
  await page.getByText('No assistants yet').waitFor();
  await page.goto(base + '/'); // without the notices of this case, which would cover parts of the next one's
  await newChat(page);
  nothing(found);
}

export async function memories({ page, mock, base, shot }) {
  mock.on('Who am I?', ({ say }) => say('A nurse.'));
  await go(page, base, '/settings/memories');
  await page.getByText('Nothing is remembered').waitFor();
  const form = page.getByRole('dialog');
  for (const text of ['I am a nurse.', 'I live in Oslo.']) {
    await page.getByRole('button', { name: 'Add a fact' }).click();
    await form.getByLabel('Fact').fill(text);
    await form.getByRole('button', { name: 'Add' }).click();
    await form.waitFor({ state: 'detached' });
    await page.getByRole('listitem', { name: text }).waitFor();
  }
  await page.getByRole('button', { name: 'Edit I am a nurse.' }).click();
  await form.getByLabel('Fact').fill('I am a night nurse.');
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('listitem', { name: 'I am a night nurse.' }).waitFor();
  await page.getByRole('button', { name: 'Delete I live in Oslo.' }).click();
  await page.getByRole('listitem', { name: 'I live in Oslo.' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('listitem', { name: 'I live in Oslo.' }).waitFor();
  const set = page.waitForResponse((r) => r.url().endsWith('/memories/settings') && r.request().method() === 'PUT');
  await page.getByRole('switch', { name: /^Tell models/ }).click();
  assert.equal((await set).ok(), true);
  const found = await look(page, 'memories', ['graphite', 'quartz']);
  await shot('list');
  await newChat(page);
  await ask(page, 'Who am I?');
  await has(answer(page), 'A nurse.');
  await ready(page);
  assert.match(JSON.stringify(mock.calls.find((c) => c.messages.at(-1).content === 'Who am I?').messages), /I am a night nurse\./);
  await go(page, base, '/settings/memories');
  for (const text of ['I live in Oslo.', 'I am a night nurse.']) {
    await page.getByRole('button', { name: `Delete ${text}` }).click();
    await page.getByRole('listitem', { name: text }).waitFor({ state: 'detached' });
  }
  const unset = page.waitForResponse((r) => r.url().endsWith('/memories/settings') && r.request().method() === 'PUT');
  await page.getByRole('switch', { name: /^Tell models/ }).click();
  await page.getByText('Nothing is remembered').waitFor();
  assert.equal((await unset).ok(), true);
  await page.goto(base + '/'); // without the notices of this case, which would cover parts of the next one's
  await newChat(page);
  nothing(found);
}

export async function rules({ page, mock, base, shot }) {
  mock.on('By the rules', ({ say }) => say('Ruled.'));
  await go(page, base, '/settings/rules');
  await page.getByText('No rules yet').waitFor();
  await page.getByRole('button', { name: 'New rule' }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('Enter a model or a pattern.').waitFor();
  await form.getByLabel('Models').fill('*');
  await form.getByText(/^Applies to (one model|\d+ models):/).waitFor();
  await form.getByLabel('Instructions').fill('Be polite.');
  await form.getByLabel('Top P').fill('0.9');
  const found = await look(page, 'a rule is made', ['graphite', 'quartz']);
  await shot('form');
  await form.getByRole('button', { name: 'Create' }).click();
  const row = page.getByRole('listitem', { name: 'All models' });
  await row.getByText('top_p 0.9').waitFor();
  found.push(...(await look(page, 'a rule')));
  await shot('list');
  await newChat(page);
  await ask(page, 'By the rules');
  await has(answer(page), 'Ruled.');
  await ready(page);
  const call = mock.calls.find((c) => c.messages.at(-1).content === 'By the rules');
  assert.equal(call.options.top_p, 0.9);
  assert.match(call.messages[0].content, /Be polite\./);
  await go(page, base, '/settings/rules');
  await page.getByRole('button', { name: 'Delete All models' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No rules yet').waitFor();
  await page.goto(base + '/'); // without the notices of this case, which would cover parts of the next one's
  await newChat(page);
  nothing(found);
}

/** An assistant that leads: it keeps a plan, calls another assistant, and what that does stands beneath its call. */
export async function agents({ page, mock, base, shot }) {
  const { show } = mock;
  const headers = { Origin: base };
  mock.show = () => ({ capabilities: ['completion', 'tools'], model_info: {} });
  await page.request.post(base + '/api/v1/models/refresh', { headers });
  const finder = await (await page.request.post(base + '/api/v1/assistants', { headers, data: { name: 'Finder', description: 'Finds things', instructions: 'You find.', tools: [] } })).json();
  await go(page, base, '/assistants');
  await page.getByRole('button', { name: 'New assistant' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill('Chief');
  await form.getByRole('button', { name: 'Tools and assistants' }).click();
  await form.getByLabel('Tools', { exact: true }).selectOption('none');
  await form.getByRole('checkbox', { name: /Finder/ }).check();
  await form.getByRole('checkbox', { name: /It keeps a plan/ }).check();
  await form.getByLabel('Rounds of tools').fill('many');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.locator('[aria-invalid="true"]').waitFor();
  await form.getByLabel('Rounds of tools').fill('5');
  await form.getByRole('checkbox', { name: /Draw on my earlier chats/ }).check();
  const found = await look(page, 'what an assistant may do', ['graphite', 'quartz']);
  await shot('form');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'detached' });
  const chief = (await (await page.request.get(base + '/api/v1/agents', { headers })).json()).items.find((a) => a.name === 'Chief');
  assert.deepEqual([chief.agents, chief.plans, chief.budget.steps, chief.tools, chief.history], [[finder.id], true, 5, [], true]);

  mock.on('Lead on', ({ tool }) => {
    tool('update_plan', { steps: [{ text: 'Find it', state: 'active' }, { text: 'Write it down', state: 'pending' }] });
    tool('agent_finder', { task: 'Find the number' });
  });
  mock.on('Find the number', ({ say }) => say('The number is 42.'));
  let seen;
  const budgetSeen = new Promise((resolve) => (seen = resolve));
  mock.on('The number is 42.', async ({ say }) => {
    await budgetSeen;
    say('All is done.');
  });
  await page.getByRole('button', { name: 'New chat with Chief' }).click();
  await ask(page, 'Lead on');
  // How far its budget is used is shown while it works, and stands with its figures afterwards.
  await answer(page).getByText('1 of 5').waitFor();
  await shot('budget');
  seen();
  await has(answer(page), 'All is done.');
  await ready(page);
  for (const reloaded of [false, true]) {
    if (reloaded) await page.reload();
    const plan = answer(page).getByRole('region', { name: 'Plan' });
    await plan.getByText('0 of 2').waitFor();
    await plan.getByText('Write it down').waitFor();
    await counts(answer(page).getByRole('button', { name: /update_plan/ }), 0);
    await answer(page).getByRole('button', { name: /^Finder/ }).click();
    await answer(page).getByText('The number is 42.').first().waitFor();
    await answer(page).getByRole('button', { name: 'Details' }).click();
    await page.getByText('Budget · Rounds').waitFor();
    await page.getByText('1 of 5').waitFor();
    await page.keyboard.press('Escape');
  }
  found.push(...(await look(page, 'an assistant that leads', ['graphite', 'quartz'])));
  await shot('answer');
  for (const id of [chief.id, finder.id]) await page.request.delete(`${base}/api/v1/assistants/${id}`, { headers });
  mock.show = show;
  await page.request.post(base + '/api/v1/models/refresh', { headers });
  nothing(found);
}
