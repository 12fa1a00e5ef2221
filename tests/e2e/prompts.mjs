// The library of prompts: made, checked, used by "/name", compared and taken back, copied, shared. The arguments are those
// of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { answer, ask, go, has, newChat, ready } from './chat.mjs';
import { counts, holds } from './wait.mjs';

export async function prompts({ page, mock, base, allow, shot }) {
  allow(/status of 400 .*\/prompts/);
  mock.on('Tell me of Lisbon in 3 words. Kind? yes', ({ say }) => say('Hills, light, tiles.'));
  await newChat(page);
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.press('/');
  await page.getByText('Save a text you send often').waitFor();
  const found = await look(page, 'there are no prompts');
  await page.getByRole('link', { name: 'New prompt' }).click();
  await page.getByText('No prompts yet').waitFor();
  await page.getByRole('button', { name: 'New prompt' }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('Only lowercase letters, digits, - and _.').waitFor();
  await form.getByLabel('Name').fill('city');
  await form.getByLabel('Description').fill('What a city is like');
  await form.getByRole('textbox', { name: 'Text', exact: true }).fill('Tell me of {{city}} in {{n}} words. Kind? {{kind}}');
  const of = (name) => form.getByRole('group', { name, exact: true });
  await of('n').getByLabel('Type').selectOption('number');
  await of('kind').getByLabel('Type').selectOption('boolean');
  await of('city').getByLabel('Type').selectOption('choice');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('Enter at least one choice.').waitFor();
  await of('city').getByLabel('Choices').fill('Lisbon\nOslo');
  await of('city').getByLabel('Label').fill('Which city');
  found.push(...(await look(page, 'a prompt is made', ['graphite', 'quartz'])));
  await shot('form');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'detached' });
  const row = page.getByRole('listitem', { name: 'city', exact: true });
  await row.getByText('Asks for: Which city, n, kind').waitFor();

  // Instructions whose tags do not match are not taken, and where that is is said.
  await page.getByRole('button', { name: 'New prompt' }).click();
  await form.getByLabel('Name').fill('house-style');
  await form.getByLabel('Kind').selectOption('Instructions');
  await form.getByLabel('Models').fill('nobody*');
  await form.getByText('No model matches at the moment.').waitFor();
  await form.getByRole('textbox', { name: 'Text', exact: true }).fill('<rules>\n  <rule>Be brief.\n</rules>');
  await form.getByLabel('Check the tags').check();
  await form.getByText(/^Line 3, column 1:/).waitFor();
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByRole('alert').getByText(/Line 3, column 1:/).waitFor();
  await shot('unbalanced');
  await form.getByRole('textbox', { name: 'Text', exact: true }).fill('<rules>\n  <rule>Be brief.</rule>\n</rules>');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'detached' });
  await page.getByRole('listitem', { name: 'house-style' }).getByText('For models like nobody*').waitFor();
  found.push(...(await look(page, 'prompts', ['graphite', 'quartz'])));
  await shot('list');

  // By "/" and its name, with the keyboard alone; what it asks for is checked.
  await newChat(page);
  await message.fill('');
  await message.pressSequentially('/ci');
  await page.getByRole('option', { name: '/city' }).waitFor();
  await counts(page.getByRole('option'), 1, 'instructions are not sent');
  found.push(...(await look(page, 'prompts to choose from')));
  await shot('choosing');
  await message.press('Escape');
  await page.getByRole('option').waitFor({ state: 'detached' });
  await message.fill('');
  await message.pressSequentially('/ci');
  await message.press('Enter');
  await form.getByRole('button', { name: 'Insert' }).waitFor();
  await form.getByLabel('n', { exact: true }).fill('three');
  await page.keyboard.press('Enter');
  await form.getByText('This field is required.').waitFor();
  await form.getByText('Enter a number.').waitFor();
  found.push(...(await look(page, 'a prompt asks')));
  await shot('asking');
  await form.getByLabel('Which city').selectOption('Lisbon');
  await form.getByLabel('n', { exact: true }).fill('3');
  await form.getByLabel('kind').selectOption('yes');
  await form.getByRole('button', { name: 'Insert' }).click();
  await form.waitFor({ state: 'detached' });
  await holds(message, 'Tell me of Lisbon in 3 words. Kind? yes');
  await page.waitForFunction(() => document.activeElement?.hasAttribute('data-composer'));
  await page.keyboard.press('Enter');
  await has(answer(page), 'Hills, light, tiles.');
  await ready(page);

  // Instructions that are bound to no model are chosen for a chat; those that are bound to this one are named there.
  for (const [name, pattern, body] of [['tone', '', 'Speak in a {{style}} tone to {{user}}.'], ['for-mock', 'mock*', 'You are a mock.']]) {
    const made = await page.request.post(`${base}/api/v1/prompts`, { headers: { Origin: base }, data: { name, kind: 'system', pattern, body } });
    assert.equal(made.status(), 201);
  }
  await newChat(page);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Answer options' }).click();
  await form.getByText('Added automatically for this model: for-mock').waitFor();
  await form.getByLabel('Instructions for this chat').fill('Answer at once.');
  await form.getByLabel('Add instructions from').selectOption('tone');
  await page.getByRole('dialog', { name: 'tone' }).getByLabel('style').fill('calm');
  await page.getByRole('dialog', { name: 'tone' }).getByRole('button', { name: 'Insert' }).click();
  await page.getByRole('dialog', { name: 'tone' }).waitFor({ state: 'detached' });
  await holds(form.getByLabel('Instructions for this chat'), 'Answer at once.\n\nSpeak in a calm tone to {{user}}.');
  found.push(...(await look(page, 'instructions of a chat', ['graphite', 'quartz'])));
  await shot('instructions');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'detached' });
  await ask(page, 'Told what?');
  await has(answer(page), 'A fine day');
  await ready(page);
  const told = mock.calls.findLast((c) => c.messages.at(-1).content === 'Told what?').messages[0];
  assert.equal(told.role, 'system');
  assert.match(told.content, /You are a mock\.[^]*Answer at once\.\n\nSpeak in a calm tone to ada\./);
  await page.getByRole('button', { name: '1 answer option' }).waitFor();

  // Changed, compared and taken back; copied; shared; deleted.
  await go(page, base, '/prompts');
  const choose = async (name, item) => {
    await page.getByRole('button', { name: `More for ${name}`, exact: true }).click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  await choose('city', 'Edit');
  await form.getByLabel('Description').fill('What a town is like');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'detached' });
  await row.getByText('What a town is like').waitFor();
  await choose('city', 'Versions');
  await form.getByRole('group', { name: 'Description' }).getByText('What a city is like').waitFor();
  await form.getByRole('button', { name: 'Restore this version' }).click();
  await row.getByText('What a city is like').waitFor();
  await choose('city', 'Share');
  await form.getByLabel('Everyone').selectOption('use');
  await form.getByRole('button', { name: 'Save' }).click();
  await row.getByText('Shared').waitFor();
  await choose('city', 'Duplicate');
  await page.getByRole('listitem', { name: 'city-2' }).waitFor();
  for (const name of ['city-2', 'city', 'for-mock', 'house-style', 'tone']) {
    await choose(name, 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('listitem', { name, exact: true }).waitFor({ state: 'detached' });
  }
  await page.getByText('No prompts yet').waitFor();
  await page.goto(base + '/'); // without the notices of this case, which would cover parts of the next one's
  await newChat(page);
  nothing(found);
}
