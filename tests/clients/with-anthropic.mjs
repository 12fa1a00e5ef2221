// The @anthropic-ai/sdk package: messages, streams, counting and models.
import assert from 'node:assert/strict';
import Anthropic, * as errors from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { ARGS, fails, IMAGE, person, raw, readUntil, TOOL } from './common.mjs';
import { SIGNATURE } from './mock-anthropic.mjs';
import { HELLO, RECKONED, THOUGHT, USAGE } from './scenes.mjs';

export const name = 'Anthropic SDK';
export const packages = ['@anthropic-ai/sdk'];

const client = (t, more) => new Anthropic({ baseURL: t.url, apiKey: t.key, authToken: null, maxRetries: 0, ...more });
const user = (content) => [{ role: 'user', content }];
const body = (t, content, more) => ({ model: t.model, max_tokens: 1000, messages: user(content), ...more });
const tools = [{ name: TOOL.name, description: TOOL.description, input_schema: TOOL.parameters }];

function isUsage(t, usage) {
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage;
  assert.equal(input_tokens + (cache_read_input_tokens ?? 0) + (cache_creation_input_tokens ?? 0), USAGE.input);
  if (t.dialect !== 'ollama') assert.equal(cache_read_input_tokens, 4);
  assert.equal(usage.output_tokens, USAGE.output);
}

async function toolRoundTrip(t, question, expected, ask) {
  const first = await ask(body(t, question, { tools }));
  assert.equal(first.stop_reason, 'tool_use');
  const uses = first.content.filter((b) => b.type === 'tool_use');
  assert.deepEqual(
    uses.map((b) => b.input),
    expected.map((city) => ({ ...ARGS, city })),
  );
  assert.ok(uses.every((b) => b.name === 'get_weather'));
  const results = uses.map((b) => ({
    type: 'tool_result',
    tool_use_id: b.id,
    content: [{ type: 'text', text: `rain in ${b.input.city}` }],
  }));
  const messages = [
    ...user(question),
    { role: 'assistant', content: first.content },
    { role: 'user', content: results },
  ];
  const last = await ask({ ...body(t, '', { tools }), messages });
  assert.equal(last.content.at(-1).text, `It is ${expected.map((city) => `rain in ${city}`).join(' and ')}.`);
  assert.equal(last.stop_reason, 'end_turn');
}

function isThinking(t, r) {
  assert.equal(r.content[0].type, 'thinking');
  assert.equal(r.content[0].thinking, THOUGHT);
  if (t.dialect === 'anthropic') assert.equal(r.content[0].signature, SIGNATURE);
  assert.equal(r.content[1].text, '42');
}

export const features = {
  'models: list': async (t) => {
    const ids = [];
    for await (const m of client(t).models.list()) ids.push(m.id);
    assert.ok(ids.includes(t.model), `${t.model} is not among ${ids}`);
  },
  'models: one': async (t) => {
    const m = await client(t).models.retrieve(t.model);
    assert.equal(m.id, t.model);
    assert.equal(m.type, 'model');
  },
  text: async (t) => {
    const r = await client(t).messages.create(body(t, 'Say hello'));
    assert.deepEqual(
      r.content.map((b) => [b.type, b.text]),
      [['text', HELLO]],
    );
    assert.equal(r.stop_reason, 'end_turn');
    assert.equal(r.role, 'assistant');
    assert.equal(r.type, 'message');
  },
  'system as text and as blocks': async (t) => {
    for (const system of ['Be brief', [{ type: 'text', text: 'Be brief', cache_control: { type: 'ephemeral' } }]]) {
      const r = await client(t).messages.create(body(t, 'Repeat the system', { system }));
      assert.equal(r.content[0].text, 'Be brief');
    }
  },
  'an assistant as a model': async (t) => {
    const ids = [];
    for await (const m of client(t).models.list()) ids.push(m.id);
    assert.ok(ids.includes(t.assistant), `${t.assistant} is not among ${ids}`);
    const request = { ...body(t, 'Repeat the system'), model: t.assistant };
    const r = await client(t).messages.create(request);
    assert.equal(r.content.at(-1).text, 'Help kindly');
    assert.equal(await client(t).messages.stream(request).finalText(), 'Help kindly');
    const { input_tokens: with_it } = await client(t).messages.countTokens({ model: t.assistant, messages: request.messages });
    assert.ok(with_it > 0);
  },
  'an assistant with tools of its own': async (t) => {
    const request = { ...body(t, 'Reckon'), model: t.reckoner };
    for (const r of [await client(t).messages.create(request), await client(t).messages.stream(request).finalMessage()]) {
      assert.deepEqual(r.content.map((b) => b.type), ['text', 'mcp_tool_use', 'mcp_tool_result', 'text']);
      assert.deepEqual(r.content[1].input, { expression: '6*7' });
      assert.equal(r.content[3].text, RECKONED);
      assert.equal(r.stop_reason, 'end_turn');
      const messages = [...request.messages, { role: 'assistant', content: r.content }, ...user('Say hello')];
      assert.equal((await client(t).messages.create({ ...request, messages })).content.at(-1).text, HELLO);
    }
    const mine = await client(t).messages.create({ ...request, tools });
    assert.deepEqual(mine.content.filter((b) => b.type === 'tool_use').map((b) => b.name), ['get_weather']);
    assert.equal(mine.stop_reason, 'tool_use');
  },
  'system among the messages': async (t) => {
    const messages = [
      ...user('Hi'),
      { role: 'assistant', content: 'Hi' },
      { role: 'system', content: 'Be brief' },
      ...user('Repeat the system'),
    ];
    await client(t).messages.create({ ...body(t, ''), messages });
    assert.match(JSON.stringify(t.mock.last(t.dialect).body), /Be brief/);
  },
  streaming: async (t) => {
    let text = '';
    let n = 0;
    const kinds = [];
    for await (const e of await client(t).messages.create(body(t, 'Say hello', { stream: true }))) {
      kinds.push(e.type);
      if (e.type === 'content_block_delta') {
        text += e.delta.text;
        n++;
      }
    }
    assert.equal(text, HELLO);
    assert.ok(n >= 5, `only ${n} pieces`);
    assert.equal(kinds[0], 'message_start');
    assert.equal(kinds.at(-1), 'message_stop');
  },
  'streaming helper': async (t) => {
    const r = await client(t).messages.stream(body(t, 'Say hello')).finalMessage();
    assert.equal(r.content[0].text, HELLO);
  },
  'form of a stream for strict readers': async (t) => {
    for (const content of ['Say hello', 'Think', 'Weather in Paris and Rome?']) {
      const { type, text } = await raw(t, '/v1/messages', body(t, content, { tools }), {
        'anthropic-version': '2023-06-01',
      });
      assert.match(type, /^text\/event-stream/);
      const events = text
        .split('\n\n')
        .filter(Boolean)
        .map((e) => /^event: (.*)\ndata: (.*)$/.exec(e));
      const data = events.map(([, name, json]) => {
        assert.equal(JSON.parse(json).type, name);
        return JSON.parse(json);
      });
      const kinds = data.map((e) => e.type).filter((k) => k !== 'ping' && k !== 'content_block_delta');
      assert.equal(kinds.shift(), 'message_start');
      assert.deepEqual(kinds.splice(-2), ['message_delta', 'message_stop']);
      assert.ok(
        kinds.length >= 2 && kinds.every((k, i) => k === `content_block_${i % 2 ? 'stop' : 'start'}`),
        `${kinds}`,
      );
      const starts = data.filter((e) => e.type === 'content_block_start').map((e) => e.index);
      assert.deepEqual(starts, [...starts.keys()]);
    }
  },
  reasoning: async (t) =>
    isThinking(t, await client(t).messages.create(body(t, 'Think', { thinking: { type: 'adaptive' } }))),
  'reasoning streamed': async (t) =>
    isThinking(
      t,
      await client(t)
        .messages.stream(body(t, 'Think', { thinking: { type: 'adaptive' } }))
        .finalMessage(),
    ),
  'cut by max_tokens': async (t) => {
    const r = await client(t).messages.create(body(t, 'Cut', { max_tokens: 5 }));
    assert.equal(r.stop_reason, 'max_tokens');
    const sent = t.mock.last(t.dialect).body;
    assert.equal(sent.max_tokens ?? sent.options.num_predict, 5);
  },
  tools: (t) => toolRoundTrip(t, 'Weather in Paris?', ['Paris'], (q) => client(t).messages.create(q)),
  'two tools at once': (t) =>
    toolRoundTrip(t, 'Weather in Paris and Rome?', ['Paris', 'Rome'], (q) => client(t).messages.create(q)),
  'tools streamed': (t) =>
    toolRoundTrip(t, 'Weather in Paris and Rome?', ['Paris', 'Rome'], (q) =>
      client(t).messages.stream(q).finalMessage(),
    ),
  'tools while thinking, thoughts sent back': async (t) => {
    const thinking = { type: 'adaptive' };
    const first = await client(t).messages.create(body(t, 'Think', { thinking }));
    const messages = [...user('Think'), { role: 'assistant', content: first.content }, ...user('Say hello')];
    const r = await client(t).messages.create({ ...body(t, '', { thinking, tools }), messages });
    assert.equal(r.content.at(-1).text, HELLO);
    if (t.dialect === 'anthropic') assert.match(JSON.stringify(t.mock.last('anthropic').body), new RegExp(SIGNATURE));
  },
  'image as a result of a tool': async (t) => {
    const source = { type: 'base64', media_type: 'image/png', data: IMAGE };
    const messages = [
      ...user('Weather in Paris?'),
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: ARGS }] },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'toolu_1',
            content: [
              { type: 'text', text: 'rain' },
              { type: 'image', source },
            ],
          },
        ],
      },
    ];
    const r = await client(t).messages.create({ ...body(t, '', { tools }), messages });
    assert.match(r.content[0].text, /rain/);
    assert.ok(JSON.stringify(t.mock.last(t.dialect).body).includes(IMAGE), 'the image reaches the provider');
  },
  image: async (t) => {
    const source = { type: 'base64', media_type: 'image/png', data: IMAGE };
    const r = await client(t).messages.create(
      body(t, [
        { type: 'image', source },
        { type: 'text', text: 'Look' },
      ]),
    );
    assert.equal(r.content[0].text, 'image/png of 70 bytes');
  },
  'JSON schema': async (t) => {
    const r = await client(t).messages.parse(body(t, 'JSON', { output_config: { format: zodOutputFormat(person) } }));
    assert.deepEqual(r.parsed_output, { name: 'Ada', age: 36 });
  },
  usage: async (t) => isUsage(t, (await client(t).messages.create(body(t, 'Say hello'))).usage),
  'usage streamed': async (t) =>
    isUsage(t, (await client(t).messages.stream(body(t, 'Say hello')).finalMessage()).usage),
  'counting tokens': async (t) => {
    const r = await client(t).messages.countTokens({ model: t.model, messages: user('Say hello') });
    if (t.dialect === 'anthropic') assert.equal(r.input_tokens, 23);
    else assert.ok(r.input_tokens > 0 && r.input_tokens < 50);
  },
  'error: nothing to answer': (t) =>
    fails(
      client(t).messages.create({ ...body(t, ''), messages: [] }),
      errors.BadRequestError,
      400,
      /invalid_request_error/,
    ),
  'error: unknown model': (t) =>
    fails(
      client(t).messages.create({ ...body(t, 'Hi'), model: 'no-such' }),
      errors.NotFoundError,
      404,
      /no-such/,
      (e) => assert.equal(e.error.error.type, 'not_found_error'),
    ),
  'error: wrong key': (t) =>
    fails(
      client(t, { apiKey: 'sk-atelier-wrong' }).messages.create(body(t, 'Hi')),
      errors.AuthenticationError,
      401,
      /authentication_error/,
    ),
  'error: the provider says 400: stays 400, not tried again': async (t) => {
    const before = t.mock.requests.length;
    await fails(
      client(t, { maxRetries: 2 }).messages.create(body(t, 'Fail 400')),
      errors.BadRequestError,
      400,
      /too strange/,
    );
    assert.equal(t.mock.requests.length, before + 1);
  },
  'error: the provider says 401: becomes 502': (t) =>
    fails(client(t).messages.create(body(t, 'Fail 401')), errors.InternalServerError, 502, /key/),
  'error: the provider says 429: stays 429, with Retry-After': (t) =>
    fails(client(t).messages.create(body(t, 'Fail 429')), errors.RateLimitError, 429, /too many of them/, (e) => {
      assert.equal(e.headers.get('retry-after'), '90');
      assert.equal(e.error.error.type, 'rate_limit_error');
    }),
  'error: the provider says 500: becomes 502': (t) =>
    fails(client(t).messages.create(body(t, 'Fail 500')), errors.InternalServerError, 502, /something broke/),
  'error in the stream': async (t) => {
    let text = '';
    const read = async () => {
      for await (const e of await client(t).messages.create(body(t, 'Break', { stream: true })))
        if (e.type === 'content_block_delta') text += e.delta.text;
    };
    await fails(read(), errors.APIError, undefined, /the engine stopped/);
    assert.equal(text, 'The first half, and');
  },
  'abort of a stream': (t) =>
    t.closesProvider(async (started) => {
      const stream = await client(t).messages.create(body(t, 'Forever', { stream: true }));
      await readUntil(stream, (e) => e.type === 'content_block_delta', 3);
      started();
      stream.controller.abort();
    }),
  'abort of a waiting request': (t) =>
    t.closesProvider(async (started) => {
      const stop = new AbortController();
      const ended = fails(
        client(t).messages.create(body(t, 'Forever'), { signal: stop.signal }),
        errors.APIUserAbortError,
      );
      await Promise.race([t.mock.nextRequest(t.dialect), ended]);
      started();
      stop.abort();
      await ended;
    }),
  'key as x-api-key, older version, beta': async (t) => {
    const headers = {
      Authorization: null,
      'x-api-key': t.key,
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'some-2026-01-01',
    };
    const r = await client(t).beta.messages.create(body(t, 'Say hello', { betas: ['other-2026-01-01'] }), { headers });
    assert.equal(r.content[0].text, HELLO);
  },
};

export const cannot = {};
