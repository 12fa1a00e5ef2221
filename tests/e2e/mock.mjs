// A scripted Ollama: what it answers depends on the last thing that was said.
import { createServer } from 'node:http';

/** A door that a test opens when it has seen enough. */
export class Gate {
  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}

export class Mock {
  scripts = new Map();
  /** What a tool that is called over HTTP answers, by its path. */
  tools = new Map();
  models;
  /** What a model is, by its name. */
  show = () => ({ capabilities: ['completion'], model_info: {} });
  /** Sends the lines of a pull: gets `line(value)` and the call. */
  pull = async ({ line }) => line({ status: 'success' });
  /** Calls whose connection was closed by the other side before their end. */
  aborted = 0;
  calls = [];

  constructor(models = ['mock:1b']) {
    this.models = models;
    this.server = createServer((request, response) => void this.handle(request, response));
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  /** `script` gets `say(text)`, `think(text)`, `tool(name, arguments)`, `fail(text)`, `ends(reason)` and `counts(tokens)` of what was asked; `last` is what the person said, or its last line: passages of documents stand before that. */
  on(last, script) {
    this.scripts.set(last, script);
  }

  async handle(request, response) {
    let body = '';
    for await (const piece of request) body += piece;
    const json = (value) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(value));
    };
    if (request.url === '/api/tags') {
      const details = { family: 'mock', parameter_size: '1.2B', quantization_level: 'Q4_K_M' };
      return json({ models: this.models.map((name) => ({ name, model: name, size: 1234567, details })) });
    }
    if (request.url === '/api/ps') return json({ models: [] });
    if (request.url === '/api/pull') return this.fetchModel(JSON.parse(body), response);
    if (request.url === '/api/version') return json({ version: '0.32.15' });
    if (request.url === '/api/show') return json(this.show(JSON.parse(body).model));
    const tool = this.tools.get(request.url.split('?')[0]);
    if (tool) return json(await tool({ method: request.method, body }));
    if (request.url !== '/api/chat') {
      response.statusCode = 404;
      return json({ error: 'no such path' });
    }
    await this.chat(JSON.parse(body), response);
  }

  async fetchModel(call, response) {
    response.setHeader('Content-Type', 'application/x-ndjson');
    await this.pull({ call, line: (value) => response.write(JSON.stringify(value) + '\n') });
    this.models = [...this.models, call.model ?? call.name];
    response.end();
  }

  async chat(call, response) {
    this.calls.push(call);
    let open = true;
    response.on('close', () => {
      if (open) this.aborted++;
      open = false;
    });
    response.setHeader('Content-Type', 'application/x-ndjson');
    const line = (value) => open && response.write(JSON.stringify({ model: call.model, ...value }) + '\n');
    const last = call.messages.at(-1).content;
    const script = this.scripts.get(last) ?? this.scripts.get(last.split('\n').at(-1)) ?? ((turn) => turn.say('A fine day'));
    let reason = 'stop';
    let asked = 11;
    await script({
      ends: (why) => (reason = why),
      counts: (tokens) => (asked = tokens),
      say: (content) => line({ message: { role: 'assistant', content }, done: false }),
      think: (thinking) => line({ message: { role: 'assistant', content: '', thinking }, done: false }),
      tool: (name, args) =>
        line({ message: { role: 'assistant', content: '', tool_calls: [{ function: { name, arguments: args } }] }, done: false }),
      fail: (error) => line({ error }),
      call,
    });
    line({
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: reason,
      total_duration: 5e6,
      prompt_eval_count: asked,
      eval_count: 7,
      eval_duration: 3e6,
    });
    open = false;
    response.end();
  }
}
