// Documents: a collection is made, files are put in and read, searched, read, asked, cited, renamed and deleted; what cannot be
// read says why. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { newChat } from './chat.mjs';

const RULES = '# Berths\n\nVisiting boats moor at the northern quay and pay four crowns a night.\n\n# Tides\n\nThe lock opens two hours before high water.\n';

export async function documents({ page, mock, base, shot }) {
  mock.on('Where do boats moor?', ({ say }) => say('At the northern quay [1].'));
  await page.goto(base + '/documents');
  await page.getByText('No collections yet').waitFor();
  const found = await look(page, 'there are no collections');
  await page.getByRole('button', { name: 'New collection' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Harbour');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('No documents yet').waitFor();
  found.push(...(await look(page, 'an empty collection')));

  // Two files at once: each has its own line; the same bytes are told to be the same.
  const files = page.getByLabel('Add files').and(page.locator('input'));
  await files.setInputFiles([
    { name: 'rules.md', mimeType: 'text/markdown', buffer: Buffer.from(RULES) },
    { name: 'tariff.txt', mimeType: 'text/plain', buffer: Buffer.from('Cranes cost nine crowns an hour.\n') },
  ]);
  const row = (name) => page.getByRole('listitem', { name, exact: true });
  await row('rules.md').getByText('2 passages').waitFor();
  await row('tariff.txt').getByText('1 passage', { exact: false }).waitFor();
  await files.setInputFiles([{ name: 'again.md', mimeType: 'text/markdown', buffer: Buffer.from(RULES) }]);
  await page.getByText('again.md is the same file as rules.md').waitFor();
  await row('again.md').getByText('2 passages').waitFor();
  found.push(...(await look(page, 'a collection', ['graphite', 'quartz'])));
  await shot('collection');

  // Searched by another form of the word; the hit opens the text at the passage.
  await page.getByRole('searchbox', { name: 'Search the documents' }).fill('cranes costing');
  const hit = page.getByRole('list', { name: 'What was found' }).getByRole('listitem').first();
  await hit.getByText('tariff.txt').waitFor();
  assert.deepEqual(await hit.locator('mark').allInnerTexts(), ['Cranes', 'cost']);
  found.push(...(await look(page, 'what was found', ['graphite', 'quartz'])));
  await hit.getByRole('link', { name: 'tariff.txt' }).click();
  await page.getByRole('dialog', { name: 'tariff.txt' }).locator('mark').getByText('Cranes cost nine crowns an hour.').waitFor();
  found.push(...(await look(page, 'the text of a document', ['graphite', 'quartz'])));
  await shot('text');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByRole('searchbox', { name: 'Search the documents' }).fill('');

  // Renamed, and one deleted.
  await row('tariff.txt').getByRole('button', { name: 'More for tariff.txt' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('prices.txt');
  await page.getByRole('button', { name: 'Rename' }).click();
  await row('prices.txt').waitFor();
  await row('again.md').getByRole('button', { name: 'More for again.md' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await row('again.md').waitFor({ state: 'detached' });

  // Chosen by "#" in a chat: the answer is given the passage, and its mark opens it beside the chat.
  await newChat(page);
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.press('#');
  await page.getByRole('option', { name: /Harbour/ }).click();
  found.push(...(await look(page, 'collections to choose from')));
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Answers draw on 1 collection' }).waitFor();
  await message.fill('Where do boats moor?');
  await message.press('Enter');
  await page.getByRole('button', { name: '1 source used' }).waitFor();
  assert.match(mock.calls.at(-1).messages.at(-1).content, /northern quay/);
  await page.getByRole('button', { name: '1 source used' }).click();
  await page.getByRole('button', { name: /\[1\] rules\.md · Berths/ }).waitFor();
  found.push(...(await look(page, 'an answer with sources', ['graphite', 'quartz'])));
  await shot('answer');
  await page.locator('.md-cite').click();
  await page.getByRole('dialog', { name: 'rules.md' }).locator('mark').getByText('Visiting boats moor').waitFor();
  await shot('cited');
  await page.keyboard.press('Escape');

  // The collection goes with its documents.
  await page.goto(base + '/documents');
  await page.getByRole('link', { name: 'Harbour' }).click();
  await page.getByRole('button', { name: 'More for Harbour' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No collections yet').waitFor();
  nothing(found);
}
