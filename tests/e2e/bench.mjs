// What the page costs, in a real browser: node tests/e2e/bench.mjs --binary build/atelier [--quick] [--only loads|streams|heap]
// Figures are the better for a quiet machine; each is the median of some runs.
import { parseArgs } from 'node:util';
import { answer, ask, firstRun, has, newChat, ready } from './chat.mjs';
import { launch } from './browser.mjs';
import { Mock } from './mock.mjs';
import { Server } from './server.mjs';
import { PATIENCE } from './wait.mjs';

const args = parseArgs({ options: { binary: { type: 'string', default: 'build/atelier' }, quick: { type: 'boolean' }, only: { type: 'string' } } });
const RUNS = args.values.quick ? 1 : 5;
const MESSAGES = args.values.quick ? 60 : 500;

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const percentile = (list, p) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))];
const kb = (bytes) => (bytes / 1000).toFixed(1) + ' KB';
const ms = (n) => Math.round(n) + ' ms';

function row(name, value, goal, note = '') {
  console.log(`${name.padEnd(44)} ${String(value).padStart(12)}   ${goal.padEnd(12)} ${note}`);
}

/** One load of the page by somebody who is signed in, with nothing in the cache. */
async function load(browser, state, base, rate) {
  const context = await browser.newContext({ storageState: state, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  await cdp.send('Emulation.setCPUThrottlingRate', { rate });
  const answers = new Map();
  const bytes = { Script: 0, Stylesheet: 0, Font: 0, requests: 0 };
  cdp.on('Network.responseReceived', (e) => answers.set(e.requestId, e));
  // The bodies as they came over the wire, like `npm run size`; the headers of each are some 650 bytes more.
  cdp.on('Network.loadingFinished', (e) => {
    bytes.requests++;
    const { type, response } = answers.get(e.requestId) ?? {};
    if (type in bytes) bytes[type] += e.encodedDataLength - response.encodedDataLength;
  });
  // Usable: what is typed stands in the box, and the box is the one that sends.
  await page.addInitScript(() => {
    const look = () => {
      if (document.querySelector('textarea[data-composer]')) window.usable = performance.now();
      else requestAnimationFrame(look);
    };
    look();
  });
  await page.goto(base + '/', { waitUntil: 'commit' });
  await page.waitForFunction(() => window.usable);
  const loaded = { ...bytes };
  const times = await page.evaluate(() => ({
    usable: window.usable,
    fcp: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
  }));
  await page.evaluate(() => document.fonts.ready.then(() => {}));
  await context.close();
  return { ...times, ...loaded, fonts: bytes.Font };
}

async function loads(browser, state, base) {
  for (const rate of [1, 4]) {
    const runs = [];
    for (let i = 0; i < RUNS; i++) runs.push(await load(browser, state, base, rate));
    const of = (key) => median(runs.map((r) => r[key]));
    if (rate === 1) {
      row('first load: JavaScript, compressed', kb(of('Script')), '<= 130 KB', 'Open WebUI 0.12: 2183 KB');
      row('first load: styles, compressed', kb(of('Stylesheet')), '<= 20 KB', 'Open WebUI 0.12: 69 KB');
      row('fonts, which come later', kb(of('fonts')), '<= 120 KB', 'Open WebUI 0.12: 417 KB');
    }
    row(`first contentful paint, ${rate}x CPU`, ms(of('fcp')), rate === 4 ? '< 600 ms' : '');
    row(`composer usable, ${rate}x CPU`, ms(of('usable')), rate === 4 ? '< 1200 ms' : '', rate === 4 ? 'Open WebUI 0.12: 13.7 s' : '');
  }
}

const RICH = Array.from({ length: 12 }, (_, i) =>
  [
    `## Part ${i + 1}\n\nSome **bold** and \`code\` in a paragraph that is long enough to take more than one line on the screen, as most are.\n\n`,
    `- first, with *emphasis*\n- second, with [a link](https://example.org/)\n- third\n\n`,
    '```js\n' + Array.from({ length: 8 }, (_, k) => `const value${k} = compute(${k}, "text ${i}"); // and a comment\n`).join('') + '```\n\n',
    `| a | b | c |\n|---|---|---|\n${`| some | words | 3.14 |\n`.repeat(4)}\n`,
  ].join(''),
).join('');
const pieces = (text) => text.match(/\s*\S+/g);

/**
 * Streams 50 pieces a second; tells the main thread's time a piece, what moved, and on request the times between frames. Who
 * counts frames asks for each one, some 0.6 ms a piece that the page itself does not make: time and frames are never of one run
 * (the figures of Open WebUI are from one).
 */
async function stream(page, mock, cdp, name, text, rate, counting = false) {
  const all = pieces(text);
  const question = `Stream ${name} ${rate}`;
  mock.on(question, async ({ say }) => {
    const began = performance.now();
    for (let i = 0; i < all.length; i++) {
      const wait = began + i * 20 - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      say(all[i]);
    }
  });
  await newChat(page);
  await cdp.send('Emulation.setCPUThrottlingRate', { rate });
  const busy = async () => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value * 1000;
  await ask(page, question);
  await has(answer(page), all[5].trim());
  await page.evaluate((counting) => {
    window.frames_ = [];
    window.counting = counting;
    window.shift = 0;
    let last = performance.now();
    const next = (now) => {
      window.frames_.push(now - last);
      last = now;
      if (window.counting) requestAnimationFrame(next);
    };
    if (counting) requestAnimationFrame(next);
    window.shifts = new PerformanceObserver((list) => {
      for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value;
    });
    window.shifts.observe({ type: 'layout-shift' });
  }, counting);
  const before = await busy();
  await page.getByRole('button', { name: 'Send' }).waitFor({ timeout: PATIENCE });
  const used = (await busy()) - before;
  const { frames, shift } = await page.evaluate(() => {
    window.counting = false;
    window.shifts.disconnect();
    return { frames: window.frames_, shift: window.shift };
  });
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  return { each: used / all.length, p95: percentile(frames, 0.95), shift };
}

async function streams(page, mock, context) {
  const cdp = await context.newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const plain = RICH.replace(/[*`|#\-[\]]/g, ' ');
  const one = { plain: await stream(page, mock, cdp, 'plain', plain, 1), rich: await stream(page, mock, cdp, 'rich', RICH, 1) };
  row('main thread for a piece, plain text', one.plain.each.toFixed(1) + ' ms', '< 4 ms', 'Open WebUI 0.12: 13.6 ms');
  row('main thread for a piece, rich text', one.rich.each.toFixed(1) + ' ms', '< 4 ms', 'Open WebUI 0.12: 13.5 ms');
  const slow = await stream(page, mock, cdp, 'rich', RICH, 4, true);
  row('frames, 95th percentile, rich, 4x CPU', ms(slow.p95), '< 50 ms', 'Open WebUI 0.12: 500 ms');
  row('layout shift while streaming, rich', one.rich.shift.toFixed(4), '< 0.02', 'Open WebUI 0.12: 0.054');
}

/** The heap while a chat grows. */
async function heap(page, context) {
  const cdp = await context.newCDPSession(page);
  await cdp.send('HeapProfiler.enable');
  const used = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    return (await page.evaluate(() => performance.memory.usedJSHeapSize)) / 1e6;
  };
  await newChat(page);
  const sizes = [await used()];
  for (let i = 1; i <= MESSAGES; i++) {
    await ask(page, `Message ${i}`);
    await ready(page);
    if (i % (MESSAGES / 5) === 0) sizes.push(await used());
  }
  row(`heap over ${MESSAGES} answers, MB`, sizes.map((s) => s.toFixed(1)).join(' '), 'flat', 'Open WebUI 0.12, 200: 21.2 to 67.3');
}

const mock = new Mock();
await mock.start();
const server = new Server(args.values.binary, { OLLAMA_HOST: mock.url, ATELIER_RATE_PER_MINUTE: '6000' });
await server.start();
const browser = await launch(['--enable-precise-memory-info']);
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' });
  const page = await context.newPage();
  await firstRun({ page, server, base: server.url, shot: async () => {} });
  await ask(page, 'A first question');
  await ready(page);
  const wanted = (part) => [undefined, part].includes(args.values.only);
  if (wanted('loads')) await loads(browser, await context.storageState(), server.url);
  if (wanted('streams')) await streams(page, mock, context);
  if (wanted('heap')) await heap(page, context);
} finally {
  await browser.close();
  await server.destroy();
  await mock.stop();
}
