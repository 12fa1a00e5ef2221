// Documents: a collection is made, files are put in and read, searched, read, asked, cited, renamed and deleted; what cannot be
// read says why. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { newChat } from './chat.mjs';
import { counts, eventually, holds, list, says } from './wait.mjs';

const RULES = '# Berths\n\nVisiting boats moor at the northern quay and pay four crowns a night.\n\n# Tides\n\nThe lock opens two hours before high water.\n';

export async function documents({ page, mock, base, allow, shot }) {
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

  // Given again under its name it is there already; another file of a name that is there is asked about.
  await files.setInputFiles([{ name: 'rules.md', mimeType: 'text/markdown', buffer: Buffer.from(RULES) }]);
  await page.getByText('1 file is here already, unchanged.').waitFor();
  await files.setInputFiles([{ name: 'tariff.txt', mimeType: 'text/plain', buffer: Buffer.from('Cranes cost ten crowns.\n') }]);
  const asks = page.getByRole('alertdialog', { name: 'Replace 1 document?' });
  await asks.getByText('tariff.txt').waitFor();
  found.push(...(await look(page, 'a new version of what is there', ['graphite', 'quartz'])));
  await shot('newer');
  await asks.getByRole('button', { name: 'Leave as it is' }).click();
  await asks.waitFor({ state: 'detached' });
  allow(/status of 409/);
  await unsureFiles(row, files, asks);
  await list(page.getByRole('list', { name: 'Documents of the collection' }).getByRole('listitem').first().locator('a'), ['again.md']);
  found.push(...(await look(page, 'a collection', ['graphite', 'quartz'])));
  await shot('collection');

  // What is wrong with several is said once, over the list, and tried again for all; of a single one in its row.
  await files.setInputFiles(['one.pdf', 'two.pdf'].map((name) => ({ name, mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7 and nothing else, ' + name) })));
  await page.getByText('2 documents could not be read').waitFor();
  await counts(row('one.pdf').locator('p.text-danger'), 0);
  found.push(...(await look(page, 'a reason that documents share', ['graphite', 'quartz'])));
  await shot('shared');
  await counts(page.getByRole('list', { name: 'Documents of the collection' }).locator('> :not(li)'), 0);
  const retried = new Set();
  const both = page.waitForResponse((r) => r.url().endsWith('/retry') && r.status() === 202 && retried.add(r.url()).size === 2);
  await page.getByRole('button', { name: 'Try again' }).click();
  await both;
  const remove = async (name) => {
    await row(name).getByRole('button', { name: 'More for ' + name }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await row(name).waitFor({ state: 'detached' });
  };
  await page.getByText('2 documents could not be read').waitFor();
  await remove('two.pdf');
  await row('one.pdf').locator('p.text-danger').waitFor();
  await row('one.pdf').getByRole('button', { name: 'Try again' }).waitFor();
  await counts(page.getByText('documents could not be read'), 0);
  await remove('one.pdf');

  // Searched by another form of the word; the hit opens the text at the passage.
  await page.getByRole('searchbox', { name: 'Search the documents' }).fill('cranes costing');
  const hit = page.getByRole('list', { name: 'What was found' }).getByRole('listitem').first();
  await hit.getByText('tariff.txt').waitFor();
  await list(hit.locator('mark'), ['Cranes', 'cost']);
  // Whoever may edit the collection sees what put a hit where it stands.
  await page.getByRole('switch', { name: /Show why/ }).click();
  await hit.getByText('no. 1').first().waitFor();
  await says(hit.locator('dl'), /Together\s+no\. 1\s+Words\s+no\. 1 · 100% of the words\s+Meaning\s+not found\s+Score\s+[\d.]+/);
  found.push(...(await look(page, 'what was found', ['graphite', 'quartz'])));
  await shot('why');
  await hit.getByRole('link', { name: 'tariff.txt' }).click();
  await page.getByRole('dialog', { name: 'tariff.txt' }).locator('mark').getByText('Cranes cost nine crowns an hour.').waitFor();
  found.push(...(await look(page, 'the text of a document', ['graphite', 'quartz'])));
  await shot('text');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByRole('searchbox', { name: 'Search the documents' }).fill('');

  // How it is searched is set by whoever may edit it; what is out of bounds is said at the field.
  await page.getByRole('button', { name: 'More for Harbour' }).click();
  await page.getByRole('menuitem', { name: 'Edit' }).click();
  const settings = page.getByRole('dialog', { name: 'Edit the collection' });
  await settings.getByLabel('How it is searched').selectOption('fulltext');
  await settings.getByRole('button', { name: 'Passages and weights' }).click();
  await settings.getByLabel('Passages for the model').fill('51');
  await settings.getByRole('button', { name: 'Save' }).click();
  await settings.getByText('A number from 1 to 50.').waitFor();
  found.push(...(await look(page, 'the settings of a collection')));
  await shot('settings');
  await settings.getByLabel('Passages for the model').fill('5');
  await settings.getByLabel('Overlap in tokens').fill('16');
  await settings.getByLabel('Least score, in percent').fill('20');
  await settings.getByLabel('Give the model whole documents').check();
  await settings.getByRole('button', { name: 'Save' }).click();
  await settings.waitFor({ state: 'detached' });
  const kept = await page.evaluate(async () => (await (await fetch('api/v1/collections')).json()).items[0]);
  assert.deepEqual([kept.mode, kept.passages, kept.overlap, kept.threshold, kept.whole, kept.wanted_model], ['fulltext', 5, 16, 20, true, '']);
  await page.request.patch(`${base}/api/v1/collections/${kept.id}`, { headers: { Origin: base }, data: { whole: false } });

  // Renamed, and one deleted.
  await row('tariff.txt').getByRole('button', { name: 'More for tariff.txt' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('prices.txt');
  await page.getByRole('button', { name: 'Rename' }).click();
  await row('prices.txt').waitFor();

  // Saved under its name.
  await row('prices.txt').getByRole('button', { name: 'More for prices.txt' }).click();
  const saved = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'Download the file' }).click();
  assert.equal((await saved).suggestedFilename(), 'prices.txt');

  // A new version takes its place, under its name.
  const place = await row('prices.txt').getByRole('link', { name: 'prices.txt' }).getAttribute('href');
  await row('prices.txt').getByRole('button', { name: 'More for prices.txt' }).click();
  const chosen = page.waitForEvent('filechooser');
  await page.getByRole('menuitem', { name: 'Replace with a new version' }).click();
  await (await chosen).setFiles({ name: 'tariff-2.txt', mimeType: 'text/plain', buffer: Buffer.from('Cranes cost nine crowns an hour. Winches are free.\n') });
  await row('prices.txt').getByText('51 B').waitFor();
  // The row tells the size while the file is sent; the server has it when it says so.
  await eventually(async () => {
    const got = await (await page.request.get(`${base}/api/v1/documents/${place.split('#')[1]}`)).json();
    assert.deepEqual([got.size, got.state], [51, 'ready']);
  });
  await page.getByRole('searchbox', { name: 'Search the documents' }).fill('winches');
  await hit.locator('mark').getByText('Winches').waitFor();

  // What is read while a search is shown is found by it.
  const indexed = async (route) => {
    const answer = await route.fetch();
    const { items } = await answer.json();
    await route.fulfill({ response: answer, json: { items: items.map((c) => ({ ...c, embedding_model: 'mock:embed' })) } });
  };
  await page.route('**/api/v1/collections', indexed);
  const other = page.getByRole('list', { name: 'What was found' }).getByRole('link', { name: 'free.txt' });
  await files.setInputFiles([{ name: 'free.txt', mimeType: 'text/plain', buffer: Buffer.from('The winches of the yacht club are free on Sundays.\n') }]);
  await other.waitFor();
  // By what the collection is searched since is said without a reload.
  await page.getByText('Searched by words and by meaning (mock:embed).').waitFor();
  await page.unroute('**/api/v1/collections', indexed);
  await page.getByRole('searchbox', { name: 'Search the documents' }).fill('');
  await row('prices.txt').getByText('51 B').waitFor();
  await counts(row('prices.txt').locator(`a[href="${place}"]`), 1);
  await remove('again.md');
  await remove('free.txt');

  await files.setInputFiles([{ name: 'prices.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7 and no prices') }]);
  await row('prices.pdf').locator('p.text-danger').waitFor();

  // Chosen by "#" and a name, anywhere in a message: the name goes, and all else stays. The answer is given the passage, and its mark
  // opens it beside the chat.
  await newChat(page);
  const message = page.getByRole('textbox', { name: 'Message' });
  const sources = page.getByRole('listbox', { name: 'Answer from documents' });
  await message.fill('Where do moor?');
  await message.evaluate((area) => area.setSelectionRange(9, 9));
  await message.pressSequentially('#harb');
  await sources.getByRole('option', { name: /Harbour/ }).waitFor();
  found.push(...(await look(page, 'collections to choose from')));
  await shot('naming');
  await message.press('Escape');
  await sources.waitFor({ state: 'detached' });
  await holds(message, 'Where do #harbmoor?');
  await message.press('Backspace');
  await sources.waitFor({ state: 'detached' });
  for (let i = 0; i < 4; i++) await message.press('Backspace');
  await message.pressSequentially('#PRICES');
  await sources.getByRole('option', { name: /prices\.txt/ }).waitFor();
  await counts(sources.getByRole('option', { name: /prices\.pdf/ }), 0); // it could not be read
  await message.press('Tab');
  await holds(message, 'Where do moor?');
  await message.pressSequentially('boats ');
  await holds(message, 'Where do boats moor?');
  await page.getByRole('button', { name: 'Answers draw on 1 source' }).click();
  await page.getByRole('option', { name: /prices\.txt/ }).click();
  await page.keyboard.press('Escape');
  await message.fill('');
  for (const text of ['# Heading', 'C#', '`#harb', 'see a#harb']) {
    await message.fill('');
    await message.pressSequentially(text);
    await counts(sources, 0, text);
  }
  await message.fill('');
  await message.press('#');
  await sources.getByRole('option', { name: /Harbour/ }).click();
  await holds(message, '');
  await page.getByRole('button', { name: 'Answers draw on 1 source' }).waitFor();
  await message.fill('Where do boats moor?');
  await message.press('Enter');
  await page.getByRole('button', { name: '1 source used' }).waitFor();
  assert.match(mock.calls.at(-1).messages.at(-1).content, /northern quay/);
  const source = page.getByRole('button', { name: /\[1\] rules\.md · Berths Score \d\.\d{3}/ });
  await page.getByRole('button', { name: '1 source used' }).click();
  const live = await source.innerText();
  await page.reload();
  await page.getByRole('button', { name: '1 source used' }).click();
  await list(source, [live]);
  found.push(...(await look(page, 'an answer with sources', ['graphite', 'quartz'])));
  await shot('answer');
  await page.locator('.md-cite').click();
  // Beside the chat, which stays in use; over it where there is no room for both.
  const beside = page.getByRole('complementary', { name: 'rules.md' });
  await beside.locator('mark').getByText('Visiting boats moor').waitFor();
  assert.ok(await beside.getByRole('heading', { name: 'rules.md' }).evaluate((h) => h === document.activeElement));
  await page.locator('[data-composer]').fill('and who');
  await page.locator('[data-composer]').fill('');
  found.push(...(await look(page, 'a passage beside the chat', ['graphite', 'quartz'])));
  await shot('cited');
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 1000, height: 800 });
  await page.getByRole('dialog', { name: 'rules.md' }).locator('mark').waitFor();
  await page.setViewportSize(wide);
  await beside.locator('mark').waitFor();
  await beside.getByRole('heading', { name: 'rules.md' }).press('Escape');
  await beside.waitFor({ state: 'detached' });
  assert.ok(await page.locator('.md-cite').evaluate((c) => c === document.activeElement), 'focus is back at the marker');

  // A single document, found by its name, in the place of the collection.
  await page.getByRole('button', { name: 'Answers draw on 1 source' }).click();
  await page.getByRole('option', { name: /Harbour/ }).click();
  await page.getByRole('combobox', { name: 'Answer from documents' }).fill('PRICES');
  await page.getByRole('option', { name: /prices\.txt/ }).click();
  await counts(page.getByRole('option', { name: /prices\.pdf/ }), 0); // it could not be read
  found.push(...(await look(page, 'documents to choose from')));
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Answers draw on 1 source' }).waitFor();
  mock.on('Where do cranes cost crowns?', ({ say }) => say('Nine of them [1].'));
  await message.fill('Where do cranes cost crowns?');
  await message.press('Enter');
  await page.getByText('Nine of them').first().waitFor();
  const asked = mock.calls.map((c) => c.messages.at(-1).content).find((text) => text.endsWith('Where do cranes cost crowns?'));
  assert.match(asked, /nine crowns an hour/);
  assert.doesNotMatch(asked, /northern quay/);

  await goneSource({ page, mock, base, allow, message, sources });

  // Small files that wait for their turn as the page goes are named by the next one, until they are given again.
  await page.goto(base + '/documents');
  await page.getByRole('link', { name: 'Harbour' }).click();
  await page.route('**/documents', (route) => route.request().method() === 'POST' || route.continue());
  const waiting = ['1', '2', '3', '4', '5'].map((n) => ({ name: `berth-${n}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`Berth ${n} is free.\n`) }));
  await files.setInputFiles(waiting);
  await row('berth-5.txt').getByRole('progressbar').waitFor();
  await page.reload();
  await page.unroute('**/documents');
  await row('berth-1.txt').getByText('Not sent').waitFor();
  await row('berth-5.txt').getByText('Not sent').waitFor();
  found.push(...(await look(page, 'files that were not sent', ['graphite', 'quartz'])));
  await shot('not-sent');
  await row('berth-1.txt').getByRole('button', { name: 'Leave out berth-1.txt' }).click();
  await row('berth-1.txt').waitFor({ state: 'detached' });

  // The collection goes with its documents.
  await page.goto(base + '/documents');
  await page.getByRole('link', { name: 'Harbour' }).click();
  await page.getByRole('button', { name: 'More for Harbour' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No collections yet').waitFor();
  nothing(found);
}

/** Lets files fall onto the page. */
async function drop(page, files) {
  await page.evaluate((files) => {
    const data = new DataTransfer();
    for (const [name, text] of files) data.items.add(new File([text], name));
    const init = { bubbles: true, cancelable: true, dataTransfer: data };
    document.body.dispatchEvent(new DragEvent('dragover', init));
    document.body.dispatchEvent(new DragEvent('drop', init));
  }, files);
}

/** A PDF with a page for each list of lines. */
function pdfOf(pages) {
  const objects = ['<</Type/Catalog/Pages 2 0 R>>', `<</Type/Pages/Kids[${pages.map((_, i) => `${4 + 2 * i} 0 R`).join(' ')}]/Count ${pages.length}>>`, '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'];
  pages.forEach((lines, i) => {
    const text = `BT /F1 14 Tf 72 700 Td 20 TL ${lines.map((line) => `(${line}) Tj T*`).join(' ')} ET`;
    objects.push(`<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents ${5 + 2 * i} 0 R>>`, `<</Length ${text.length}>>\nstream\n${text}\nendstream`);
  });
  let file = '%PDF-1.4\n';
  const places = objects.map((object, i) => {
    const at = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(at).padStart(10, '0')} 00000 n \n`;
  });
  const table = file.length;
  return Buffer.from(`${file}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${places.join('')}trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${table}\n%%EOF`);
}

/** A PDF is shown as its pages look, with what was found marked where it stands; its text is one press away. */
export async function documentPages({ page, base, shot }) {
  await page.goto(base + '/documents');
  await page.getByRole('button', { name: 'New collection' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Charts');
  await page.getByRole('button', { name: 'Create' }).click();
  const filler = Array.from({ length: 12 }, (_, i) => `Line ${i + 1} of the almanac says nothing of note.`);
  const file = pdfOf([filler, [...filler, 'The lighthouse blinks every nine seconds.'], filler]);
  await page.getByLabel('Add files').and(page.locator('input')).setInputFiles([{ name: 'almanac.pdf', mimeType: 'application/pdf', buffer: file }]);
  await page.getByRole('listitem', { name: 'almanac.pdf', exact: true }).getByText(/passage/).waitFor();
  await page.getByRole('searchbox', { name: 'Search the documents' }).fill('lighthouse blinks');
  const hit = page.getByRole('list', { name: 'What was found' }).getByRole('listitem').first();
  await hit.getByText('Page 2').waitFor();
  const asked = [];
  page.on('request', (r) => r.url().includes('/pages/') && asked.push(new URL(r.url()).pathname));
  await hit.getByRole('link', { name: 'almanac.pdf' }).click();
  const sheet = page.getByRole('dialog', { name: 'almanac.pdf' });
  const picture = sheet.getByRole('img', { name: 'Page 2' });
  await picture.waitFor();
  const marks = sheet.locator('figure', { has: page.getByRole('img', { name: 'Page 2' }) }).locator('[data-marked]');
  await marks.first().waitFor();
  // The boxes lie on lines of the page: within it, flat and wide.
  const shape = await picture.evaluate((img) => ({ ...img.getBoundingClientRect().toJSON(), natural: img.naturalWidth }));
  const last = await marks.last().evaluate((r) => r.getBoundingClientRect().toJSON());
  assert.ok(shape.natural >= 400 && last.left >= shape.left && last.right <= shape.right + 1 && last.top > shape.top && last.height < shape.height / 20, JSON.stringify([shape, last]));
  assert.ok(!asked.some((path) => path.endsWith('/pages/1.png')), 'what stands before is not drawn');
  await counts(sheet.getByText('The lighthouse blinks every nine seconds.'), 1);
  const found = await look(page, 'pages of a document', ['graphite', 'quartz']);
  await shot('pages');

  // By the keyboard: to the text and back, and to the page before.
  await sheet.getByRole('radio', { name: 'Pages' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await sheet.locator('mark').getByText('The lighthouse blinks').waitFor();
  await sheet.getByRole('radio', { name: 'Pages' }).press('Enter');
  await sheet.getByRole('button', { name: 'What stands before' }).press('Enter');
  await sheet.getByRole('img', { name: 'Page 1' }).waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  nothing(found);
}

/** A collection that is chosen and then gone is not counted; what was cited of it is said to be gone or no longer shared, with its words. */
async function goneSource({ page, mock, base, allow, message, sources }) {
  const headers = { Origin: base };
  const { id } = await (await page.request.post(`${base}/api/v1/collections`, { headers, data: { name: 'Pilots' } })).json();
  const file = { name: 'pilots.txt', mimeType: 'text/plain', buffer: Buffer.from('Pilots board at the outer buoy.\n') };
  const made = await (await page.request.post(`${base}/api/v1/collections/${id}/documents`, { headers, multipart: { file } })).json();
  await eventually(async () => assert.equal((await (await page.request.get(`${base}/api/v1/documents/${made.id}`)).json()).state, 'ready'));
  mock.on('Where do pilots board?', ({ say }) => say('At the buoy [1].'));
  await page.goto(base + '/');
  await newChat(page);
  await message.pressSequentially('#pilo');
  await sources.getByRole('option', { name: /Pilots/ }).first().click();
  await page.getByRole('button', { name: 'Answers draw on 1 source' }).waitFor();
  await message.fill('Where do pilots board?');
  await message.press('Enter');
  await page.locator('.md-cite').waitFor();
  await page.request.delete(`${base}/api/v1/collections/${id}`, { headers });
  allow(/status of 404/);
  await page.reload();
  await page.locator('.md-cite').click();
  const beside = page.getByRole('complementary', { name: 'pilots.txt' });
  await beside.getByText('This document is no longer here, or no longer shared with you. It said:').waitFor();
  await beside.getByRole('blockquote').getByText('Pilots board at the outer buoy.').waitFor();
  await beside.getByRole('button', { name: 'Open in Documents' }).click();
  const gone = page.getByRole('dialog', { name: 'Documents' });
  await gone.getByText('This document is no longer here, or no longer shared with you.').waitFor();
  await counts(gone.getByRole('button', { name: 'Try again' }), 0);
  await page.goBack();
  await page.locator('.md-cite').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Answers draw on/ }).waitFor({ state: 'detached' });
}

/** A page without TLS may not hash: what is the same is left to the server, and only what has changed is asked about. */
async function unsureFiles(row, files, asks) {
  const page = files.page();
  const hashes = (on) => page.evaluate((on) => Object.defineProperty(crypto, 'subtle', { value: on ? globalThis.subtle : ((globalThis.subtle = crypto.subtle), undefined), configurable: true }), on);
  const tariff = (text) => ({ name: 'tariff.txt', mimeType: 'text/plain', buffer: Buffer.from(text) });
  const told = page.getByText('2 files are here already, unchanged.');
  await hashes(false);
  await files.setInputFiles([tariff('Cranes cost nine crowns an hour.\n'), { name: 'rules.md', mimeType: 'text/markdown', buffer: Buffer.from(RULES) }]);
  await told.waitFor();
  // As long as what is there, and other words.
  await files.setInputFiles([tariff('Cranes cost five crowns an hour.\n')]);
  await asks.getByText('tariff.txt').waitFor();
  if ((await row('tariff.txt').count()) !== 2) throw new Error('the file is not in the list of what is sent');
  await page.keyboard.press('Escape');
  await asks.waitFor({ state: 'detached' });
  await files.setInputFiles([tariff('Cranes cost five crowns an hour.\n')]);
  await asks.getByRole('button', { name: 'Keep both' }).click();
  await asks.waitFor({ state: 'detached' });
  await row('tariff.txt').nth(1).getByText('1 passage', { exact: false }).waitFor();
  // Either of the two is here now.
  await hashes(true);
  await page.getByText('1 file is here already, unchanged.').waitFor({ state: 'detached' });
  await files.setInputFiles([tariff('Cranes cost nine crowns an hour.\n')]);
  await page.getByText('1 file is here already, unchanged.').waitFor();
  await row('tariff.txt').first().getByRole('button', { name: /^More/ }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await row('tariff.txt').nth(1).waitFor({ state: 'detached' });
}

/** Files that are dropped into a chat belong to it: they are read, asked, still there after a reload, and left out again. */
export async function chatFiles({ page, mock, base, allow, shot }) {
  mock.on('What does the crane cost?', ({ say }) => say('Nine crowns [1].'));
  await page.goto(base);
  await newChat(page);
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.fill('What does the crane cost?');
  await drop(page, [
    ['tariff.txt', 'Cranes cost nine crowns an hour.\n'],
    ['broken.pdf', '%PDF-1.7 and nothing else'],
  ]);
  const files = page.getByRole('list', { name: 'Files of this chat' });
  await files.getByRole('listitem', { name: 'broken.pdf' }).getByText('Could not be read').waitFor();
  await files.getByRole('button', { name: /^tariff\.txt/ }).waitFor();
  await page.waitForURL(/\/c\//);
  await holds(message, 'What does the crane cost?');
  const found = await look(page, 'files of a chat', ['graphite', 'quartz']);
  await shot('chat-files');

  // Why one could not be read stands in the sheet of all of them.
  await files.getByRole('button', { name: /^broken\.pdf/ }).click();
  const sheet = page.getByRole('dialog', { name: 'Files of the chat' });
  await sheet.getByRole('listitem', { name: 'broken.pdf' }).locator('.text-danger').last().waitFor();
  found.push(...(await look(page, 'all files of a chat', ['graphite', 'quartz'])));
  await shot('chat-files-all');
  await page.keyboard.press('Escape');
  await files.getByRole('button', { name: 'Delete broken.pdf' }).click();
  await files.getByRole('listitem', { name: 'broken.pdf' }).waitFor({ state: 'detached' });

  // Why one is not taken at all stands beside it, also after a reload.
  await drop(page, [['none.txt', '']]);
  const none = files.getByRole('listitem', { name: 'none.txt' });
  await none.getByText('There is no text in this file.').waitFor();
  found.push(...(await look(page, 'a file that a chat does not take', ['graphite', 'quartz'])));

  // After a reload they are there, and so is what was written; the question is answered from them.
  await page.reload();
  await none.getByText('There is no text in this file.').waitFor();
  await none.getByRole('button', { name: 'Leave out none.txt' }).click();
  await none.waitFor({ state: 'detached' });
  await files.getByRole('button', { name: /^tariff\.txt/ }).waitFor();
  await message.press('Enter');
  await page.getByText('Nine crowns').first().waitFor();
  assert.ok(mock.calls.some((c) => /nine crowns an hour[^]*What does the crane cost\?$/.test(c.messages.at(-1).content)));
  await page.locator('.md-cite').click();
  await page.getByRole('complementary', { name: 'tariff.txt' }).locator('mark').getByText('Cranes cost').waitFor();
  await page.keyboard.press('Escape');

  // What is sent while a file is read waits for it. A temporary chat takes none, in words.
  await message.fill('What does the crane cost?');
  await drop(page, [['more.txt', 'The lock opens at noon.\n']]);
  await message.press('Enter');
  await files.getByRole('button', { name: /^more\.txt/ }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.md-cite').length === 2);

  // Given again it is there already; another file of its name is asked about, as in a collection.
  await drop(page, [['tariff.txt', 'Cranes cost nine crowns an hour.\n']]);
  await page.getByText('1 file is here already, unchanged.').waitFor();
  allow(/status of 409/);
  const asks = page.getByRole('alertdialog', { name: 'Replace 1 document?' });
  await drop(page, [['tariff.txt', 'Cranes cost ten crowns an hour.\n']]);
  await asks.getByText('tariff.txt').waitFor();
  found.push(...(await look(page, 'a new version of a file of a chat', ['graphite', 'quartz'])));
  await shot('chat-newer');
  await asks.getByRole('button', { name: 'Leave as it is' }).click();
  await asks.waitFor({ state: 'detached' });
  await counts(files.getByRole('listitem', { name: 'tariff.txt' }), 1);
  await drop(page, [['tariff.txt', 'Cranes cost ten crowns an hour.\n']]);
  await asks.getByRole('button', { name: 'Replace' }).click();
  await asks.waitFor({ state: 'detached' });
  const kept = () => page.evaluate(async () => (await (await fetch('api/v1/conversations/' + location.pathname.split('/').pop() + '/documents')).json()).items.map((d) => [d.name, d.size, d.state]));
  await eventually(async () => assert.deepEqual((await kept()).filter(([name]) => name === 'tariff.txt'), [['tariff.txt', 32, 'ready']]));
  await newChat(page);
  await page.getByRole('button', { name: 'Temporary chat' }).click();
  await page.getByRole('button', { name: 'Temporary chat', pressed: true }).waitFor();
  await drop(page, [['tariff.txt', 'Cranes']]);
  await page.getByText('A temporary chat keeps nothing, so it takes no files.').waitFor();
  await page.getByRole('button', { name: 'Temporary chat' }).click();
  nothing(found);
}
