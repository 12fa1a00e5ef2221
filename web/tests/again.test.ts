import { beforeEach, expect, it, vi } from 'vitest';

const pages = vi.hoisted(() => ({ list: [] as { items: object[]; next: string | null }[], asked: [] as unknown[] }));
vi.mock('$core/api/documents', () => ({ listDocuments: (_: string, query: unknown) => (pages.asked.push(query), Promise.resolve(pages.list[pages.asked.length - 1])) }));

import { sorted } from '$features/documents/again';

const HASH = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'; // of "x"
const here = (name: string, hash: string, state = 'ready', id = name) => ({ id, name, size: 1, hash, state });

/** jsdom's files do not give their bytes. */
const file = (name: string) => Object.assign(new File(['x'], name), { arrayBuffer: () => Promise.resolve(new TextEncoder().encode('x').buffer) });

beforeEach(() => {
  pages.asked = [];
});

it('knows what is here unchanged, what has changed, and what is new', async () => {
  pages.list = [
    { items: [here('a', HASH), here('b', 'ff', 'ready', 'newer')], next: 'n' },
    { items: [here('b', 'ee', 'ready', 'older'), here('broken', HASH, 'failed')], next: null },
  ];
  const files = ['a', 'b', 'broken', 'new'].map(file);
  const { unchanged, changed, others } = await sorted(files, 'c', true);
  expect(unchanged).toBe(1);
  expect(changed.map((f) => f.name)).toEqual(['b']);
  expect(others.map((f) => f.name)).toEqual(['broken', 'new']);
  expect(pages.asked).toEqual([{ cursor: undefined, limit: 1000 }, { cursor: 'n', limit: 1000 }]);
});

it('leaves it to the server where a page may not tell', async () => {
  pages.list = [{ items: [here('a', HASH)], next: null }];
  vi.stubGlobal('crypto', {});
  const { unchanged, changed, others } = await sorted([file('a')], 'c', true);
  vi.unstubAllGlobals();
  expect([unchanged, changed, others.length]).toEqual([0, [], 1]);
});

it('takes either of two with one name for here', async () => {
  pages.list = [{ items: [here('a', 'ff', 'ready', 'newer'), here('a', HASH, 'ready', 'older')], next: null }];
  expect(await sorted([file('a')], 'c', true)).toEqual({ unchanged: 1, changed: [], others: [] });
});

it('asks nothing of an empty collection', async () => {
  expect(await sorted([file('a')], 'c', false)).toMatchObject({ unchanged: 0, changed: [], others: [{ name: 'a' }] });
  expect(pages.asked).toEqual([]);
});
