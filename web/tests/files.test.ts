// @vitest-environment node
import { expect, it, vi } from 'vitest';
import { withPage } from '$core/pages';
import { Files } from '$state/files.svelte';

const listed = vi.hoisted(() => vi.fn());
const made = { id: 'd', name: 'film.pdf', state: 'ready' };
vi.mock('$core/api/documents', () => ({ listChatDocuments: listed, chatDocumentsPath: (id: string) => id }));
vi.mock('$core/upload', () => ({ sendDocument: async () => made, isTakenUp: () => false, leftUploads: () => [] }));

it('a file stands once, whether the list or the request tells of it first', async () => {
  listed.mockResolvedValueOnce({ items: [made] }).mockReturnValue(new Promise(() => {}));
  const files = new Files(() => 'c', () => 'u');
  await files.load();
  files.add([new File(['x'], 'film.pdf')], async () => 'c');
  await vi.waitFor(() => expect(listed).toHaveBeenCalledTimes(2), { timeout: 120_000 });
  expect(files.sending).toEqual([]);
  expect(files.items).toEqual([made]);
});

it('a later page has what is new behind what is known, which stays as it is', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id }));
  expect(withPage([a!, b!], [{ id: 'b' }, c!])).toEqual([a, b, c]);
  expect(withPage([a!, b!], [{ id: 'b' }, c!])[1]).toBe(b);
  expect(withPage([1, 2], [2, 3], String)).toEqual([1, 2, 3]);
});
