// What was typed stays, whatever comes meanwhile: each kind of form is filled in by half, all that the server knows is changed by
// another program, and the connection is lost and found again, after which the page reads everything anew.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { ownSocket } from './browser.mjs';
import { ask, go, PASSWORD, ready } from './chat.mjs';
import { Gate } from './mock.mjs';
import { holds, reads } from './wait.mjs';

const main = (page) => page.locator('#main');

/** Presses a button of the page, or an item of the menu of something. */
const press = (name) => (page) => main(page).getByRole('button', { name, exact: true }).first().click();
const item = (of, name) => async (page) => {
  await page.getByRole('button', { name: of }).first().click();
  await page.getByRole('menuitem', { name, exact: true }).click();
};
const inTurn = (...acts) => async (page) => {
  for (const act of acts) await act(page);
};

/** Of each kind of form one: where it is, and how it is opened. `runs` begins an answer in the chat, which goes on until the end. */
const forms = (ids, runs) => [
  ['account', '/settings/account', null],
  ['the search of models', '/settings/models', null],
  ['a new alias', '/settings/models', press('Add alias')],
  ['a new provider', '/settings/providers', press('Add provider')],
  ['a new user', '/settings/people', press('Add user')],
  ['a group', '/settings/people', press(/^Rename kept-group/)],
  ['the members of a group', '/settings/people', press(/^Members of kept-group/)],
  ['who may use a model', '/settings/people', press('Restrict a model')],
  ['a new limit', '/settings/limits', press('Add limit')],
  ['a price', '/settings/limits', press(/^Edit kept/)],
  ['a new key', '/settings/keys', press('Create API key')],
  ['a rule', '/settings/rules', press('New rule')],
  ['an assistant', '/assistants', item('More for kept-assistant', 'Edit')],
  ['who has an assistant', '/assistants', item('More for kept-assistant', 'Share')],
  ['the versions of an assistant', '/assistants', item('More for kept-assistant', 'Versions')],
  ['a prompt', '/prompts', item('More for kept-prompt', 'Edit')],
  ['a collection', '/documents/' + ids.collection, item('More for kept-collection', 'Edit')],
  ['new tools', '/tools', press('Add tools')],
  ['a server of tools', '/tools', item(/^More for kept-tools/, 'Edit')],
  ['a trial of a tool', '/tools', item(/^More for .*berths/, 'Try it')],
  ['a message', '/c/' + ids.chat, null],
  ['a message that is changed', '/c/' + ids.chat, async (page) => page.getByRole('article', { name: 'You' }).first().getByRole('button', { name: 'Edit' }).click()],
  ['the options of a chat', '/c/' + ids.chat, inTurn(runs, item('Add', 'Answer options'))],
  ['the tags of a chat', '/c/' + ids.chat, inTurn((page) => main(page).getByRole('heading', { level: 1 }).click(), (page) => page.getByRole('menuitem', { name: 'Tags…' }).click())],
  ['the folder of a chat', '/c/' + ids.chat, inTurn((page) => main(page).getByRole('heading', { level: 1 }).click(), (page) => page.getByRole('menuitem', { name: 'Move to folder…' }).click())],
  ['the search of chats', '/c/' + ids.chat, (page) => page.getByRole('searchbox', { name: 'Search chats' }).click()],
  ['the search of messages', '/c/' + ids.chat, (page) => page.keyboard.press('Control+Shift+F')],
  ['the palette', '/c/' + ids.chat, (page) => page.keyboard.press('Control+K')],
  ['the list of models', '/c/' + ids.chat, press(/^Model: /)],
];

/** Those of the opened that stand in the page itself; all others are dialogs, which may come late. */
const IN_PAGE = ['a message that is changed', 'the search of chats'];

async function seed(page, base, mock) {
  const call = async (method, path, data) => {
    const reply = await page.request[method](base + '/api/v1' + path, { headers: { Origin: base }, data });
    assert.ok(reply.ok(), `${method} ${path}: ${await reply.text()}`);
    return reply.status() === 204 ? null : reply.json();
  };
  const post = (path, data) => call('post', path, data);
  const made = {
    user: await post('/users', { username: 'kept-user', role: 'user' }),
    group: await post('/groups', { name: 'kept-group' }),
    limit: await post('/limits', { subject: 'everyone', measure: 'tokens', period: 'month', amount: 1e12 }),
    price: await post('/prices', { pattern: 'kept/*', input_micros: 1000, output_micros: 1000 }),
    assistant: await post('/assistants', { name: 'kept-assistant', instructions: 'First' }),
    prompt: await post('/prompts', { name: 'kept-prompt', kind: 'text', body: 'Say {{what}}' }),
    collection: await post('/collections', { name: 'kept-collection' }),
    tools: await post('/tool-servers', { name: 'kept-tools', kind: 'http', config: { tools: [{ name: 'berths', url: mock.url + '/berths', description: 'Lists' }] } }),
  };
  await call('patch', '/assistants/' + made.assistant.id, { instructions: 'Second' });
  await call('patch', '/assistants/' + made.assistant.id, { instructions: 'Third' });
  return { made, call };
}

/** In the page: fills in what can be filled in, as keys would, and goes half of the way down. */
function fill() {
  const root = [...document.querySelectorAll('[role="dialog"]')].at(-1) ?? document.getElementById('main');
  for (const [i, field] of [...root.querySelectorAll('input, textarea, select')].entries()) {
    if (field.disabled || field.readOnly || /file|range|radio/.test(field.type) || !field.checkVisibility()) continue;
    if (field.type === 'checkbox') {
      field.click();
      continue;
    }
    const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');
    set.call(field, field.matches('select') ? [...field.options].at(-1).value : `kept ${i}`);
    for (const what of ['input', 'change']) field.dispatchEvent(new Event(what, { bubbles: true }));
  }
  for (const e of [root, ...root.querySelectorAll('*')]) if (/auto|scroll/.test(getComputedStyle(e).overflowY)) e.scrollTop = (e.scrollHeight - e.clientHeight) / 2;
}

/** In the page: all that was typed and chosen, where the focus and the caret are, and how far one has scrolled. */
function state() {
  const root = [...document.querySelectorAll('[role="dialog"]')].at(-1) ?? document.getElementById('main');
  const fields = [...root.querySelectorAll('input, textarea, select')].filter((f) => f.type !== 'file' && f.checkVisibility());
  const name = (e) => e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent.trim() ?? e.tagName;
  const active = document.activeElement;
  return [
    ...fields.map((f) => `${name(f).replace(/[ -]\d+$/, '')}: ${/checkbox|radio/.test(f.type) ? f.checked : f.value}`),
    `focus: ${name(active)} ${active.selectionStart ?? ''}`,
    ...[root, ...root.querySelectorAll('*')].filter((e) => e.scrollTop > 0 && !e.matches('textarea')).map((e) => `scrolled: ${e.className.slice(0, 40)} ${Math.round(e.scrollTop / 40)}`),
  ];
}

export async function typedStays({ context, mock, base, watch, allow }) {
  allow(/WebSocket|ERR_/);
  mock.tools.set('/berths', () => []);
  const page = watch(await context.newPage());
  const socket = await ownSocket(page);
  const { quiet } = reads(page);
  const { made, call } = await seed(page, base, mock);
  await page.goto(base + '/');
  await ask(page, 'A question that is kept');
  await ready(page);
  await page.waitForURL(/\/c\//);
  const chat = page.url().split('/').pop();
  const end = new Gate();
  let goOn = () => {};
  mock.on('It runs', async ({ say }) => {
    goOn = () => say('more ');
    await end.opened;
  });
  const runs = () => call('post', `/conversations/${chat}/turns`, { content: 'It runs' });

  /** Another program changes all that there is; the connection is lost, found again, and all is read anew. */
  let n = 0;
  const renew = async () => {
    n++;
    await Promise.all([
      call('patch', '/groups/' + made.group.id, { name: 'kept-group ' + n }),
      call('patch', '/users/' + made.user.user_id, { username: 'kept-user-' + n }),
      call('patch', '/limits/' + made.limit.id, { amount: 1e12 + n }),
      call('patch', '/prices/' + made.price.id, { input_micros: 1000 + n }),
      call('patch', '/assistants/' + made.assistant.id, { description: 'Changed ' + n }),
      call('patch', '/prompts/' + made.prompt.id, { description: 'Changed ' + n }),
      call('patch', '/collections/' + made.collection.id, { description: 'Changed ' + n }),
      call('patch', '/tool-servers/' + made.tools.id, { name: 'kept-tools ' + n }),
      call('patch', '/conversations/' + chat, { title: 'Another title ' + n }),
    ]);
    goOn();
    const anew = page.waitForResponse(/\/api\/v1\/conversations\?/);
    await socket.cut();
    // A browser that says it is back online waits for no pause to pass.
    const says = await page.evaluate(() => setInterval(() => dispatchEvent(new Event('online')), 20));
    await anew;
    await page.evaluate(clearInterval, says);
    await quiet();
  };
  const lost = [];
  let inPage = false;
  try {
    for (const [name, path, open] of forms({ chat, collection: made.collection.id }, runs)) {
      // To leave a page closes what is open in it; a form that stands in the page itself would ask.
      if (inPage || path.startsWith('/c/')) await page.goto(base + path);
      else {
        await go(page, base, '/settings/appearance');
        await page.getByRole('heading', { name: 'Appearance', level: 2 }).waitFor();
        await go(page, base, path);
      }
      // Nobody hears a key before the page is there.
      if (path.startsWith('/c/')) await page.getByRole('textbox', { name: 'Message', exact: true }).waitFor();
      inPage = !open;
      await open?.(page);
      if (open && !IN_PAGE.includes(name)) await page.getByRole('dialog').last().waitFor();
      await page.waitForFunction(() => ([...document.querySelectorAll('[role="dialog"]')].at(-1) ?? document.getElementById('main'))?.querySelector('input, textarea, select'));
      if (!open && path.startsWith('/settings')) await main(page).locator('h2').first().waitFor();
      await page.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' });
      await quiet();
      await page.evaluate(fill);
      const before = await page.evaluate(state);
      await renew();
      const after = await page.evaluate(state);
      if (after.join() !== before.join()) lost.push({ name, before, after });
    }
  } finally {
    end.open();
    // The chat stays: other windows look at what has ended in it just now.
    while ((await call('get', '/conversations/' + chat)).running_turn_ids.length > 0);
    await call('patch', '/conversations/' + chat, { unread: false });
    await page.close({ runBeforeUnload: false });
    for (const [path, one] of [['users', made.user.user_id], ['groups', made.group.id], ['limits', made.limit.id], ['prices', made.price.id], ['assistants', made.assistant.id], ['prompts', made.prompt.id], ['collections', made.collection.id], ['tool-servers', made.tools.id]])
      await call('delete', `/${path}/${one}`);
  }
  assert.deepEqual(lost, []);
}

/** A session that ends covers what is open, dialogs too: nobody sees it, no key reaches it, and who signs in again finds it as it was. */
export async function sessionEnds({ context, server, base, watch, allow }) {
  allow(/status of 401/);
  const names = ['iris', 'ivan'];
  for (const name of names) {
    const made = spawnSync(server.binary, ['user', 'add', name, '--role', 'user', '--data', server.data], { input: PASSWORD + '\n' });
    assert.equal(made.status, 0, String(made.stderr));
  }
  const own = await context.browser().newContext({ reducedMotion: 'reduce' });
  const headers = { Origin: base };
  const end = () => own.request.post(base + '/api/v1/auth/logout', { headers });
  const page = watch(await own.newPage());
  const { quiet } = reads(page);
  const enter = async (name) => {
    await page.getByLabel('User name').fill(name);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor({ state: 'detached' });
  };
  await page.goto(base + '/assistants');
  await enter('iris');
  const form = page.getByRole('dialog', { name: 'New assistant' });
  await page.getByRole('button', { name: 'New assistant' }).click();
  await form.getByLabel('Name').waitFor();
  await page.evaluate(fill);
  await form.getByLabel('Name').fill('Tutor of an hour');
  await form.getByLabel('Instructions').fill('Thought about for an hour');
  const before = await page.evaluate(state);

  await end();
  await page.getByText('what you typed is kept').waitFor();
  const seen = await page.evaluate(() => [[1, 1], [innerWidth / 2, innerHeight / 2], [innerWidth - 2, innerHeight - 2]].map(([x, y]) => !!document.elementFromPoint(x, y).closest('dialog:modal')));
  assert.deepEqual(seen, [true, true, true], 'nothing of it is seen');
  for (let i = 0; i < 3; i++) await page.keyboard.press('Escape');
  await page.mouse.click(10, 10);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+K');
  await enter('iris');
  await form.waitFor();
  await quiet();
  assert.deepEqual(await page.evaluate(state), before);
  assert.match(await page.title(), /^Assistants/);
  // What is sent to a session that has ended is sent again by the same press.
  await end();
  await page.getByText('what you typed is kept').waitFor();
  await enter('iris');
  await form.getByLabel('Name').fill('Tutor');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'More for Tutor' }).waitFor();

  // Somebody else finds nothing of it.
  await page.getByRole('button', { name: 'New assistant' }).click();
  await form.getByLabel('Name').fill('Only of iris');
  await end();
  await page.getByText('what you typed is kept').waitFor();
  await enter('ivan');
  await page.getByText('No assistants yet').waitFor();
  await form.waitFor({ state: 'detached' });

  // Who signs out in one window leaves nothing open in another.
  const other = watch(await own.newPage());
  await other.goto(base + '/prompts');
  await other.getByRole('button', { name: 'New prompt' }).click();
  await other.getByRole('dialog').getByLabel('Name').fill('half');
  await page.getByRole('button', { name: 'Account: ivan' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await other.getByText('You are signed out.').waitFor();
  await other.getByRole('dialog').waitFor({ state: 'detached' });
  await own.close();
  const users = (await (await context.request.get(base + '/api/v1/users')).json()).items;
  for (const u of users.filter((u) => names.includes(u.username))) await context.request.delete(`${base}/api/v1/users/${u.id}`, { headers });
}

/** What was typed is not lost when the server cannot take it: it stands where it was, and the same press sends it when it can. */
export async function refusedStays({ page, context, mock, base, allow }) {
  allow(/ERR_FAILED/);
  const cut = async (act) => {
    const writes = (route) => (route.request().method() === 'GET' ? route.fallback() : route.abort());
    await context.route('**/api/v1/**', writes);
    await act();
    await page.getByText('Atelier cannot be reached').last().waitFor();
    await context.unroute('**/api/v1/**', writes);
    for (const close of await page.getByRole('group', { name: 'Notification' }).getByRole('button', { name: 'Close' }).all()) await close.click();
  };
  await page.goto(base + '/');
  await ask(page, 'A question that is changed');
  await ready(page);

  // A question that is changed; it also waits while one is elsewhere.
  const you = page.getByRole('article', { name: 'You' }).first();
  const box = page.getByRole('textbox', { name: 'Edit message' });
  await you.getByRole('button', { name: 'Edit message' }).press('Enter');
  await box.fill('Changed for ten minutes');
  await cut(() => box.press('Control+Enter'));
  await holds(box, 'Changed for ten minutes');
  await box.and(page.locator(':focus')).waitFor();
  const chat = new URL(page.url()).pathname;
  await go(page, base, '/prompts');
  await page.getByRole('button', { name: 'New prompt' }).first().waitFor();
  await go(page, base, chat);
  await holds(box, 'Changed for ten minutes');
  // So it does while the page is loaded anew.
  await page.reload();
  await holds(box, 'Changed for ten minutes');
  await box.press('Control+Enter');
  await you.filter({ hasText: 'Changed for ten minutes' }).waitFor();
  await ready(page);

  // The options of the chat, its name, its tags.
  const dialog = page.getByRole('dialog');
  const again = async (button) => {
    await dialog.getByRole('button', { name: button, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Answer options' }).click();
  await dialog.getByLabel('Instructions').fill('Thought about for long');
  await page.setViewportSize({ width: 1280, height: 420 });
  await dialog.getByLabel('Instructions').scrollIntoViewIfNeeded();
  await cut(() => dialog.getByRole('button', { name: 'Save' }).click());
  await holds(dialog.getByLabel('Instructions'), 'Thought about for long');
  // Why it was not saved is seen, however long the form is and where one reads in it.
  const seen = await dialog.getByRole('alert').filter({ hasText: 'cannot be reached' }).evaluate((e) => {
    const { left, top, height } = e.getBoundingClientRect();
    return e.contains(document.elementFromPoint(left + 5, top + height / 2));
  });
  assert.ok(seen, 'what went wrong is in view');
  await page.setViewportSize({ width: 1280, height: 800 });
  await again('Save');
  const menu = async (item) => {
    await page.locator('#main').getByRole('heading', { level: 1 }).click();
    await page.getByRole('menuitem', { name: item }).click();
    await dialog.waitFor();
  };
  await menu('Rename');
  await dialog.getByRole('textbox').fill('Another name');
  await cut(() => dialog.getByRole('button', { name: 'Rename' }).click());
  await holds(dialog.getByRole('textbox'), 'Another name');
  await again('Rename');
  await page.getByRole('heading', { level: 1, name: 'Another name' }).waitFor();
  await menu('Tags…');
  await dialog.getByLabel('New tag').fill('kept-tag');
  await cut(() => dialog.getByRole('button', { name: 'Save' }).click());
  await holds(dialog.getByLabel('New tag'), 'kept-tag');
  await again('Save');

  // A message that waits: what it is changed to stays, and is in the message box when it went as it was.
  const end = new Gate();
  mock.on('It takes long', async ({ say }) => {
    say('It begins. ');
    await end.opened;
  });
  await ask(page, 'It takes long');
  // While a message is being sent the next one has to wait in the box.
  await page.getByText('It begins.').waitFor();
  const composer = page.getByRole('textbox', { name: 'Message', exact: true });
  await composer.fill('Next');
  await composer.press('Enter');
  const waiting = page.getByRole('list', { name: 'Queued messages' });
  await waiting.getByRole('button', { name: 'Edit queued message' }).click();
  await waiting.getByRole('textbox').fill('Next, with more thought');
  await cut(() => waiting.getByRole('textbox').press('Enter'));
  await holds(waiting.getByRole('textbox'), 'Next, with more thought');
  end.open();
  await waiting.waitFor({ state: 'detached' });
  await holds(composer, 'Next, with more thought');
  await page.getByText('What you changed is in the message box').waitFor();
  await composer.fill('');
  await ready(page);

  // What is switched and chosen at once shows what is so.
  await go(page, base, '/settings/memories');
  const tell = page.getByRole('switch', { name: 'Tell models' });
  const was = await tell.getAttribute('aria-checked');
  await cut(() => tell.click());
  await page.locator(`[role=switch][aria-checked=${was}]`).waitFor();
  await go(page, base, '/settings/models');
  const usual = page.getByLabel('New chats', { exact: true });
  const chosen = await usual.inputValue();
  const other = await usual.locator('option').evaluateAll((all, now) => all.map((o) => o.value).find((v) => v !== now), chosen);
  await cut(() => usual.selectOption(other));
  await holds(usual, chosen);
}
