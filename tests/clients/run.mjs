// The real client packages against the program, with a scripted provider behind it:
//
//   node tests/clients/run.mjs [--matrix] [--only TEXT] [build/atelier]
//
// Each feature of each client is tried with each of the provider's dialects. --only runs those whose name
// ("client / dialect / feature") contains the text. --matrix writes docs/conformance.md; otherwise a run of everything
// fails when that page says something else.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));

// The newest packages need a newer Node.js than the build does.
if (Number(process.versions.node.split('.')[0]) < 22) {
  const node = join(here, 'node_modules/.bin/node');
  if (!existsSync(node)) throw new Error('run `npm ci` in tests/clients first');
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const [code, signal] = await once(child, 'exit');
  process.exit(signal ? 1 : code);
}

const { Mock } = await import('./mock.mjs');
const { PATIENCE, Server } = await import('./server.mjs');
const { statusOf } = await import('./common.mjs');
const { matrix } = await import('./matrix.mjs');
const { pythonPrepared, pythonRows } = await import('./python.mjs');
const { goPrepared, goRows } = await import('./go.mjs');
const { uploadsResume } = await import('./uploads.mjs');
const openai = await import('./mock-openai.mjs');
const anthropic = await import('./mock-anthropic.mjs');
const clients = await Promise.all(
  ['openai', 'anthropic', 'ollama', 'ai', 'ai-openai', 'langchain'].map((c) => import(`./with-${c}.mjs`)),
);

const args = parseArgs({
  options: { matrix: { type: 'boolean' }, only: { type: 'string' }, log: { type: 'boolean' } },
  allowPositionals: true,
});
const binary = resolve(args.positionals[0] ?? join(here, '../../build/atelier'));
const page = join(here, '../../docs/conformance.md');
const models = {
  ollama: { model: 'mock:1b', embedding: 'mock-embedding:latest' },
  openai: { model: 'mock-gpt', embedding: 'mock-text-embedding' },
  anthropic: { model: 'claude-mock', embedding: 'claude-mock' },
};

function settings(mock) {
  return {
    OLLAMA_HOST: mock.urls.ollama,
    OPENAI_BASE_URL: `${mock.urls.openai}/v1`,
    OPENAI_API_KEY: openai.KEY,
    ANTHROPIC_BASE_URL: mock.urls.anthropic,
    ANTHROPIC_API_KEY: anthropic.KEY,
    ATELIER_RATE_PER_MINUTE: '1000000',
    ATELIER_RETRY_BASE_MS: '1',
    ATELIER_PROVIDER_TRIES: '2',
    ATELIER_BREAKER_FAILURES: '1000',
    ATELIER_WARM_UP: '0',
    ATELIER_HEARTBEAT_S: '1',
  };
}

/** What a feature gets: where to, and a way to see that the provider's stream is closed. */
function context(mock, server, key, dialect) {
  const closesProvider = async (use) => {
    let closed;
    const before = mock.closed;
    await use(() => {
      closed = mock.nextClosed(1000);
      closed.catch(() => {}); // looked at below
    });
    if (mock.closed === before) await closed;
  };
  return { url: server.url, key, mock, dialect, closesProvider, assistant: `assistant/helper-${dialect}`, reckoner: `assistant/reckoner-${dialect}`, ...models[dialect] };
}

async function withLimit(promise) {
  const late = AbortSignal.timeout(PATIENCE);
  return Promise.race([
    promise,
    once(late, 'abort').then(() => Promise.reject(new Error(`not done after ${PATIENCE} ms`))),
  ]);
}

/** 'yes', 'cannot' with what was said, or throws. */
async function attempt(client, feature, t) {
  const impossible = client.cannot[t.dialect]?.includes(feature);
  try {
    await withLimit(client.features[feature](t));
  } catch (e) {
    if (!impossible) throw e;
    const message = (e.error?.message ?? e.message).replace(/^400 /, '').replace(/127\.0\.0\.1:\d+/, 'HOST');
    if (statusOf(e) !== 400 || message.length < 20) throw e;
    return { outcome: 'cannot', message };
  }
  if (impossible) throw new Error('it worked, but the provider cannot do this');
  return { outcome: 'yes' };
}

function show(error, server, before) {
  const lines = [error.stack ?? String(error)];
  if (error.cause?.stack) lines.push('because: ' + error.cause.stack);
  lines.push(
    ...server.log
      .slice(before)
      .slice(-8)
      .map((l) => 'server: ' + l),
  );
  for (const line of lines.join('\n').split('\n').slice(0, 40)) console.log('    ' + line);
}

async function runAll(mock, server, key) {
  const rows = [];
  for (const client of clients) {
    for (const feature of Object.keys(client.features)) {
      for (const dialect of Object.keys(models)) {
        const name = `${client.name} / ${dialect} / ${feature}`;
        if (args.values.only && !name.includes(args.values.only)) continue;
        const row = { client: client.name, packages: client.packages, feature, dialect };
        const logged = server.log.length;
        const began = performance.now();
        try {
          Object.assign(row, await attempt(client, feature, context(mock, server, key, dialect)));
          console.log(
            `ok ${name}${row.outcome === 'cannot' ? ` # refused: ${row.message}` : ''} (${Math.round(performance.now() - began)} ms)`,
          );
        } catch (error) {
          row.outcome = 'no';
          console.log(`not ok ${name}`);
          show(error, server, logged);
        }
        rows.push(row);
      }
    }
  }
  return rows;
}

/** The packages of another language, all features of a dialect at a time. */
async function runOthers(server, key, language, rowsWith) {
  const rows = [];
  for (const dialect of Object.keys(models)) {
    if (args.values.only && !`${language} / ${dialect}`.includes(args.values.only)) continue;
    const logged = server.log.length;
    for (const row of await rowsWith(server.url, key, dialect, models[dialect])) {
      const name = `${row.client} / ${dialect} / ${row.feature}`;
      console.log(`${row.outcome === 'no' ? 'not ok' : 'ok'} ${name}`);
      if (row.outcome === 'no') show(new Error(row.message), server, logged);
      rows.push(row);
    }
  }
  return rows.sort((a, b) => a.client.localeCompare(b.client));
}

/** True when the page says what was measured, or was written. */
function comparePage(rows) {
  const text = matrix(Object.keys(models), rows);
  if (args.values.matrix) {
    writeFileSync(page, text);
    return true;
  }
  const old = existsSync(page) ? readFileSync(page, 'utf8') : '';
  if (old === text) {
    console.log('ok docs/conformance.md says what was measured');
    return true;
  }
  console.log(
    'not ok docs/conformance.md differs from what was measured; after a look: tests/clients/run.mjs --matrix',
  );
  const [a, b] = [old.split('\n'), text.split('\n')];
  for (const line of b.filter((l) => !a.includes(l)).slice(0, 20)) console.log('    measured: ' + line);
  return false;
}

/** Every model is known before the first question. */
async function modelsAreThere(server) {
  const wanted = Object.values(models).flatMap((m) => Object.values(m));
  const until = performance.now() + PATIENCE;
  for (;;) {
    const { items } = await server.get('/api/v1/models');
    const missing = wanted.filter((id) => !items?.some((m) => m.id === id));
    if (missing.length === 0) return;
    if (performance.now() > until)
      throw new Error(`these models did not appear: ${missing}; there are ${items?.map((m) => m.id)}`);
    await once(AbortSignal.timeout(20), 'abort');
  }
}

/** Providers get their own keys, and never the one that a client of the gateway has. */
function keyStaysHere(mock, key) {
  const leaks = mock.requests.filter((r) => JSON.stringify([r.headers, r.body]).includes(key));
  const where = leaks.slice(0, 3).map((r) => `${r.dialect} ${r.path}`);
  console.log(
    leaks.length
      ? `not ok the key of the gateway reached a provider: ${where}`
      : 'ok the key of the gateway reached no provider',
  );
  return leaks.length === 0;
}

/** The protocol of uploads is no provider's: it is tried once. */
async function uploadsWork(server) {
  const name = 'tus-js-client / resumes after the server was killed';
  try {
    await withLimit(uploadsResume(server));
    console.log(`ok ${name}`);
    return true;
  } catch (error) {
    console.log(`not ok ${name}`);
    show(error, server, 0);
    return false;
  }
}

async function main() {
  if (!existsSync(binary)) throw new Error(`there is no ${binary}: build it first`);
  // What is fetched and built for the others comes while the first ones are tried; a failure is met where they are.
  if (!args.values.only) for (const prepare of [pythonPrepared, goPrepared]) prepare().catch(() => {});
  const mock = new Mock();
  await mock.start();
  const server = new Server(binary, settings(mock));
  let failed = 0;
  let passed = 0;
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => server.destroy().finally(() => process.exit(1)));
  try {
    await server.start();
    const key = await server.key();
    await modelsAreThere(server);
    for (const [dialect, { model }] of Object.entries(models)) {
      await server.assistant(`helper-${dialect}`, { model, instructions: 'Help kindly', parameters: { stop: ['END'] } });
      await server.assistant(`reckoner-${dialect}`, { model, tools: ['calculator'] });
    }
    const rows = await runAll(mock, server, key);
    rows.push(...(await runOthers(server, key, 'Python', pythonRows)));
    rows.push(...(await runOthers(server, key, 'Go', goRows)));
    failed = rows.filter((r) => r.outcome === 'no').length;
    passed = rows.length - failed;
    keyStaysHere(mock, key) ? passed++ : failed++;
    if (!args.values.only) comparePage(rows) ? passed++ : failed++;
    if (!args.values.only || 'tus-js-client'.includes(args.values.only)) (await uploadsWork(server)) ? passed++ : failed++;
    const how = await server.end();
    if (how !== 0) {
      failed++;
      console.log(`not ok the server ended with ${how}`);
    }
    if (args.values.log) console.log(server.log.join('\n'));
  } finally {
    await server.destroy();
    await mock.stop();
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed ? 1 : 0;
}

process.exit(await main());
