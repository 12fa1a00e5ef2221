// The Vercel AI SDK with its own provider for OpenAI, which speaks the Responses API: a session of many calls of a tool, in which each
// answer of before is named by the ids of its items, or, where nothing is kept, sent again.
import assert from 'node:assert/strict';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { COMMANDS } from './scenes.mjs';

export const name = 'AI SDK (openai)';
export const packages = ['ai', '@ai-sdk/openai'];
export const cannot = {};

function session(t, store) {
  const ran = [];
  const bash = tool({
    description: 'Runs a command',
    inputSchema: jsonSchema({ type: 'object', properties: { command: { type: 'string' } }, required: ['command'] }),
    execute: async ({ command }) => {
      ran.push(command);
      return `\u0000ran ${command}\ud83d`; // as of a program that writes bytes
    },
  });
  const model = createOpenAI({ baseURL: `${t.url}/v1`, apiKey: t.key })(t.model);
  const more = { prompt: 'Run all commands', tools: { bash }, stopWhen: stepCountIs(COMMANDS.length + 2), maxRetries: 0 };
  return { ran, request: { model, ...more, providerOptions: { openai: { store } } } };
}

function isWhole(ran, text) {
  assert.deepEqual(ran, COMMANDS);
  assert.equal(text, 'All of them are done.');
}

export const features = {
  'a long session of tools': async (t) => {
    const { ran, request } = session(t, true);
    isWhole(ran, (await generateText(request)).text);
  },
  'a long session of tools streamed': async (t) => {
    const { ran, request } = session(t, true);
    isWhole(ran, await streamText(request).text);
  },
  'a long session of tools, nothing kept': async (t) => {
    const { ran, request } = session(t, false);
    isWhole(ran, await streamText(request).text);
  },
};
