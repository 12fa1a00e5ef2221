import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { inWords, rows } from '$core/api/sentences';
import { ApiError, errorFrom, learnWords, say, unreachable } from '$core/api/errors';
import { i18n, languages, type Language } from '$core/i18n/i18n.svelte';
import { anotherHelps, limitOf } from '$core/turn/failure';
import { noticeText, statusText } from '$core/turn/words';

const files = (folder: string): string[] => readdirSync(folder, { withFileTypes: true }).flatMap((f) => (f.isDirectory() ? files(join(folder, f.name)) : /\.[ch]$/.test(f.name) ? [join(folder, f.name)] : []));
/** The texts of the server's source, each in one piece. */
const source = files('../src')
  .map((f) => readFileSync(f, 'utf8'))
  .join('\n')
  .replaceAll('\\\n', '\n')
  .replaceAll('SENTENCE_OK "', '"Connected."\n"')
  .replace(/"\s*\n?\s*"/g, '')
  .replaceAll('\\"', '"');

/** What the server makes of a format; texts are told from each other. */
const made = (sentence: string) => {
  let n = 0;
  return sentence.replace(/%(?:\.\d+)?(s|d|lld|zu|g|f)/g, (_, kind) => (kind === 's' ? `x${++n}y` : '7'));
};

/** Lists of texts are pieces of their own. */
const pieces = files('../src').map((f) => readFileSync(f, 'utf8')).join('\n');
const holds = (text: string) => source.includes(text) || pieces.includes(text);

const limit = (whose: string) => `The limit of 20 requests a day${whose} is reached: 20 used. It begins anew at 2026-12-01 00:00 UTC.`;

describe('sentences of the server', () => {
  afterEach(() => i18n.use('en'));

  it.each(rows.map(([sentence]) => sentence))('still has “%s”', (sentence) => expect(source.includes(`"${sentence}`) || source.includes(`${sentence}"`)).toBe(true));

  it('names that are taken are found, of whatever they are', async () => {
    const found = [...source.matchAll(/"((?:There is|You have) an? [a-z ]+ of this name already\.)"/g)].map((m) => m[1]!);
    expect(found.length).toBeGreaterThan(7);
    await i18n.use('de');
    expect(new Set(found.map((sentence) => inWords(sentence)))).toEqual(new Set(['Dieser Name ist bereits vergeben.']));
  });

  it.each(Object.keys(languages).filter((l) => l !== 'en'))('are said in %s, with all that they tell', async (language) => {
    await i18n.use(language as Language);
    for (const [sentence, key, ...names] of rows) {
      const english = made(sentence);
      const text = inWords(english);
      expect(text, sentence).not.toBe(english);
      expect(text, sentence).not.toContain(key);
      expect(text, sentence).not.toMatch(/[{}]/);
      for (const [i, [value]] of [...english.matchAll(/x\d+y|7/g)].entries()) if (names[i] && !/^(hint|more|late|what)$/.test(names[i]!)) expect(text, sentence).toContain(value);
    }
  });

  it('are left as they are where nobody knows them, and in English', async () => {
    expect(inWords('Too many failed logins.')).toBe('Too many failed logins.');
    await i18n.use('de');
    expect(inWords('A sentence of tomorrow.')).toBe('A sentence of tomorrow.');
  });

  it('are framed as what the server says in English where nobody knows them', async () => {
    const refused = () => errorFrom(new Response(null, { status: 400 }), { error: { code: 'x', message: 'A sentence of tomorrow.' } });
    const pageless = () => errorFrom(new Response(null, { status: 502 }), null);
    expect(say(refused())).toBe('A sentence of tomorrow.');
    await i18n.use('de');
    await learnWords();
    expect(say(refused())).toBe('Der Server meldet (auf Englisch): A sentence of tomorrow.');
    // The page's own words are in its language already, and those that are known need no frame.
    for (const own of [unreachable(), pageless()]) expect(say(own)).not.toContain('Englisch');
    expect(say(errorFrom(new Response(null, { status: 403 }), { error: { code: 'forbidden', message: 'Only an administrator may do this.' } }))).not.toContain('Englisch');
  });

  it('tell once when to try again', async () => {
    const error = (message: string) => new ApiError(429, 'rate_limited', message, 9);
    expect(say(error('Too many failed logins. Try again in 9 seconds.'))).toBe('Too many failed logins. Try again in 9 seconds.');
    expect(say(error('Too many requests. Try again later.'))).toContain('9 s');
    await i18n.use('de');
    await learnWords();
    expect(say(error('Too many failed logins. Try again in 9 seconds.'))).toBe('Zu viele fehlgeschlagene Anmeldungen. Versuchen Sie es in 9\u00a0s noch einmal.');
    expect(say(error('Too many failed logins. Try again in 1 second.'))).toContain('in 1\u00a0s');
  });

  it('tell what an answer waits for', async () => {
    const retrying = { state: 'retrying', text: 'Nothing answers at 127.0.0.1:11434. Is the provider running? Trying again in 1.9 s.', attempt: 4, waitMs: 1900, elapsedMs: null, position: null } as const;
    expect(statusText(retrying, 'x', false)).toBe(retrying.text + ' (attempt\u00a04)');
    await i18n.use('de');
    expect(statusText(retrying, 'x', false)).toBe('Unter 127.0.0.1:11434 antwortet nichts. Läuft der Anbieter? Neuer Versuch in 1,9\u00a0s. (Versuch\u00a04)');
    const busy = 'OpenAI is busy or starting (503): Overloaded.';
    expect(statusText({ ...retrying, text: busy + ' Trying again in 2.0 s.', attempt: null }, 'x', false)).toMatch(/^OpenAI .* Neuer Versuch in 2\u00a0s\.$/);
    expect(statusText({ ...retrying, state: 'connecting', text: 'Asking a/one' }, 'x', false)).toBe('Verbindung mit a/one…');
    const other = busy + ' Asking b/two in place of a/one.';
    expect(noticeText({ code: 'fallback', text: other })).toMatch(/b\/two antwortet anstelle von a\/one\.$/);
  });

  it('tell what a provider said, and nothing where it gave no reason', async () => {
    await i18n.use('de');
    expect(inWords('OpenAI refused the call (401, check the key): Incorrect API key provided')).toBe('OpenAI hat die Anfrage abgelehnt (401, prüfen Sie den Schlüssel): Incorrect API key provided');
    expect(inWords('OpenAI refused the call (403, a key may be needed).')).toBe('OpenAI hat die Anfrage abgelehnt (403, vielleicht fehlt ein Schlüssel)');
    expect(inWords('No provider offers the model "x:1b" now. Ollama at http://localhost cannot be reached: away.')).toContain('„x:1b“. Ollama at http://localhost');
  });
});

describe('a limit that is reached', () => {
  afterEach(() => i18n.use('en'));

  it('is told in the language and the time of who reads it', async () => {
    expect(holds('"The %s of %s%s %s%s is %s: %s used%s. It begins anew at %s."')).toBe(true);
    expect(holds('{"a minute", "an hour", "a day", "a month"}')).toBe(true);
    expect(holds('{{" requests", " request"}, {" tokens", " token"}, {"", ""}}')).toBe(true);
    expect(holds('" for everyone together", " for you", " for the group ", " for the key ", " for"}')).toBe(true);
    const when = new Date('2026-12-01T00:00Z').toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' });
    expect(inWords(limit(' for you'))).toBe(`The limit of 20 requests a day for you is reached: 20 used. It begins anew at ${when}.`);
    await i18n.use('de');
    for (const [whose, words] of [[' for you', 'für Sie'], [' for everyone together', 'für alle zusammen'], [' for the group Lab', 'für die Gruppe Lab'], [' for the key ci, model x/y', 'für den Schlüssel ci, Modell x/y,'], [' for model x/*', 'für das Modell x/*']])
      expect(inWords(limit(whose!))).toContain(`20 Anfragen pro Tag ${words} ist erreicht: 20 verbraucht`);
    expect(inWords('The budget of 5.00 EUR a month for you is used up: 5.01 EUR used, 0.20 EUR held by running answers. It begins anew at 2026-12-01 00:00 UTC.')).toMatch(/^Das Limit von 5\.00 EUR {1,2}pro Monat für Sie ist erreicht: 5\.01 EUR verbraucht, 0\.20 EUR durch/);
  });

  it('offers another model only where it is one of a model', () => {
    expect(limitOf(limit(' for you'))).toEqual({ until: Date.parse('2026-12-01T00:00Z'), model: null });
    expect(limitOf(limit(' for you, model a/b'))?.model).toBe('a/b');
    expect(limitOf('Too many requests.')).toBeNull();
    expect([limit(' for you'), limit(' for everyone together'), limit(' for model a/*')].map((m) => anotherHelps('limit_reached', m))).toEqual([false, false, true]);
    expect(['provider_error', 'model_not_found', 'context_too_long', 'interrupted', 'busy', 'rate_limited', 'storage_full'].map((code) => anotherHelps(code, ''))).toEqual([true, true, true, false, false, false, false]);
  });
});
