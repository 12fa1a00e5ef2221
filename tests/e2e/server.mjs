// The program under test on a free port that stays the same over restarts.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENCE } from './wait.mjs';

async function freePort() {
  const s = createServer();
  await new Promise((resolve) => s.listen(0, '127.0.0.1', resolve));
  const { port } = s.address();
  await new Promise((resolve) => s.close(resolve));
  return port;
}

export class Server {
  log = [];

  constructor(binary, settings) {
    this.binary = binary;
    this.settings = settings;
    this.data = mkdtempSync(join(tmpdir(), 'atelier-e2e-'));
  }

  async start() {
    this.port ??= await freePort();
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([k]) => !/^(ATELIER_|OLLAMA_|OPENAI_|XDG_)|proxy/i.test(k)),
    );
    const listen = `127.0.0.1:${this.port}`;
    this.child = spawn(this.binary, ['serve'], {
      env: { ...env, ATELIER_DATA: this.data, ATELIER_LISTEN: listen, ...this.settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(signal ?? code)));
    await new Promise((resolve, reject) => {
      const read = (piece) => {
        this.log.push(...String(piece).split('\n').filter(Boolean));
        const text = this.log.join('\n');
        this.setup = /https?:\/\/\S+\/#\/setup\/\S+/.exec(text)?.[0];
        const ready = /is ready at (https?:\/\/\S+)/.exec(text);
        if (ready) {
          this.url = ready[1].replace(/\/$/, '');
          // The setup link follows in the same breath.
          setImmediate(resolve);
        }
      };
      this.child.stdout.on('data', read);
      this.child.stderr.on('data', read);
      this.ended.then((how) => reject(new Error(`the server ended (${how}):\n${this.log.join('\n')}`)));
      setTimeout(() => reject(new Error(`the server is not ready:\n${this.log.join('\n')}`)), PATIENCE).unref();
    });
  }

  async end(signal = 'SIGTERM') {
    this.child.kill(signal);
    this.log = [];
    return this.ended;
  }

  async destroy() {
    if (this.child?.exitCode === null && this.child.signalCode === null) await this.end('SIGKILL');
    rmSync(this.data, { recursive: true, force: true });
  }
}
