import { expect, it } from 'vitest';
import type { Document } from '$core/api/types';
import { i18n, t } from '$core/i18n/i18n.svelte';
import { mayHelp, reasonOf, shared, unfinished } from '$features/documents/trouble';

const document = (id: string, state: string, message?: string, code = 'unknown_model') =>
  ({ id, state, error: message === undefined ? null : { code, message } }) as Document;

it('says a reason once that several documents share, failures first, and leaves a reason of one to it', () => {
  const all = [
    document('a', 'ready', 'No such model.'),
    document('b', 'ready'),
    document('c', 'failed', 'No text in it.'),
    document('d', 'embedding', 'No such model.'),
    document('e', 'failed', 'Has a password.'),
    document('f', 'failed', 'No text in it.'),
    // The same words of one that has failed are another matter.
    document('g', 'failed', 'No such model.'),
  ];
  expect(shared(all).map(({ why, kind, documents }) => [why, kind, documents.map((d) => d.id).join('')])).toEqual([
    ['No text in it.', 'failed', 'cf'],
    ['No such model.', 'words', 'ad'],
  ]);
  expect(shared([])).toEqual([]);
  expect(all.filter(unfinished).map((d) => d.id)).toEqual(['d']);
});

it('does not call what waits to be read found by its words, nor what has an older version', () => {
  const all = [document('a', 'queued', 'Full.'), document('b', 'embedding', 'Full.'), { ...document('c', 'reading', 'Full.'), searchable: true }, document('d', 'ready', 'Full.')];
  expect(shared(all).map(({ kind, documents }) => [kind, documents.map((d) => d.id).join('')])).toEqual([
    ['waits', 'ac'],
    ['words', 'bd'],
  ]);
});

it('has words of the page where the server has none', () => {
  expect(reasonOf(document('a', 'failed', '', 'canceled'))).toBe('Reading was stopped.');
  expect(reasonOf(document('a', 'ready', '', 'canceled'))).toBe('Indexing was stopped.');
  expect(reasonOf(document('a', 'failed', '', 'odd'))).toBe('Could not be read');
  expect(reasonOf(document('a', 'ready'))).toBe('');
  expect(shared([document('a', 'failed', '', 'canceled'), document('b', 'failed', '', 'canceled')])).toHaveLength(1);
});

it('says why a file was not read in the language of the page, and more of it where that is English', async () => {
  const codes = ['locked', 'scanned', 'empty', 'unsupported', 'too_large', 'too_complex', 'timeout', 'out_of_memory', 'broken', 'missing', 'unavailable'];
  expect(reasonOf(document('a', 'failed', 'It has 6,000 pages.', 'too_large'))).toBe('It has 6,000 pages.');
  for (const language of ['de', 'es', 'fr', 'ja', 'zh'] as const) {
    expect(await i18n.use(language)).toBe(true);
    await i18n.complete();
    const said = codes.map((code) => reasonOf(document('a', 'failed', 'English.', code)));
    expect(new Set(said).size).toBe(codes.length);
    for (const text of said) expect(text.length).toBeGreaterThan(12);
    expect(said).not.toContain('English.');
    expect(said).not.toContain(t('documents.failed'));
    // Of what the page does not know, and of vectors, the server's sentence is all there is.
    expect(reasonOf(document('a', 'failed', 'English.', 'odd'))).toBe('English.');
    expect(reasonOf(document('a', 'ready', 'English.', 'too_large'))).toBe('English.');
  }
  await i18n.use('en');
});

it('offers to read again what an older version has read, once all is well', () => {
  const old = (id: string, state: string, message?: string) => ({ ...document(id, state, message), older: true }) as Document;
  const all = [old('a', 'ready'), document('b', 'ready'), old('c', 'reading'), old('d', 'embedding'), old('e', 'ready', 'No such model.'), old('f', 'ready')];
  expect(shared(all).map(({ kind, documents }) => [kind, documents.map((d) => d.id).join('')])).toEqual([['older', 'af']]);
  expect(reasonOf(all[0]!)).toBe(t('documents.older'));
  expect(reasonOf(all[4]!)).toBe('No such model.');
});

it('offers to try again where that may come to something else', () => {
  for (const code of ['scanned', 'timeout', 'broken', 'unavailable', 'canceled', 'interrupted', 'odd']) expect(mayHelp(document('a', 'failed', '', code)), code).toBe(true);
  for (const code of ['locked', 'empty', 'unsupported', 'too_large', 'too_complex', 'out_of_memory', 'missing']) {
    expect(mayHelp(document('a', 'failed', '', code)), code).toBe(false);
    // A newer version may read what an older one could not.
    expect(mayHelp({ ...document('a', 'failed', '', code), older: true }), code).toBe(true);
  }
  expect(mayHelp(document('a', 'ready', 'English.', 'too_large'))).toBe(true);
});

it('says in the reader’s language what a document waits for', async () => {
  const away = document('a', 'queued', 'The server that has this file is away.', 'server_away');
  expect(reasonOf(away)).toBe(t('documents.waitsServer'));
  expect(reasonOf(document('b', 'reading', 'Full.', 'storage_full'))).toBe(t('documents.waitsRoom'));
  // Another reason of one that is not done has the server's words.
  expect(reasonOf(document('c', 'embedding', 'Asleep.', 'provider_busy'))).toBe('Asleep.');
});
