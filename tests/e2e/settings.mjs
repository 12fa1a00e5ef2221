// What a person does in the settings: providers, models, keys, usage. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { look, nothing, sideways } from './access.mjs';
import { answer, ask, chooseModel, go, has, newChat, PASSWORD, ready } from './chat.mjs';
import { Gate, Mock } from './mock.mjs';
import { counts, drawn, eventually, holds, list, reads } from './wait.mjs';

const dialog = (page) => page.getByRole('dialog');
const card = (page, name) => page.getByRole('list', { name: 'Providers' }).getByRole('listitem', { name, exact: true });
const toast = (page, text) => page.getByRole('status').getByText(text).first().waitFor();

async function settings(page, base, section, heading) {
  await go(page, base, `/settings/${section}`);
  await page.getByRole('heading', { name: heading, level: 2, exact: true }).first().waitFor();
}

/** A port that was free a moment ago: nobody listens there. */
async function silentPort() {
  const s = createServer();
  await new Promise((resolve) => s.listen(0, '127.0.0.1', resolve));
  const { port } = s.address();
  await new Promise((resolve) => s.close(resolve));
  return port;
}

export async function testConnection({ page, base, shot }) {
  await settings(page, base, 'providers', 'Providers');
  await card(page, 'ollama').getByText('From configuration').waitFor();
  await card(page, 'ollama').getByText('Connected').waitFor();
  await page.getByRole('button', { name: 'Add provider' }).click();
  const d = dialog(page);
  await d.getByLabel('Type').selectOption({ label: 'OpenRouter' });
  await holds(d.getByLabel('URL'), 'https://openrouter.ai/api/v1', 'the usual address');
  await holds(d.getByLabel('Name', { exact: true }), 'openrouter');
  await d.getByLabel('Type').selectOption({ label: 'Ollama' });
  await holds(d.getByLabel('Name', { exact: true }), 'ollama-2', 'a name that is free');
  const port = await silentPort();
  await d.getByLabel('URL').fill(`http://127.0.0.1:${port}`);
  await d.getByRole('button', { name: 'Test connection' }).click();
  await d.getByRole('status').getByText(String(port)).waitFor();
  await shot('test-failed');
  await d.getByLabel('Name', { exact: true }).fill('Not A Name');
  await d.getByRole('button', { name: 'Add', exact: true }).click();
  await d.getByText('Only a to z, 0 to 9 and hyphens.').waitFor();
  await d.getByRole('button', { name: 'Cancel' }).click();
  await d.waitFor({ state: 'detached' });
}

export async function addProvider({ page, base, shot }) {
  const lab = new Mock(['second:1b']);
  await lab.start();
  lab.on('Who is there?', ({ say }) => say('the lab'));
  try {
    await settings(page, base, 'providers', 'Providers');
    await page.getByRole('button', { name: 'Add provider' }).click();
    const d = dialog(page);
    await d.getByLabel('Name', { exact: true }).fill('lab');
    // What is wrong with a field is said at it, and it is where one goes on.
    await d.getByLabel('URL').fill('ftp://nonsense');
    await d.getByRole('button', { name: 'Add', exact: true }).click();
    await d.locator('input[aria-invalid="true"]').waitFor();
    await page.waitForFunction(() => document.activeElement.value === 'ftp://nonsense');
    await d.getByLabel('URL').fill(lab.url);
    await d.getByRole('button', { name: 'Test connection' }).click();
    await d.getByRole('status').getByText('Connected. 1 model.').waitFor();
    await shot('test-works');
    await d.getByRole('button', { name: 'Add', exact: true }).click();
    await d.waitFor({ state: 'detached' });
    await card(page, 'lab').getByText('Connected').waitFor();
    await card(page, 'lab').getByText('1 model').waitFor();
    await shot('added');
    await newChat(page);
    await chooseModel(page, 'second:1b');
    await ask(page, 'Who is there?');
    await has(answer(page), 'the lab');
    await ready(page);
    await chooseModel(page, 'mock:1b');
    // The key of a stored provider is kept, and its name can be changed.
    await settings(page, base, 'providers', 'Providers');
    await page.getByRole('button', { name: 'More for lab' }).click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await d.getByLabel('API key', { exact: true }).fill('secret');
    await d.getByRole('button', { name: 'Save' }).click();
    await d.waitFor({ state: 'detached' });
    await card(page, 'lab').getByText('API key stored').waitFor();
    await page.getByRole('button', { name: 'More for lab' }).click();
    await page.getByRole('menuitem', { name: 'Disable' }).click();
    await card(page, 'lab').getByText('Disabled').waitFor();
    await page.getByRole('button', { name: 'More for lab' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await card(page, 'lab').waitFor({ state: 'detached' });
  } finally {
    await lab.stop();
  }
}

export async function loading({ page, mock, shot }) {
  mock.models = [...mock.models, 'slow:1b'];
  const loaded = new Gate();
  mock.on('Wake up', async ({ say }) => {
    await loaded.opened;
    say('good morning');
  });
  await newChat(page);
  await page.getByRole('button', { name: /^Model: / }).click();
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByRole('option', { name: /slow:1b.*Not loaded/ }).click();
  await ask(page, 'Wake up');
  // The server says so after two seconds; the page counts on.
  await answer(page).getByText('Loading slow:1b').waitFor();
  await answer(page).getByText(/^· \d+ s$/).waitFor();
  await shot('loading');
  loaded.open();
  await has(answer(page), 'good morning');
  await ready(page);
  await chooseModel(page, 'mock:1b');
  mock.models = mock.models.filter((m) => m !== 'slow:1b');
}

/** One place, two questions: the second sees where it stands, and a tool that is called is shown. */
export async function queueAndTools({ page, context, base, watch, shot }) {
  const busy = new Mock(['busy:1b']);
  await busy.start();
  const first = new Gate();
  busy.on('Take the place', async ({ say }) => {
    say('taken ');
    await first.opened;
  });
  busy.on('And the weather?', ({ tool, say }) => {
    tool('get_weather', { city: 'Ulm' });
    say('Looking outside.');
  });
  try {
    await settings(page, base, 'providers', 'Providers');
    await page.getByRole('button', { name: 'Add provider' }).click();
    const d = dialog(page);
    await d.getByLabel('Name', { exact: true }).fill('busy');
    await d.getByLabel('URL').fill(busy.url);
    await d.getByRole('button', { name: 'Advanced' }).click();
    await d.getByLabel('Concurrent requests').fill('1');
    await d.getByLabel('Connect timeout').fill('soon');
    await d.getByLabel('Connect timeout').press('Tab');
    await d.getByText('Enter seconds, at most a day.').waitFor();
    await d.getByLabel('Connect timeout').fill('2,5');
    await d.getByRole('button', { name: 'Add', exact: true }).click();
    await card(page, 'busy').getByText('1 model').waitFor();
    await newChat(page);
    await chooseModel(page, 'busy:1b');
    await ask(page, 'Take the place');
    await has(answer(page), 'taken');
    const other = watch(await context.newPage());
    await other.goto(base + '/');
    await chooseModel(other, 'busy:1b');
    await ask(other, 'And the weather?');
    await answer(other).getByText('Waiting for a free slot · position 1').waitFor();
    await settings(page, base, 'providers', 'Providers');
    await card(page, 'busy').getByText('1 of 1 running · 1 waiting').waitFor();
    await shot('queued');
    first.open();
    await has(answer(other), 'Looking outside.');
    await ready(other);
    // What an answer showed while it came, a reload shows.
    await answer(other).getByRole('button', { name: /^get_weather/ }).waitFor();
    const shown = await answer(other).innerText();
    await other.reload();
    await answer(other).getByRole('button', { name: /^get_weather/ }).waitFor();
    await eventually(async () => assert.equal(await answer(other).innerText(), shown));
    await answer(other).getByRole('button', { name: /^get_weather/ }).click();
    await answer(other).getByText('"city": "Ulm"').waitFor();
    await chooseModel(other, 'mock:1b');
    await other.close();
    await page.getByRole('button', { name: 'More for busy' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await card(page, 'busy').waitFor({ state: 'detached' });
  } finally {
    first.open();
    await busy.stop();
  }
}

export async function manageModels({ page, base, shot }) {
  await settings(page, base, 'models', 'Models');
  const row = (name) => page.getByRole('list', { name: 'Models' }).getByRole('listitem', { name, exact: true });
  await row('mock:1b').waitFor();
  await page.getByRole('searchbox', { name: 'Search models' }).fill('nothing like it');
  await page.getByText('No matching models').waitFor();
  await page.getByRole('searchbox', { name: 'Search models' }).fill('mock');
  await page.getByRole('button', { name: 'More for mock:1b' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await dialog(page).getByLabel('Display name').fill('My mock');
  await dialog(page).getByRole('button', { name: 'Rename' }).click();
  await row('My mock').waitFor();
  await page.getByRole('button', { name: 'More for My mock' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await dialog(page).getByLabel('Display name').fill('');
  await dialog(page).getByRole('button', { name: 'Rename' }).click();
  await row('mock:1b').waitFor();
  await page.getByRole('button', { name: 'More for mock:1b' }).click();
  await page.getByRole('menuitem', { name: 'Details' }).click();
  await dialog(page).getByRole('heading', { name: 'mock:1b' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add alias' }).click();
  await dialog(page).getByLabel('Name or pattern').fill('gpt-4o');
  await dialog(page).getByLabel('First model').fill('mock:1b');
  await dialog(page).getByRole('button', { name: 'Add fallback' }).click();
  await dialog(page).getByLabel('Fallback 1').fill('librarian');
  await shot('alias');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await page.getByText('mock:1b → librarian').waitFor();
  await page.getByRole('searchbox', { name: 'Search models' }).fill('');
  await row('gpt-4o').getByText('alias of mock:1b').waitFor();
  await page.getByLabel('New chats').selectOption({ label: 'mock:1b' });
  await row('mock:1b').getByText('Default').waitFor();
  await page.getByLabel('New chats').selectOption({ label: 'Automatic' });
  await toast(page, /^Automatic/);
  await shot('models');
  await page.getByRole('button', { name: 'Delete gpt-4o' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await row('gpt-4o').waitFor({ state: 'detached' });
}

export async function pullWithReload({ page, base, mock, shot }) {
  const half = new Gate();
  const layer = { status: 'pulling aabb', digest: 'sha256:aabbccddeeff00112233', total: 2_000_000_000 };
  mock.pull = async ({ line }) => {
    line({ status: 'pulling manifest' });
    line({ ...layer, completed: 500_000_000 });
    await half.opened;
    line({ ...layer, completed: 2_000_000_000 });
    line({ status: 'verifying sha256 digest' });
    line({ status: 'success' });
  };
  await settings(page, base, 'models', 'Models');
  await page.getByRole('textbox', { name: 'Pull a model' }).fill('fresh:1b');
  await page.getByRole('button', { name: 'Pull', exact: true }).click();
  const jobs = page.getByRole('list', { name: 'Jobs' });
  await jobs.getByText('25% · 500 MB of 2.0 GB').waitFor();
  await page.reload();
  await jobs.getByText('25% · 500 MB of 2.0 GB').waitFor();
  await jobs.getByText('1 layer').click();
  await jobs.getByText('aabbccddeeff').waitFor();
  await shot('pull');
  half.open();
  await jobs.getByText('Done').waitFor();
  await page.getByRole('list', { name: 'Models' }).getByRole('listitem', { name: 'fresh:1b' }).waitFor();
  await page.goto(base + '/');
  await chooseModel(page, 'fresh:1b');
  await chooseModel(page, 'mock:1b');
  // One that never ends can be canceled, and goes on when it is resumed.
  const never = new Gate();
  let tries = 0;
  mock.pull = async ({ line }) => {
    line({ ...layer, completed: 100_000_000 });
    if (tries++ === 0) await never.opened;
    line({ status: 'success' });
  };
  await settings(page, base, 'models', 'Models');
  await page.getByRole('textbox', { name: 'Pull a model' }).fill('again:1b');
  await page.getByRole('button', { name: 'Pull', exact: true }).click();
  const row = jobs.getByRole('listitem').filter({ hasText: 'again:1b' });
  await row.getByText('5%').waitFor();
  await row.getByRole('button', { name: /^Cancel/ }).click();
  await row.getByText('Stopped').waitFor();
  await row.getByRole('button', { name: /^Retry/ }).click();
  await row.getByText('Done').waitFor();
  never.open();
}

export async function apiKeys({ page, base, shot }) {
  const call = (key) => fetch(base + '/v1/models', { headers: { Authorization: 'Bearer ' + key } });
  await settings(page, base, 'keys', 'API keys');
  await page.getByText('No API keys yet').waitFor();
  await page.getByRole('button', { name: 'Create API key' }).click();
  await dialog(page).waitFor();
  await page.waitForFunction(() => document.activeElement.matches('[role="dialog"] input')); // the first field
  await page.keyboard.press('Enter');
  await dialog(page).getByText('Enter what it is for.').waitFor();
  await dialog(page).getByLabel('Name', { exact: true }).fill('My editor');
  await dialog(page).getByLabel('Expires').selectOption({ label: 'In 30 days' });
  await shot('new-key');
  await dialog(page).getByRole('button', { name: 'Create', exact: true }).click();
  const made = dialog(page).filter({ hasText: 'Copy your key now' });
  const key = (await made.getByLabel('API key', { exact: true }).innerText()).trim();
  assert.match(key, /^sk-atelier-[A-Za-z0-9_-]{43}$/);
  await page.keyboard.press('Escape');
  await made.getByRole('tab', { name: 'Claude Code' }).click();
  await made.getByText('ANTHROPIC_BASE_URL=' + base).waitFor();
  await shot('key-made');
  assert.equal((await call(key)).status, 200, 'the key works');
  await made.getByRole('button', { name: 'I have copied it' }).click();
  await made.waitFor({ state: 'detached' });
  const row = page.getByRole('list', { name: 'API keys' }).getByRole('listitem', { name: 'My editor' });
  await row.getByText(/expires /).waitFor();
  await counts(page.getByText(key), 0, 'the key is not shown again');
  await row.getByRole('button', { name: 'Delete My editor' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No API keys yet').waitFor();
  assert.equal((await call(key)).status, 401, 'the key is gone');
}

export async function usage({ page, context, base, mock, watch, shot }) {
  mock.on('To be counted', ({ say }) => say('one, two'));
  await newChat(page);
  await ask(page, 'To be counted');
  await has(answer(page), 'one, two');
  await ready(page);
  await settings(page, base, 'usage', 'Usage');
  const tile = (name) => page.locator('dl > div').filter({ has: page.getByText(name, { exact: true }) }).locator('dd').first();
  await eventually(async () => assert.ok(Number(await tile('Calls').innerText()) >= 1, 'calls are counted'));
  await page.getByRole('rowheader', { name: 'mock:1b' }).first().waitFor();
  // Today by its hours, then the days.
  await page.getByRole('img', { name: /^Bar chart/ }).waitFor();
  await page.getByRole('radio', { name: 'Today' }).click();
  await page.getByRole('img', { name: /^Bar chart by hour/ }).waitFor();
  await page.getByRole('group', { name: /^Usage by hour/ }).focus();
  await page.keyboard.press('Home');
  await page.getByRole('group', { name: /^Usage by hour/ }).getByRole('status').getByText(/^12:00.AM: /).waitFor();
  await shot('hours');
  await page.getByRole('radio', { name: '30 days' }).click();
  await page.getByRole('img', { name: /^Bar chart by day/ }).waitFor();
  // The chart says what it is made of, and the arrows read its days.
  await page.getByRole('list', { name: 'Models in the chart' }).getByText('mock:1b').waitFor();
  await page.getByRole('group', { name: /^Usage by day/ }).focus();
  await page.keyboard.press('End');
  await page.getByRole('group', { name: /^Usage by day/ }).getByRole('status').getByText('mock:1b').waitFor();
  await shot('chart');
  // Elsewhere on earth it is another day: nothing that was counted is missing.
  for (const timezoneId of ['Pacific/Kiritimati', 'Pacific/Niue']) {
    const far = await context.browser().newContext({ timezoneId, locale: 'en-US', storageState: await context.storageState() });
    const there = watch(await far.newPage());
    await there.goto(base + '/settings/usage');
    await there.getByText(`(${timezoneId})`).waitFor();
    await there.getByRole('img', { name: /^Bar chart/ }).waitFor();
    await there.getByRole('radio', { name: '30 days' }).click();
    await there.getByRole('button', { name: 'Show as table' }).click();
    const rows = there.getByRole('region', { name: 'By day' }).locator('tbody tr');
    const day = await there.evaluate(() => new Date().toLocaleDateString('en', { day: 'numeric', month: 'short' }));
    await rows.first().getByRole('rowheader', { name: day, exact: true }).waitFor();
    await rows.getByRole('cell', { name: /^[1-9]/ }).first().waitFor();
    await far.close();
  }
  await page.getByRole('radio', { name: 'Everyone' }).click();
  await page.getByRole('radio', { name: 'User' }).click();
  await page.getByRole('rowheader', { name: 'ada' }).waitFor();
  // Ordered by a column, the greatest first, and the other way round; and taken away as a file.
  const table = page.getByRole('region', { name: 'Breakdown' });
  const head = table.getByRole('columnheader', { name: 'Calls' });
  for (const order of ['descending', 'ascending']) {
    await head.getByRole('button').click();
    await page.locator(`[aria-sort="${order}"]`).and(head).waitFor();
  }
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download CSV' }).click();
  const csv = Buffer.concat(await (await (await saving).createReadStream()).toArray());
  assert.match(String(csv), /^User,Calls,Failed,[^\r]+ \(s\),[^\r]+ \([A-Z]{3}\)\r\nada,\d+,/);
  await page.getByRole('radio', { name: '7 days' }).click();
  await page.getByRole('button', { name: 'Show as table' }).click();
  const rows = page.getByRole('region', { name: 'By day' }).locator('tbody tr');
  await counts(rows, 7, 'a row for every day');
  await shot('usage');
}

/** Qdrant as far as it is asked whether it is there. */
async function qdrant() {
  const s = createHttpServer((q, a) => {
    const known = q.headers['api-key'] === 'opens-it';
    a.writeHead(known ? 200 : 401, { 'Content-Type': 'application/json' });
    a.end(known ? '{"result":{"collections":[]},"status":"ok"}' : '{}');
  });
  await new Promise((resolve) => s.listen(0, '127.0.0.1', resolve));
  return s;
}

/** In the page: the next notice stays, as one that the mouse is on. */
function holdNotice() {
  const all = document.querySelector('.z-toast');
  for (const old of all.querySelectorAll('[role="group"]')) [...old.querySelectorAll('button')].at(-1).click();
  new MutationObserver((_, observer) => {
    const notice = all.querySelector('[role="group"]');
    if (!notice) return;
    notice.dispatchEvent(new MouseEvent('mouseenter'));
    observer.disconnect();
  }).observe(all, { childList: true });
}

export async function vectorStore({ page, base, allow, shot }) {
  allow(/status of 409/); // a key that opens nothing
  const store = await qdrant();
  try {
    await settings(page, base, 'providers', 'Providers');
    await page.getByText('Vectors are held in memory.').waitFor();
    await page.getByRole('button', { name: 'Change vector store' }).click();
    await dialog(page).getByLabel('Type').selectOption('Qdrant');
    await holds(dialog(page).getByLabel('URL'), 'http://localhost:6333');
    await dialog(page).getByLabel('URL').fill(`http://127.0.0.1:${store.address().port}`);
    await dialog(page).getByLabel('API key').fill('does-not');
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await dialog(page).getByText('does not accept the key').waitFor();
    await dialog(page).getByLabel('API key').fill('opens-it');
    await page.evaluate(holdNotice);
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await page.getByText(/of \d+ texts copied · API key stored/).waitFor();
    await shot('vector-store');
    await page.getByRole('button', { name: 'Change vector store' }).click();
    await dialog(page).getByText('Delete the stored key').waitFor();
    // The buttons of a dialog stand at its bottom: notices stand above it meanwhile.
    const place = (of) => of.evaluate((e) => e.getBoundingClientRect().toJSON());
    await eventually(async () => {
      const [notices, below] = [await place(page.locator('.z-toast')), await place(dialog(page))];
      assert.ok(notices.top === 0 && notices.height > 20 && notices.bottom <= below.top, JSON.stringify([notices, below]));
    });
    await shot('vector-store-dialog');
    await dialog(page).getByLabel('Type').selectOption('In Atelier');
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await page.getByText('Vectors are held in memory.').waitFor();
  } finally {
    store.close();
    store.closeAllConnections();
  }
}

export async function pricesAndLimits({ page, base, mock, shot }) {
  await settings(page, base, 'people', 'People');
  await page.getByRole('button', { name: 'Add group' }).click();
  await dialog(page).getByLabel('Name', { exact: true }).fill('Readers');
  await dialog(page).getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: 'Members of Readers' }).click();
  await dialog(page).getByLabel('ada').check();
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await page.getByRole('list', { name: 'Groups' }).getByText('ada').waitFor();
  await shot('groups');
  await settings(page, base, 'limits', 'Limits');
  await page.getByRole('button', { name: 'Add price' }).click();
  await dialog(page).getByLabel('Model').fill('*/mock:1b');
  await dialog(page).getByLabel('Output tokens').fill('1000,5');
  await dialog(page).getByLabel('Input tokens').fill('much');
  await dialog(page).getByLabel('Input tokens').blur(); // what is wrong is said when a field is left
  await dialog(page).getByText('Enter an amount such as 0.15.').waitFor();
  await dialog(page).getByLabel('Input tokens').fill('2');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await page.getByRole('rowheader', { name: '*/mock:1b' }).waitFor();
  await page.getByRole('button', { name: 'Add limit' }).click();
  await dialog(page).getByLabel('Scope').selectOption({ label: 'A group, its members together' });
  await dialog(page).getByLabel('Which one').selectOption({ label: 'Readers' });
  await dialog(page).getByLabel('Amount').fill('1000000');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await page.getByText('Group Readers: Tokens per day').waitFor();
  mock.on('What is the price?', ({ say }) => say('little'));
  await newChat(page);
  await ask(page, 'What is the price?');
  await has(answer(page), 'little');
  await answer(page).getByRole('button', { name: 'Details' }).click();
  await page.getByRole('dialog', { name: 'Details' }).getByText(/0\.00702\d?/).waitFor();
  await page.keyboard.press('Escape');
  await settings(page, base, 'usage', 'Usage');
  await page.getByText('Group Readers: Tokens per day').waitFor();
  await settings(page, base, 'limits', 'Limits');
  await shot('limits');
  // Who may change a limit that is reached is led to it.
  await page.getByRole('button', { name: 'Edit Group Readers: Tokens per day' }).click();
  await dialog(page).getByLabel('Amount').fill('1');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await dialog(page).waitFor({ state: 'detached' });
  await newChat(page);
  await ask(page, 'What is the price now?');
  await page.getByRole('link', { name: 'Open limits' }).click();
  await page.getByRole('heading', { name: 'Limits', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Delete */mock:1b' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No prices').waitFor();
  await page.getByRole('button', { name: 'Delete Group Readers: Tokens per day' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No limits').waitFor();
}

export async function ordinaryUser({ page, context, server, base, watch, allow, shot }) {
  allow(/status of 401/);
  const made = spawnSync(server.binary, ['user', 'add', 'maria', '--role', 'user', '--data', server.data], { input: PASSWORD + '\n' });
  assert.equal(made.status, 0, String(made.stderr));
  const own = await context.browser().newContext({ reducedMotion: 'reduce' });
  const other = watch(await own.newPage());
  await other.goto(base + '/settings/providers');
  await other.getByLabel('User name').fill('maria');
  await other.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await other.getByRole('button', { name: 'Sign in' }).click();
  await other.getByRole('heading', { name: 'Page not found' }).waitFor();
  const sections = other.getByRole('navigation', { name: 'Settings' }).getByRole('link');
  await list(sections, ['Account', 'Appearance', 'Memory', 'API keys', 'Usage', 'Models']);
  await settings(other, base, 'models', 'Models');
  await other.getByRole('list', { name: 'Models' }).getByRole('listitem', { name: 'mock:1b' }).waitFor();
  await counts(other.getByRole('button', { name: 'More for mock:1b' }), 0, 'a list to look at');
  await counts(other.getByRole('textbox', { name: 'Pull a model' }), 0);
  await settings(other, base, 'usage', 'Usage');
  await other.getByText('No calls yet.').waitFor();

  // What is one's own is shared with people who are searched for.
  const assistant = await other.request.post(`${base}/api/v1/assistants`, { headers: { Origin: base }, data: { name: 'Tutor' } });
  assert.equal(assistant.status(), 201);
  await go(other, base, '/assistants');
  await other.getByRole('heading', { name: 'Assistants', level: 1, exact: true }).waitFor();
  await other.getByRole('button', { name: 'More for Tutor' }).click();
  await other.getByRole('menuitem', { name: 'Share' }).click();
  await dialog(other).getByRole('button', { name: 'Add ada' }).waitFor();
  await dialog(other).getByLabel('Add people or groups').fill('nobody');
  await dialog(other).getByText('Nobody found.').waitFor();
  await dialog(other).getByLabel('Add people or groups').fill('ada');
  await dialog(other).getByRole('button', { name: 'Add ada' }).waitFor();
  await other.keyboard.press('Enter');
  await dialog(other).getByLabel('ada', { exact: true }).selectOption('May edit it');
  const found = await look(other, 'something is shared', ['graphite', 'quartz']);
  await shot('share', other);
  await dialog(other).getByRole('button', { name: 'Save' }).click();
  await other.getByRole('listitem', { name: 'Tutor' }).getByText('Shared').waitFor();
  const { items } = await (await page.request.get(`${base}/api/v1/assistants`)).json();
  assert.deepEqual(items.map((a) => [a.name, a.owner, a.may]), [['Tutor', 'maria', 'edit']]);
  await other.request.delete(`${base}/api/v1/assistants/${(await assistant.json()).id}`, { headers: { Origin: base } });
  nothing(found);
  await counts(other.getByRole('radio', { name: 'Everyone' }), 0);
  await own.close();
}

/** Somebody is added, sets their password by the link, once, and is given another name. */
async function byLink({ page, base, row, choose, shot }) {
  await page.getByRole('button', { name: 'Add user' }).click();
  await dialog(page).getByLabel('User name').fill('p i a');
  await dialog(page).getByRole('button', { name: 'Add', exact: true }).click();
  await dialog(page).getByText('Only unaccented letters').waitFor();
  await dialog(page).getByLabel('User name').fill('pia');
  await dialog(page).getByRole('button', { name: 'Add', exact: true }).click();
  const text = page.getByRole('group', { name: 'the link' });
  await text.waitFor();
  await shot('link');
  await page.waitForFunction(() => document.querySelectorAll('[role="dialog"]').length === 1); // the form has made room for it
  const address = await text.innerText();
  assert.match(address, /\/password#[\w-]{43}\/pia$/);
  await dialog(page).getByRole('button', { name: 'Close' }).click();
  await row('pia').waitFor();
  const context = await page.context().browser().newContext({ reducedMotion: 'reduce', locale: 'en-US' });
  const other = await context.newPage();
  await other.goto(address);
  await holds(other.getByLabel('User name'), 'pia', 'what to sign in with from now on');
  await other.getByLabel('Password', { exact: true }).fill('a password of mine');
  await other.getByLabel('Repeat password').fill('a password of mine');
  await other.getByRole('button', { name: 'Set password' }).click();
  await other.waitForURL((url) => !url.pathname.endsWith('/password'));
  assert.equal((await (await context.request.get(base + '/api/v1/me')).json()).username, 'pia');
  await other.goto(address);
  await other.reload();
  await other.getByLabel('Password', { exact: true }).fill('another one of mine');
  await other.getByLabel('Repeat password').fill('another one of mine');
  await other.getByRole('button', { name: 'Set password' }).click();
  await other.getByRole('alert').getByText(/link/i).waitFor();
  await context.close();
  await choose('pia', 'Rename');
  await dialog(page).getByLabel('User name').fill('pina');
  await dialog(page).getByRole('button', { name: 'Rename' }).click();
  await row('pina').waitFor();
  // A model that she alone may use, and nobody any more when she is gone.
  await page.getByRole('button', { name: 'Restrict a model' }).click();
  await dialog(page).getByLabel('pina').check();
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  const access = page.getByRole('list', { name: 'Model access' });
  await access.getByText('pina').waitFor();
  await shot('access');
  await choose('pina', 'Delete');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await row('pina').waitFor({ state: 'detached' });
  await page.reload();
  await access.getByText('Administrators only').waitFor();
  await access.getByRole('button', { name: /^Delete/ }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No restrictions').waitFor();
}

/** What an administrator does with others, and what the server does not let them do with themselves. */
/** By a program of theirs: a prompt that everybody may use. */
async function sharePrompt(base, username, name) {
  const send = async (method, path, body, token) => {
    const headers = { 'Content-Type': 'application/json', ...(token ? { Authorization: 'Bearer ' + token } : {}) };
    const response = await fetch(base + '/api/v1' + path, { method, headers, body: JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.json();
  };
  const { token } = await send('POST', '/auth/login', { username, password: PASSWORD });
  const { id } = await send('POST', '/prompts', { name, body: 'When is high water?' }, token);
  await send('PUT', `/prompts/${id}/grants`, { grants: [{ subject: 'everyone', verb: 'use' }] }, token);
}

export async function people({ page, server, base, allow, shot }) {
  allow(/status of 4(09|10)/);
  const add = (name) => {
    const made = spawnSync(server.binary, ['user', 'add', name, '--role', 'user', '--data', server.data], { input: PASSWORD + '\n' });
    assert.equal(made.status, 0, String(made.stderr));
  };
  const signIn = async (username) =>
    (
      await fetch(base + '/api/v1/auth/login', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: base },
        body: JSON.stringify({ username, password: PASSWORD }),
      })
    ).status;
  const row = (name) => page.getByRole('list', { name: 'Users' }).getByRole('listitem', { name, exact: true });
  const choose = async (name, item) => {
    await page.getByRole('button', { name: 'More for ' + name }).click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  add('nina');
  add('omar');
  await settings(page, base, 'people', 'People');
  await row('ada').getByText('You', { exact: true }).waitFor();
  await shot('people');
  await byLink({ page, base, row, choose, shot });
  // Disabled, and enabled again by the way back that is offered.
  await choose('nina', 'Disable');
  await row('nina').getByText('Disabled').waitFor();
  await page.getByRole('button', { name: 'Undo' }).hover(); // what is pointed at stays
  assert.notEqual(await signIn('nina'), 200, 'who is disabled does not sign in');
  await page.getByRole('button', { name: 'Undo' }).click();
  await row('nina').getByText('Disabled').waitFor({ state: 'detached' });
  assert.equal(await signIn('nina'), 200);
  // The last administrator stays one, and the server says why.
  await choose('ada', 'Remove administrator role');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove administrator role' }).click();
  await toast(page, 'This is the last administrator: make somebody else one first.');
  await row('ada').getByText('Administrator').waitFor();
  await choose('ada', 'Delete');
  await page.getByRole('alertdialog').getByText('All chats, API keys and limits').waitFor();
  // The same sentence may still stand there from before: it is the answer that is waited for.
  const refused = page.waitForResponse((r) => r.request().method() === 'DELETE');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  assert.equal((await refused).status(), 409);
  await toast(page, 'This is the last administrator: make somebody else one first.');
  await choose('nina', 'Make administrator');
  await row('nina').getByText('Administrator').waitFor();
  await choose('nina', 'Remove administrator role');
  await row('nina').getByText('Administrator').waitFor({ state: 'detached' });
  // Gone, from the groups too.
  await page.getByRole('button', { name: 'Add group' }).click();
  await dialog(page).getByLabel('Name', { exact: true }).fill('Painters');
  await dialog(page).getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: 'Members of Painters' }).click();
  await dialog(page).getByLabel('omar').check();
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  const members = page.getByRole('list', { name: 'Groups' }).getByText('omar');
  await members.waitFor();
  await choose('omar', 'Delete');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await row('omar').waitFor({ state: 'detached' });
  await members.waitFor({ state: 'detached' });
  assert.notEqual(await signIn('omar'), 200);
  // What others have of hers is handed over, or goes, too; what is chosen stays chosen whoever else changes meanwhile.
  await sharePrompt(base, 'nina', 'tide-table');
  await choose('nina', 'Delete');
  const leaving = page.getByRole('alertdialog');
  const becomes = leaving.getByLabel('What others have');
  await list(becomes.locator('option:checked'), ['Hand over to ada']);
  await becomes.selectOption({ label: 'Delete it, too' });
  const headers = { Origin: base };
  const vera = await (await page.request.post(base + '/api/v1/users', { headers, data: { username: 'vera', role: 'user' } })).json();
  await becomes.locator('option', { hasText: 'vera' }).waitFor({ state: 'attached' });
  await list(becomes.locator('option:checked'), ['Delete it, too']);
  await shot('leaving');
  await becomes.selectOption({ label: 'Hand over to ada' });
  await leaving.getByRole('button', { name: 'Delete' }).click();
  await row('nina').waitFor({ state: 'detached' });
  const prompts = (await (await page.request.get(base + '/api/v1/prompts')).json()).items;
  const handed = prompts.find((p) => p.name === 'tide-table');
  assert.equal(handed?.may, 'own');
  await page.request.delete(`${base}/api/v1/prompts/${handed.id}`, { headers });
  await page.request.delete(`${base}/api/v1/users/${vera.user_id}`, { headers });
  await page.getByRole('button', { name: 'Delete Painters' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
}

/** Somebody who gives up the role is at once what they are then. */
export async function resign({ page, context, server, base, watch }) {
  const made = spawnSync(server.binary, ['user', 'add', 'otto', '--role', 'admin', '--data', server.data], { input: PASSWORD + '\n' });
  assert.equal(made.status, 0, String(made.stderr));
  const own = await context.browser().newContext({ reducedMotion: 'reduce' });
  const other = watch(await own.newPage());
  await other.request.post(base + '/api/v1/auth/login', { data: { username: 'otto', password: PASSWORD }, headers: { Origin: base } });
  await settings(other, base, 'people', 'People');
  await other.getByRole('button', { name: 'More for otto' }).click();
  await other.getByRole('menuitem', { name: 'Remove administrator role' }).click();
  await other.getByRole('alertdialog').getByRole('button', { name: 'Remove administrator role' }).click();
  await other.getByRole('heading', { name: 'Page not found' }).waitFor();
  await own.close();
  await settings(page, base, 'people', 'People');
  await page.getByRole('button', { name: 'More for otto' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('list', { name: 'Users' }).getByText('otto').waitFor({ state: 'detached' });
}

export async function phoneSettings({ page, base, shot }) {
  await page.setViewportSize({ width: 390, height: 844 });
  // A switch is as tall for a finger as other buttons are.
  await go(page, base, '/settings/memories');
  const tall = await page.getByRole('switch', { name: 'Tell models' }).evaluate((e) => {
    const { left, top, bottom } = e.getBoundingClientRect();
    const hit = (y) => e.contains(document.elementFromPoint(left + 10, y));
    return [hit(top - 11), hit(bottom + 11)];
  });
  assert.deepEqual(tall, [true, true]);
  const sections = [
    ['account', 'Account'],
    ['appearance', 'Appearance'],
    ['keys', 'API keys'],
    ['usage', 'Usage'],
    ['models', 'Models'],
    ['providers', 'Providers'],
    ['limits', 'Limits'],
    ['people', 'People'],
  ];
  const { quiet, stop } = reads(page);
  for (const [section, heading] of sections) {
    await go(page, base, '/settings/' + section);
    await page.getByRole('heading', { name: heading, level: 2, exact: true }).waitFor();
    await quiet(); // with what it is about
    assert.deepEqual(await page.evaluate(sideways), [], `nothing of ${section} is wider than the screen`);
    const named = await page.locator('#main').evaluate((main, name) => [...main.querySelectorAll('h2, button')].filter((e) => e.textContent.trim() === name && e.offsetHeight > 2).length, heading);
    assert.equal(named, 1, `the name of ${section} stands there once`);
    await shot(section);
  }
  stop();
  // The sections are a list to choose from, which Escape closes and a choice, too.
  const nav = page.getByRole('navigation', { name: 'Settings' });
  const list = nav.getByRole('button', { name: 'People' });
  await list.press('Enter');
  await nav.getByRole('link', { name: 'Usage' }).waitFor();
  await page.keyboard.press('Escape');
  await nav.getByRole('link', { name: 'Usage' }).waitFor({ state: 'hidden' });
  await list.click();
  await nav.getByRole('link', { name: 'Usage' }).click();
  await page.getByRole('heading', { name: 'Usage', level: 2, exact: true }).waitFor();
  await nav.getByRole('button', { name: 'Usage', expanded: false }).waitFor();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(base + '/');
}

/** What was typed is not lost by a slip: a changed dialog asks before it closes, a changed form before one goes elsewhere. */
export async function unsavedForms({ page, base }) {
  const discard = page.getByRole('alertdialog', { name: 'Discard changes?' });
  await settings(page, base, 'limits', 'Limits');
  const open = async () => {
    await page.getByRole('button', { name: 'Add price' }).click();
    await dialog(page).waitFor();
  };
  // Nothing was changed, or it was taken back.
  await open();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  await open();
  await dialog(page).getByLabel('Model').pressSequentially('g');
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  // Escape, the cross and a press beside it ask; what was typed stays, with the focus.
  await open();
  await dialog(page).getByLabel('Model').pressSequentially('gpt');
  await page.keyboard.press('Escape');
  await discard.waitFor();
  const found = await look(page, 'changes are discarded', ['graphite', 'quartz']);
  await discard.getByRole('button', { name: 'Keep editing' }).click();
  await discard.waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.closest('[role="dialog"]'));
  await holds(dialog(page).getByLabel('Model'), 'gpt');
  await dialog(page).getByRole('button', { name: 'Close' }).click();
  await discard.getByRole('button', { name: 'Keep editing' }).click();
  await discard.waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.closest('[role="dialog"]'));
  await page.mouse.click(5, 5);
  await discard.getByRole('button', { name: 'Discard' }).click();
  await dialog(page).waitFor({ state: 'detached' });
  // Cancel is the answer.
  await open();
  await holds(dialog(page).getByLabel('Model'), '');
  await dialog(page).getByLabel('Model').fill('gpt');
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  await dialog(page).waitFor({ state: 'detached' });

  // A form in a page.
  await settings(page, base, 'account', 'Account');
  await page.getByLabel('Current password').fill('half typed');
  await page.getByText('You have unsaved changes.').waitFor();
  found.push(...(await look(page, 'unsaved changes')));
  await page.getByRole('link', { name: 'Appearance' }).click();
  await discard.getByRole('button', { name: 'Keep editing' }).click();
  await discard.waitFor({ state: 'detached' });
  assert.match(page.url(), /account$/);
  await page.goBack();
  await discard.waitFor();
  assert.match(page.url(), /account$/, 'the browser’s way back asks too');
  await discard.getByRole('button', { name: 'Discard' }).click();
  await page.getByRole('heading', { name: 'Limits', level: 2, exact: true }).waitFor();
  await settings(page, base, 'account', 'Account');
  await holds(page.getByLabel('Current password'), '');
  nothing(found);
}
