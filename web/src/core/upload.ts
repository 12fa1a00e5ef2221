import { base } from './api/client';
import { ApiError, errorFrom, unreachable } from './api/errors';
import type { Document } from './api/types';

/** Files up to here go as one request, larger ones in parts of the protocol tus. */
const ONE = 3_000_000;
const PART = 8 * 1024 * 1024;
/** What a form has no way to write in a name that is read as it was. */
const UNSURE = /["\\\r\n]|%(22|0[ad])/i;
const TRIES = 5;

interface Sent {
  status: number;
  text: string;
  header: (name: string) => string | null;
}

/** One request whose way up is told. Fetch does not say how far it is. */
function once(method: string, url: string, headers: Record<string, string>, body: XMLHttpRequestBodyInit | null, signal: AbortSignal, progress: (bytes: number) => void): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    const stop = () => x.abort();
    x.open(method, url);
    for (const [name, value] of Object.entries(headers)) x.setRequestHeader(name, value);
    x.setRequestHeader('X-Atelier-Base', new URL(base).pathname);
    x.upload.onprogress = (e) => progress(e.loaded);
    x.onload = () => resolve({ status: x.status, text: x.responseText, header: (name) => x.getResponseHeader(name) });
    x.onerror = () => reject(unreachable());
    x.onabort = () => reject(new DOMException('', 'AbortError'));
    x.onloadend = () => signal.removeEventListener('abort', stop);
    signal.addEventListener('abort', stop);
    // What is not sent yet tells nothing of its end.
    if (signal.aborted) return reject(new DOMException('', 'AbortError'));
    x.send(body);
  });
}

/** A pause that is longer than this, in seconds, is for the person to decide. */
const PAUSE = 60;
/** The same; a server that has had enough requests for now is waited for, as long as it asks: many small files are many requests. */
async function request(...[method, url, headers, body, signal, progress]: Parameters<typeof once>): Promise<Sent> {
  for (;;) {
    const sent = await once(method, url, headers, body, signal, progress);
    const after = Number(sent.header('Retry-After'));
    if (sent.status !== 429 || !(after > 0 && after <= PAUSE)) return sent;
    await new Promise<void>((done) => {
      setTimeout(done, after * 1000);
      signal.addEventListener('abort', () => done(), { once: true }); // the next one says so at once
    });
  }
}

/** Of a file that is larger than is taken at all: how many bytes that is, 0 where only a proxy says so; null: it was refused for something else, as a full store. */
export function tooLarge(error: unknown): number | null {
  if (!(error instanceof ApiError) || error.status !== 413) return null;
  if (error.code === 'http_413') return 0;
  const said = /(\d+) (MB|bytes) \((?:document|upload)_max_mb\)/.exec(error.message);
  return said && Number(said[1]) * (said[2] === 'MB' ? 1024 * 1024 : 1);
}

function checked(sent: Sent): Sent {
  if (sent.status < 300) return sent;
  let error: unknown;
  try {
    error = JSON.parse(sent.text);
  } catch {
    error = undefined;
  }
  throw errorFrom(new Response(null, { status: sent.status }), error);
}

export interface Outgoing {
  /** Who sends it: what is kept of it is for nobody else of this browser. */
  user: string;
  file: File;
  name: string;
  /** The document whose new version it is. */
  replaces?: string;
  /** What becomes of it where another file of its name is; both are kept where nothing is said. */
  onConflict?: OnConflict;
  /** What it is on the server, since that is begun. */
  kept?: Kept;
}
export type OnConflict = 'add' | 'refuse' | 'replace';

/** Whether the server has another file of this name there, and was not to decide. */
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.code === 'already_exists';

/** A file that is on its way to `path` in parts: chosen again, it goes on where it was, also in another window or after a reload. */
export interface Kept {
  user: string;
  path: string;
  name: string;
  /** What the file itself is called; a new version of a document keeps the document's name. */
  file: string;
  replaces?: string;
  size: number;
  modified: number;
  id: string;
  sent: number;
  /** When it was being sent, in ms; 0: nobody sends it. */
  at: number;
  /** When the server throws it away, in ms. */
  expires: number;
  /** Why it would be refused again. */
  why?: string;
}

const keyOf = (user: string) => `atelier.uploads.${user}`;
/** A page that sends says so at this pace; one that has not for as long as twice that is gone. */
const SAYS_MS = 5_000;
export const GONE_MS = 2 * SAYS_MS;

/** What a person has begun in this browser, and has not come whole. */
export function keptUploads(user: string): Kept[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(keyOf(user)) ?? '[]');
    return Array.isArray(list) ? (list as Kept[]).filter((k) => k.expires > Date.now()) : [];
  } catch {
    return [];
  }
}

function store(user: string, list: Kept[]): void {
  try {
    if (list.length > 0) localStorage.setItem(keyOf(user), JSON.stringify(list));
    else localStorage.removeItem(keyOf(user));
  } catch {
    // Then a file that is left begins anew.
  }
}

const others = ({ user, id }: Kept) => keptUploads(user).filter((k) => k.id !== id);
export const forget = (k: Kept) => store(k.user, others(k));
function keep(k: Kept): void {
  k.at = Date.now();
  store(k.user, [...others(k), k]);
}
/** It is sent no further for now, and may be taken up at once. */
const rest = ({ user, id }: Kept) => store(user, keptUploads(user).map((k) => (k.id === id ? { ...k, at: 0 } : k)));

/** What a file is called here whose turn had not come when its page went: the server knows nothing of it. */
const UNSENT = 'unsent.';
export const isUnsent = ({ id }: Kept): boolean => id.startsWith(UNSENT);

/** Notes files that go with their page, so that the next one can ask for them, or still says why they are not taken; the notes, to be taken back if the page stays. */
export function noteUnsent(path: string, files: readonly (Outgoing & { why?: string })[]): Kept[] {
  const expires = Date.now() + 24 * 3600_000;
  const notes = files.map(({ user, file, name, replaces, why }) => ({
    user, path, name, file: file.name, replaces, why, size: file.size, modified: file.lastModified,
    id: UNSENT + crypto.getRandomValues(new Uint32Array(2)).join('.'), sent: 0, at: 0, expires,
  }));
  if (notes.length > 0) store(notes[0]!.user, [...keptUploads(notes[0]!.user), ...notes]);
  return notes;
}

/** Of this page: what is being sent now. */
const running = new Map<string, Kept>();
globalThis.addEventListener?.('pagehide', () => running.forEach(rest));

/** What was left on its way to `path`, by a page that is gone. */
export const leftUploads = (user: string, path: string) => keptUploads(user).filter((k) => k.path === path && !running.has(k.id) && Date.now() - k.at > GONE_MS);

const TUS = { 'Tus-Resumable': '1.0.0' };
const uploadUrl = (id: string) => `${base}/api/v1/uploads/${id}`;
const pause = (tries: number) => new Promise((done) => setTimeout(done, 500 * 2 ** tries));

/** Whether another row of this page, or another window, has taken it up. */
export const isTakenUp = ({ user, id }: Kept) => running.has(id) || keptUploads(user).some((k) => k.id === id && Date.now() - k.at <= GONE_MS);

/** It is not to be sent any more: nothing of it stays, here or there. */
export async function giveUp(kept: Kept): Promise<void> {
  forget(kept);
  if (isUnsent(kept)) return;
  for (let tries = 1; tries <= TRIES; tries++) {
    // A part that was on its way may hold it for a moment.
    const status = await request('DELETE', uploadUrl(kept.id), TUS, null, new AbortController().signal, () => {}).then((sent) => sent.status, () => 0);
    if (status !== 0 && status !== 423) return;
    await pause(tries);
  }
}

/** How long the server keeps it; a proxy may have taken away that it says so. */
const expiresOf = (sent: Sent) => Date.parse(sent.header('Upload-Expires') ?? '') || Date.now() + 24 * 3600_000;

async function look(kept: Kept, signal: AbortSignal): Promise<void> {
  const sent = checked(await request('HEAD', uploadUrl(kept.id), TUS, null, signal, () => {}));
  kept.sent = Number(sent.header('Upload-Offset'));
  kept.expires = expiresOf(sent);
}

/** From here on no other one sends it. */
function take(what: Outgoing, kept: Kept): Kept {
  delete kept.why;
  running.set(kept.id, kept);
  keep(kept);
  what.kept = kept;
  return kept;
}

/** It is there whole, and would be refused again: the next page says so, too. */
export const explain = ({ user, id }: Kept, why: string) => store(user, keptUploads(user).map((k) => (k.id === id ? { ...k, why } : k)));

/** The upload of the file: the one that was begun before, when the server still has it, or a new one. */
async function begin(path: string, what: Outgoing, signal: AbortSignal): Promise<Kept> {
  const { user, file, name, replaces } = what;
  const before = leftUploads(user, path).find((k) => k.id === what.kept?.id || (!isUnsent(k) && k.name === name && k.replaces === replaces && k.size === file.size && k.modified === file.lastModified));
  if (before) {
    take(what, before);
    try {
      await look(before, signal);
      return before;
    } catch (e) {
      running.delete(before.id);
      // Anything else passes, as a session that has ended.
      if (!(e instanceof ApiError) || (e.status !== 404 && e.status !== 410)) throw e;
      forget(before);
    }
  }
  const made = checked(await request('POST', `${base}/api/v1/uploads`, { ...TUS, 'Upload-Length': String(file.size) }, null, signal, () => {}));
  const id = (made.header('Location') ?? '').split('/').pop()!;
  return take(what, { user, path, name, file: file.name, replaces, size: file.size, modified: file.lastModified, id, sent: 0, at: 0, expires: expiresOf(made) });
}

/** In parts, each tried again from where the server says it is. */
async function sendParts(file: File, kept: Kept, signal: AbortSignal, progress: (bytes: number) => void): Promise<void> {
  for (let tries = 0; kept.sent < file.size; keep(kept)) {
    try {
      const at = kept.sent;
      const headers = { ...TUS, 'Upload-Offset': String(at), 'Content-Type': 'application/offset+octet-stream' };
      const sent = checked(await request('PATCH', uploadUrl(kept.id), headers, file.slice(at, at + PART), signal, (n) => {
        progress(at + n);
        if (Date.now() - kept.at > SAYS_MS) keep(kept);
      }));
      kept.sent = Number(sent.header('Upload-Offset'));
      kept.expires = expiresOf(sent);
      tries = 0;
    } catch (e) {
      if (!(e instanceof ApiError) || !(e.unreachable || e.status === 409 || e.status === 423) || ++tries === TRIES) throw e;
      await pause(tries);
      await look(kept, signal);
    }
  }
}

async function makeDocument(kept: Kept, onConflict: OnConflict | undefined, signal: AbortSignal): Promise<string> {
  const { path, id, name, replaces } = kept;
  const made = { upload_id: id, name, replaces, on_conflict: onConflict };
  const { text } = checked(await request('POST', base + path, { 'Content-Type': 'application/json' }, JSON.stringify(made), signal, () => {}));
  forget(kept);
  return text;
}

/** What came whole before its page went needs no file any more. null: it has become a document already, or the server has not all of it. */
export async function finish(kept: Kept): Promise<Document | null> {
  const { signal } = new AbortController();
  running.set(kept.id, kept);
  keep(kept);
  try {
    await look(kept, signal);
    return kept.sent < kept.size ? null : (JSON.parse(await makeDocument(kept, kept.replaces ? undefined : 'refuse', signal)) as Document);
  } catch (e) {
    if (!(e instanceof ApiError) || (e.status !== 404 && e.status !== 410)) throw e;
    forget(kept);
    return null;
  } finally {
    rest(kept);
    running.delete(kept.id);
  }
}

async function inParts(path: string, what: Outgoing, signal: AbortSignal, progress: (bytes: number) => void): Promise<string> {
  const { file, onConflict } = what;
  try {
    const kept = await begin(path, what, signal);
    progress(kept.sent);
    await sendParts(file, kept, signal, progress);
    return await makeDocument(kept, onConflict, signal);
  } catch (e) {
    if (what.kept && signal.aborted) void giveUp(what.kept);
    else if (what.kept) rest(what.kept);
    throw e;
  } finally {
    if (what.kept) running.delete(what.kept.id);
  }
}

/** Brings a file to `path` (documents of a collection or a conversation); `progress` in bytes. */
export async function sendDocument(path: string, what: Outgoing, signal: AbortSignal, progress: (bytes: number) => void): Promise<Document> {
  const { file, name, replaces, onConflict } = what;
  if (file.size > ONE || UNSURE.test(name)) return JSON.parse(await inParts(path, what, signal, progress)) as Document;
  const form = new FormData();
  if (replaces) form.append('replaces', replaces);
  if (onConflict) form.append('on_conflict', onConflict);
  form.append('file', file, name);
  return JSON.parse(checked(await request('POST', base + path, {}, form, signal, progress)).text) as Document;
}
