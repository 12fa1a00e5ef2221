// Contact sheets of all pages and states, to be looked at: node tests/e2e/sheet.mjs [--binary build/atelier] [--out docs/images] [--keep FOLDER]
// Two sheets: desktop and phone, each in English and dark, and in German and light; and the pictures of the README. --keep keeps each picture in its full size.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';
import { PASSWORD } from './chat.mjs';
import { Gate, Mock } from './mock.mjs';
import { Server } from './server.mjs';

const { values } = parseArgs({ options: { binary: { type: 'string', default: 'build/atelier' }, out: { type: 'string', default: 'docs/images' }, keep: { type: 'string' } } });
const folder = resolve(values.keep ?? join(tmpdir(), `atelier-sheet-${process.pid}`));
mkdirSync(folder, { recursive: true });

const ANSWER = [
  'Sorting by **merging** splits the list, sorts both halves and merges them. Its time is $T(n) = 2\\,T(n/2) + O(n)$, so $O(n \\log n)$.',
  '```python\ndef merge_sort(items):\n    """Sorts a list by merging."""\n    if len(items) < 2:\n        return items\n    middle = len(items) // 2\n    return merge(merge_sort(items[:middle]), merge_sort(items[middle:]))\n```',
  '| Algorithm | Best | Worst | Memory | Stable |\n|---|---|---|---|:-:|\n| Merge sort | n log n | n log n | n | yes |\n| Quicksort | n log n | n² | log n | no |\n| Heapsort | n log n | n log n | 1 | no |',
  '1. Split\n2. Sort *both* halves\n3. Merge\n\n> Divide and rule, said the list.',
].join('\n\n');

const mock = new Mock(['llama3.2:3b', 'qwen3:8b', 'gemma3:12b', 'mistral-nemo', 'nomic-embed-text']);
mock.show = (model) => ({ capabilities: model.startsWith('nomic') ? ['embedding'] : ['completion', 'tools', ...(model.startsWith('qwen') ? ['thinking'] : [])], model_info: {} });
mock.on('How does merge sort work?', async ({ think, say }) => {
  think('They want to know how merge sort works.');
  say(ANSWER);
});
mock.on('Which berth is free?', async ({ tool }) => tool('harbour_berths', {}));
mock.on('Book berth 12', async ({ tool }) => tool('harbour_book', { berth: 12, nights: 3 }));
/** Near to each other is what has words in common. */
function vector(text) {
  const found = new Array(64).fill(0.01);
  for (const word of text.toLowerCase().match(/[a-z]{4,}/g) ?? []) found[[...word].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 64, 7)]++;
  return found;
}
mock.tools.set('/api/embed', ({ body }) => ({ embeddings: [JSON.parse(body).input].flat().map(vector) }));
mock.tools.set('/berths', () => [{ berth: 3, length: 9.5, free: true }, { berth: 12, length: 14, free: true }, { berth: 21, length: 22, free: false }]);
mock.on('Where do visitors moor?', async ({ say }) => say('Visiting boats moor at the northern quay and pay four crowns a night [1].'));
const never = new Gate();
mock.on('Think about it', async ({ think }) => {
  think('The question is **what** to think about.\n\nFirst, the list. Then its *halves*.\n\n');
  // Whoever is silent for long is given up.
  const alive = setInterval(() => think(' '), 20_000);
  await never.opened;
  clearInterval(alive);
});
mock.on('Wait for me', async () => never.opened);
mock.on('Break', ({ say, fail }) => {
  say('Half a sen');
  fail('the model runner has stopped');
});

/** All places and states: the name, and how to come there from anywhere. */
function states(base, chats) {
  const go = (path) => async (page) => {
    await page.goto(base + path);
    await page.locator('main h1, main h2, [data-composer], form').first().waitFor();
  };
  const chat = (name) => async (page) => {
    await go('/c/' + chats[name])(page);
    await page.locator('article').nth(1).waitFor();
  };
  const after = (first, then) => async (page) => {
    await first(page);
    await then(page);
  };
  const settings = ['account', 'appearance', 'memories', 'keys', 'usage', 'models', 'rules', 'providers', 'people', 'limits', 'jobs'];
  return {
    new: go('/'),
    answer: chat('How does merge sort work?'),
    thinking: chat('Think about it'),
    waiting: chat('Wait for me'),
    tool: after(chat('Which berth is free?'), (page) => page.locator('article').nth(1).getByRole('button', { name: /berths/ }).first().click()),
    approval: chat('Book berth 12'),
    sources: chat('Where do visitors moor?'),
    documents: go('/documents'),
    collection: go('/documents/' + chats.collection),
    document: after(go('/documents/' + chats.collection), (page) => page.getByRole('link', { name: 'rules.md' }).first().click()),
    assistants: go('/assistants'),
    prompts: go('/prompts'),
    tools: go('/tools'),
    failed: chat('Break'),
    palette: after(go('/'), (page) => page.keyboard.press('Control+k')),
    models: after(go('/'), (page) => page.getByRole('button', { name: /^(Model|Modell): / }).click()),
    shortcuts: after(chat('How does merge sort work?'), async (page) => {
      await page.locator('article').first().click();
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press('?');
    }),
    ...Object.fromEntries(settings.map((section) => ['settings ' + section, go('/settings/' + section)])),
    manual: go('/manual'),
    missing: go('/c/0000000000000'),
  };
}

/** What the README shows. */
function pictures(base, chats) {
  const { answer, sources } = states(base, chats);
  return {
    chat: answer,
    documents: async (page) => {
      await sources(page);
      await page.locator('.md-cite').click();
      await page.locator('#beside mark').waitFor();
    },
  };
}

async function seed(page, base) {
  const ask = async (question) => {
    await page.goto(base + '/');
    await page.locator('[data-composer]').fill(question);
    await page.keyboard.press('Enter');
    await page.locator('article').nth(1).waitFor();
    await page.waitForURL(/\/c\//);
    return [question, page.url().split('/').pop()];
  };
  const headers = { Origin: base };
  const chats = [];
  for (const question of ['How does merge sort work?', 'Break']) chats.push(await ask(question));
  const titled = (id, title) => page.request.patch(`${base}/api/v1/conversations/${id}`, { headers, data: { title } });
  await titled(chats[0][1], 'How merge sort works');
  const post = async (path, data) => {
    const reply = await page.request.post(base + '/api/v1' + path, { headers, data });
    if (!reply.ok()) throw new Error(`${path}: ${await reply.text()}`);
    return reply;
  };
  // Documents, and tools that answer and that ask.
  const collection = (await (await post('/collections', { name: 'Harbour', description: 'Rules and prices of the harbour.' })).json()).id;
  await post('/collections', { name: 'Letters' });
  await page.goto(`${base}/documents/${collection}`);
  await page.locator('input[type="file"]').first().setInputFiles([
    { name: 'rules.md', mimeType: 'text/markdown', buffer: Buffer.from('# Berths\n\nVisiting boats moor at the northern quay and pay four crowns a night.\n\n# Tides\n\nThe lock opens two hours before high water.\n') },
    { name: 'prices.csv', mimeType: 'text/csv', buffer: Buffer.from('berth,price\n3,4\n12,6\n') },
  ]);
  await page.getByRole('listitem', { name: 'rules.md' }).getByText(/2 passages/).waitFor();
  const berth = { type: 'object', properties: { berth: { type: 'integer' }, nights: { type: 'integer' } }, required: ['berth'] };
  await post('/tool-servers', {
    name: 'Harbour',
    kind: 'http',
    config: {
      tools: [
        { name: 'berths', url: mock.url + '/berths', description: 'Lists the berths of the harbour.' },
        { name: 'book', method: 'POST', url: mock.url + '/book', description: 'Books a berth.', parameters: berth },
      ],
    },
  });
  await post('/models/refresh', {});
  for (const [question, fields] of [['Which berth is free?', { tools: true }], ['Book berth 12', { tools: true }], ['Where do visitors moor?', { collection_ids: [collection] }]]) {
    const made = await (await post('/conversations', {})).json();
    await post(`/conversations/${made.id}/turns`, { content: question, ...fields });
    chats.push([question, made.id]);
    await page.goto(`${base}/c/${made.id}`);
    await page.locator('article').nth(1).waitFor();
    await titled(made.id, question);
  }
  chats.push(['collection', collection]);
  for (const [name, emoji, description] of [['Proofreader', '✎', 'Corrects spelling and style, and says why.'], ['Harbour master', '⚓', 'Knows the berths and the tides.']])
    await post('/assistants', { name, emoji, description, instructions: description, starters: ['What can you do?'] });
  await post('/prompts', { name: 'review', kind: 'text', description: 'Reviews a change', body: 'Review this change:\n{{change}}' });
  await post('/prompts', { name: 'short', kind: 'system', description: 'Short answers', body: 'Answer in one sentence.', pattern: '*/llama*' });
  await post('/memories', { text: 'Sails a boat of nine metres.' });
  await post('/keys', { name: 'Editor on the laptop' });
  // The provider answers one at a time: what never ends comes last.
  for (const question of ['Think about it', 'Wait for me']) chats.push(await ask(question));
  for (const title of ['A week in Lisbon', 'Letter to the landlord', 'Regular expressions, explained']) {
    const made = await (await post('/conversations', {})).json();
    await titled(made.id, title);
  }
  for (const username of ['grace', 'linus']) await post('/users', { username, role: 'user' });
  await post('/prices', { pattern: '*/qwen3:8b', input_micros: 150000, output_micros: 600000 });
  return Object.fromEntries(chats);
}

const server = new Server(values.binary, { OLLAMA_HOST: mock.url, ATELIER_MAX_TURNS_PER_USER: '20' });
await mock.start();
server.settings.OLLAMA_HOST = mock.url;
await server.start();
const browser = await launch();
const seen = [];

async function look(of, variant, name, act) {
  await act(of);
  await of.evaluate(() => document.fonts.ready.then(() => {}));
  // What comes in a moment later (lists, pictures of diagrams) is part of what is looked at.
  await of.waitForTimeout(500);
  const path = join(folder, `${variant}-${name.replace(/\W+/g, '-')}.png`);
  await of.screenshot({ path });
  seen.push({ variant, name, path });
}

try {
  const base = server.url;
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark', reducedMotion: 'reduce', locale: 'en-US' });
  const page = await context.newPage();
  await look(page, 'desktop-en-dark', 'setup', async (p) => {
    await p.goto(server.setup);
    await p.locator('form').waitFor();
  });
  await page.getByLabel('User name').fill('ada');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Repeat password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.locator('[data-composer]').waitFor();
  const chats = await seed(page, base);
  const storageState = await context.storageState();
  const variants = [
    ['desktop-en-dark', { viewport: { width: 1440, height: 900 }, colorScheme: 'dark', locale: 'en-US' }],
    ['desktop-de-light', { viewport: { width: 1440, height: 900 }, colorScheme: 'light', locale: 'de-DE' }],
    ['phone-en-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'en-US', hasTouch: true, isMobile: true }],
    ['phone-de-light', { viewport: { width: 390, height: 844 }, colorScheme: 'light', locale: 'de-DE', hasTouch: true, isMobile: true }],
  ];
  for (const [variant, options] of variants) {
    const out = await browser.newContext({ ...options, reducedMotion: 'reduce' });
    await look(await out.newPage(), variant, 'sign in', async (p) => {
      await p.goto(base + '/login');
      await p.locator('form').waitFor();
    });
    await out.close();
    const own = await browser.newContext({ ...options, storageState, reducedMotion: 'reduce' });
    const p = await own.newPage();
    for (const [name, act] of Object.entries(states(base, chats))) await look(p, variant, name, act).catch((e) => console.log(`${variant} ${name}: ${e.message.split('\n')[0]}`));
    if (options.isMobile)
      await look(p, variant, 'list', async (of) => {
        await of.goto(base + '/');
        await of.getByRole('button', { name: /^(Open menu|Menü öffnen)$/ }).click();
      });
    await own.close();
  }
  mkdirSync(values.out, { recursive: true });
  const readme = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark', locale: 'en-US', storageState, reducedMotion: 'reduce' })).newPage();
  for (const [name, act] of Object.entries(pictures(base, chats))) {
    await act(readme);
    await readme.waitForTimeout(500);
    await readme.screenshot({ path: join(values.out, `${name}.png`) });
  }
  await readme.context().close();
  const sheet = await (await browser.newContext({ deviceScaleFactor: 1 })).newPage();
  for (const kind of ['desktop', 'phone']) {
    const [columns, width] = kind === 'desktop' ? [6, 300] : [12, 148];
    const part = (variant) =>
      `<h2>${variant}</h2><div>${seen
        .filter((s) => s.variant === variant)
        .map((s) => `<figure><img src="data:image/png;base64,${readFileSync(s.path).toString('base64')}"><figcaption>${s.name}</figcaption></figure>`)
        .join('')}</div>`;
    await sheet.setViewportSize({ width: columns * (width + 8) + 8, height: 400 });
    await sheet.setContent(
      `<style>body{margin:8px;background:#777;font:11px sans-serif;color:#fff}h2{margin:4px 0;font-size:13px}div{display:grid;grid-template-columns:repeat(${columns},${width}px);gap:8px}figure{margin:0}img{width:100%;display:block}</style>` +
        `${part(kind + '-en-dark')}${part(kind + '-de-light')}`,
    );
    await sheet.evaluate(() => Promise.all([...document.images].map((i) => i.decode())));
    writeFileSync(join(values.out, `sheet-${kind}.jpg`), await sheet.screenshot({ type: 'jpeg', quality: 60, fullPage: true }));
  }
  console.log(`${seen.length} pictures`);
} finally {
  never.open();
  await browser.close();
  await server.destroy();
  await mock.stop();
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}
