// Many windows of one browser: each shows its answer, and Stop works at once in each. HTTP/1.1 gives a site six connections.
import assert from 'node:assert/strict';
import { answer, ask, has, ready } from './chat.mjs';

/** Opens many windows, each with an answer that goes on until it is stopped, and stops each. */
async function manyAnswers({ context, mock, base, watch }, count, prepare = async () => {}) {
  let running = true;
  const beats = new Map();
  for (let i = 0; i < count; i++) {
    mock.on(`Count for window ${i}`, async ({ say }) => {
      for (let n = 0; running && n < 1000; n++) {
        say(`w${i}n${n} `);
        beats.set(i, n);
        await new Promise((resolve) => setTimeout(resolve, 500)); // slowly: what is drawn in so many windows is the dearest part
      }
    });
  }
  const pages = [];
  try {
    const open = async (i) => {
      const page = watch(await context.newPage());
      await prepare(page);
      pages[i] = page;
      await page.goto(base + '/');
      await ask(page, `Count for window ${i}`);
      await has(answer(page), `w${i}n1 `);
    };
    // One after the other beyond what a browser's connections take, the rest at once.
    for (let i = 0; i < count; i += 5) await Promise.all(Array.from({ length: Math.min(5, count - i) }, (_, n) => open(i + n)));
    // All go on: each sees what was said after the last one was opened.
    const now = pages.map((_, i) => beats.get(i) + 2);
    await Promise.all(pages.map((page, i) => has(answer(page), `w${i}n${now[i]} `)));
    for (const page of pages) {
      // A window that another one covers draws once a second; who presses something has it before them.
      await page.bringToFront();
      const [took, waited] = await page.evaluate(async () => {
        const sent = new Promise((resolve) => {
          new PerformanceObserver((list) => {
            const stop = list.getEntries().find((e) => e.name.endsWith('/cancel'));
            if (stop) resolve(stop.requestStart - stop.startTime);
          }).observe({ type: 'resource' });
        });
        const began = performance.now();
        document.querySelector('button[aria-label="Stop"]').click();
        const gone = () => !document.querySelector('button[aria-label="Stop"]');
        await new Promise((resolve) => {
          const changed = new MutationObserver(() => gone() && resolve(changed.disconnect()));
          changed.observe(document.body, { subtree: true, childList: true, attributes: true });
          if (gone()) resolve(changed.disconnect());
        });
        return [performance.now() - began, await sent];
      });
      assert.ok(took < 1000, `Stop took ${Math.round(took)} ms`);
      // Behind the streams it would wait for a connection as long as the answers last.
      assert.ok(waited < 1000, `Stop waited ${Math.round(waited)} ms for a connection`);
      await ready(page);
    }
  } finally {
    running = false;
    await Promise.all(pages.filter(Boolean).map((page) => page.close()));
  }
}

export const tenWindows = (t) => manyAnswers(t, 10);

/** Where there is no SharedWorker, one of the windows has the stream, and another takes it over when that one goes. */
export async function windowsWithoutWorker(t) {
  const { context, mock, base, watch } = t;
  const prepare = (page) => page.addInitScript(() => delete window.SharedWorker);
  await manyAnswers(t, 7, prepare);
  let go = () => {};
  const gone = new Promise((resolve) => (go = resolve));
  mock.on('Over to another', async ({ say }) => {
    say('one ');
    await gone;
    say('two');
  });
  const [first, second] = [watch(await context.newPage()), watch(await context.newPage())];
  for (const page of [first, second]) await prepare(page);
  await first.goto(base + '/');
  await first.getByRole('button', { name: 'Send' }).waitFor();
  await second.goto(base + '/');
  await ask(second, 'Over to another');
  await has(answer(second), 'one');
  await first.close();
  go();
  await has(answer(second), 'one two');
  await second.close();
}

/** And where there are no locks either (a plain address of another machine), each window is for itself. */
export async function windowAlone({ context, mock, base, watch }) {
  mock.on('Alone', ({ say }) => say('Nobody else'));
  const page = watch(await context.newPage());
  await page.addInitScript(() => {
    delete window.SharedWorker;
    delete window.BroadcastChannel;
  });
  await page.goto(base + '/');
  await ask(page, 'Alone');
  await has(answer(page), 'Nobody else');
  await page.close();
}

/** What a window follows comes over a WebSocket; where none comes through any more, it goes on as an event stream. */
export async function socketCut({ context, mock, base, watch }) {
  let go = () => {};
  const gone = new Promise((resolve) => (go = resolve));
  mock.on('Over another way', async ({ say }) => {
    say('one ');
    await gone;
    say('two');
  });
  const page = watch(await context.newPage());
  await page.addInitScript(() => {
    delete window.SharedWorker;
    delete window.BroadcastChannel;
  });
  const sockets = [];
  let through = true;
  await page.routeWebSocket(/\/ws$/, (socket) => {
    if (!through) return socket.close();
    sockets.push(socket);
    socket.connectToServer();
  });
  const streams = [];
  page.on('request', (request) => request.url().includes('/api/v1/events') && streams.push(request.url()));
  await page.goto(base + '/');
  await ask(page, 'Over another way');
  await has(answer(page), 'one');
  assert.deepEqual([sockets.length, streams.length], [1, 0], 'one socket, and no stream beside it');
  through = false;
  const stream = page.waitForRequest(/\/api\/v1\/events\?turns=/);
  await sockets[0].close();
  await stream;
  go();
  await has(answer(page), 'one two');
  await ready(page);
  await page.close();
}
