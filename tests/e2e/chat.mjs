// What a person does with chats. Each test gets { page, context, mock, server, base, watch, shot } and leaves the page
// signed in.
import assert from 'node:assert/strict';
import { Gate } from './mock.mjs';
import { copied, counts, drawn, eventually, holds, says } from './wait.mjs';

export const PASSWORD = 'a long enough password';

export const answer = (page) => page.getByRole('article', { name: /^Answer/ }).last();
const composer = (page) => page.getByRole('textbox', { name: 'Message' });
export const chats = (page) => page.getByRole('navigation', { name: 'Chats' });

export async function has(locator, text) {
  await locator.filter({ hasText: text }).waitFor();
}

export async function newChat(page) {
  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('heading', { name: 'How can I help' }).waitFor();
}

export async function ask(page, text) {
  await composer(page).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
  await has(page.getByRole('article', { name: 'You' }).last(), text);
}

/** Goes to a place of the page ("/settings/usage") as a link does, without loading the page anew. */
export async function go(page, base, path) {
  if (!page.url().startsWith(base) || page.url() === base + path) return page.goto(base + path);
  await page.evaluate((url) => {
    history.pushState(null, '', url);
    dispatchEvent(new PopStateEvent('popstate'));
  }, base + path);
}

export async function ready(page) {
  await page.getByRole('button', { name: 'Send' }).waitFor();
}

/** No chat is marked as unseen any more: the server keeps the marks, also those that cases before have left. */
export async function readAll(page, base) {
  const { items } = await (await page.request.get(`${base}/api/v1/conversations?unread=true&limit=200`)).json();
  if (items.length === 0) return;
  const read = await page.request.post(`${base}/api/v1/conversations/bulk`, { headers: { Origin: base }, data: { ids: items.map((c) => c.id), action: 'read' } });
  assert.equal(read.status(), 200);
}

export async function chooseModel(page, name) {
  await page.getByRole('button', { name: /^Model: / }).click();
  await page.getByRole('option', { name }).first().click();
  await page.getByRole('button', { name: new RegExp('^Model: ' + name) }).waitFor();
}

export async function firstRun({ page, server, base, shot }) {
  assert.ok(server.setup, 'the server prints a setup link');
  await page.goto(base + '/');
  await page.getByRole('heading', { name: 'Almost ready' }).waitFor();
  await page.goto(server.setup);
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await shot('setup');
  await page.getByLabel('User name').fill('ada');
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByLabel('Repeat password').fill('short');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByText('At least 8 characters.').waitFor();
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Repeat password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'How can I help' }).waitFor();
  await page.getByRole('button', { name: /^Model: mock:1b/ }).waitFor();
  await shot('first-page');
}

export async function streaming({ page, mock, shot }) {
  const half = new Gate();
  mock.on('Show me code', async ({ say, think }) => {
    think('They want code.');
    say('Here is **some**:\n\n```js\nlet a = 1;\n');
    await half.opened;
    say('let b = 2;\n```\n\nDone. <img src=x onerror="document.title=\'broken\'">');
  });
  await newChat(page);
  await ask(page, 'Show me code');
  await has(answer(page), 'let a = 1;');
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  await shot('streaming');
  half.open();
  await has(answer(page), 'Done. <img src=x');
  await ready(page);
  await counts(answer(page).locator('img'), 0, 'HTML of the model is text');
  await says(answer(page).locator('strong'), /^some$/);
  await has(answer(page).locator('code').last(), 'let b = 2;');
  await answer(page).getByRole('button', { name: /^Thought/ }).click();
  await answer(page).getByText('They want code.').waitFor();
  await answer(page).getByRole('button', { name: 'Details' }).click();
  const details = page.getByRole('dialog', { name: 'Details' });
  await details.getByText('Output tokens').waitFor();
  await details.getByText('7', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await shot('answered');
}

const torture = [
  '# A heading with averyveryveryveryveryverylongwordwithoutanyplacetobreakitanywhereinit',
  'Inline $\\frac{a_1}{b_1} = \\sqrt{x^2 + 1}$, prices $5 and $10, *slanted*, **中文（bold）。**后, a note[^1].',
  '$$\n\\sum_{k=0}^{n} \\binom{n}{k} a^k b^{n-k} = (a+b)^n = \\underbrace{x + x + x + x + x + x + x + x + x + x + x}_{n}\n- c\n$$',
  'Broken $\\frac{a$ and \\[ \\begin{aligned} a &= b \\\\ &= c \\end{aligned} \\]',
  '| ' + 'a wide column name | '.repeat(9) + '\n|' + '--|'.repeat(9) + '\n' + ('| ' + 'some cell $x_1$ | '.repeat(9) + '\n').repeat(3),
  '```kotlin\nfun main() { println("' + 'long '.repeat(60) + '") }\nval b = 2\n```',
  '- [x] done\n- [ ] https://example.org/' + 'path'.repeat(40) + '\n  1. nested\n     > quoted `' + 'code'.repeat(40) + '`',
  '<details open>\n<summary>More</summary>\n\ninside **it**, H<sub class="x">2</sub>O, <kbd>K</kbd><br><mark>m</mark>\n\n</details>',
  '```mermaid\nflowchart LR\n  A["A box with quite some words"] --> B{"Is it wide?"} -->|yes| C["Another box with words"] --> D["And one more"]\n```',
  '```mermaid\nflowchart LR\n  A[never closed -->\n```',
  '[^1]: The note.',
].join('\n\n');

export async function reading({ page, mock, shot, context }) {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  mock.on('Everything', ({ say }) => say(torture));
  await newChat(page);
  await page.setViewportSize({ width: 320, height: 700 });
  await ask(page, 'Everything');
  await ready(page);
  await answer(page).locator('.md-display math').last().waitFor({ state: 'attached' });
  await answer(page).locator('code[data-lang=kotlin] .hljs-keyword').first().waitFor();
  await answer(page).locator('.md-figure img').waitFor();
  await answer(page).locator('.md-error').waitFor();
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'auto' && !e.closest('.md-table, pre, .md-display, .md-figure'))
      .map((e) => e.className)
      .concat(document.documentElement.scrollWidth > innerWidth ? ['page'] : []),
  );
  assert.deepEqual(wide, [], 'only boxes within the answer scroll sideways');
  await shot('reading-320');
  await page.setViewportSize({ width: 1280, height: 1400 });
  await shot('reading');
  await answer(page).locator('.md-bad[title*=KaTeX]').waitFor();
  await says(answer(page).locator('strong').first(), /^中文（bold）。$/);
  // Emphasis is seen, though the font that comes with the page has no slanted letters.
  const slanted = answer(page).locator('em').first();
  const still = () => eventually(async () => {
    const [one, other] = [await slanted.screenshot(), await slanted.screenshot()];
    assert.ok(one.equals(other), 'nothing of it moves');
    return one;
  });
  const seen = await still();
  await slanted.evaluate((e) => (e.style.fontStyle = 'normal'));
  assert.ok(!seen.equals(await still()), 'emphasis looks like all other text');

  await answer(page).locator('p').first().evaluate((p) => getSelection().selectAllChildren(p));
  await page.keyboard.press('Control+c');
  await copied(page, /Inline \$\\frac\{a_1\}\{b_1\} = \\sqrt\{x\^2 \+ 1\}\$, prices \$5 and \$10/);
  await answer(page).locator('.md-table').hover();
  await answer(page).getByRole('button', { name: 'Copy CSV' }).click();
  await copied(page, /^(a wide column name,?){9}\r\n/);
  const saved = page.waitForEvent('download');
  await answer(page).getByRole('button', { name: 'Download' }).click();
  assert.equal((await saved).suggestedFilename(), 'code.kt');
  await answer(page).locator('[data-ref="1"]').click();
  await page.waitForFunction(() => document.activeElement.dataset.note === '1');
  await page.setViewportSize({ width: 1280, height: 800 });
}

/** Diagrams: pictures drawn in a frame that may do nothing else; a broken one is its text and what is wrong with it. */
export async function diagrams({ page, mock, shot, context, allow }) {
  // What a text smuggles in is stopped by the frame's own policy, which says so.
  allow(/inline event handler/);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const more = new Gate();
  const wicked = 'flowchart TD\n  A["<img src=x onerror=parent.document.title=1>"] --> B\n  click A "javascript:alert(1)"';
  mock.on('Draw', async ({ say }) => {
    say('See:\n\n```mermaid\nsequenceDiagram\n  Alice->>Bob: Hello\n');
    await more.opened;
    say('  Bob-->>Alice: Hi\n```\n\n```mermaid\nflowchart LR\n  A[Start -->\n```\n\n```mermaid\n' + wicked + '\n```\n\nThat is all.');
  });
  await newChat(page);
  await ask(page, 'Draw');
  await has(answer(page).locator('code'), 'Alice->>Bob: Hello');
  await counts(answer(page).locator('.md-diagram'), 0, 'nothing is drawn while it is written');
  more.open();
  await has(answer(page), 'That is all.');
  const drawn = answer(page).locator('.md-diagram[data-drawn="picture"]');
  await drawn.nth(1).waitFor();
  const [good, bad] = [drawn.first(), answer(page).locator('.md-diagram[data-drawn="failed"]')];
  await has(bad.locator('.md-error'), 'line 3');
  await has(bad.locator('pre'), 'A[Start -->');
  await counts(bad.getByRole('button', { name: 'Save SVG' }), 0);
  await page.waitForFunction(() => [...document.querySelectorAll('.md-figure img')].every((i) => i.complete && i.naturalWidth > 50));
  await shot('diagrams');
  await good.locator('pre').waitFor({ state: 'hidden' });
  await good.getByRole('button', { name: 'Source' }).click();
  await has(good.locator('pre'), 'Bob-->>Alice: Hi');
  await good.getByRole('button', { name: 'Copy' }).click();
  await copied(page, /^sequenceDiagram\n {2}Alice->>Bob: Hello\n {2}Bob-->>Alice: Hi/);
  const saved = page.waitForEvent('download');
  await good.getByRole('button', { name: 'Save SVG' }).click();
  assert.equal((await saved).suggestedFilename(), 'diagram.svg');
  const svg = String(await (await (await saved).createReadStream()).toArray().then((parts) => Buffer.concat(parts)));
  assert.match(svg, /^<svg[^]*Alice[^]*<\/svg>$/);
  // It follows the theme, and the frame has no way to the page.
  const before = await good.locator('img').getAttribute('src');
  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  await page.evaluate(() => (document.documentElement.dataset.theme = 'quartz'));
  await page.waitForFunction((src) => document.querySelector('.md-figure img').src !== src, before);
  await page.evaluate((name) => (document.documentElement.dataset.theme = name), theme);
  assert.equal(await page.evaluate(() => document.querySelector('.md-frame').contentDocument), null);
  const policy = (await page.request.get(new URL('/diagram.html', page.url()).href)).headers()['content-security-policy'];
  assert.match(policy, /^sandbox allow-scripts; default-src 'none'/);
  await page.goto(new URL('/', page.url()).href); // what is still drawn would speak in the next case
}

/** In the page: what is measured while an answer grows. */
function measure() {
  window.seen = { gaps: [], shift: 0, what: [], last: performance.now(), on: true };
  const look = (now) => {
    window.seen.gaps.push(now - window.seen.last);
    window.seen.last = now;
    if (window.seen.on) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.seen.shifts = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
      window.seen.shift += entry.value;
      window.seen.what.push(...entry.sources.map((s) => `${s.node?.nodeName}.${s.node?.className ?? s.node?.parentElement?.className} ${s.previousRect.x},${s.previousRect.y} ${s.previousRect.width}x${s.previousRect.height} -> ${s.currentRect.x},${s.currentRect.y} ${s.currentRect.width}x${s.currentRect.height}`));
    }
  });
  window.seen.shifts.observe({ type: 'layout-shift' });
}
function measured() {
  window.seen.on = false;
  window.seen.shifts.disconnect();
  const gaps = window.seen.gaps.slice(1).sort((a, b) => a - b);
  const total = gaps.reduce((n, g) => n + g, 0);
  return { fps: Math.round((gaps.length / total) * 1000), p95: Math.round(gaps[Math.floor(gaps.length * 0.95)]), shift: window.seen.shift, what: window.seen.what };
}

/** Lets an answer grow by `pieces` at 120 a second; what is measured beside frames is the work of the page's thread alone. */
async function grows({ page, mock }, what, head, piece, pieces, mark) {
  const [more, end] = [new Gate(), new Gate()];
  mock.on(what, async ({ say }) => {
    say(head);
    await more.opened;
    const begun = performance.now();
    for (let i = 0; i < pieces; i++) {
      say(piece(i));
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + (i + 1) * (1000 / 120) - performance.now())));
    }
    say(' And all.');
    await end.opened;
    say(' And done.');
  });
  await newChat(page);
  await ask(page, what);
  const first = answer(page).locator(mark).first();
  await first.waitFor();
  await first.evaluate((node) => {
    getSelection().selectAllChildren(node);
    window.kept = node;
    window.words = String(getSelection());
  });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const work = async () => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value;
  await page.evaluate(measure);
  const before = await work();
  more.open();
  // Asked rarely, in a way that costs nothing: the browser's thread is what is measured.
  await page.waitForFunction(() => [...document.querySelectorAll('article')].at(-1).textContent.includes('And all.'), undefined, { polling: 100 });
  const spent = (await work()) - before;
  const [counted, took] = await page.evaluate(() => [window.seen.gaps.length, window.seen.gaps.reduce((sum, gap) => sum + gap, 0) / 1000]);
  end.open();
  await answer(page).filter({ hasText: 'And done.' }).waitFor();
  const { fps, p95, shift, what: moved } = await page.evaluate(measured);
  await cdp.detach();
  const each = Math.round((spent / counted) * 1000);
  console.log(`  ${what}: ${fps} frames a second (p95 ${p95} ms), ${each} ms of the thread's work a frame, ${Math.round((spent / took) * 100)} % of its time, shift ${shift.toFixed(4)}`);
  await ready(page);
  assert.equal(await page.evaluate(() => window.kept.isConnected && String(getSelection()) === window.words), true, 'the selection survives');
  assert.ok(shift < 0.02, `nothing moves: ${shift}: ${moved.slice(0, 12).join('\n')}`);
  assert.ok(spent / took < 0.75, `the thread works ${Math.round((spent / took) * 100)} % of the time`);
}

export async function growing(all) {
  const row = (i) => `| ${i} | some **words** | and \`code\` | 3.14 |\n`;
  const three = (i, make) => make(3 * i) + make(3 * i + 1) + make(3 * i + 2);
  await grows(all, 'A long table', '| n | a | b | c |\n|--:|---|---|---|\n' + Array.from({ length: 1200 }, (_, i) => row(i)).join(''), (i) => three(400 + i, row), 150, 'tbody strong');
  await counts(answer(all.page).locator('tbody tr'), 1651, 'rows');
  await grows(all, 'A long list', Array.from({ length: 1000 }, (_, i) => `- item **${i}** of it\n`).join(''), (i) => three(i, (n) => `- item **${n}** of the list\n`), 150, 'li strong');
  // What answers mostly are: code that gets its colours, and small tables whose columns would widen with each cell.
  const part = '## Next\n\n- *one*\n- [two](https://example.org/)\n\n```js\nconst a = compute(1, "text"); // says why\nconst b = a + 1;\nlet c = `${b}`;\n```\n\n| name | what |\n|---|---|\n| a | short |\n| **longer** | with more words |\n\n';
  const rich = (part.repeat(4) + 'So it is.').match(/\s*\S+/g);
  await grows(all, 'Rich text', '**First** words.\n\n', (i) => rich[i], rich.length, 'p strong');
  const words = 'words that go on and say *nothing* much, '.repeat(2);
  await grows(all, 'Long paragraphs', '**First** ' + words.repeat(80), (i) => words + (i % 40 === 39 ? '\n\n' : ''), 200, 'p strong');
}

/** A code box keeps its place while the code below and beyond it grows. */
export async function growingCode({ page, mock }) {
  const more = new Gate();
  const line = (i) => `const value_${i} = "${'long '.repeat(40)}";\n`;
  mock.on('Long code', async ({ say }) => {
    say('```js\n' + line(0) + line(1));
    await more.opened;
    for (let i = 2; i < 40; i++) say(line(i));
    say('```\n\nSo it is.');
  });
  await newChat(page);
  await ask(page, 'Long code');
  await has(answer(page).locator('code'), 'value_1');
  await answer(page).locator('pre').evaluate((pre) => {
    window.box = pre;
    pre.scrollLeft = 120;
    const range = new Range();
    range.selectNodeContents(pre);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  });
  more.open();
  await has(answer(page), 'So it is.');
  await ready(page);
  assert.deepEqual(await page.evaluate(() => [window.box.isConnected, window.box.scrollLeft]), [true, 120]);
}

/** What is read is never moved: the question goes to the top, the answer grows below, and is followed from its end only. */
export async function scrolling({ page, mock, base, shot }) {
  const [first, rest, tail] = [new Gate(), new Gate(), new Gate()];
  const line = Array.from({ length: 24 }, () => new Gate());
  const lines = (from, n) => Array.from({ length: n }, (_, i) => `Line ${from + i} of the answer.\n\n`).join('');
  mock.on('Much', ({ say }) => say(lines(0, 40)));
  mock.on('More', async ({ say }) => {
    say('Begins here.\n\n');
    await first.opened;
    say(lines(100, 4));
    for (const i of line.keys()) {
      await line[i].opened;
      say(lines(104 + i, 1));
    }
    await rest.opened;
    say(lines(200, 60));
    await tail.opened;
    say(lines(300, 20) + 'The end.');
  });
  const question = page.getByRole('article', { name: 'You' }).last();
  const box = page.locator('div:has(> ol[aria-label="Messages"])');
  const place = () => question.evaluate((q) => Math.round(q.getBoundingClientRect().top));
  const left = () => box.evaluate((b) => Math.round(b.scrollHeight - b.scrollTop - b.clientHeight));
  const latest = page.getByRole('button', { name: 'Jump to latest' });
  const previous = page.getByRole('button', { name: 'Previous question' });
  await newChat(page);
  // An answer that is seen as a whole is not offered, however high the message box has grown.
  await ask(page, 'Little');
  await ready(page);
  const high = await box.evaluate((b) => b.clientHeight);
  await composer(page).fill('grows\n'.repeat(40));
  await page.waitForFunction(([b, n]) => document.querySelector(b).clientHeight < n, ['div:has(> ol[aria-label="Messages"])', high - 200]);
  await drawn(page);
  await counts(latest, 0);
  await composer(page).fill('');
  await newChat(page);
  await ask(page, 'Much');
  await has(answer(page), 'Line 39');
  await ready(page);
  await ask(page, 'More');
  await has(answer(page), 'Begins here.');
  await page.waitForFunction(() => [...document.querySelectorAll('[data-role="user"]')].at(-1).getBoundingClientRect().top < 110);
  const stands = await place();
  first.open();
  await has(answer(page), 'Line 103');
  await drawn(page);
  assert.equal(await place(), stands, 'the answer fills the room below');
  for (const [i, gate] of line.entries()) {
    gate.open();
    await has(answer(page), `Line ${104 + i}`);
  }
  await drawn(page);
  assert.equal(await place(), stands, 'also line by line');
  rest.open();
  await has(answer(page), 'Line 259');
  await latest.waitFor();
  assert.equal(await place(), stands, 'and nobody is dragged along beyond it');
  await shot('away');
  // Who goes to its end is taken along.
  await latest.click();
  await latest.waitFor({ state: 'detached' });
  await previous.waitFor();
  tail.open();
  await has(answer(page), 'The end.');
  await ready(page);
  await page.waitForFunction(() => {
    const box = document.querySelector('ol[aria-label="Messages"]').parentElement;
    return box.scrollHeight - box.scrollTop - box.clientHeight < 2;
  });
  // Back by questions, and each time one further.
  await previous.click();
  await latest.waitFor();
  await eventually(async () => assert.ok(Math.abs((await place()) - stands) < 40, 'to the question of this answer'));
  await box.evaluate((b) => (b.scrollTop -= 400));
  await previous.click();
  await page.waitForFunction(() => document.querySelector('ol[aria-label="Messages"]').parentElement.scrollTop < 40);
  await eventually(async () => assert.ok((await left()) > 500));
  // Near the end the button is gone only when one is really there: it does not flicker.
  await box.evaluate((b) => (b.scrollTop = b.scrollHeight - b.clientHeight - 150));
  await latest.waitFor();
  await box.evaluate((b) => (b.scrollTop = b.scrollHeight - b.clientHeight - 20));
  await latest.waitFor({ state: 'detached' });
  await box.evaluate((b) => (b.scrollTop = b.scrollHeight - b.clientHeight - 150));
  await drawn(page);
  await counts(latest, 0);
  // Where the last question is seen nothing leads to those before.
  mock.on('Short', ({ say }) => say('Yes.'));
  await ask(page, 'Short');
  await has(answer(page), 'Yes.');
  await ready(page);
  await previous.waitFor({ state: 'detached' });
  // Coming back is coming back to the place one left.
  await box.evaluate((b) => (b.scrollTop = 700));
  await latest.waitFor();
  const read = () => Math.round(document.querySelector('[data-role="assistant"]').getBoundingClientRect().top);
  const was = await page.evaluate(read);
  const chat = new URL(page.url()).pathname;
  await newChat(page);
  await page.locator(`nav a[href$="${chat}"]`).click();
  await has(answer(page), 'Yes.');
  await page.waitForFunction((t) => Math.abs(document.querySelector('[data-role="assistant"]').getBoundingClientRect().top - t) < 4, was);
  // The first question of a page whose list is loaded only after all of its answer has come.
  const late = new Gate();
  await page.route(/MessageList[^/]*\.js/, (route) => late.opened.then(() => route.continue()));
  await page.goto(base + '/');
  await composer(page).fill('Much');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.waitForURL(/\/c\//);
  await ready(page);
  await counts(question, 0);
  late.open();
  await has(answer(page), 'Line 39');
  await eventually(async () => assert.ok(Math.abs((await place()) - stands) < 40, 'its question stands at the top'));
  await shot('first');
  await page.unroute(/MessageList[^/]*\.js/);
}

/** The second row of the message box: how the answer is made, how full the window is; and what Enter and Escape do. */
export async function composerTools({ page, mock, base, shot }) {
  const { show, models } = mock;
  mock.models = [...models, 'thinker:1b'];
  mock.show = (name) =>
    name === 'thinker:1b'
      ? { capabilities: ['completion', 'thinking'], model_info: { 'general.architecture': 'mock', 'mock.context_length': 40 } }
      : show(name);
  await page.request.post(base + '/api/v1/models/refresh', { headers: { Origin: base } });
  await page.goto(base + '/');
  await newChat(page);
  const box = composer(page);
  // What opens something within the form sends nothing.
  await page.getByRole('button', { name: /^Model: / }).click();
  await page.getByRole('dialog', { name: 'Models' }).or(page.getByRole('searchbox', { name: 'Search models' })).first().waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('combobox').waitFor({ state: 'detached' });
  await counts(page.locator('#composer-hint').filter({ hasText: 'Write a message first' }), 0);
  // Nothing that is pressed is without an answer.
  await box.press('Enter');
  await has(page.locator('#composer-hint'), 'Write a message first.');
  await chooseModel(page, 'thinker:1b');
  await page.getByRole('button', { name: 'Reasoning: Default' }).click();
  await page.getByRole('menuitemradio', { name: 'High' }).click();
  await page.getByRole('button', { name: 'Reasoning: High' }).waitFor();
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Answer options' }).click();
  const dialog = page.getByRole('dialog', { name: 'Answer options' });
  await dialog.getByLabel('Temperature').fill('3');
  await dialog.getByLabel('Stop sequences').fill('END');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('A number from 0 to 2.').waitFor();
  await shot('options');
  await dialog.getByLabel('Temperature').fill('0,5');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: '2 answer options' }).waitFor();
  // A block for code goes around what is selected.
  await box.fill('let a');
  await box.press('Control+a');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Code block' }).click();
  await page.waitForFunction(() => document.activeElement.value === '```\nlet a\n```\n');
  const more = new Gate();
  mock.on('With options', async ({ say }) => {
    say('one ');
    await more.opened;
    say('two');
  });
  await ask(page, 'With options');
  await has(answer(page), 'one');
  const asked = mock.calls.findLast((c) => c.messages.at(-1).content === 'With options');
  assert.equal(asked.options.temperature, 0.5);
  assert.deepEqual(asked.options.stop, ['END']);
  assert.equal(asked.think, 'high');
  // What an input method composes is its own: neither its Enter nor its Escape is ours.
  for (const key of ['Enter', 'Escape'])
    await box.evaluate((area, name) => area.dispatchEvent(new KeyboardEvent('keydown', { key: name, keyCode: 229, bubbles: true, cancelable: true })), key);
  // Escape closes what is open, and only then stops.
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  more.open();
  await has(answer(page), 'one two');
  await ready(page);
  // Of 40 tokens, and with what is typed.
  await page.getByRole('button', { name: /^Context: \d\d?% used/ }).click();
  await has(page.getByRole('dialog'), / of 40 tokens/);
  await shot('context');
  await page.keyboard.press('Escape');
  await box.fill('x'.repeat(90));
  await page.getByRole('button', { name: 'Context: 100% used' }).waitFor();
  // The options stay with the chat, and with it alone; so does what was typed.
  const address = page.url();
  await page.reload();
  await page.getByRole('button', { name: '2 answer options' }).waitFor();
  await page.getByRole('button', { name: 'Reasoning: High' }).waitFor();
  await holds(box, 'x'.repeat(90));
  await newChat(page);
  await counts(page.getByRole('button', { name: /answer option/ }), 0);
  await holds(box, '');
  await page.goto(address);
  await box.fill('');
  mock.models = models;
  mock.show = show;
  await page.request.post(base + '/api/v1/models/refresh', { headers: { Origin: base } });
  await page.goto(base + '/');
  await newChat(page);
  await chooseModel(page, 'mock:1b');
}

export async function reloadInTheMiddle({ page, mock }) {
  const more = new Gate();
  mock.on('Count', async ({ say }) => {
    say('one two ');
    await more.opened;
    say('three four');
  });
  await newChat(page);
  await ask(page, 'Count');
  await has(answer(page), 'one two');
  await page.reload();
  await has(answer(page), 'one two');
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  more.open();
  await has(answer(page), 'one two three four');
  await ready(page);
  await page.reload();
  await has(answer(page), 'one two three four');
}

export async function twoTabs({ page, context, mock, watch }) {
  const more = new Gate();
  mock.on('Both look', async ({ say }) => {
    say('first half, ');
    await more.opened;
    say('second half');
  });
  await newChat(page);
  await ask(page, 'Both look');
  await has(answer(page), 'first half');
  const other = watch(await context.newPage());
  await other.goto(page.url());
  await has(answer(other), 'first half');
  more.open();
  for (const p of [page, other]) {
    await has(answer(p), 'first half, second half');
    await ready(p);
  }
  // What one tab says, the other shows.
  mock.on('From the other', ({ say }) => say('heard'));
  await ask(other, 'From the other');
  await has(answer(page), 'heard');
  await other.close();
}

export async function stop({ page, mock, shot }) {
  const never = new Gate();
  mock.on('Talk for ever', async ({ say }) => {
    say('bla bla ');
    await never.opened;
  });
  await newChat(page);
  await ask(page, 'Talk for ever');
  await has(answer(page), 'bla bla');
  const before = mock.aborted;
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await has(answer(page), 'Stopped.');
  await has(answer(page), 'bla bla');
  await eventually(() => assert.equal(mock.aborted, before + 1, 'the provider is told'));
  await shot('stopped');
  mock.on('bla bla ', ({ say }) => say('and no more'));
  await page.getByRole('button', { name: 'Continue' }).click();
  await has(answer(page), 'bla bla and no more');
  await ready(page);
}

export async function keyboard({ page, context, mock, base, watch }) {
  const never = new Gate();
  mock.on('By key', async ({ say }) => {
    say('typing ');
    await never.opened;
  });
  await newChat(page);
  await composer(page).fill('By key');
  await composer(page).press('Enter');
  await has(answer(page), 'typing');
  await page.keyboard.press('Escape');
  await has(answer(page), 'Stopped.');
  // What is typed while a menu is still closing goes into the message.
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  const cdp = await context.newCDPSession(page);
  await cdp.send('Animation.enable');
  await cdp.send('Animation.setPlaybackRate', { playbackRate: 0 }); // it comes, and thus closes, for as long as it takes to type
  try {
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('menuitem').first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.type('soon');
    await counts(page.locator('[role="menu"]'), 1, 'it is still there');
  } finally {
    await cdp.send('Animation.setPlaybackRate', { playbackRate: 1 }); // or nothing moves in what comes after
    await cdp.detach();
  }
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await holds(composer(page), 'soon');
  await composer(page).fill('');
  // What is typed while the palette is still on its way is meant for it, Enter included.
  const elsewhere = await context.browser().newContext({ storageState: await context.storageState(), locale: 'en-US', reducedMotion: 'reduce', serviceWorkers: 'block' });
  const other = watch(await elsewhere.newPage());
  const loaded = new Gate();
  await other.route('**/Palette-*.js', async (route) => {
    await loaded.opened;
    await route.continue();
  });
  await other.goto(base + '/');
  await composer(other).waitFor();
  await other.keyboard.press('Control+k');
  await other.keyboard.type('appearr');
  await other.keyboard.press('Backspace');
  await other.keyboard.press('Enter');
  loaded.open();
  await other.getByRole('option', { name: 'Appearance' }).waitFor();
  await holds(other.getByRole('combobox'), 'appear');
  await holds(composer(other), '');
  await other.keyboard.press('Enter');
  await other.waitForURL(/appearance/);
  await elsewhere.close();
}

export async function providerError({ page, mock, base, shot }) {
  mock.on('Break', ({ say, fail }) => {
    say('Half a sen');
    fail('the model runner has stopped');
  });
  const { models } = mock;
  mock.models = [...models, 'spare:1b'];
  await page.request.post(base + '/api/v1/models/refresh', { headers: { Origin: base } });
  await page.goto(base + '/');
  await newChat(page);
  await ask(page, 'Break');
  const card = answer(page).getByRole('alert');
  await has(card, 'The provider reported an error');
  await has(card, 'the model runner has stopped');
  await has(answer(page), 'Half a sen');
  // What, why, since when; and what can be done.
  await has(card.locator('time'), 'now');
  await card.getByRole('link', { name: 'Open providers' }).waitFor();
  await card.getByRole('button', { name: 'Details' }).click();
  await has(card, 'provider_error');
  await says(card, /Request ID\s*[0-9a-z]{13}/);
  await shot('error');
  mock.on('Half a sen', ({ say }) => say('tence'));
  await card.getByRole('button', { name: 'Try spare:1b' }).click();
  await has(answer(page), 'Half a sentence');
  await ready(page);
  assert.equal(mock.calls.findLast((c) => c.messages.at(-1).content === 'Half a sen').model, 'spare:1b');
  await page.reload();
  await has(answer(page), 'Half a sentence');
  mock.models = models;
  await page.request.post(base + '/api/v1/models/refresh', { headers: { Origin: base } });
  await page.goto(base + '/');
}

/** A question edited, an answer given again by another model: all versions stay, each with what came after it. */
export async function versions({ page, mock, base, shot }) {
  const { models } = mock;
  mock.models = [...models, 'spare:1b'];
  await page.request.post(base + '/api/v1/models/refresh', { headers: { Origin: base } });
  await page.goto(base + '/');
  mock.on('Name a fruit', ({ say, call }) => say(call.model === 'spare:1b' ? 'A quince' : 'An apple'));
  mock.on('Name a tree', ({ say }) => say('An oak'));
  await newChat(page);
  await ask(page, 'Name a fruit');
  await has(answer(page), 'An apple');
  await ready(page);
  const question = page.getByRole('article', { name: 'You' }).last();
  // Again, by another model.
  await answer(page).getByRole('button', { name: 'Answer again' }).click();
  await page.getByRole('menuitem', { name: 'Again with mock:1b' }).waitFor();
  await page.getByRole('menuitem', { name: 'spare:1b', exact: true }).click();
  await has(answer(page), 'A quince');
  await ready(page);
  const of = answer(page).getByRole('group', { name: 'Version 2 of 2' });
  await of.waitFor();
  await shot('versions');
  await of.getByRole('button', { name: 'Previous version' }).press('Enter');
  await has(answer(page), 'An apple');
  // Who goes by the keyboard is still at the versions, though the way further back is none any more.
  await page.waitForFunction(() => document.activeElement.closest('[aria-label="Version 1 of 2"]'));
  // Another question in its place; Escape leaves it as it was, and stops nothing.
  await question.hover();
  await question.getByRole('button', { name: 'Edit message' }).click();
  const field = page.getByRole('textbox', { name: 'Edit message' });
  await field.fill('Name nothing');
  await field.press('Escape');
  await page.waitForFunction(() => document.activeElement.getAttribute('aria-label') === 'Edit message' && document.activeElement.tagName === 'BUTTON');
  await has(question, 'Name a fruit');
  await page.keyboard.press('Enter');
  await field.fill('Name a tree');
  await shot('editing');
  await field.press('Control+Enter');
  await has(answer(page), 'An oak');
  await ready(page);
  await question.getByRole('group', { name: 'Version 2 of 2' }).waitFor();
  await counts(page.getByRole('article', { name: /^Answer/ }), 1);
  // The other branch is still there, with its newest answer, over a reload too.
  await question.getByRole('button', { name: 'Previous version' }).click();
  await has(question, 'Name a fruit');
  await has(answer(page), 'A quince');
  await answer(page).getByRole('group', { name: 'Version 2 of 2' }).waitFor();
  await page.reload();
  await has(answer(page), 'A quince');
  await question.getByRole('group', { name: 'Version 1 of 2' }).getByRole('button', { name: 'Next version' }).click();
  await has(answer(page), 'An oak');
  mock.models = models;
  await page.request.post(base + '/api/v1/models/refresh', { headers: { Origin: base } });
  await page.goto(base + '/');
}

/** Waiting is one line: what for, one clock, and a way out of it. */
export async function waiting({ page, mock, shot }) {
  const never = new Gate();
  mock.on('Wait for me', async () => never.opened);
  await newChat(page);
  await ask(page, 'Wait for me');
  const line = answer(page).locator('p').filter({ has: page.getByRole('status') });
  await has(line, /(Loading|Waiting for) mock:1b\s*· \d+ s\s*Stop/);
  const box = await line.boundingBox();
  assert.ok(box.height < 40, 'one line');
  await shot('waiting');
  await line.getByRole('button', { name: 'Stop waiting' }).click();
  await has(answer(page), 'Stopped.');
  never.open();
}

/** The thoughts are seen while they are thought, in a window of their own, and fold when the answer begins; a person decides otherwise. */
export async function reasoning({ page, mock, shot }) {
  const [more, begin, end] = [new Gate(), new Gate(), new Gate()];
  mock.on('Think', async ({ say, think }) => {
    think('First **thought**.\n\n');
    await more.opened;
    think(Array.from({ length: 30 }, (_, i) => `Thought number ${i}.\n\n`).join(''));
    await begin.opened;
    say('The answer begins');
    await end.opened;
    say(' and ends.');
  });
  await newChat(page);
  await ask(page, 'Think');
  const head = answer(page).getByRole('button', { name: /^(Thinking|Thought)/ });
  await has(answer(page).locator('.thought strong'), 'thought');
  const seenAt = performance.now();
  await page.locator('[aria-expanded="true"]').and(head).waitFor();
  await counts(answer(page).locator('.fade-top'), 0, 'nothing is above yet');
  more.open();
  await answer(page).locator('.fade-top').waitFor();
  const seen = await answer(page).locator('.live').boundingBox();
  assert.ok(seen.height <= 14 * 16 + 1, `${seen.height}`);
  await eventually(async () => {
    const last = await answer(page).locator('.thought p').last().boundingBox();
    assert.ok(last.y + last.height <= seen.y + seen.height + 1, 'its end is what is seen');
  });
  await shot('thinking');
  await head.focus();
  // A thought shorter than a second tells no time.
  await new Promise((resolve) => setTimeout(resolve, seenAt + 1100 - performance.now()));
  begin.open();
  await has(answer(page), 'The answer begins');
  await page.waitForFunction(() => document.activeElement.getAttribute('aria-expanded') === 'false');
  await says(head, /^Thought for \d+ s$/);
  // Opened by hand it stays, and the focus with it, when the stored message takes the place of the live one.
  await page.keyboard.press('Enter');
  end.open();
  await has(answer(page), 'and ends.');
  await answer(page).getByRole('button', { name: 'Details' }).waitFor();
  await page.locator('[aria-expanded="true"]:focus').waitFor();
  await counts(answer(page).locator('.live, .fade-top'), 0);
}

/** An answer that is not what it looks like says so: cut off by the limit, which can be gone on from, filtered, or a thought alone. */
export async function endings({ page, mock }) {
  mock.on('Count long', ({ say, ends }) => {
    say('One, two,');
    ends('length');
  });
  mock.on('One, two,', ({ say }) => say(' three.'));
  mock.on('Something bad', ({ say, ends }) => {
    say('It is');
    ends('SAFETY');
  });
  mock.on('Only think', ({ think }) => think('Hm.'));
  await newChat(page);
  await ask(page, 'Count long');
  await has(page.locator('main'), 'The answer reached its token limit and is incomplete.');
  await page.getByRole('button', { name: 'Continue' }).click();
  await has(answer(page), 'One, two, three.');
  await page.getByText('The answer reached its token limit').waitFor({ state: 'detached' });
  await ready(page);
  await ask(page, 'Something bad');
  await has(page.locator('main'), 'The provider’s content filter ended this answer.');
  await ready(page);
  await ask(page, 'Only think');
  await has(page.locator('main'), 'The model reasoned but gave no answer.');
}

export async function renameAndDelete({ page, mock, shot, allow }) {
  mock.on('To be renamed', ({ say }) => say('yes'));
  await newChat(page);
  await ask(page, 'To be renamed');
  await has(answer(page), 'yes');
  await ready(page);
  const row = chats(page).getByRole('listitem').first();
  await row.hover();
  await row.getByRole('button', { name: /^More for/ }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByRole('textbox', { name: 'Chat name' }).fill('My plums');
  const renamed = page.waitForResponse((r) => r.request().method() === 'PATCH');
  await page.keyboard.press('Enter');
  await renamed;
  await chats(page).getByRole('link', { name: /My plums/ }).waitFor();
  await page.reload();
  const link = chats(page).getByRole('link', { name: /My plums/ });
  await link.waitFor();
  await page.getByRole('searchbox', { name: 'Search chats' }).fill('plums');
  await chats(page).getByRole('link').first().filter({ hasText: 'My plums' }).waitFor();
  await page.getByRole('searchbox', { name: 'Search chats' }).fill('');
  const again = chats(page).getByRole('listitem').filter({ has: page.getByRole('link', { name: /My plums/ }) });
  await again.hover();
  await again.getByRole('button', { name: 'More for My plums' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await link.waitFor({ state: 'detached' });
  await page.getByRole('heading', { name: 'How can I help' }).waitFor();
  await shot('deleted');
  // It can be taken back.
  const toast = page.getByRole('group', { name: 'Notification' }).filter({ hasText: 'Chat moved to the bin.' });
  await toast.getByRole('button', { name: 'Undo' }).click();
  await link.waitFor();
  await has(answer(page), 'yes');
  // What was brought back is looked at, and may be deleted again by then.
  allow(/status of 404/);
  await link.focus();
  await page.keyboard.press('Delete');
  await link.waitFor({ state: 'detached' });
}

export async function librarian({ page, shot }) {
  await newChat(page);
  await chooseModel(page, 'Librarian');
  await ask(page, 'How do I connect Ollama?');
  const source = answer(page).getByRole('button', { name: 'Source 1' }).first();
  await source.waitFor();
  await ready(page);
  await shot('librarian');
  await counts(answer(page).locator('blockquote br'), 0, 'what it quotes breaks where the column ends');
  await source.click();
  const sheet = page.locator('#beside');
  await sheet.getByRole('button', { name: 'Open in the manual' }).waitFor();
  await sheet.locator('.prose').getByRole('heading').first().waitFor();
  await shot('citation');
  await sheet.getByRole('button', { name: 'Open in the manual' }).click();
  await page.waitForURL(/\/manual\//);
  await page.getByRole('navigation', { name: 'Pages of the manual' }).waitFor();
  await newChat(page);
  await chooseModel(page, 'mock:1b');
}

export async function serverKilled({ page, server, mock, allow, shot }) {
  const never = new Gate();
  mock.on('Until the end', async ({ say }) => {
    say('not lost ');
    await never.opened;
  });
  await newChat(page);
  await ask(page, 'Until the end');
  await has(answer(page), 'not lost');
  allow(/ERR_CONNECTION|ERR_INCOMPLETE|Failed to fetch|network error|ERR_EMPTY_RESPONSE/i);
  await server.end('SIGKILL');
  await page.getByText('Connection lost').waitFor();
  await has(answer(page), 'not lost');
  await server.start();
  await page.getByRole('button', { name: 'Continue' }).waitFor();
  await has(answer(page), 'not lost');
  await shot('interrupted');
  mock.on('not lost ', ({ say }) => say('and found'));
  await page.getByRole('button', { name: 'Continue' }).click();
  await has(answer(page), 'not lost and found');
  await ready(page);
}

/** Notices cover no message box, wherever it stands. */
export async function noticesBeside({ page, base, shot }) {
  await newChat(page);
  const made = await page.request.post(base + '/api/v1/conversations', { headers: { Origin: base }, data: { title: 'Soon gone' } });
  assert.equal(made.status(), 201);
  await chats(page).getByRole('link', { name: /^Soon gone/ }).focus();
  await page.keyboard.press('Delete');
  const toast = page.getByRole('group', { name: 'Notification' }).filter({ hasText: 'Chat moved to the bin.' });
  await toast.hover(); // it stays while it is pointed at
  try {
    for (const [width, height] of [[1280, 800], [1280, 480], [844, 390], [390, 844], [320, 568]]) {
      await page.setViewportSize({ width, height });
      await page.waitForFunction(() => {
        const [notice, form] = ['[role="status"] > [role="group"]', 'form:has([data-composer])'].map((s) => document.querySelector(s)?.getBoundingClientRect());
        return notice && form && (notice.bottom <= form.top || notice.top >= form.bottom);
      });
    }
    await shot('notice');
  } finally {
    await page.setViewportSize({ width: 1280, height: 800 });
  }
  await toast.getByRole('button', { name: 'Close' }).click();
}

export async function phone({ page, context, base, watch, shot }) {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Open menu' }).click();
  await page.getByRole('dialog').getByRole('link', { name: /Show me code|fine day/ }).first().waitFor();
  await shot('phone-list');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  assert.equal(wide, false, 'nothing is wider than the screen');
  await shot('phone');
  // On its side, the preview of a chat leaves the list its room.
  await page.setViewportSize({ width: 844, height: 390 });
  await page.keyboard.press('Control+K');
  await page.getByRole('option').first().waitFor();
  const { height } = await page.getByRole('listbox').boundingBox();
  assert.ok(height > 120, `the list is ${height} high`);
  await page.keyboard.press('Escape');
  await page.setViewportSize({ width: 1280, height: 800 });

  // A phone has no keys, so none are named.
  const touched = await context.browser().newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: 'en-US', serviceWorkers: 'block', storageState: await context.storageState() });
  const mobile = watch(await touched.newPage());
  await mobile.goto(base + '/');
  await mobile.getByRole('button', { name: 'Open menu' }).tap();
  await mobile.getByRole('button', { name: 'Account: ada' }).tap();
  await mobile.getByRole('menuitem', { name: 'Sign out' }).waitFor();
  await counts(mobile.getByRole('menuitem', { name: 'Keyboard shortcuts' }), 0);
  await mobile.keyboard.press('Escape');
  await mobile.keyboard.press('Control+K');
  await mobile.getByRole('combobox').fill('key');
  await mobile.getByRole('option', { name: 'API keys' }).waitFor();
  await counts(mobile.getByRole('option', { name: 'Keyboard shortcuts' }), 0);
  await touched.close();
}

export async function signOutAndIn({ page, shot, allow }) {
  allow(/status of 401/);
  await page.getByRole('button', { name: 'Account: ada' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await shot('sign-in');
  await page.getByLabel('User name').fill('ada');
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Wrong user name or password.').waitFor();
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Account: ada' }).waitFor();
}
