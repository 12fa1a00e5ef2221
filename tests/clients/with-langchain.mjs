// LangChain's chat model and embeddings for OpenAI.
import assert from 'node:assert/strict';
import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { ARGS, fails, IMAGE, person, readUntil, vectorIs, weather } from './common.mjs';
import { HELLO, USAGE } from './scenes.mjs';

export const name = 'LangChain (openai)';
export const packages = ['@langchain/openai', '@langchain/core'];

const at = (t) => ({ configuration: { baseURL: `${t.url}/v1` }, maxRetries: 0 });
const chat = (t, more) => new ChatOpenAI({ model: t.model, apiKey: t.key, ...at(t), ...more });
const embeddings = (t) => new OpenAIEmbeddings({ model: t.embedding, apiKey: t.key, ...at(t) });
const getWeather = tool(async ({ city }) => `rain in ${city}`, {
  name: 'get_weather',
  description: 'The weather of a city',
  schema: weather,
});

async function toolRoundTrip(t, ask) {
  const messages = [new HumanMessage('Weather in Paris and Rome?')];
  const first = await ask(chat(t).bindTools([getWeather]), messages);
  assert.deepEqual(
    first.tool_calls.map((c) => c.args),
    [ARGS, { ...ARGS, city: 'Rome' }],
  );
  messages.push(first);
  for (const call of first.tool_calls) {
    const result = await getWeather.invoke(call);
    assert.ok(result instanceof ToolMessage);
    messages.push(result);
  }
  const last = await ask(chat(t).bindTools([getWeather]), messages);
  assert.equal(last.content, 'It is rain in Paris and rain in Rome.');
}

async function gathered(stream) {
  let all;
  for await (const chunk of await stream) all = all ? all.concat(chunk) : chunk;
  return all;
}

function isUsage(m) {
  assert.equal(m.usage_metadata.input_tokens, USAGE.input);
  assert.equal(m.usage_metadata.output_tokens, USAGE.output);
}

export const features = {
  invoke: async (t) => assert.equal((await chat(t).invoke('Say hello')).content, HELLO),
  'invoke with a system message': async (t) =>
    assert.equal(
      (await chat(t).invoke([new SystemMessage('Be brief'), new HumanMessage('Repeat the system')])).content,
      'Be brief',
    ),
  stream: async (t) => assert.equal((await gathered(chat(t).stream('Say hello'))).content, HELLO),
  batch: async (t) => {
    const r = await chat(t).batch(['Say hello', 'Cut', 'Say hello again']);
    assert.deepEqual(
      r.map((m) => m.content),
      [HELLO, 'This is as far as', HELLO],
    );
  },
  'cut by max_tokens': async (t) =>
    assert.equal((await chat(t, { maxTokens: 5 }).invoke('Cut')).response_metadata.finish_reason, 'length'),
  bindTools: (t) => toolRoundTrip(t, (model, messages) => model.invoke(messages)),
  'bindTools streamed': (t) => toolRoundTrip(t, (model, messages) => gathered(model.stream(messages))),
  image: async (t) => {
    const content = [
      { type: 'text', text: 'Look' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${IMAGE}` } },
    ];
    assert.equal((await chat(t).invoke([new HumanMessage({ content })])).content, 'image/png of 70 bytes');
  },
  'withStructuredOutput (JSON schema)': async (t) =>
    assert.deepEqual(
      await chat(t).withStructuredOutput(person, { method: 'jsonSchema', name: 'person' }).invoke('JSON'),
      { name: 'Ada', age: 36 },
    ),
  usage: async (t) => isUsage(await chat(t).invoke('Say hello')),
  'usage streamed': async (t) => isUsage(await gathered(chat(t, { streamUsage: true }).stream('Say hello'))),
  responses: async (t) => assert.equal((await chat(t, { useResponsesApi: true }).invoke('Say hello')).text, HELLO),
  embedQuery: async (t) => vectorIs(await embeddings(t).embedQuery('one'), 'one'),
  embedDocuments: async (t) => {
    const [a, b] = await embeddings(t).embedDocuments(['one', 'two']);
    vectorIs(a, 'one');
    vectorIs(b, 'two');
  },
  'error: unknown model': (t) => fails(chat(t, { model: 'no-such' }).invoke('Hi'), Error, 404, /no-such/),
  'error: wrong key': (t) => fails(chat(t, { apiKey: 'sk-atelier-wrong' }).invoke('Hi'), Error, 401, /./),
  'error: the provider says 400: stays 400': (t) => fails(chat(t).invoke('Fail 400'), Error, 400, /too strange/),
  'error: the provider says 401: becomes 502': (t) => fails(chat(t).invoke('Fail 401'), Error, 502, /key/),
  'error: the provider says 429: stays 429': (t) => fails(chat(t).invoke('Fail 429'), Error, 429, /too many of them/),
  'error: the provider says 500: becomes 502': (t) => fails(chat(t).invoke('Fail 500'), Error, 502, /something broke/),
  'error in the stream': async (t) => {
    let text = '';
    const read = async () => {
      for await (const chunk of await chat(t).stream('Break')) text += chunk.content;
    };
    await fails(read(), Error, undefined, /the engine stopped/);
    assert.equal(text, 'The first half, and');
  },
  'abort of a stream': (t) =>
    t.closesProvider(async (started) => {
      const stop = new AbortController();
      const stream = await chat(t).stream('Forever', { signal: stop.signal });
      await readUntil(stream, (chunk) => chunk.content, 3);
      started();
      stop.abort();
    }),
};

export const cannot = { anthropic: ['embedQuery', 'embedDocuments'] };
