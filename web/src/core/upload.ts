import { base } from './api/client';
import { ApiError, errorFrom, unreachable } from './api/errors';
import type { Document } from './api/types';

/** Files up to here go as one request, larger ones in parts of the protocol tus. */
const ONE = 3_000_000;
const PART = 8 * 1024 * 1024;
const TRIES = 5;

interface Sent {
  status: number;
  text: string;
  header: (name: string) => string | null;
}

/** One request whose way up is told. Fetch does not say how far it is. */
function request(method: string, url: string, headers: Record<string, string>, body: XMLHttpRequestBodyInit | null, signal: AbortSignal, progress: (bytes: number) => void): Promise<Sent> {
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
    if (signal.aborted) return stop();
    x.send(body);
  });
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
  file: File;
  name: string;
  /** The document whose new version it is. */
  replaces?: string;
}

/** A file that is on its way to `path` in parts: chosen again, it goes on where it was, also in another window or after a reload. */
export interface Kept {
  path: string;
  name: string;
  size: number;
  modified: number;
  id: string;
  sent: number;
  /** When it was being sent, in ms; 0: the page that sent it is gone. */
  at: number;
}

const KEPT = 'atelier.uploads';
/** A page that sends says so at this pace; one that has not for as long as twice that is gone. */
const SAYS_MS = 5_000;
export const GONE_MS = 2 * SAYS_MS;

/** What was begun in this browser and has not come whole. */
export function keptUploads(): Kept[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEPT) ?? '[]');
    return Array.isArray(list) ? (list as Kept[]) : [];
  } catch {
    return [];
  }
}

function store(list: Kept[]): void {
  try {
    if (list.length > 0) localStorage.setItem(KEPT, JSON.stringify(list));
    else localStorage.removeItem(KEPT);
  } catch {
    // Then a file that is left begins anew.
  }
}

const others = (id: string) => keptUploads().filter((k) => k.id !== id);
function keep(k: Kept): void {
  k.at = Date.now();
  store([...others(k.id), k]);
}
export const forgetUpload = (id: string) => store(others(id));

/** What was left on its way to `path`, by a page that is gone. */
export const leftUploads = (path: string) => keptUploads().filter((k) => k.path === path && !running.has(k.id) && Date.now() - k.at > GONE_MS);

/** Of this page: what is being sent now. */
const running = new Set<string>();
globalThis.addEventListener?.('pagehide', () => store(keptUploads().map((k) => (running.has(k.id) ? { ...k, at: 0 } : k))));

const TUS = { 'Tus-Resumable': '1.0.0' };
const uploadUrl = (id: string) => `${base}/api/v1/uploads/${id}`;

async function offsetOf(id: string, signal: AbortSignal): Promise<number> {
  return Number(checked(await request('HEAD', uploadUrl(id), TUS, null, signal, () => {})).header('Upload-Offset'));
}

/** The upload of the file: the one that was begun before, when the server still has it, or a new one. */
async function begin(path: string, { file, name }: Outgoing, signal: AbortSignal): Promise<Kept> {
  const what = { path, name, size: file.size, modified: file.lastModified, at: 0 };
  const before = keptUploads().find((k) => k.path === path && k.name === name && k.size === file.size && k.modified === file.lastModified && !running.has(k.id));
  if (before) {
    try {
      return { ...what, id: before.id, sent: await offsetOf(before.id, signal) };
    } catch (e) {
      if (!(e instanceof ApiError) || e.unreachable || e.status >= 500) throw e;
      forgetUpload(before.id);
    }
  }
  const made = checked(await request('POST', `${base}/api/v1/uploads`, { ...TUS, 'Upload-Length': String(file.size) }, null, signal, () => {}));
  return { ...what, id: (made.header('Location') ?? '').split('/').pop()!, sent: 0 };
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
      tries = 0;
    } catch (e) {
      if (!(e instanceof ApiError) || !(e.unreachable || e.status === 409 || e.status === 423) || ++tries === TRIES) throw e;
      await new Promise((done) => setTimeout(done, 500 * 2 ** tries));
      kept.sent = await offsetOf(kept.id, signal);
    }
  }
}

async function inParts(path: string, what: Outgoing, signal: AbortSignal, progress: (bytes: number) => void): Promise<string> {
  const kept = await begin(path, what, signal);
  keep(kept);
  running.add(kept.id);
  progress(kept.sent);
  try {
    await sendParts(what.file, kept, signal, progress);
  } catch (e) {
    if (signal.aborted) forgetUpload(kept.id);
    throw e;
  } finally {
    running.delete(kept.id);
  }
  return kept.id;
}

/** Brings a file to `path` (documents of a collection or a conversation); `progress` in bytes. */
export async function sendDocument(path: string, what: Outgoing, signal: AbortSignal, progress: (bytes: number) => void): Promise<Document> {
  const { file, name, replaces } = what;
  const url = base + path;
  if (file.size <= ONE) {
    const form = new FormData();
    if (replaces) form.append('replaces', replaces);
    form.append('file', file, name);
    return JSON.parse(checked(await request('POST', url, {}, form, signal, progress)).text) as Document;
  }
  const upload_id = await inParts(path, what, signal, progress);
  const sent = checked(await request('POST', url, { 'Content-Type': 'application/json' }, JSON.stringify({ upload_id, name, replaces }), signal, () => {}));
  forgetUpload(upload_id);
  return JSON.parse(sent.text) as Document;
}
