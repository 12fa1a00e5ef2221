// The ollama package, at the root and under /ollama.
import assert from 'node:assert/strict';
import { Ollama } from 'ollama';
import { ARGS, fails, IMAGE, PERSON_SCHEMA, raw, readUntil, TOOL, vectorIs } from './common.mjs';
import { HELLO, RECKONED, THOUGHT, USAGE } from './scenes.mjs';

export const name = 'ollama-js';
export const packages = ['ollama'];

const client = (t, key = t.key, path = '') =>
  new Ollama({ host: t.url + path, headers: { Authorization: `Bearer ${key}` } });
const user = (content, more) => [{ role: 'user', content, ...more }];
const tools = [{ type: 'function', function: TOOL }];

function isMetrics(r) {
  assert.equal(r.done, true);
  assert.equal(r.prompt_eval_count, USAGE.input);
  assert.equal(r.eval_count, USAGE.output);
  assert.ok(Number.isInteger(r.total_duration) && r.total_duration >= 0);
}

async function joined(stream) {
  const r = { content: '', thinking: '', calls: [], pieces: 0 };
  for await (const part of stream) {
    r.content += part.message?.content ?? part.response;
    r.thinking += part.message?.thinking ?? part.thinking ?? '';
    r.calls.push(...(part.message?.tool_calls ?? []));
    r.pieces++;
    r.last = part;
  }
  return r;
}

async function toolRoundTrip(t, question, expected, ask) {
  const messages = user(question);
  const { message } = await ask({ model: t.model, messages, tools });
  assert.deepEqual(
    message.tool_calls.map((c) => c.function.arguments),
    expected.map((city) => ({ ...ARGS, city })),
  );
  assert.ok(message.tool_calls.every((c) => c.function.name === 'get_weather'));
  messages.push(message);
  for (const c of message.tool_calls)
    messages.push({
      role: 'tool',
      tool_name: c.function.name,
      tool_call_id: c.id,
      content: `rain in ${c.function.arguments.city}`,
    });
  const last = await ask({ model: t.model, messages, tools });
  assert.equal(last.message.content, `It is ${expected.map((city) => `rain in ${city}`).join(' and ')}.`);
}

const failing = (t, prompt) => client(t).chat({ model: t.model, messages: user(prompt) });

export const features = {
  version: async (t) => {
    const { version } = await client(t).version();
    const [major, minor, patch] = version.split('.').map(Number);
    assert.ok(major > 0 || minor > 6 || (minor === 6 && patch >= 4), `${version} is too old for some clients`);
  },
  'models: list': async (t) => {
    const { models } = await client(t).list();
    const m = models.find((m) => m.name.replace(/:latest$/, '') === t.model);
    assert.ok(m, `${t.model} is not among ${models.map((m) => m.name)}`);
    assert.equal(m.name, m.model);
    assert.match(m.name, /:/);
    assert.match(m.digest, /^[0-9a-f]{64}$/);
    assert.ok(Number.isInteger(m.size) && m.size >= 0);
    assert.ok(!Number.isNaN(Date.parse(m.modified_at)));
    for (const k of ['format', 'family', 'parameter_size', 'quantization_level'])
      assert.equal(typeof m.details[k], 'string', k);
  },
  'models: show': async (t) => {
    const m = await client(t).show({ model: t.model });
    assert.ok(m.capabilities.includes('completion'));
    const arch = m.model_info['general.architecture'];
    assert.equal(typeof arch, 'string');
    assert.ok(m.model_info[`${arch}.context_length`] > 0, 'the length of the context is told');
    assert.equal(typeof m.model_info['general.basename'], 'string');
    assert.equal(typeof m.details.family, 'string');
  },
  'models: loaded': async (t) => {
    const { models } = await client(t).ps();
    for (const m of models) assert.ok(m.size >= 0 && !Number.isNaN(Date.parse(m.expires_at)));
    if (t.dialect === 'ollama')
      assert.ok(
        models.some((m) => m.name === t.model),
        `${t.model} is loaded`,
      );
  },
  text: async (t) => {
    const r = await client(t).chat({ model: t.model, messages: user('Say hello') });
    assert.equal(r.message.content, HELLO);
    assert.equal(r.message.role, 'assistant');
    assert.equal(r.done, true);
    assert.equal(r.done_reason, 'stop');
    assert.ok(r.created_at instanceof Date || !Number.isNaN(Date.parse(r.created_at)));
  },
  'system messages': async (t) => {
    const messages = [{ role: 'system', content: 'Be brief' }, ...user('Repeat the system')];
    assert.equal((await client(t).chat({ model: t.model, messages })).message.content, 'Be brief');
  },
  'an assistant as a model': async (t) => {
    const { models } = await client(t).list();
    assert.ok(models.some((m) => m.model.replace(/:latest$/, '') === t.assistant), `${t.assistant} is not among them`);
    const request = { model: t.assistant, messages: user('Repeat the system') };
    assert.equal((await client(t).chat(request)).message.content, 'Help kindly');
    const r = await joined(await client(t).chat({ ...request, stream: true }));
    assert.equal(r.content, 'Help kindly');
    assert.equal((await client(t).generate({ model: t.assistant, prompt: 'Repeat the system' })).response, 'Help kindly');
  },
  'an assistant with tools of its own': async (t) => {
    const request = { model: t.reckoner, messages: user('Reckon') };
    const r = await client(t).chat(request);
    assert.equal(r.message.content, `Let me see.\n\n${RECKONED}`);
    assert.match(r.message.thinking, /calculator/);
    const s = await joined(await client(t).chat({ ...request, stream: true }));
    assert.equal(s.content, `Let me see.\n\n${RECKONED}`);
    const mine = await client(t).chat({ ...request, tools });
    assert.deepEqual(mine.message.tool_calls.map((c) => c.function.name), ['get_weather']);
  },
  streaming: async (t) => {
    const r = await joined(await client(t).chat({ model: t.model, messages: user('Say hello'), stream: true }));
    assert.equal(r.content, HELLO);
    assert.equal(r.last.done_reason, 'stop');
    assert.ok(r.pieces >= 5, `only ${r.pieces} pieces`);
  },
  'form of a stream for strict readers': async (t) => {
    for (const content of ['Say hello', 'Think', 'Weather in Paris and Rome?']) {
      const { type, text } = await raw(t, '/api/chat', { messages: user(content), tools, stream: undefined });
      assert.match(type, /^application\/x-ndjson/);
      assert.ok(text.endsWith('\n'));
      const lines = text
        .split('\n')
        .slice(0, -1)
        .map((l) => JSON.parse(l));
      for (const [i, l] of lines.entries()) {
        assert.equal(l.model, t.model);
        assert.ok(!Number.isNaN(Date.parse(l.created_at)));
        assert.equal(l.message.role, 'assistant');
        assert.equal(typeof l.message.content, 'string');
        assert.equal(l.done, i === lines.length - 1);
        assert.ok(!('error' in l));
        assert.ok((l.message.tool_calls?.length ?? 1) === 1, 'one call a line');
        for (const c of l.message.tool_calls ?? []) assert.ok(c.id && typeof c.function.arguments === 'object');
      }
    }
  },
  reasoning: async (t) => {
    const { message } = await client(t).chat({ model: t.model, messages: user('Think'), think: true });
    assert.equal(message.thinking, THOUGHT);
    assert.equal(message.content, '42');
  },
  'reasoning streamed': async (t) => {
    const r = await joined(
      await client(t).chat({ model: t.model, messages: user('Think'), think: 'high', stream: true }),
    );
    assert.equal(r.thinking, THOUGHT);
    assert.equal(r.content, '42');
  },
  'cut by num_predict': async (t) => {
    const r = await client(t).chat({ model: t.model, messages: user('Cut'), options: { num_predict: 5, mirostat: 1 } });
    assert.equal(r.done_reason, 'length');
    const sent = t.mock.last(t.dialect).body;
    assert.equal(sent.max_tokens ?? sent.options.num_predict, 5);
  },
  tools: (t) => toolRoundTrip(t, 'Weather in Paris?', ['Paris'], (q) => client(t).chat(q)),
  'two tools at once': (t) =>
    toolRoundTrip(t, 'Weather in Paris and Rome?', ['Paris', 'Rome'], (q) => client(t).chat(q)),
  'tools streamed': (t) =>
    toolRoundTrip(t, 'Weather in Paris and Rome?', ['Paris', 'Rome'], async (q) => {
      const r = await joined(await client(t).chat({ ...q, stream: true }));
      return { message: { role: 'assistant', content: r.content, ...(r.calls.length ? { tool_calls: r.calls } : {}) } };
    }),
  image: async (t) => {
    const r = await client(t).chat({ model: t.model, messages: user('Look', { images: [IMAGE] }) });
    assert.equal(r.message.content, 'image/png of 70 bytes');
  },
  'JSON schema': async (t) => {
    const r = await client(t).chat({ model: t.model, messages: user('JSON'), format: PERSON_SCHEMA });
    assert.deepEqual(JSON.parse(r.message.content), { name: 'Ada', age: 36 });
  },
  'JSON object': async (t) => {
    const r = await client(t).chat({ model: t.model, messages: user('JSON'), format: 'json' });
    assert.deepEqual(JSON.parse(r.message.content), { any: 'object' });
  },
  usage: async (t) => isMetrics(await client(t).chat({ model: t.model, messages: user('Say hello') })),
  'usage streamed': async (t) =>
    isMetrics((await joined(await client(t).chat({ model: t.model, messages: user('Say hello'), stream: true }))).last),
  'load and unload (no messages)': async (t) => {
    const load = await client(t).chat({ model: t.model, messages: [] });
    assert.equal(load.done, true);
    assert.equal(load.done_reason, 'load');
    const unload = await client(t).generate({ model: t.model, prompt: '', keep_alive: 0 });
    assert.equal(unload.done_reason, 'unload');
  },
  'keep_alive and old options': async (t) => {
    for (const keep_alive of [-1, '5m', 1800]) {
      const options = { temperature: 0.5, num_ctx: 4096, tfs_z: 1, use_mmap: true, stop: ['END'] };
      const r = await client(t).chat({ model: t.model, messages: user('Say hello'), keep_alive, options });
      assert.equal(r.message.content, HELLO);
    }
    const { body } = t.mock.last(t.dialect);
    assert.deepEqual(body.stop ?? body.stop_sequences ?? body.options.stop, ['END']);
  },
  generate: async (t) => {
    const r = await client(t).generate({ model: t.model, prompt: 'Say hello' });
    assert.equal(r.response, HELLO);
    isMetrics(r);
  },
  'generate streamed': async (t) => {
    const r = await joined(await client(t).generate({ model: t.model, prompt: 'Say hello', stream: true }));
    assert.equal(r.content, HELLO);
  },
  'generate with system and image': async (t) => {
    const r = await client(t).generate({ model: t.model, prompt: 'Look', system: 'Be brief', images: [IMAGE] });
    assert.equal(r.response, 'image/png of 70 bytes');
  },
  'generate: fill in the middle': async (t) => {
    const r = await client(t).generate({ model: t.model, prompt: 'Say hello', suffix: 'the end' });
    assert.equal(r.response, HELLO);
    assert.equal(t.mock.last(t.dialect).asked.suffix, 'the end');
  },
  embed: async (t) => {
    const r = await client(t).embed({ model: t.embedding, input: ['one', 'two'] });
    vectorIs(r.embeddings[0], 'one');
    vectorIs(r.embeddings[1], 'two');
    assert.equal(r.prompt_eval_count, 6);
  },
  'embeddings (older)': async (t) =>
    vectorIs((await client(t).embeddings({ model: t.embedding, prompt: 'one' })).embedding, 'one'),
  'error: unknown model': (t) =>
    fails(client(t).chat({ model: 'no-such', messages: user('Hi') }), undefined, 404, /no-such/, (e) =>
      assert.equal(e.name, 'ResponseError'),
    ),
  'error: wrong key': (t) => fails(client(t, 'sk-atelier-wrong').list(), undefined, 401, /./),
  'error: the provider says 400: stays 400': (t) => fails(failing(t, 'Fail 400'), undefined, 400, /too strange/),
  'error: the provider says 401: becomes 502': (t) => fails(failing(t, 'Fail 401'), undefined, 502, /key/),
  'error: the provider says 429: stays 429': (t) => fails(failing(t, 'Fail 429'), undefined, 429, /too many of them/),
  'error: the provider says 500: becomes 502': (t) => fails(failing(t, 'Fail 500'), undefined, 502, /something broke/),
  'error in the stream': async (t) => {
    let text = '';
    const read = async () => {
      for await (const part of await client(t).chat({ model: t.model, messages: user('Break'), stream: true }))
        text += part.message.content;
    };
    await fails(read(), undefined, undefined, /the engine stopped/);
    assert.equal(text, 'The first half, and');
  },
  'abort of a stream': (t) =>
    t.closesProvider(async (started) => {
      const c = client(t);
      const stream = await c.chat({ model: t.model, messages: user('Forever'), stream: true });
      await readUntil(stream, (part) => part.message.content, 3);
      started();
      c.abort();
    }),
  'abort of generate': (t) =>
    t.closesProvider(async (started) => {
      const stream = await client(t).generate({ model: t.model, prompt: 'Forever', stream: true });
      await readUntil(stream, (part) => part.response, 3);
      started();
      stream.abort();
    }),
  'pull without the right to': (t) => fails(client(t).pull({ model: 'mock:2b' }), undefined, 403, /./),
  'all of it under /ollama': async (t) => {
    const c = client(t, t.key, '/ollama');
    assert.match((await c.version()).version, /^\d+\.\d+\.\d+$/);
    assert.ok((await c.list()).models.length >= 3);
    await c.ps();
    await c.show({ model: t.model });
    assert.equal((await c.chat({ model: t.model, messages: user('Say hello') })).message.content, HELLO);
    assert.equal(
      (await joined(await c.chat({ model: t.model, messages: user('Say hello'), stream: true }))).content,
      HELLO,
    );
    assert.equal((await c.generate({ model: t.model, prompt: 'Say hello' })).response, HELLO);
  },
};

export const cannot = { anthropic: ['embed', 'embeddings (older)', 'generate: fill in the middle'] };
