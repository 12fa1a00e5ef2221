// The Vercel AI SDK with its provider for OpenAI-compatible servers.
import assert from 'node:assert/strict';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  embed,
  embedMany,
  generateObject,
  generateText,
  Output,
  stepCountIs,
  streamObject,
  streamText,
  tool,
} from 'ai';
import { ARGS, fails, IMAGE, person, readUntil, vectorIs, weather } from './common.mjs';
import { HELLO, RECKONED, THOUGHT, USAGE } from './scenes.mjs';

export const name = 'AI SDK (openai-compatible)';
export const packages = ['ai', '@ai-sdk/openai-compatible'];

globalThis.AI_SDK_LOG_WARNINGS = false; // such as that completions have no tools

const provider = (t, apiKey = t.key) =>
  createOpenAICompatible({
    name: 'atelier',
    baseURL: `${t.url}/v1`,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
const to = (t, more) => ({ model: provider(t)(t.model), maxRetries: 0, ...more });

function withTool() {
  const seen = [];
  const get_weather = tool({
    description: 'The weather of a city',
    inputSchema: weather,
    execute: async (args) => {
      seen.push(args);
      return `rain in ${args.city}`;
    },
  });
  return { seen, more: { tools: { get_weather }, stopWhen: stepCountIs(3) } };
}

/** Errors come as parts of a stream; the helper logs them otherwise. */
async function streamed(t, more) {
  const r = { text: '', reasoning: '', pieces: 0 };
  const result = streamText({ ...to(t, more), onError: () => {} });
  for await (const part of result.stream ?? result.fullStream) {
    if (part.type === 'text-delta') {
      r.text += part.text;
      r.pieces++;
    }
    if (part.type === 'reasoning-delta') r.reasoning += part.text;
    if (part.type === 'error') r.error = part.error;
    if (part.type === 'finish') r.finish = part;
  }
  return r;
}

function isUsage(usage) {
  assert.equal(usage.inputTokens, USAGE.input);
  assert.equal(usage.outputTokens, USAGE.output);
}

const failing = (t, prompt, more) => generateText(to(t, { prompt, ...more }));

export const features = {
  generateText: async (t) => {
    const r = await generateText(to(t, { prompt: 'Say hello' }));
    assert.equal(r.text, HELLO);
    assert.equal(r.finishReason, 'stop');
  },
  streamText: async (t) => {
    const r = await streamed(t, { prompt: 'Say hello' });
    assert.equal(r.text, HELLO);
    assert.equal(r.finish.finishReason, 'stop');
    assert.ok(r.pieces >= 5, `only ${r.pieces} pieces`);
  },
  'an assistant with tools of its own': async (t) => {
    const r = await streamed({ ...t, model: t.reckoner }, { prompt: 'Reckon' });
    assert.equal(r.text, `Let me see.\n\n${RECKONED}`);
    assert.equal(r.finish.finishReason, 'stop');
    const { seen, more } = withTool();
    const mine = await generateText(to({ ...t, model: t.reckoner }, { prompt: 'Reckon', ...more, stopWhen: stepCountIs(1) }));
    assert.deepEqual(mine.toolCalls.map((c) => c.toolName), ['get_weather']);
    assert.equal(seen.length, 1);
  },
  reasoning: async (t) => {
    const r = await generateText(to(t, { prompt: 'Think', providerOptions: { atelier: { reasoningEffort: 'high' } } }));
    assert.equal(r.reasoningText, THOUGHT);
    assert.equal(r.text, '42');
  },
  'reasoning streamed': async (t) => {
    const r = await streamed(t, { prompt: 'Think' });
    assert.equal(r.reasoning, THOUGHT);
    assert.equal(r.text, '42');
  },
  'cut by max_tokens': async (t) =>
    assert.equal((await generateText(to(t, { prompt: 'Cut', maxOutputTokens: 5 }))).finishReason, 'length'),
  tools: async (t) => {
    const { seen, more } = withTool();
    const r = await generateText(to(t, { prompt: 'Weather in Paris?', ...more }));
    assert.deepEqual(seen, [ARGS]);
    assert.match(r.text, /^It is "?rain in Paris"?\.$/);
  },
  'tools streamed': async (t) => {
    const { seen, more } = withTool();
    const r = await streamed(t, { prompt: 'Weather in Paris and Rome?', ...more });
    assert.deepEqual(seen, [ARGS, { ...ARGS, city: 'Rome' }]);
    assert.match(r.text, /^It is "?rain in Paris"? and "?rain in Rome"?\.$/);
  },
  image: async (t) => {
    const content = [
      { type: 'text', text: 'Look' },
      { type: 'file', data: IMAGE, mediaType: 'image/png' },
    ];
    const r = await generateText(to(t, { messages: [{ role: 'user', content }] }));
    assert.equal(r.text, 'image/png of 70 bytes');
  },
  'generateText with Output.object (JSON schema)': async (t) => {
    const r = await generateText(to(t, { prompt: 'JSON', output: Output.object({ schema: person }) }));
    assert.deepEqual(r.output, { name: 'Ada', age: 36 });
  },
  'generateObject (JSON schema)': async (t) => {
    const r = await generateObject(to(t, { prompt: 'JSON', schema: person }));
    assert.deepEqual(r.object, { name: 'Ada', age: 36 });
  },
  'streamObject (JSON schema)': async (t) => {
    const r = streamObject({ ...to(t, { prompt: 'JSON', schema: person }), onError: () => {} });
    const grown = [];
    for await (const partial of r.partialObjectStream) grown.push(partial);
    assert.deepEqual(grown.at(-1), { name: 'Ada', age: 36 });
    assert.ok(grown.length > 2, 'it grows');
  },
  usage: async (t) => isUsage((await generateText(to(t, { prompt: 'Say hello' }))).usage),
  'usage streamed': async (t) => isUsage((await streamed(t, { prompt: 'Say hello' })).finish.totalUsage),
  embed: async (t) => {
    const r = await embed({ model: provider(t).embeddingModel(t.embedding), value: 'one', maxRetries: 0 });
    vectorIs(r.embedding, 'one');
    assert.equal(r.usage.tokens, 3);
  },
  embedMany: async (t) => {
    const r = await embedMany({
      model: provider(t).embeddingModel(t.embedding),
      values: ['one', 'two'],
      maxRetries: 0,
    });
    vectorIs(r.embeddings[0], 'one');
    vectorIs(r.embeddings[1], 'two');
  },
  completion: async (t) => {
    const r = await generateText({ model: provider(t).completionModel(t.model), prompt: 'Say hello', maxRetries: 0 });
    assert.match(r.text, /Say hello|Hello/);
  },
  'error: unknown model': (t) =>
    fails(generateText({ ...to(t), model: provider(t)('no-such'), prompt: 'Hi' }), APICallError, 404, /no-such/),
  'error: wrong key': (t) =>
    fails(
      generateText({ ...to(t), model: provider(t, 'sk-atelier-wrong')(t.model), prompt: 'Hi' }),
      APICallError,
      401,
      /./,
    ),
  'error: the provider says 400: stays 400': (t) =>
    fails(failing(t, 'Fail 400'), APICallError, 400, /too strange/, (e) => assert.equal(e.isRetryable, false)),
  'error: the provider says 401: becomes 502': (t) => fails(failing(t, 'Fail 401'), APICallError, 502, /key/),
  'error: the provider says 429: stays 429': (t) =>
    fails(failing(t, 'Fail 429'), APICallError, 429, /too many of them/, (e) => {
      assert.equal(e.isRetryable, true);
      assert.equal(e.responseHeaders['retry-after'], '90');
    }),
  'error: the provider says 500: becomes 502': (t) =>
    fails(failing(t, 'Fail 500'), APICallError, 502, /something broke/),
  'error in the stream': async (t) => {
    const r = await streamed(t, { prompt: 'Break' });
    assert.equal(r.text, 'The first half, and');
    assert.match(String(r.error?.message ?? r.error), /the engine stopped/);
  },
  'abort of a stream': (t) =>
    t.closesProvider(async (started) => {
      const stop = new AbortController();
      const { textStream } = streamText({
        ...to(t, { prompt: 'Forever' }),
        abortSignal: stop.signal,
        onError: () => {},
      });
      await readUntil(textStream, (text) => text, 3);
      started();
      stop.abort();
    }),
};

export const cannot = { anthropic: ['embed', 'embedMany'] };
