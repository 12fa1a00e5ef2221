// One scripted provider that plays Ollama, OpenAI and Anthropic on three ports of 127.0.0.1. It keeps the requests that
// reached it, and knows which streams the other side has closed. Alone: node mock.mjs prints the three addresses;
// GET /control at each tells { requests, closed, open } and GET /control/closed?after=N waits for the next close.
import { EventEmitter, on, once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as anthropic from './mock-anthropic.mjs';
import * as ollama from './mock-ollama.mjs';
import * as openai from './mock-openai.mjs';
import { scene } from './scenes.mjs';
import { PATIENCE } from './server.mjs';

const dialects = { ollama, openai, anthropic };

/** What a dialect writes its answer with. */
class Answer {
  gone = false;

  constructor(mock, res, dialect) {
    Object.assign(this, { mock, res, dialect });
    res.on('close', () => {
      if (res.writableFinished) return;
      this.gone = true;
      mock.closed++;
      mock.events.emit('closed', dialect);
    });
  }

  json(status, value, headers = {}) {
    const body = JSON.stringify(value);
    this.res.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...headers,
    });
    this.res.end(body);
  }

  begin(type) {
    this.res.writeHead(200, { 'content-type': type });
  }

  /** In two writes, cut anywhere: frames, lines and characters end where they like. */
  async write(text) {
    if (this.gone) return;
    const bytes = Buffer.from(text);
    const at = 1 + ((bytes.length * 7) % Math.max(1, bytes.length - 1));
    this.res.write(bytes.subarray(0, at));
    await turn();
    if (!this.gone && this.res.write(bytes.subarray(at)) === false)
      await Promise.race([once(this.res, 'drain'), once(this.res, 'close')]);
  }

  /** For streams without an end: 200 pieces a second while somebody listens. */
  async more() {
    await pause(5);
    return !this.gone;
  }

  end() {
    if (!this.gone) this.res.end();
  }
}

export class Mock {
  requests = [];
  closed = 0;
  events = new EventEmitter();
  #servers = [];
  urls = {};

  async start() {
    this.events.setMaxListeners(0);
    for (const [name, dialect] of Object.entries(dialects)) {
      const server = createServer((req, res) =>
        this.#serve(name, dialect, req, res).catch((error) => res.destroy(error)),
      );
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      this.#servers.push(server);
      this.urls[name] = `http://127.0.0.1:${server.address().port}`;
    }
  }

  async stop() {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }

  /** The last request of a dialect that asked a model. */
  last(dialect) {
    return this.requests.findLast((r) => r.dialect === dialect && r.asked);
  }

  /** Resolves when a stream is closed by the other side, from now on; rejects after ms. */
  nextClosed(ms) {
    return once(this.events, 'closed', { signal: AbortSignal.timeout(ms) }).catch(() => {
      throw new Error(`the provider's stream was still open after ${ms} ms`);
    });
  }

  /** Resolves when a model of this dialect is asked, from now on. */
  async nextRequest(dialect) {
    for await (const [from] of on(this.events, 'asked', { signal: AbortSignal.timeout(PATIENCE) }))
      if (from === dialect) return;
  }

  async #serve(name, dialect, req, res) {
    const url = new URL(req.url, 'http://mock');
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const out = new Answer(this, res, name);
    if (url.pathname.startsWith('/control')) return this.#control(url, out);
    const body = text ? JSON.parse(text) : undefined;
    const kept = { dialect: name, method: req.method, path: url.pathname, headers: req.headers, body };
    this.requests.push(kept);
    const simple = dialect.simple(req.method, url.pathname, body, req.headers);
    if (simple) return out.json(simple.status ?? 200, simple.body);
    kept.asked = dialect.read(url.pathname, body);
    this.events.emit('asked', name);
    const steps = scene(kept.asked);
    if (steps[0]?.silence) await pause(steps[0].silence);
    if (!steps[0]?.refuse) return dialect.answer(url.pathname, body, steps, out);
    const { status, message, retryAfter } = steps[0].refuse;
    out.json(status, dialect.error(status, message), retryAfter ? { 'retry-after': String(retryAfter) } : {});
  }

  async #control(url, out) {
    if (url.pathname === '/control/closed' && this.closed <= Number(url.searchParams.get('after') ?? -1))
      await once(this.events, 'closed');
    out.json(200, { requests: this.requests, closed: this.closed });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = new Mock();
  await mock.start();
  console.log(JSON.stringify(mock.urls));
}
