// Tools: servers that offer them are added, tried, switched and removed; in a chat their calls are seen as they happen and
// after a reload, with results as tables, charts and text. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { look, nothing } from './access.mjs';
import { go, newChat } from './chat.mjs';
import { counts, drawn, eventually, holds } from './wait.mjs';

const headers = (base) => ({ Origin: base });

/** A server with one request as a tool, as by the page's form. */
const offer = (page, base, name, tools) =>
  page.request.post(base + '/api/v1/tool-servers', { headers: headers(base), data: { name, kind: 'http', config: { tools } } });

export async function toolsPage({ page, mock, base, shot, allow }) {
  allow(/status of 400/);
  mock.tools.set('/boats', () => [{ boat: 'Ada', berth: 3 }]);
  await go(page, base, '/tools');
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
  const stored = page.waitForResponse((r) => r.request().method() === 'PATCH' && r.ok());
  await builtin.getByRole('switch', { name: /Calculator/ }).click();
  await stored;
  await page.reload();
  await builtin.getByRole('switch', { name: /Calculator/, checked: false }).click();
  await builtin.getByRole('switch', { name: /Calculator/, checked: true }).waitFor();
  // On a phone what a tool does is read below its name and its switch, not in a column beside them.
  await page.setViewportSize({ width: 390, height: 844 });
  const calculator = builtin.getByRole('switch', { name: /Calculator/ });
  const note = builtin.getByText(/^Calculates an expression/);
  await eventually(async () => {
    const ends = await Promise.all([calculator, note].map(async (e) => Math.round(await e.evaluate((n) => n.getBoundingClientRect().right))));
    assert.equal(ends[1], ends[0]);
  });
  await page.waitForFunction((e) => /^Calculates/.test(document.getElementById(e.getAttribute('aria-describedby')).textContent), await calculator.elementHandle());
  await page.setViewportSize({ width: 1280, height: 800 });

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
    tool('write_file', { path: 'tides.txt', content: 'High water at six.' });
    tool('calculator', { expression: '6*7' });
    tool('town_boats', {});
    tool('town_chart', {});
    tool('town_deep', {});
  });
  // The last result stands last when the model is asked again.
  mock.on(JSON.stringify({ quay: { depth: 4.5 }, lights: ['red', 'green'] }), ({ say }) => say('I looked.'));
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
    await answer.getByRole('link', { name: 'tides.txt 18 B' }).waitFor(); // what was made is seen without a press
    const row = (name) => answer.getByRole('button', { name });
    await row(/^Calculator 6\*7/).click();
    await answer.getByRole('group', { name: 'Result of calculator' }).getByText('42').waitFor();
    await row(/boats/).click();
    await answer.getByRole('cell', { name: 'Zoë' }).waitFor();
    await counts(answer.getByRole('group', { name: 'Arguments of town_boats' }), 0, 'no empty box for what takes nothing');
    await row(/chart/).click();
    const chart = answer.getByRole('img', { name: 'Chart of town_chart' });
    const light = await chart.getAttribute('src');
    await page.emulateMedia({ colorScheme: 'dark' }); // its colours are those of the theme
    await eventually(async () => assert.notEqual(await chart.getAttribute('src'), light));
    await page.emulateMedia({ colorScheme: null });
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

/** Many operations, as a large service has them: some by tags, some that cannot be chosen. */
const described = (url) => ({
  openapi: '3.1.0',
  info: { title: 'Harbour office', version: '2' },
  servers: [{ url }],
  components: { securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-Key' } } },
  paths: Object.fromEntries([
    ['/boats/{berth}', { get: { operationId: 'boatAt', summary: 'The boat of a berth.', tags: ['Boats'], parameters: [{ name: 'berth', in: 'path', required: true, schema: { type: 'integer' } }] } }],
    ...Array.from({ length: 60 }, (_, i) => [`/crane/${i}`, { post: { summary: `Moves crane ${i}.`, tags: ['Cranes'], deprecated: i === 0 } }]),
  ]),
});

/** Somebody changes a tool in another window: the page has read its list anew when this returns. */
async function changedElsewhere(page, base, name) {
  const again = page.waitForResponse((r) => r.request().method() === 'GET' && new URL(r.url()).pathname.endsWith('/api/v1/tools'));
  const all = await (await page.request.get(base + '/api/v1/tools', { headers: headers(base) })).json();
  const tool = all.items.find((t) => t.name.includes(name));
  const changed = await page.request.patch(`${base}/api/v1/tools/${tool.name}`, { headers: headers(base), data: { asks: !tool.asks } });
  assert.equal(changed.status(), 200);
  await (await again).finished();
  await drawn(page);
}

export async function openapiTools({ page, mock, base, shot, allow }) {
  allow(/status of 400/);
  mock.tools.set('/openapi.json', () => described(mock.url));
  mock.tools.set('/boats/3', () => ({ boat: 'Ada' }));
  await go(page, base, '/tools');
  await page.getByRole('button', { name: 'Add tools' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add tools' });
  await dialog.getByLabel('Kind').selectOption('openapi');
  await dialog.getByLabel('Address of the document').fill(mock.url + '/nothing.json');
  await dialog.getByRole('button', { name: 'Read the document' }).click();
  await dialog.locator('.text-danger').getByText(/404|answer/).first().waitFor();
  await dialog.getByLabel('Address of the document').fill(mock.url + '/openapi.json');
  // Nothing is added unread.
  await dialog.getByLabel('Name', { exact: true }).fill('Office');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await dialog.getByRole('alert').getByText('Read the document first').waitFor();
  await dialog.getByLabel('Name', { exact: true }).fill('');
  await dialog.getByRole('button', { name: 'Read the document' }).click();
  await dialog.getByText('0 of 61 chosen').waitFor();
  // What the document says of itself is filled in.
  await holds(dialog.getByLabel('Name', { exact: true }), 'Harbour office');
  await holds(dialog.getByLabel('Server'), mock.url);
  await holds(dialog.getByLabel('Its name'), 'X-Key');
  await dialog.getByLabel('Token', { exact: true }).fill('sesame');
  await dialog.getByRole('button', { name: 'Choose all that only read' }).click();
  await dialog.getByText('1 of 61 chosen').waitFor();
  await dialog.getByRole('searchbox', { name: 'Find an operation' }).fill('crane 59');
  await dialog.getByRole('checkbox', { name: /crane\/59/ }).check();
  await dialog.getByText('2 of 61 chosen').waitFor();
  await dialog.getByRole('searchbox', { name: 'Find an operation' }).fill('');
  await dialog.getByRole('button', { name: 'Cranes · 1 / 60' }).click();
  const found = await look(page, 'operations of a document', ['graphite', 'quartz']);
  await shot('operations');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  const own = page.getByRole('list', { name: 'Tools of Harbour office' });
  await own.getByText('The boat of a berth.').first().waitFor();
  await counts(own.getByRole('listitem'), 2);
  await shot('added');

  // Tried by hand: the path is filled in, the token is sent.
  await own.getByRole('button', { name: /More for .*boatAt|More for The boat/i }).click();
  await page.getByRole('menuitem', { name: 'Try it' }).click();
  const trial = page.getByRole('dialog', { name: /^Try/ });
  await trial.getByLabel(/^Arguments of/).fill('{"berth":3}');
  await changedElsewhere(page, base, 'boatAt');
  await trial.getByRole('button', { name: 'Run' }).click();
  await trial.getByText('Ada').first().waitFor();
  // Neither what was typed nor what came of it goes when the list is read anew.
  await changedElsewhere(page, base, 'boatAt');
  await holds(trial.getByLabel(/^Arguments of/), '{"berth":3}');
  await trial.getByText('Ada').first().waitFor();
  await page.keyboard.press('Escape');

  // What is changed later begins with what was chosen.
  await page.getByRole('button', { name: 'More for Harbour office' }).click();
  await page.getByRole('menuitem', { name: 'Edit' }).click();
  const edit = page.getByRole('dialog', { name: 'Edit Harbour office' });
  await edit.getByRole('button', { name: 'Read the document' }).click();
  await edit.getByText('2 of 61 chosen').waitFor();
  await edit.getByRole('button', { name: 'Choose none' }).click();
  await edit.getByRole('button', { name: 'Save' }).click();
  await edit.getByRole('alert').getByText('Choose at least one operation.').waitFor();
  await edit.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'More for Harbour office' }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
  await own.waitFor({ state: 'detached' });
  nothing(found);
}

export async function pythonTools({ page, base, shot }) {
  await go(page, base, '/tools');
  await page.getByRole('button', { name: 'Add tools' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add tools' });
  await dialog.getByLabel('Kind').selectOption('python');
  await dialog.getByLabel('Name', { exact: true }).fill('Tides');
  const source = dialog.getByLabel('Functions in Python');
  await source.fill('def high(day: int:\n  pass');
  await dialog.getByRole('button', { name: 'Check' }).click();
  await dialog.locator('.text-danger').getByText(/^Line 1/).waitFor();
  await source.fill('def high(day: int = 2):\n  "Tells when the tide is high."\n  print("looked")\n  return [{"day": day, "hour": 14}]\n\ndef low():\n  "Tells when it is low."\n  return 1 / 0\n');
  await dialog.getByRole('button', { name: 'Check' }).click();
  await dialog.getByText('high, low').waitFor();
  // Tried with what it takes filled in, before it is added.
  await eventually(async () => assert.equal(JSON.parse(await dialog.getByLabel('Arguments of high').inputValue()).day, 2));
  await dialog.getByRole('button', { name: 'Run' }).click();
  await dialog.getByRole('cell', { name: '14' }).waitFor();
  const found = await look(page, 'a function that is tried', ['graphite', 'quartz']);
  await shot('function');
  await dialog.getByLabel('Function', { exact: true }).selectOption('low');
  await dialog.getByRole('button', { name: 'Run' }).click();
  await dialog.getByText(/Line 8: ZeroDivisionError/).waitFor();
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('list', { name: 'Tools of Tides' }).getByText('Tells when it is low.').first().waitFor();
  await page.getByRole('button', { name: 'More for Tides' }).click();
  await page.getByRole('menuitem', { name: 'Edit' }).click();
  const edit = page.getByRole('dialog', { name: 'Edit Tides' });
  await eventually(async () => assert.match(await edit.getByLabel('Functions in Python').inputValue(), /def low/));
  await edit.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'More for Tides' }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('list', { name: 'Tools of Tides' }).waitFor({ state: 'detached' });
  nothing(found);
}

/** A port that was free a moment ago. */
const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

/** A server of MCP over HTTP: `ask` asks the person, `wait` never ends. */
async function asker() {
  const answers = new Map();
  const form = { type: 'object', required: ['name'], properties: { name: { type: 'string', title: 'Your name', minLength: 2 }, size: { type: 'string', enum: ['s', 'm'], enumNames: ['Small', 'Medium'], default: 'm' } } };
  const results = {
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'asker', version: '1' } },
    'tools/list': { tools: ['ask', 'wait'].map((name) => ({ name, description: name, inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } })) },
  };
  const server = createHttpServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const { id, method, params, result } = body ? JSON.parse(body) : {};
    if (method === undefined && id !== undefined) answers.get(id)?.(result);
    if (method === undefined || id === undefined) return response.writeHead(request.method === 'POST' ? 202 : 405).end();
    if (method !== 'tools/call') {
      response.setHeader('Content-Type', 'application/json');
      return response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(results[method] ? { result: results[method] } : { error: { code: -32601, message: 'no such method' } }) }));
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    if (params.name === 'wait') return;
    const say = (message) => response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
    const answer = new Promise((resolve) => answers.set(`q${id}`, resolve));
    say({ id: `q${id}`, method: 'elicitation/create', params: { mode: 'form', message: 'Who are you?', requestedSchema: form } });
    say({ id, result: { content: [{ type: 'text', text: JSON.stringify(await answer) }] } });
    response.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/mcp`, stop: () => (server.closeAllConnections(), server.close()) };
}

/** A tool that asks while it runs is answered in the chat, also after a reload; one that does not end is stopped by itself. */
export async function toolQuestions({ page, mock, base, shot }) {
  const { show } = mock;
  mock.show = () => ({ capabilities: ['completion', 'tools'], model_info: {} });
  await page.request.post(base + '/api/v1/models/refresh', { headers: headers(base) });
  const server = await asker();
  const made = await page.request.post(base + '/api/v1/tool-servers', { headers: headers(base), data: { name: 'Desk', kind: 'mcp-http', trusted: true, config: { url: server.url } } });
  const { id } = await made.json();
  try {
    mock.on('Ask me', ({ tool }) => tool('desk_ask', {}));
    mock.on('{"action":"accept","content":{"name":"Ada","size":"m"}}', ({ say }) => say('Hello Ada.'));
    await newChat(page);
    const message = page.getByRole('textbox', { name: 'Message' });
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('menuitem', { name: 'Use tools' }).click();
    await page.getByRole('option', { name: /All tools/ }).click();
    await page.keyboard.press('Escape');
    await message.fill('Ask me');
    await message.press('Enter');
    const card = page.getByRole('group', { name: 'Desk asks' });
    await card.getByText('Who are you?').waitFor();
    await page.getByText('Waiting for your answer').waitFor();
    await page.reload();
    await card.getByRole('button', { name: 'Send' }).click();
    await card.getByText('This field is required.').or(card.locator('.text-danger')).first().waitFor();
    await card.getByLabel('Your name').fill('Ada');
    const found = await look(page, 'a question of a tool', ['graphite', 'quartz']);
    await shot('question');
    await card.getByRole('button', { name: 'Send' }).click();
    const answer = page.getByRole('article', { name: /Answer/ });
    await answer.getByText('Hello Ada.').waitFor();
    await card.waitFor({ state: 'detached' });

    // One call is stopped; the answer goes on.
    mock.on('Wait', ({ tool }) => tool('desk_wait', {}));
    mock.on('The person stopped this call.', ({ say }) => say('So be it.'));
    await message.fill('Wait');
    await message.press('Enter');
    await answer.last().getByRole('button', { name: /^Stop (desk_)?wait$/ }).click();
    await answer.last().getByText('So be it.').waitFor();
    nothing(found);
  } finally {
    await page.request.delete(`${base}/api/v1/tool-servers/${id}`, { headers: headers(base) });
    server.stop();
    mock.show = show;
    await page.request.post(base + '/api/v1/models/refresh', { headers: headers(base) });
  }
}

/** A server that asks who somebody is is signed in to in a window of its own; what a program wrote is read; everybody has their own access. */
export async function toolServers({ page, context, base, watch, shot }) {
  const port = await freePort();
  const guarded = spawn('python3', [new URL('../mcp/guarded.py', import.meta.url).pathname], { env: { ...process.env, PORT: String(port) }, stdio: 'ignore' });
  const made = [];
  const add = async (data) => {
    const answer = await page.request.post(base + '/api/v1/tool-servers', { headers: headers(base), data });
    made.push((await answer.json()).id);
  };
  try {
    await eventually(() => fetch(`http://127.0.0.1:${port}/prm`));
    await add({ name: 'Guarded', kind: 'mcp-http', config: { url: `http://127.0.0.1:${port}/mcp` } });
    await add({ name: 'Broken', kind: 'mcp-stdio', config: { command: '/bin/sh', args: ['-c', 'echo the anchor is missing >&2; exit 1'] } });
    await add({ name: 'Personal', kind: 'http', per_user: true, config: { auth: { type: 'bearer' }, tools: [{ name: 'each', url: `http://127.0.0.1:${port}/prm`, description: 'Each.' }] } });
    await go(page, base, '/tools');
    const section = (name) => page.locator('section', { has: page.getByRole('heading', { level: 2, name }) });
    await section('Guarded').getByText('Needs a sign-in').waitFor();
    await section('Personal').getByText('Your access is missing').waitFor();
    const found = await look(page, 'servers that want to know who asks', ['graphite', 'quartz']);

    // Signed in in another window; this page hears of it.
    const opens = context.waitForEvent('page');
    await page.getByRole('button', { name: 'Sign in to Guarded' }).press('Enter');
    const other = watch(await opens);
    await other.getByText('You are signed in to Guarded').waitFor();
    await other.close();
    await section('Guarded').getByText('Signed in', { exact: true }).waitFor();
    await page.getByRole('list', { name: 'Tools of Guarded' }).getByText('guarded_who').waitFor();
    found.push(...(await look(page, 'a server that one is signed in to')));
    await shot('signed-in');
    await page.getByRole('button', { name: 'More for Guarded' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in to Guarded' }).waitFor();

    // Why a program does not work.
    await page.getByRole('button', { name: 'More for Broken' }).click();
    await page.getByRole('menuitem', { name: 'What its program wrote' }).click();
    await page.getByRole('dialog').getByText('the anchor is missing').waitFor();
    found.push(...(await look(page, 'what a program wrote')));
    await shot('log');
    await page.keyboard.press('Escape');

    // One's own access.
    await page.getByRole('button', { name: 'More for Personal' }).click();
    await page.getByRole('menuitem', { name: 'My access' }).click();
    const dialog = page.getByRole('dialog', { name: 'My access to Personal' });
    await dialog.getByLabel('Token').fill('a secret of mine');
    found.push(...(await look(page, 'access of one’s own')));
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await section('Personal').getByText('Your access is missing').waitFor({ state: 'detached' });
    nothing(found);
  } finally {
    for (const id of made) await page.request.delete(`${base}/api/v1/tool-servers/${id}`, { headers: headers(base) });
    guarded.kill();
  }
}
