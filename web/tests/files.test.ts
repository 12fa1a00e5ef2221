// @vitest-environment node
import { expect, it, vi } from 'vitest';
import { withPage } from '$core/pages';
import { Files } from '$state/files.svelte';

const listed = vi.hoisted(() => vi.fn());
const made = { id: 'd', name: 'film.pdf', state: 'ready' };
vi.mock('$core/api/documents', () => ({ listChatDocuments: listed, chatDocumentsPath: (id: string) => id }));
const sent = vi.hoisted(() => vi.fn());
const left = vi.hoisted(() => vi.fn((): object[] => []));
vi.mock('$core/upload', () => ({ sendDocument: sent, isTakenUp: () => false, leftUploads: left, isUnsent: () => true, GONE_MS: 10_000, isConflict: (e: unknown) => e === 'taken' }));

it('a file stands once, whether the list or the request tells of it first', async () => {
  sent.mockResolvedValueOnce(made);
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

it('another file of a name that the chat has waits for what the person says', async () => {
  const files = new Files(() => 'c', () => 'u');
  sent.mockReset().mockRejectedValueOnce('taken').mockResolvedValueOnce(made);
  listed.mockResolvedValue({ items: [made] });
  files.add([new File(['y'], 'film.pdf')], async () => 'c');
  await vi.waitFor(() => expect(files.senders?.conflicts).toHaveLength(1), { timeout: 120_000 });
  expect(sent.mock.calls[0]![1]).toMatchObject({ name: 'film.pdf', onConflict: 'refuse' });
  expect(files.busy).toBe(true);
  files.senders!.answer('replace');
  await vi.waitFor(() => expect(files.sending).toEqual([]), { timeout: 120_000 });
  expect(sent.mock.calls[1]![1]).toMatchObject({ name: 'film.pdf', onConflict: 'replace' });
});

it('what a page that is gone has not sent is told where it was to go, and keeps a question from being sent', async () => {
  vi.stubGlobal('localStorage', { getItem: (key: string) => (key === 'atelier.uploads.u' ? '[]' : null) });
  listed.mockReset().mockResolvedValue({ items: [] });
  left.mockReturnValue([{ id: 'unsent.1', name: 'film.pdf' }]);
  const files = new Files(() => 'c', () => 'u');
  await files.load();
  expect(left).toHaveBeenCalledWith('u', 'c');
  expect([files.left.length, files.shown, files.failed, files.busy]).toEqual([1, true, true, false]);
  vi.unstubAllGlobals();
});
