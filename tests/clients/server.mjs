// The program under test, on a free port with a data folder of its own, and a key for it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long anything is waited for before it is said to hang (ms): it measures nothing, a busy machine takes what it takes. */
export const PATIENCE = 120_000;
const PASSWORD = 'a password for tests';

export class Server {
  log = [];

  constructor(binary, settings) {
    this.binary = binary;
    this.data = mkdtempSync(join(tmpdir(), 'atelier-clients-'));
    const own = Object.entries(process.env).filter(
      ([k]) => !/^(ATELIER_|OLLAMA_|OPENAI_|ANTHROPIC_|LANG(CHAIN|SMITH)_|XDG_)|proxy/i.test(k),
    );
    this.env = { ...Object.fromEntries(own), ATELIER_DATA: this.data, ATELIER_LISTEN: '127.0.0.1:0', ...settings };
  }

  async start() {
    this.child = spawn(this.binary, ['serve'], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = once(this.child, 'exit').then(([code, signal]) => signal ?? code);
    this.url = await new Promise((resolve, reject) => {
      const read = (piece) => {
        this.log.push(...String(piece).split('\n').filter(Boolean));
        const ready = /is ready at (https?:\/\/[^\s/]+)/.exec(this.log.join('\n'));
        if (ready) resolve(ready[1]);
      };
      this.child.stdout.on('data', read);
      this.child.stderr.on('data', read);
      this.ended.then((how) => reject(new Error(`the server ended (${how}):\n${this.log.join('\n')}`)));
      setTimeout(() => reject(new Error(`the server is not ready:\n${this.log.join('\n')}`)), PATIENCE).unref();
    });
  }

  /** A user by the command line, signed in, with an API key. */
  async key() {
    const add = spawn(this.binary, ['user', 'add', 'ada', '--role', 'admin'], {
      env: this.env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    add.stdin.end(PASSWORD + '\n');
    const [code] = await once(add, 'exit');
    if (code !== 0) throw new Error(`user add ended with ${code}`);
    const signedIn = await this.#post('/api/v1/auth/login', { username: 'ada', password: PASSWORD });
    const cookie = signedIn.headers.getSetCookie()[0].split(';')[0];
    const made = await this.#post('/api/v1/keys', { name: 'clients' }, { cookie, origin: this.url });
    this.session = { cookie, origin: this.url };
    return (await made.json()).key;
  }

  /** An assistant of whoever has signed in; its model in the gateway. */
  async assistant(name, more) {
    await this.#post('/api/v1/assistants', { name, ...more }, this.session);
    return `assistant/${name}`;
  }

  async get(path) {
    return (await fetch(this.url + path, { headers: this.session })).json();
  }

  async #post(path, body, headers) {
    const r = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
    return r;
  }

  async end(signal = 'SIGTERM') {
    this.child.kill(signal);
    return this.ended;
  }

  async destroy() {
    if (this.child?.exitCode === null && this.child.signalCode === null) await this.end('SIGKILL');
    rmSync(this.data, { recursive: true, force: true });
  }
}
