// The list of chats: pinned, put away, in folders, with tags, in the bin, many at once. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { ownSocket } from './browser.mjs';
import { chats } from './chat.mjs';
import { Gate } from './mock.mjs';
import { drawn, eventually } from './wait.mjs';

const link = (page, name) => chats(page).getByRole('link', { name });
const said = (page, text) => page.getByRole('group', { name: 'Notification' }).filter({ hasText: text });

/** Chats made by the API, the last one first in the list. */
async function make(page, base, titles) {
  for (const title of titles) {
    const made = await page.request.post(base + '/api/v1/conversations', { headers: { Origin: base }, data: { title } });
    assert.equal(made.status(), 201);
  }
  await page.goto(base + '/');
  await link(page, new RegExp('^' + titles.at(-1))).waitFor();
}

/** Through the menu of a chat. */
async function choose(page, title, item) {
  const row = chats(page).getByRole('listitem').filter({ has: page.getByRole('link', { name: new RegExp('^' + title) }) });
  await row.hover();
  await row.getByRole('button', { name: 'More for ' + title }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

async function show(page, view) {
  await page.getByRole('button', { name: 'Filter chats' }).click();
  await page.getByRole('menuitemradio', { name: view, exact: true }).click();
}

/** Takes back what the last toast told of. */
async function undo(page, text) {
  await said(page, text).getByRole('button', { name: 'Undo' }).click();
}

/** Closes the toasts, which would stand above what is looked at. */
async function quiet(page) {
  const all = page.getByRole('group', { name: 'Notification' });
  while (await all.count()) await all.first().getByRole('button', { name: 'Close' }).click({ timeout: 1000 }).catch(() => {});
}

export async function ordering({ page, base, shot, allow }) {
  // What has just changed is looked at, and may be deleted by then.
  allow(/status of 404/);
  await make(page, base, ['Apples', 'Bananas', 'Cherries']);
  const found = [];
  const titles = async () => (await chats(page).getByRole('link').allInnerTexts()).map((text) => text.split('\n')[0]);

  // Pinned by the menu, above what is newer; and by its key.
  await choose(page, 'Apples', 'Pin');
  await chats(page).getByRole('heading', { name: 'Pinned' }).waitFor();
  await eventually(async () => assert.equal((await titles())[0], 'Apples'));
  await page.reload();
  await chats(page).getByRole('heading', { name: 'Pinned' }).waitFor();
  await eventually(async () => assert.equal((await titles()).filter((x) => x === 'Apples').length, 1));
  await link(page, /^Apples/).press('p');
  await chats(page).getByRole('heading', { name: 'Pinned' }).waitFor({ state: 'detached' });
  await undo(page, 'Chat unpinned.');
  await chats(page).getByRole('heading', { name: 'Pinned' }).waitFor();

  // Put away, looked at there, and fetched back.
  await link(page, /^Bananas/).press('e');
  await link(page, /^Bananas/).waitFor({ state: 'detached' });
  await show(page, 'Archived');
  await link(page, /^Bananas/).waitFor();
  found.push(...(await look(page, 'what is put away')));
  await choose(page, 'Bananas', 'Unarchive');
  await link(page, /^Bananas/).waitFor({ state: 'detached' });
  await chats(page).getByText('No chats here.').waitFor();
  await chats(page).getByRole('button', { name: 'All chats' }).click();
  await link(page, /^Bananas/).waitFor();

  // Into a folder that is made by its name, and by dragging.
  await link(page, /^Bananas/).press('m');
  await page.getByRole('combobox').fill('Fruit');
  await page.getByRole('option', { name: 'New folder “Fruit”' }).waitFor();
  found.push(...(await look(page, 'where to move a chat')));
  await page.keyboard.press('Enter');
  const fruit = chats(page).getByRole('button', { name: /^Fruit/ });
  await fruit.filter({ hasText: '1' }).waitFor();
  await link(page, /^Cherries/).dragTo(fruit);
  await fruit.filter({ hasText: '2' }).waitFor();
  await shot('folders');
  await fruit.click();
  await link(page, /^Apples/).waitFor({ state: 'detached' });
  await eventually(async () => assert.deepEqual((await titles()).sort(), ['Bananas', 'Cherries']));
  await chats(page).getByRole('button', { name: 'More for Fruit' }).click();
  await page.getByRole('menuitem', { name: 'Edit folder' }).click();
  await page.getByLabel('Folder name').fill('Ripe fruit');
  await page.getByLabel('Instructions').fill('Speak of fruit alone.');
  found.push(...(await look(page, 'a folder is changed')));
  await page.getByRole('button', { name: 'Save' }).click();
  await chats(page).getByRole('heading', { name: 'Ripe fruit' }).waitFor();
  await chats(page).getByText('Speak of fruit alone.').waitFor();
  await chats(page).getByRole('button', { name: 'More for Ripe fruit' }).click();
  await page.getByRole('menuitem', { name: 'Share' }).click();
  await page.getByRole('dialog').getByLabel('Everyone').selectOption('May use it');
  found.push(...(await look(page, 'a folder is shared')));
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const { items: mine } = await (await page.request.get(`${base}/api/v1/folders`)).json();
  assert.deepEqual(mine.map((f) => [f.name, f.shared]), [['Ripe fruit', true]]);
  await chats(page).getByRole('button', { name: 'More for Ripe fruit' }).click();
  await page.getByRole('menuitem', { name: 'Delete folder' }).click();
  await link(page, /^Apples/).waitFor();
  await undo(page, 'Folder deleted.');
  await chats(page).getByRole('button', { name: /^Ripe fruit/ }).filter({ hasText: '2' }).waitFor();

  // Tags, and the chats that have one.
  await link(page, /^Cherries/).press('t');
  await page.getByLabel('New tag').fill('red');
  await page.getByRole('button', { name: 'Save' }).click();
  await said(page, 'Tag added to the chat.').waitFor();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await show(page, 'red');
  await link(page, /^Apples/).waitFor({ state: 'detached' });
  await eventually(async () => assert.deepEqual(await titles(), ['Cherries']));
  await quiet(page);
  await link(page, /^Cherries/).press('t');
  await page.getByRole('checkbox', { name: 'red' }).uncheck();
  found.push(...(await look(page, 'tags')));
  await page.getByRole('button', { name: 'Save' }).click();
  await link(page, /^Cherries/).waitFor({ state: 'detached' });
  await show(page, 'All chats');

  // A mark for later.
  await link(page, /^Cherries/).press('u');
  await link(page, /^Cherries.*New answer/).waitFor();
  await show(page, 'Unread');
  await link(page, /^Apples/).waitFor({ state: 'detached' });
  await link(page, /^Cherries/).click();
  await page.getByRole('heading', { level: 1, name: 'Cherries' }).waitFor();
  await link(page, /^Cherries.*New answer/).waitFor({ state: 'detached' });
  await show(page, 'All chats');

  // Into the bin, which says until when; back from there, and gone for good.
  for (const title of ['Apples', 'Bananas', 'Cherries']) {
    await link(page, new RegExp('^' + title)).press('Delete');
    await link(page, new RegExp('^' + title)).waitFor({ state: 'detached' });
  }
  await show(page, 'Bin');
  const binned = (title) => chats(page).getByRole('listitem').filter({ hasText: title });
  await quiet(page);
  await binned('Bananas').getByText(/^Until /).waitFor();
  found.push(...(await look(page, 'the bin', ['graphite', 'quartz'])));
  await shot('bin');
  await binned('Bananas').getByRole('button', { name: 'Restore' }).click();
  await binned('Bananas').waitFor({ state: 'detached' });
  await binned('Cherries').getByRole('button', { name: 'Delete permanently' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete permanently' }).click();
  await binned('Cherries').waitFor({ state: 'detached' });
  await binned('Apples').waitFor();
  await chats(page).getByRole('button', { name: 'More for Bin' }).click();
  await page.getByRole('menuitem', { name: 'Empty the bin' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete permanently' }).click();
  await chats(page).getByText('No chats here.').waitFor();
  await show(page, 'All chats');
  await link(page, /^Bananas/).waitFor();
  nothing(found);
}

export async function choosing({ page, base, shot }) {
  await make(page, base, ['One', 'Two', 'Three', 'Four', 'Five']);
  const found = [];
  const box = (name) => chats(page).getByRole('checkbox', { name });
  const bar = page.getByRole('group', { name: 'Selected chats' });
  // A range by the mouse.
  await link(page, /^Five/).click();
  await page.getByRole('heading', { level: 1, name: 'Five' }).waitFor();
  await link(page, /^Three/).click({ modifiers: ['Shift'] });
  await bar.getByText('3 selected').waitFor();
  await box('Four').uncheck();
  await bar.getByText('2 selected').waitFor();
  await quiet(page);
  found.push(...(await look(page, 'chats are chosen', ['graphite', 'quartz'])));
  await shot('chosen');
  await bar.getByRole('button', { name: 'Archive' }).click();
  await bar.waitFor({ state: 'detached' });
  await link(page, /^Five/).waitFor({ state: 'detached' });
  await link(page, /^Four/).waitFor();
  await undo(page, '2 chats archived.');
  await link(page, /^Five/).waitFor();
  // By the keyboard alone.
  await link(page, /^Four/).press('x');
  await bar.getByText('1 selected').waitFor();
  await page.waitForFunction(() => document.activeElement?.matches('input[data-chat]'));
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Shift+ArrowDown');
  await bar.getByText('3 selected').waitFor();
  await page.keyboard.press('Space');
  await bar.getByText('2 selected').waitFor();
  await page.keyboard.press('Escape');
  await bar.waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.matches('nav li > a'));
  await page.keyboard.press('x');
  await bar.getByText('1 selected').waitFor();
  await page.waitForFunction(() => document.activeElement?.matches('input[data-chat]'));
  await page.keyboard.press('Shift+ArrowDown');
  await bar.getByText('2 selected').waitFor();
  await page.keyboard.press('Delete');
  await undo(page, '2 chats moved to the bin.');
  for (const name of [/^One/, /^Two/, /^Three/, /^Four/, /^Five/]) await link(page, name).waitFor();
  // On a phone, from the menu.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Open menu' }).click();
  const drawer = page.getByRole('dialog');
  await drawer.getByRole('button', { name: 'More for One' }).click();
  await page.getByRole('menuitem', { name: 'Select' }).click();
  await drawer.getByRole('group', { name: 'Selected chats' }).getByText('1 selected').waitFor();
  await shot('chosen-phone');
  await drawer.getByRole('button', { name: 'End selection' }).click();
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
  await page.setViewportSize({ width: 1280, height: 800 });
  nothing(found);
}

export async function listKeepsPlace(t) {
  const page = t.watch(await t.context.newPage());
  try {
    await keepsPlace(t, page);
  } finally {
    await page.close();
  }
}

async function keepsPlace({ base }, page) {
  const headers = { Origin: base };
  const socket = await ownSocket(page);
  for (let i = 0; i < 90; i++) {
    const made = await (await page.request.post(base + '/api/v1/conversations', { headers, data: {} })).json();
    await page.request.patch(`${base}/api/v1/conversations/${made.id}`, { headers, data: { title: `Kept ${i}` } });
  }
  await page.goto(base + '/');
  const rows = chats(page).getByRole('link');
  await chats(page).getByRole('link', { name: /^Kept 89/ }).waitFor();
  // The next page comes when one gets there; who stands on the button meanwhile goes on at its first chat, where it is the
  // last one: there are a hundred at most here.
  const next = new Gate();
  await page.route('**/conversations?*cursor=*', async (route) => (await next.opened, route.continue()));
  await chats(page).getByRole('button', { name: 'Show more' }).focus();
  const known = await rows.count();
  next.open();
  await page.waitForFunction((n) => [...document.querySelectorAll('nav[aria-label="Chats"] li > a')].indexOf(document.activeElement) === n, known);
  await page.unroute('**/conversations?*cursor=*');
  await chats(page).evaluate((nav) => nav.scrollTo(0, nav.scrollHeight));
  await chats(page).getByRole('link', { name: /^Kept 10\b/ }).waitFor();
  const n = await rows.count();
  const target = chats(page).getByRole('link', { name: /^Kept 20\b/ });
  await target.scrollIntoViewIfNeeded();
  const y = async () => Math.round((await target.boundingBox()).y);
  const was = await y();
  // A burst: more than are read one by one.
  const all = (await (await page.request.get(base + '/api/v1/conversations')).json()).items.slice(0, 12);
  await Promise.all(all.map((c) => page.request.patch(`${base}/api/v1/conversations/${c.id}`, { headers, data: { title: c.title + ' anew' } })));
  for (const { title } of all) await chats(page).getByRole('link', { name: new RegExp(`^${title} anew`) }).waitFor({ state: 'attached' });
  await drawn(page);
  const same = async () => [await y(), (await rows.count()) >= n];
  assert.deepEqual(await same(), [was, true], 'what was read stays, where it was');
  // An absence.
  const anew = page.waitForResponse(/\/api\/v1\/conversations\?/);
  await socket.cut();
  await (await anew).finished();
  await drawn(page);
  assert.deepEqual(await same(), [was, true]);
  // From the search by arrows, and by Enter.
  const search = page.getByRole('searchbox', { name: 'Search chats' });
  await search.fill('Kept 3');
  await page.waitForFunction(() => document.querySelectorAll('nav[aria-label="Chats"] a').length === 11);
  await search.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.match(await page.evaluate(() => document.activeElement.innerText), /^Kept 38/);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  assert.ok(await search.evaluate((e) => e === document.activeElement), 'and back to the search');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Kept 39' }).waitFor();
  // Sooner than the list: what opens is what was typed, not what stood first.
  await search.fill('Kept 5');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Kept 59' }).waitFor();
  await search.fill('');
  await chats(page).getByRole('link', { name: /^Kept 89 anew/ }).waitFor();
  const ids = [];
  for (let cursor = ''; cursor !== null; ) {
    const list = await (await page.request.get(`${base}/api/v1/conversations?q=Kept${cursor && '&cursor=' + cursor}`)).json();
    ids.push(...list.items.map((c) => c.id));
    cursor = list.next ?? null;
  }
  for (const id of ids) {
    const gone = await page.request.delete(`${base}/api/v1/conversations/${id}?hard=true`, { headers });
    assert.equal(gone.status(), 204);
  }
}
