// @vitest-environment node
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseRoute } from '$core/route';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

test('the server and the service worker know the same places as the page', () => {
  const server = [.../places\[\] = \{([^}]*)\}/.exec(read('../../src/api/assets.c'))![1]!.matchAll(/"\/(\w+)"/g)].map((m) => m[1]!);
  const worker = /const place = .*\^\(([\w|]+)\)/.exec(read('../public/sw.js'))![1]!.split('|');
  expect(worker.sort()).toEqual(server.sort());
  for (const name of server) expect([parseRoute('/' + name).page, parseRoute(`/${name}/x`).page], name).not.toEqual(['unknown', 'unknown']);
  const page = [...read('../src/core/route.ts').matchAll(/page === '(\w+)'/g)].map((m) => m[1]!);
  expect([...new Set(page)].filter((name) => !server.includes(name))).toEqual([]);
});
