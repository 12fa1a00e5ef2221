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

const TUS = { 'Tus-Resumable': '1.0.0' };

/** In parts, each tried again from where the server says it is. */
async function inParts(file: File, signal: AbortSignal, progress: (bytes: number) => void): Promise<string> {
  const made = checked(await request('POST', `${base}/api/v1/uploads`, { ...TUS, 'Upload-Length': String(file.size) }, null, signal, () => {}));
  const id = (made.header('Location') ?? '').split('/').pop()!;
  const url = `${base}/api/v1/uploads/${id}`;
  let at = 0;
  for (let tries = 0; at < file.size; ) {
    try {
      const headers = { ...TUS, 'Upload-Offset': String(at), 'Content-Type': 'application/offset+octet-stream' };
      const sent = checked(await request('PATCH', url, headers, file.slice(at, at + PART), signal, (n) => progress(at + n)));
      at = Number(sent.header('Upload-Offset'));
      tries = 0;
    } catch (e) {
      if (!(e instanceof ApiError) || !(e.unreachable || e.status === 409 || e.status === 423) || ++tries === TRIES) throw e;
      await new Promise((done) => setTimeout(done, 500 * 2 ** tries));
      at = Number(checked(await request('HEAD', url, TUS, null, signal, () => {})).header('Upload-Offset'));
    }
  }
  return id;
}

export interface Outgoing {
  file: File;
  name: string;
  /** The document whose new version it is. */
  replaces?: string;
}

/** Brings a file to `path` (documents of a collection or a conversation); `progress` in bytes. */
export async function sendDocument(path: string, { file, name, replaces }: Outgoing, signal: AbortSignal, progress: (bytes: number) => void): Promise<Document> {
  const url = base + path;
  if (file.size <= ONE) {
    const form = new FormData();
    if (replaces) form.append('replaces', replaces);
    form.append('file', file, name);
    return JSON.parse(checked(await request('POST', url, {}, form, signal, progress)).text) as Document;
  }
  const upload_id = await inParts(file, signal, progress);
  return JSON.parse(checked(await request('POST', url, { 'Content-Type': 'application/json' }, JSON.stringify({ upload_id, name, replaces }), signal, () => {})).text) as Document;
}
