// The two reducers, the server's (C) and the page's (TypeScript), come to the same message: for recorded logs and random ones,
// wherever they are cut and gone on with, over several turns on one message.
//
//	node tests/reduce/run.mjs build/asan/tests/reduce/reduce_log [SEED]
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const web = join(here, '../../web');
const RANDOM_LOGS = 1500;
const [binary, seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);

/** The page's modules without their types. */
async function pageReducer() {
  const ts = createRequire(join(web, 'package.json'))('typescript');
  const folder = mkdtempSync(join(tmpdir(), 'reduce-'));
  try {
    for (const name of ['reduce', 'parts']) {
      const source = readFileSync(join(web, `src/core/turn/${name}.ts`), 'utf8');
      const { outputText } = ts.transpileModule(source, { compilerOptions: { module: 'esnext', target: 'es2022', verbatimModuleSyntax: true } });
      writeFileSync(join(folder, `${name}.mjs`), outputText.replace(/'\.\/(\w+)'/g, "'./$1.mjs'"));
    }
    return await import(pathToFileURL(join(folder, 'reduce.mjs')).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Numbers by chance that a seed gives again. */
let state = Number(seed) >>> 0 || 1;
function below(n) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}
const one = (list) => list[below(list.length)];
const maybe = (value, fields) => (below(2) ? { ...fields, ...value } : fields);

/** Of the answer itself, or of an agent that a call of it has. */
const of = (fields) => (below(3) ? fields : { ...fields, parent: one(['a', 'b', '']) });
const DATA = [null, {}, [], false, 0, '', { a: [1, 'x', null] }, [{ n: 1.5 }], 'text'];

const WORDS = ['a', 'Hello ', '"', '\\', '\n\n', 'ä', '🙂', '', '[1]', '</think>', ' ', '```js\n'];
const makers = [
  [8, () => ['text', of({ text: one(WORDS) })]],
  [6, () => ['reasoning', of({ text: one(WORDS) })]],
  [2, () => ['moved', of({ to: one(['text', 'reasoning']) })]],
  [2, () => ['citation', { n: 1 + below(3), title: one(WORDS), url: '/' + below(9), quote: one(WORDS) }]],
  [3, () => ['tool_call', of(maybe({ arguments: one(WORDS) }, { index: below(3), id: one(['a', 'b', 'c']), name: one(['f', 'g']) }))]],
  [3, () => ['tool_call', of({ index: below(3), arguments: one(WORDS) })]],
  [1, () => ['tool_start', maybe({ title: one(WORDS), source: one(['', 'builtin']) }, { id: one(['a', 'b', 'd']), at: 5 })]],
  [1, () => ['tool_progress', maybe({ message: one(WORDS), total: below(9) }, { id: one(['a', 'b', 'd']), progress: below(9) })]],
  [3, () => ['tool_result', maybe({ failed: below(2) === 1, cut: below(2) === 1 }, maybe({ structured: one(DATA), files: one([[], [{ id: 'f', name: 'n' }]]), duration_ms: below(3) }, { id: one(['a', 'b', 'c', 'd']), result: one(WORDS) }))]],
  [1, () => ['approval', maybe({ decision: one(['once', 'deny', 'expired']), reason: one(WORDS) }, maybe({ title: one(WORDS), unknown: below(2) === 1 }, { id: one(['a', 'b', 'd']), name: 'f', arguments: '{}', effect: 'writes', expires_at: below(9) }))]],
  [1, () => ['question', maybe({ action: one(['accept', 'decline']) }, maybe({ schema: one(DATA), url: one(WORDS) }, { id: one(['q', 'r']), call_id: one(['a', 'b', 'd']), from: 'x', message: one(WORDS) }))]],
  [1, () => ['done', maybe({ finish_reason: 'tool_calls' }, { state: 'waiting', message_id: 'm' })]],
  [1, () => ['notice', of(maybe({ count: 1 + below(3), tokens: 1 + below(9) }, { code: 'context', text: one(WORDS) }))]],
  [1, () => ['plan', of({ steps: one([[], [{ text: one(WORDS), state: one(['pending', 'active', 'done']) }], ...DATA]) })]],
  [1, () => ['status', { state: 'loading', text: 'x' }]],
  [1, () => ['budget', of({ steps: { used: below(9), limit: 20 }, tokens: { used: below(9) }, cost_micros: { used: 0 }, seconds: { used: 1 } })]],
  [1, () => ['usage', maybe({ tokens_cached: below(9), cost_micros: below(99), first_token_ms: below(50) }, maybe({ tokens_in: below(100), tokens_out: below(9), model: 'other' }, { exact: below(2) === 1, duration_ms: below(99), tokens_reasoning: below(3) }))]],
].flatMap(([weight, make]) => Array(weight).fill(make));

function randomLog() {
  const events = [['start', { turn_id: 't', conversation_id: 'c', user_message_id: 'u', message_id: 'm', model: 'asked' }]];
  for (let n = below(40); n > 0; n--) events.push(one(makers)());
  if (below(4) === 0) events.push(['error', { code: 'provider_error', message: one(WORDS) || 'x', retryable: true }]);
  events.push(['done', maybe({ finish_reason: one(['stop', 'length']) }, { state: one(['complete', 'failed', 'canceled', 'interrupted']), message_id: 'm' })]);
  return events;
}

/** A log as a reader got it. */
const recorded = (text) =>
  text.split('\n\n').filter(Boolean).map((frame) => {
    const [, event, data] = /^id: \d+\nevent: (\w+)\ndata: (.*)$/.exec(frame);
    return [event, JSON.parse(data)];
  });

const helper = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: helper.stdout })[Symbol.asyncIterator]();
async function byServer(before, events, cut) {
  helper.stdin.write(JSON.stringify({ before, events, cut }) + '\n');
  const { value, done } = await answers.next();
  assert(!done, 'the server’s reducer has ended');
  return JSON.parse(value);
}

/** What the API makes of what is stored. */
function asMessage(before, stored, model) {
  const { error_code, ...m } = stored;
  const known = (n) => (n > 0 ? n : null);
  return {
    content: m.content,
    parts: m.parts ?? (m.content ? [{ type: 'text', text: m.content }] : []),
    state: m.state,
    model: m.model || model,
    error: error_code || null,
    finish_reason: m.finish_reason || null,
    tokens_in: known(m.tokens_in),
    tokens_out: m.tokens_in > 0 ? m.tokens_out : known(m.tokens_out),
    tokens_cached: known(m.tokens_cached),
    tokens_reasoning: known(m.tokens_reasoning),
    tokens_exact: m.tokens_exact,
    cost_micros: known(m.cost_micros),
    first_token_ms: known(m.first_token_ms),
    duration_ms: known(m.duration_ms),
  };
}

const { beginTurn, messageOf, reduce } = await pageReducer();
const fresh = { id: 'm', role: 'assistant', content: '', parts: [], state: 'running', model: null, tokens_exact: false };

/** Takes the events up to a cut, then again from some place before it to the end, as a page does that was cut off. */
function byPage(message, events) {
  const numbered = events.map(([type, data], i) => ({ seq: i + 1, event: { ...data, type } }));
  const cut = below(numbered.length + 1);
  const whole = [...numbered.slice(0, cut), ...numbered.slice(below(cut + 1))];
  return messageOf(message, whole.reduce(reduce, beginTurn('t', message)));
}

let logs = 0;
/** Turns that go on with one message. */
async function check(turns) {
  let message = fresh;
  for (const [i, events] of turns.entries()) {
    const page = byPage(message, events);
    const stored = await byServer(i ? message : null, events, below(events.length + 1));
    const server = asMessage(message, stored, events.find(([type]) => type === 'start')?.[1].model ?? message.model);
    const shown = Object.fromEntries(Object.keys(server).map((key) => [key, key === 'error' ? (page.error?.code ?? null) : (page[key] ?? null)]));
    assert.deepEqual(shown, server, `seed ${seed}: ${JSON.stringify({ before: i ? message : null, events })}`);
    message = { ...message, ...server, error: null, state: 'running' };
    logs++;
  }
}

const files = readdirSync(join(here, 'logs')).map((name) => recorded(readFileSync(join(here, 'logs', name), 'utf8')));
assert(files.length > 0);
for (let round = 0; round < 20; round++) {
  for (const log of files) await check([log]);
  await check([one(files), one(files), one(files)]);
}
for (let i = 0; i < RANDOM_LOGS; i++) await check(Array.from({ length: 1 + below(3) }, randomLog));
helper.stdin.end();
console.log(`${logs} logs alike, seed ${seed}`);
console.log(`${files.length + RANDOM_LOGS} passed, 0 failed`);
