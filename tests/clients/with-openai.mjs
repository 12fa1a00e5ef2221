// The openai package: chat completions, completions, embeddings, models and responses.
import assert from 'node:assert/strict';
import OpenAI, * as errors from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { ARGS, fails, IMAGE, person, raw, readUntil, TOOL, vectorIs } from './common.mjs';
import { HELLO, RECKONED, THOUGHT, USAGE } from './scenes.mjs';

export const name = 'OpenAI SDK';
export const packages = ['openai'];

const client = (t, more) => new OpenAI({ baseURL: `${t.url}/v1`, apiKey: t.key, maxRetries: 0, ...more });
const user = (content) => [{ role: 'user', content }];
const image = [
  { type: 'text', text: 'Look' },
  { type: 'image_url', image_url: { url: `data:image/png;base64,${IMAGE}` } },
];
const tools = [{ type: 'function', function: TOOL }];

function isUsage(t, usage) {
  assert.equal(usage.prompt_tokens, USAGE.input);
  assert.equal(usage.completion_tokens, USAGE.output);
  assert.equal(usage.total_tokens, USAGE.input + USAGE.output);
  if (t.dialect !== 'ollama') assert.equal(usage.prompt_tokens_details.cached_tokens, 4);
}

async function toolRoundTrip(t, question, expected, ask) {
  const messages = user(question);
  const first = await ask({ model: t.model, messages, tools });
  const [choice] = first.choices;
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.deepEqual(
    choice.message.tool_calls.map((c) => c.function.name),
    expected.map(() => 'get_weather'),
  );
  assert.deepEqual(
    choice.message.tool_calls.map((c) => JSON.parse(c.function.arguments)),
    expected.map((city) => ({ ...ARGS, city })),
  );
  assert.equal(new Set(choice.message.tool_calls.map((c) => c.id)).size, expected.length);
  messages.push(choice.message);
  for (const call of choice.message.tool_calls)
    messages.push({
      role: 'tool',
      tool_call_id: call.id,
      content: `rain in ${JSON.parse(call.function.arguments).city}`,
    });
  const last = await ask({ model: t.model, messages, tools });
  assert.equal(last.choices[0].message.content, `It is ${expected.map((city) => `rain in ${city}`).join(' and ')}.`);
  assert.equal(last.choices[0].finish_reason, 'stop');
}

const failure = (status, type, message) => (t, more) =>
  fails(
    client(t, more).chat.completions.create({ model: t.model, messages: user(`Fail ${t.failing}`) }),
    type,
    status,
    message,
  );

export const features = {
  'models: list': async (t) => {
    const ids = [];
    for await (const m of client(t).models.list()) ids.push(m.id);
    assert.ok(ids.includes(t.model), `${t.model} is not among ${ids}`);
  },
  'models: one': async (t) => assert.equal((await client(t).models.retrieve(t.model)).id, t.model),
  'an assistant as a model': async (t) => {
    const ids = [];
    for await (const m of client(t).models.list()) ids.push(m.id);
    assert.ok(ids.includes(t.assistant), `${t.assistant} is not among ${ids}`);
    const request = { model: t.assistant, messages: user('Repeat the system') };
    const r = await client(t).chat.completions.create(request);
    assert.equal(r.choices[0].message.content, 'Help kindly');
    assert.equal(r.model, t.assistant);
    let text = '';
    for await (const c of await client(t).chat.completions.create({ ...request, stream: true }))
      text += c.choices[0]?.delta.content ?? '';
    assert.equal(text, 'Help kindly');
    const response = await client(t).responses.create({ model: t.assistant, input: 'Repeat the system' });
    assert.equal(response.output_text, 'Help kindly');
  },
  'an assistant with tools of its own': async (t) => {
    const request = { model: t.reckoner, messages: user('Reckon') };
    const r = await client(t).chat.completions.create(request);
    assert.equal(r.choices[0].message.content, `Let me see.\n\n${RECKONED}`);
    assert.equal(r.choices[0].message.tool_calls, undefined);
    const chat = await client(t).chat.completions.stream(request).finalChatCompletion();
    assert.equal(chat.choices[0].message.content, `Let me see.\n\n${RECKONED}`);
    assert.equal(chat.choices[0].finish_reason, 'stop');
    const response = await client(t).responses.stream({ model: t.reckoner, input: 'Reckon' }).finalResponse();
    assert.deepEqual(response.output.map((o) => o.type), ['message', 'mcp_call', 'message']);
    assert.equal(response.output[1].output, '42');
    assert.equal(response.output_text, `Let me see.${RECKONED}`);
    const next = await client(t).responses.create({ model: t.reckoner, previous_response_id: response.id, input: 'Say hello' });
    assert.equal(next.output_text, HELLO);
    const mine = await client(t).chat.completions.create({ ...request, tools });
    assert.deepEqual(mine.choices[0].message.tool_calls.map((c) => c.function.name), ['get_weather']);
    assert.equal(mine.choices[0].finish_reason, 'tool_calls');
  },
  text: async (t) => {
    const r = await client(t).chat.completions.create({ model: t.model, messages: user('Say hello') });
    assert.equal(r.choices[0].message.content, HELLO);
    assert.equal(r.choices[0].message.role, 'assistant');
    assert.equal(r.choices[0].finish_reason, 'stop');
    assert.equal(r.object, 'chat.completion');
  },
  'system and developer messages, parts': async (t) => {
    const messages = [
      { role: 'system', content: [{ type: 'text', text: 'Be' }] },
      { role: 'developer', content: 'brief' },
      { role: 'user', content: [{ type: 'text', text: 'Repeat the system' }] },
    ];
    const r = await client(t).chat.completions.create({ model: t.model, messages });
    assert.match(r.choices[0].message.content, /^Be\s+brief$/);
  },
  streaming: async (t) => {
    let text = '';
    let finish;
    let n = 0;
    for await (const chunk of await client(t).chat.completions.create({
      model: t.model,
      messages: user('Say hello'),
      stream: true,
    })) {
      text += chunk.choices[0].delta.content ?? '';
      finish ??= chunk.choices[0].finish_reason;
      n++;
    }
    assert.equal(text, HELLO);
    assert.equal(finish, 'stop');
    assert.ok(n >= 5, `only ${n} pieces`);
  },
  'streaming helper': async (t) => {
    const r = await client(t)
      .chat.completions.stream({ model: t.model, messages: user('Say hello') })
      .finalChatCompletion();
    assert.equal(r.choices[0].message.content, HELLO);
  },
  'form of a stream for strict readers': async (t) => {
    for (const content of ['Say hello', 'Think', 'Weather in Paris and Rome?']) {
      const { type, text } = await raw(t, '/v1/chat/completions', { messages: user(content), tools });
      assert.match(type, /^text\/event-stream/);
      assert.ok(text.endsWith('\n\n'));
      const events = text
        .split('\n\n')
        .slice(0, -1)
        .filter((e) => !e.startsWith(':'));
      assert.equal(events.pop(), 'data: [DONE]');
      const chunks = events.map((e) => JSON.parse(/^data: (.*)$/.exec(e)[1]));
      for (const c of chunks) {
        assert.equal(typeof c.id, 'string');
        assert.equal(c.object, 'chat.completion.chunk');
        assert.ok(Number.isInteger(c.created) && c.created < 2 ** 32);
        assert.equal(c.model, t.model);
        assert.equal(c.choices.length, 1);
        assert.equal(c.choices[0].index, 0);
        assert.equal(c.usage ?? undefined, undefined);
        assert.ok(!('error' in c));
        const { role, content, tool_calls } = c.choices[0].delta;
        assert.ok(role === undefined || role === 'assistant');
        assert.ok(content === undefined || content === null || typeof content === 'string');
        for (const call of tool_calls ?? [])
          assert.ok(Number.isInteger(call.index) && typeof call.function.arguments === 'string');
      }
      assert.equal(chunks.filter((c) => c.choices[0].finish_reason).length, 1);
      assert.ok(chunks.at(-1).choices[0].finish_reason);
      assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
    }
  },
  reasoning: async (t) => {
    const r = await client(t).chat.completions.create({
      model: t.model,
      messages: user('Think'),
      reasoning_effort: 'high',
    });
    assert.equal(r.choices[0].message.reasoning_content, THOUGHT);
    assert.equal(r.choices[0].message.content, '42');
  },
  'reasoning streamed': async (t) => {
    let thought = '';
    let text = '';
    const stream = await client(t).chat.completions.create({ model: t.model, messages: user('Think'), stream: true });
    for await (const { choices } of stream) {
      thought += choices[0].delta.reasoning_content ?? '';
      text += choices[0].delta.content ?? '';
    }
    assert.equal(thought, THOUGHT);
    assert.equal(text, '42');
  },
  'cut by max_tokens': async (t) => {
    const r = await client(t).chat.completions.create({
      model: t.model,
      messages: user('Cut'),
      max_completion_tokens: 5,
    });
    assert.equal(r.choices[0].finish_reason, 'length');
    const sent = t.mock.last(t.dialect).body;
    assert.equal(sent.max_tokens ?? sent.options.num_predict, 5);
  },
  tools: (t) => toolRoundTrip(t, 'Weather in Paris?', ['Paris'], (q) => client(t).chat.completions.create(q)),
  'two tools at once': (t) =>
    toolRoundTrip(t, 'Weather in Paris and Rome?', ['Paris', 'Rome'], (q) => client(t).chat.completions.create(q)),
  'tools streamed': (t) =>
    toolRoundTrip(t, 'Weather in Paris and Rome?', ['Paris', 'Rome'], (q) =>
      client(t).chat.completions.stream(q).finalChatCompletion(),
    ),
  image: async (t) => {
    const r = await client(t).chat.completions.create({ model: t.model, messages: user(image) });
    assert.equal(r.choices[0].message.content, 'image/png of 70 bytes');
  },
  'JSON schema': async (t) => {
    const response_format = zodResponseFormat(person, 'person');
    const r = await client(t).chat.completions.parse({ model: t.model, messages: user('JSON'), response_format });
    assert.deepEqual(r.choices[0].message.parsed, { name: 'Ada', age: 36 });
  },
  'JSON object': async (t) => {
    const r = await client(t).chat.completions.create({
      model: t.model,
      messages: user('JSON'),
      response_format: { type: 'json_object' },
    });
    assert.deepEqual(JSON.parse(r.choices[0].message.content), { any: 'object' });
  },
  'a large image': async (t) => {
    const url = `data:image/png;base64,${Buffer.concat([Buffer.from(IMAGE, 'base64'), Buffer.alloc(6_000_000, 1)]).toString('base64')}`;
    const r = await client(t).chat.completions.create({
      model: t.model,
      messages: user([image[0], { type: 'image_url', image_url: { url } }]),
    });
    assert.equal(r.choices[0].message.content, 'image/png of 6000070 bytes');
  },
  'choice of a tool': async (t) => {
    for (const tool_choice of ['required', 'auto', { type: 'function', function: { name: 'get_weather' } }]) {
      const r = await client(t).chat.completions.create({
        model: t.model,
        messages: user('Weather in Paris?'),
        tools,
        tool_choice,
      });
      assert.equal(r.choices[0].message.tool_calls[0].function.name, 'get_weather');
    }
    const { body } = t.mock.last(t.dialect);
    // Ollama knows no choice: it is offered that tool alone.
    const { function: named, name } = t.dialect === 'ollama' ? body.tools[0] : body.tool_choice;
    assert.equal(name ?? named.name, 'get_weather');
  },
  'sampling, stop, and unknown members for a provider of the same shape': async (t) => {
    await client(t).chat.completions.create({
      model: t.model,
      messages: user('Say hello'),
      temperature: 0.5,
      stop: ['END'],
      seed: null,
      tools: null,
      response_format: null,
      max_tokens: null,
      n: 1,
      user: 'somebody',
      metadata: { a: 'b' },
      parallel_tool_calls: true,
      quite_unknown: [1, 2],
    });
    const { body } = t.mock.last(t.dialect);
    assert.deepEqual(body.stop ?? body.stop_sequences ?? body.options.stop, ['END']);
    if (t.dialect !== 'anthropic') assert.equal(body.temperature ?? body.options.temperature, 0.5);
    assert.deepEqual(body.quite_unknown, t.dialect === 'openai' ? [1, 2] : undefined);
  },
  'several answers at once': async (t) => {
    const asked = { model: t.model, messages: user('Say hello'), n: 2 };
    const r = await client(t).chat.completions.create(asked);
    const streamed = await client(t).chat.completions.stream(asked).finalChatCompletion();
    for (const { choices } of [r, streamed]) {
      assert.deepEqual(
        choices.map((c) => [c.index, c.message.content, c.finish_reason]),
        [0, 1].map((i) => [i, HELLO, 'stop']),
      );
    }
    assert.equal(r.usage.completion_tokens, 14);
  },
  'error: no messages': (t) =>
    fails(client(t).chat.completions.create({ model: t.model, messages: [] }), errors.BadRequestError, 400, /./),
  'error: a tool that is not well formed': (t) =>
    fails(
      client(t).chat.completions.create({ model: t.model, messages: user('Hi'), tools: [{ type: 'function' }] }),
      errors.BadRequestError,
      400,
      /./,
    ),
  'fifty streams at once': async (t) => {
    const all = await Promise.all(
      Array.from({ length: 50 }, () =>
        client(t)
          .chat.completions.stream({ model: t.model, messages: user('Say hello') })
          .finalContent(),
      ),
    );
    assert.deepEqual([...new Set(all)], [HELLO]);
  },
  usage: async (t) =>
    isUsage(t, (await client(t).chat.completions.create({ model: t.model, messages: user('Say hello') })).usage),
  'usage streamed': async (t) => {
    const seen = [];
    const stream_options = { include_usage: true };
    for await (const chunk of await client(t).chat.completions.create({
      model: t.model,
      messages: user('Say hello'),
      stream: true,
      stream_options,
    }))
      if (chunk.usage) seen.push(chunk);
    assert.equal(seen.length, 1);
    assert.deepEqual(seen[0].choices, []);
    isUsage(t, seen[0].usage);
  },
  completions: async (t) => {
    const r = await client(t).completions.create({ model: t.model, prompt: 'Say hello' });
    assert.equal(r.choices[0].text, HELLO);
    assert.equal(r.choices[0].finish_reason, 'stop');
  },
  'completions streamed': async (t) => {
    let text = '';
    for await (const chunk of await client(t).completions.create({ model: t.model, prompt: 'Say hello', stream: true }))
      text += chunk.choices[0].text;
    assert.equal(text, HELLO);
  },
  'completions: fill in the middle': async (t) => {
    const r = await client(t).completions.create({ model: t.model, prompt: 'Say hello', suffix: 'the end' });
    assert.equal(r.choices[0].text, HELLO);
    assert.equal(t.mock.last(t.dialect).asked.suffix, 'the end');
  },
  embeddings: async (t) => {
    const r = await client(t).embeddings.create({ model: t.embedding, input: ['one', 'two'] });
    vectorIs(r.data[0].embedding, 'one');
    vectorIs(r.data[1].embedding, 'two');
    assert.equal(r.usage.prompt_tokens, 6);
  },
  'embeddings as floats, shortened': async (t) => {
    const r = await client(t).embeddings.create({
      model: t.embedding,
      input: 'one',
      encoding_format: 'float',
      dimensions: 4,
    });
    assert.equal(r.data[0].embedding.length, 4);
  },
  'embeddings of token ids are refused': (t) =>
    fails(
      client(t).embeddings.create({ model: t.embedding, input: [[1, 2, 3]] }),
      errors.BadRequestError,
      400,
      /check_embedding_ctx_length/,
    ),
  responses: async (t) => {
    const r = await client(t).responses.create({
      model: t.model,
      instructions: 'Be brief',
      input: 'Say hello',
      store: false,
    });
    assert.equal(r.output_text, HELLO);
    assert.equal(r.status, 'completed');
    assert.equal(r.usage.input_tokens, USAGE.input);
    assert.equal(r.usage.output_tokens, USAGE.output);
    assert.equal(t.mock.last(t.dialect).asked.system, 'Be brief');
  },
  'responses streamed': async (t) => {
    const kinds = [];
    let text = '';
    let last = -1;
    for await (const e of await client(t).responses.create({ model: t.model, input: 'Say hello', stream: true })) {
      assert.ok(e.sequence_number > last, 'numbers rise');
      last = e.sequence_number;
      kinds.push(e.type);
      if (e.type === 'response.output_text.delta') text += e.delta;
      if (e.type === 'response.completed') assert.equal(e.response.output[0].content[0].text, HELLO);
    }
    assert.equal(text, HELLO);
    assert.equal(kinds[0], 'response.created');
    assert.equal(kinds.at(-1), 'response.completed');
  },
  'responses: tools streamed': async (t) => {
    const input = user('Weather in Paris?');
    const own = [{ type: 'function', strict: false, ...TOOL }];
    const first = await client(t).responses.stream({ model: t.model, input, tools: own }).finalResponse();
    const call = first.output.find((o) => o.type === 'function_call');
    assert.equal(call.name, 'get_weather');
    assert.deepEqual(JSON.parse(call.arguments), ARGS);
    const { type, call_id, arguments: args } = call;
    const second = await client(t).responses.create({
      model: t.model,
      input: [
        ...input,
        { type, call_id, name: call.name, arguments: args },
        { type: 'function_call_output', call_id, output: 'rain' },
      ],
      tools: own,
    });
    assert.equal(second.output_text, 'It is rain.');
  },
  'responses: JSON schema': async (t) => {
    const r = await client(t).responses.parse({
      model: t.model,
      input: 'JSON',
      text: { format: zodTextFormat(person, 'person') },
    });
    assert.deepEqual(r.output_parsed, { name: 'Ada', age: 36 });
  },
  'responses: image': async (t) => {
    const content = [
      { type: 'input_text', text: 'Look' },
      { type: 'input_image', image_url: `data:image/png;base64,${IMAGE}`, detail: 'auto' },
    ];
    const r = await client(t).responses.create({ model: t.model, input: user(content) });
    assert.equal(r.output_text, 'image/png of 70 bytes');
  },
  'error: unknown model': (t) =>
    fails(
      client(t).chat.completions.create({ model: 'no-such', messages: user('Hi') }),
      errors.NotFoundError,
      404,
      /no-such/,
      (e) => assert.equal(e.code, 'model_not_found'),
    ),
  'error: wrong key': (t) =>
    fails(client(t, { apiKey: 'sk-atelier-wrong' }).models.list(), errors.AuthenticationError, 401, /./),
  'error: the provider says 400: stays 400, not tried again': async (t) => {
    const before = t.mock.requests.length;
    // With the client's own retries: what is wrong stays wrong and is not asked again.
    await failure(400, errors.BadRequestError, /too strange/)({ ...t, failing: 400 }, { maxRetries: 2 });
    assert.equal(t.mock.requests.length, before + 1);
  },
  'error: the provider says 401: becomes 502': (t) =>
    failure(502, errors.InternalServerError, /key/)({ ...t, failing: 401 }),
  'error: the provider says 429: stays 429, with Retry-After': (t) =>
    fails(
      client(t).chat.completions.create({ model: t.model, messages: user('Fail 429') }),
      errors.RateLimitError,
      429,
      /too many of them/,
      (e) => assert.equal(e.headers.get('retry-after'), '90'),
    ),
  'error: the provider says 500: becomes 502': (t) =>
    failure(502, errors.InternalServerError, /something broke/)({ ...t, failing: 500 }),
  'error in the stream': async (t) => {
    let text = '';
    const read = async () => {
      for await (const { choices } of await client(t).chat.completions.create({
        model: t.model,
        messages: user('Break'),
        stream: true,
      }))
        text += choices[0]?.delta.content ?? '';
    };
    await fails(read(), errors.APIError, undefined, /the engine stopped/);
    assert.equal(text, 'The first half, and');
  },
  'abort of a stream': (t) =>
    t.closesProvider(async (started) => {
      const stream = await client(t).chat.completions.create({
        model: t.model,
        messages: user('Forever'),
        stream: true,
      });
      await readUntil(stream, (chunk) => chunk.choices[0].delta.content, 3);
      started();
      stream.controller.abort();
    }),
  'abort of a waiting request': (t) =>
    t.closesProvider(async (started) => {
      const stop = new AbortController();
      const asked = client(t).chat.completions.create(
        { model: t.model, messages: user('Forever') },
        { signal: stop.signal },
      );
      const ended = fails(asked, errors.APIUserAbortError);
      await Promise.race([t.mock.nextRequest(t.dialect), ended]);
      started();
      stop.abort();
      await ended;
    }),
  'abort of a response': (t) =>
    t.closesProvider(async (started) => {
      const stream = await client(t).responses.create({ model: t.model, input: 'Forever', stream: true });
      await readUntil(stream, (e) => e.type === 'response.output_text.delta', 3);
      started();
      stream.controller.abort();
    }),
  'address without /v1, with double slashes': async (t) => {
    for (const baseURL of [t.url, `${t.url}//v1/`, `${t.url}/ollama/v1`]) {
      const r = await client(t, { baseURL }).chat.completions.create({ model: t.model, messages: user('Say hello') });
      assert.equal(r.choices[0].message.content, HELLO);
    }
  },
};

export const cannot = {
  anthropic: ['embeddings', 'embeddings as floats, shortened', 'completions: fill in the middle'],
};
