// A chat that is longer than the model takes goes on with a summary: said where it begins, read, changed, made anew. The
// arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { answer, ask, has, newChat, ready } from './chat.mjs';

export async function summary({ page, mock, base, shot }) {
  const made = await page.request.post(`${base}/api/v1/conversations`, {
    headers: { Origin: base },
    data: { title: 'Long', model: 'mock:1b', instructions: 'Be brief.', parameters: { context_tokens: 256, max_tokens: 32 } },
  });
  assert.equal(made.status(), 201);
  const { id } = await made.json();
  const some = 'words and '.repeat(11);
  await page.goto(`${base}/c/${id}`);

  // What becomes of it is chosen in its options.
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Answer options' }).click();
  const form = page.getByRole('dialog', { name: 'Answer options' });
  await form.getByLabel('When the chat is longer than the context window').selectOption('Summarize the oldest messages');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'detached' });
  for (let i = 1; i <= 5; i++) {
    await ask(page, `${i} ${some}`.trim());
    await ready(page);
  }
  await has(answer(page), /The oldest \d messages are given to the model as a summary\./);

  // Behind the messages that it stands for.
  const card = page.getByRole('region', { name: 'Summary of the chat so far' });
  await card.getByRole('button', { name: /^Summary of the \d messages above/ }).click();
  await card.getByText('A fine day').waitFor();
  await card.getByText('Written by mock:1b.').waitFor();
  await card.getByRole('button', { name: 'Edit summary' }).click();
  await card.getByRole('textbox').fill('Words were said.');
  const found = await look(page, 'a summary is edited', ['graphite', 'quartz']);
  await shot('editing');
  await page.keyboard.press('Control+Enter');
  await card.getByText('Words were said.').waitFor();
  await card.getByText('Edited', { exact: true }).waitFor();
  found.push(...(await look(page, 'a summary')));
  await shot('card');

  // The next answer is made with it; what it was given shows it.
  await page.reload();
  await ask(page, 'Short');
  await ready(page);
  const told = mock.calls.findLast((c) => c.messages.at(-1).content === 'Short').messages;
  assert.match(told.find((m) => m.role === 'system').content, /Be brief\.\n\nSummary of the conversation until now:\nWords were said\./);
  const ring = page.getByRole('button', { name: /^Context: / });
  await ring.click();
  await page.getByRole('button', { name: 'Show summary' }).click();
  const dialog = page.getByRole('dialog', { name: 'Summary of the chat so far' });
  await dialog.getByRole('button', { name: /^Summary of the/ }).click();
  await dialog.getByText('Words were said.').waitFor();
  await shot('dialog');

  // Thrown away, it is made when it is needed again.
  await dialog.getByRole('button', { name: 'Regenerate' }).click();
  await dialog.getByText('There is no summary right now.').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  // After a reload nothing that is not there is asked for.
  const sought = [];
  const note = (request) => /\/summary$/.test(request.url()) && sought.push(request.url());
  page.on('request', note);
  await page.reload();
  await has(answer(page), /./);
  page.off('request', note);
  assert.deepEqual(sought, []);
  await ask(page, `6 ${some}`.trim());
  await ready(page);
  await has(answer(page), /as a summary\./);
  nothing(found);
  await page.goto(base + '/'); // without the notices of this case, which would cover parts of the next one's
  await newChat(page);
}
