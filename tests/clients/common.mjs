// What the tests of all clients share.
import assert from 'node:assert/strict';
import { z } from 'zod';
import { vector } from './scenes.mjs';

/** A PNG of one pixel, 70 bytes. */
export const IMAGE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export const person = z.object({ name: z.string(), age: z.number() });
export const weather = z.object({ city: z.string(), unit: z.string().optional(), note: z.string().optional() });
export const ARGS = { city: 'Paris', unit: 'celsius', note: 'a "quoted" ünïcode' };
export const PERSON_SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'number' } },
  required: ['name', 'age'],
  additionalProperties: false,
};
export const TOOL = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, unit: { type: 'string' }, note: { type: 'string' } },
    required: ['city'],
  },
};

/** The status that an error of any of the clients tells. */
export const statusOf = (e) =>
  e.status ?? e.status_code ?? e.statusCode ?? e.cause?.statusCode ?? e.lastError?.statusCode;

/** Expects a promise to fail with this class, status and text. Nothing given: not asked. */
export async function fails(promise, type, status, message, more) {
  let value;
  try {
    value = await promise;
  } catch (e) {
    if (type && !(type.isInstance ? type.isInstance(e) : e instanceof type)) {
      throw new Error(`expected ${type.name}, got ${e.constructor?.name} (${statusOf(e)}): ${e.message}`, { cause: e });
    }
    if (status) assert.equal(statusOf(e), status, `${e.constructor?.name}: ${e.message}`);
    if (message) assert.match(e.message, message);
    more?.(e);
    return;
  }
  assert.fail(`did not fail: ${JSON.stringify(value)?.slice(0, 200)}`);
}

/** The bytes of a stream as they come, for what stricter clients than the packages here insist on. */
export async function raw(t, path, body, headers) {
  const r = await fetch(t.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${t.key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: t.model, stream: true, ...body }),
  });
  assert.equal(r.status, 200);
  return { type: r.headers.get('content-type'), text: await r.text() };
}

/** Reads a stream until n pieces were of the wanted kind, and leaves it open. */
export async function readUntil(stream, wanted, n) {
  const it = stream[Symbol.asyncIterator]();
  for (let seen = 0; seen < n;) {
    const { value, done } = await it.next();
    assert.ok(!done, 'the stream ended early');
    if (wanted(value)) seen++;
  }
}

export function vectorIs(found, text) {
  const expected = vector(text);
  assert.equal(found.length, expected.length);
  for (const [i, x] of expected.entries())
    assert.ok(Math.abs(found[i] - x) < 1e-6, `${text}[${i}]: ${found[i]}, not ${x}`);
}
