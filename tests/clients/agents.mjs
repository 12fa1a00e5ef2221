// Whole agents against the program, each with a session of several calls of its own tools: Codex, Claude Code, opencode.
// Some of what the tools return is no text, and in the middle of the session the server is killed and started again.
// They are large, so they stand apart from the suite: `make agents`. Each has a home of its own below build/, and nothing
// but 127.0.0.1 to talk to.
//
//   node tests/clients/agents.mjs [build/atelier]
import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as openai from './mock-openai.mjs';
import { Mock } from './mock.mjs';
import { COMMANDS } from './scenes.mjs';
import { PATIENCE, Server } from './server.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../build/clients-agents');
const bin = (name) => join(root, 'node_modules/.bin', name);
const binary = resolve(process.argv[2] ?? join(here, '../../build/atelier'));
const packages = ['@openai/codex@latest', '@anthropic-ai/claude-code@latest', 'opencode-ai@latest'];
const TASK = 'Run all commands';
const KILLED_AFTER = 5; // results

async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: PATIENCE, ...options });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (out += d));
  const [code] = await once(child, 'close');
  return { code, out };
}

function home(name, files) {
  const at = join(root, `home-${name}`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), text);
  }
  mkdirSync(join(at, 'work'), { recursive: true });
  return at;
}

/** How each is told where the models are. */
const agents = {
  codex: (url, key) => {
    const at = home('codex', {
      'config.toml': `model = "mock-gpt"\nopenai_base_url = "${url}/v1"\napproval_policy = "never"\nsandbox_mode = "danger-full-access"\n`,
    });
    return [at, ['exec', '--skip-git-repo-check', TASK], { CODEX_HOME: at, OPENAI_API_KEY: key, CODEX_API_KEY: key }];
  },
  claude: (url, key) => [
    home('claude', {}),
    ['-p', TASK, '--allowedTools', 'Bash'],
    {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: key,
      ANTHROPIC_MODEL: 'mock-gpt',
      ANTHROPIC_SMALL_FAST_MODEL: 'mock-gpt',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    },
  ],
  opencode: (url, key) => {
    const provider = {
      npm: '@ai-sdk/openai-compatible',
      options: { baseURL: `${url}/v1`, apiKey: key },
      models: { 'mock-gpt': { name: 'Mock' } },
    };
    const config = { provider: { atelier: provider }, model: 'atelier/mock-gpt', permission: 'allow' };
    const at = home('opencode', { 'config.json': JSON.stringify(config) });
    return [at, ['run', TASK], { OPENCODE_CONFIG: join(at, 'config.json'), OPENCODE_DISABLE_AUTOUPDATE: '1' }];
  },
};

/** While an answer is being written: its program must ask again. */
async function killInTheMiddle(mock, server) {
  for await (const [dialect] of on(mock.events, 'asked'))
    if (mock.last(dialect).asked.results.length === KILLED_AFTER) break;
  await server.end('SIGKILL');
  server.env.ATELIER_LISTEN = new URL(server.url).host;
  await server.start();
}

/** The session went through when the last request had all results, and the agent said the last words. */
async function attempt(name, mock, server, key) {
  const [at, args, env] = agents[name](server.url, key);
  const before = mock.requests.length;
  const killed = killInTheMiddle(mock, server);
  const { out } = await run(bin(name), args, { cwd: join(at, 'work'), env: { ...process.env, HOME: at, ...env } });
  const results = Math.max(0, ...mock.requests.slice(before).map((r) => r.asked?.results.length ?? 0));
  const good = results >= COMMANDS.length && out.includes('All of them are done.');
  await Promise.race([killed, new Promise((r) => setTimeout(r, PATIENCE).unref())]);
  console.log(`${good ? 'ok' : 'not ok'} ${name}: ${results} results of tools`);
  if (!good) console.log(out.slice(-3000), server.log.slice(-10).join('\n'));
  return good;
}

async function main() {
  mkdirSync(root, { recursive: true });
  if (!existsSync(join(root, 'package.json'))) writeFileSync(join(root, 'package.json'), '{"private":true}');
  const made = await run('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: root, timeout: 600_000 });
  if (made.code !== 0) throw new Error(made.out.slice(-2000));
  const mock = new Mock();
  await mock.start();
  const server = new Server(binary, {
    OPENAI_BASE_URL: `${mock.urls.openai}/v1`,
    OPENAI_API_KEY: openai.KEY,
    ATELIER_WARM_UP: '0',
    ATELIER_RATE_PER_MINUTE: '1000000',
  });
  let failed = 0;
  try {
    await server.start();
    const key = await server.key();
    for (const name of Object.keys(agents)) failed += (await attempt(name, mock, server, key)) ? 0 : 1;
  } finally {
    await server.destroy();
    await mock.stop();
  }
  return failed;
}

process.exit(await main());
