// End-to-end tests with a real browser: node tests/e2e/run.mjs --binary build/atelier [NAME ...]
// E2E_SHOTS=FOLDER keeps pictures; CHROMIUM names another browser; E2E_SLOW=MS lets every call of the page wait up to
// so long, which finds what does not wait for it.
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as access from './access.mjs';
import * as approvals from './approvals.mjs';
import * as assistants from './assistants.mjs';
import { launch } from './browser.mjs';
import * as chat from './chat.mjs';
import * as compare from './compare.mjs';
import * as documents from './documents.mjs';
import * as design from './gallery.mjs';
import * as kept from './kept.mjs';
import * as languages from './languages.mjs';
import * as lists from './lists.mjs';
import * as messages from './messages.mjs';
import { Mock } from './mock.mjs';
import * as pictures from './pictures.mjs';
import * as prompts from './prompts.mjs';
import { Server } from './server.mjs';
import * as settings from './settings.mjs';
import * as start from './start.mjs';
import * as summary from './summary.mjs';
import * as temporary from './temporary.mjs';
import * as tools from './tools.mjs';
import * as unsent from './unsent.mjs';
import { PATIENCE } from './wait.mjs';
import * as windows from './windows.mjs';

const tests = { ...chat, ...settings, ...access, ...approvals, ...design, ...kept, ...languages, ...assistants, ...compare, ...documents, ...lists, ...messages, ...pictures, ...prompts, ...start, ...summary, ...temporary, ...tools, ...unsent, ...windows };

/**
 * Two lanes run side by side, each with a server, a provider and a person of its own. Within a lane the cases run in this
 * order: what one leaves behind (chats, jobs, usage) is what later ones look at. What stops its server, or takes the
 * machine with many windows, stands where the other lane does not measure.
 */
const lanes = [
  [
    'streaming',
    'firstPaint',
    'encodings',
    'unknownAddress',
    'reading',
    'diagrams',
    'growing',
    'growingCode',
    'scrolling',
    'viewShrinks',
    'composerTools',
    'reloadInTheMiddle',
    'twoTabs',
    'tenWindows',
    'windowsWithoutWorker',
    'windowAlone',
    'socketCut',
    'stop',
    'keyboard',
    'providerError',
    'versions',
    'waiting',
    'reasoning',
    'endings',
    'messageActions',
    'whatIsSent',
    'searching',
    'accessChat',
    'accessMessages',
    'accessKeyboard',
    'accessEmulated',
    'manyModels',
    'titleMark',
    'notified',
    'compare',
    'summary',
    'temporary',
    'unsent',
    'queueing',
    'pictures',
    'unsentReload',
    'pageComesBack',
    'noticesBeside',
    'phone',
    'languages',
    'serverKilled',
    'signOutAndIn',
  ],
  [
    'gallery',
    'firstConnect',
    'firstAddress',
    'accessOutside',
    'listKeepsPlace',
    'renameAndDelete',
    'ordering',
    'choosing',
    'assistants',
    'agents',
    'rules',
    'memories',
    'prompts',
    'documents',
    'documentPages',
    'chatFiles',
    'toolsPage',
    'openapiTools',
    'pythonTools',
    'toolQuestions',
    'toolCalls',
    'approvals',
    'toolServers',
    'librarian',
    'testConnection',
    'addProvider',
    'loading',
    'queueAndTools',
    'manageModels',
    'pullWithReload',
    'apiKeys',
    'usage',
    'pricesAndLimits',
    'vectorStore',
    'unsavedForms',
    'typedStays',
    'refusedStays',
    'sessionEnds',
    'people',
    'resign',
    'ordinaryUser',
    'accessSettings',
    'phoneSettings',
    'pseudoLocale',
    'installed',
  ],
];
const args = parseArgs({ options: { binary: { type: 'string' } }, allowPositionals: true });
const binary = resolve(args.values.binary ?? 'build/atelier');
const shots = process.env.E2E_SHOTS;
const SIZE = { width: 1280, height: 800 };
const slow = Number(process.env.E2E_SLOW);

/** Collects what a page must never say. */
function watcher() {
  const said = [];
  let allowed = [];
  const note = (text) => allowed.some((a) => a.test(text)) || said.push(text);
  return {
    said,
    allow: (pattern) => allowed.push(pattern),
    forget: () => {
      allowed = [];
      return said.splice(0);
    },
    watch(page) {
      page.on('pageerror', (error) => note('uncaught: ' + error));
      page.on('console', (message) => {
        if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text()))
          note(`console: ${message.text()} (${message.location().url})`);
      });
      page.setDefaultTimeout(PATIENCE);
      const wait = page.waitForFunction.bind(page);
      page.waitForFunction = (holds, ...more) => {
        if (holds.constructor.name === 'AsyncFunction') throw new Error('a promise is true at once: use eventually()');
        return wait(holds, ...more);
      };
      return page;
    },
  };
}

/** One lane: its server, its browser, and its cases one after the other; what failed is put into `failures`. */
async function run(cases, failures, times) {
  const mock = new Mock();
  await mock.start();
  const server = new Server(binary, { OLLAMA_HOST: mock.url, ATELIER_MAX_TURNS_PER_USER: '50', ATELIER_RATE_PER_MINUTE: '6000', ATELIER_TOOL_NETWORKS: '127.0.0.0/8' });
  await server.start();
  const browser = await launch();
  const context = await browser.newContext({ viewport: SIZE, reducedMotion: 'reduce', locale: 'en-US', serviceWorkers: 'block' });
  if (slow) await context.route('**/api/**', async (route) => setTimeout(() => route.continue().catch(() => {}), Math.random() * slow));
  const { watch, allow, forget } = watcher();
  const page = watch(await context.newPage());
  try {
    for (const name of ['firstRun', ...cases]) {
      const began = Date.now();
      let number = 0;
      const shot = async (what, of = page) => {
        if (shots) await of.screenshot({ path: join(shots, `${name}-${number++}-${what}.png`) });
      };
      // Before anybody is signed in, the page asks and is told so.
      if (name === 'firstRun') allow(/status of 401/);
      try {
        await ends(name, tests[name]({ page, context, mock, server, base: server.url, watch, allow, shot }));
        const said = forget();
        if (said.length) throw new Error('the page said:\n' + said.join('\n'));
        console.log(`ok ${name} (${Date.now() - began} ms)`);
      } catch (error) {
        failures.push(`FAILED ${name}: ${String(error.stack ?? error).slice(0, 1500)}`);
        const text = await page.locator('body').innerText().catch(() => '');
        const lines = [`FAILED ${name}: ${error.stack ?? error}`, '  at ' + page.url(), text.replace(/^/gm, '  | ').slice(0, 2000)];
        lines.push(...forget().map((line) => '  page: ' + line), ...server.log.slice(-15).map((line) => '  server: ' + line));
        console.log(lines.join('\n')); // in one piece, whatever the other lane says meanwhile
        await shot('failed');
        if (name === 'firstRun') break;
        // What comes next begins where it expects to.
        await page.setViewportSize(SIZE);
        await page.goto(server.url + '/').catch(() => {});
      } finally {
        times.push({ name, ms: Date.now() - began });
      }
    }
    await browser.close();
    const how = await server.end();
    if (how !== 0) failures.push(`FAILED: the server ended with ${how}`);
  } finally {
    await browser.close();
    await server.destroy();
    await mock.stop();
  }
}

/** A case that waits without end fails as others do, with the page as it stands. */
async function ends(name, tried) {
  let timer;
  const late = new Promise((_, no) => (timer = setTimeout(() => no(new Error(`${name} has not ended in ${4 * PATIENCE} ms`)), 4 * PATIENCE)));
  try {
    await Promise.race([tried, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function main() {
  if (!existsSync(binary)) throw new Error(`there is no ${binary}: build it first`);
  if (shots) mkdirSync(shots, { recursive: true });
  const wanted = args.positionals;
  const all = lanes.flat();
  const unknown = wanted.filter((name) => name !== 'firstRun' && !all.includes(name));
  if (unknown.length) throw new Error(`there is no case ${unknown.join(', ')}`);
  const chosen = wanted.length ? [all.filter((name) => wanted.includes(name))] : lanes;
  const failures = []; // repeated at the end, where who sees only the last lines finds them
  const times = [];
  await Promise.all(chosen.map((cases) => run(cases, failures, times)));
  const slowest = times.sort((a, b) => b.ms - a.ms).slice(0, 10).map(({ name, ms }) => `${name} ${(ms / 1000).toFixed(1)} s`);
  console.log(`The slowest: ${slowest.join(', ')}`);
  console.log([`${times.length - failures.length} passed, ${failures.length} failed`, ...failures].join('\n'));
  return failures.length ? 1 : 0;
}

process.exit(await main());
