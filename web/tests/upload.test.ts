import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keptUploads, sendDocument } from '$core/upload';

const MB = 1024 * 1024;
/** A guard against hanging: a busy machine takes its time. */
const LONG = { timeout: 120_000 };
vi.setConfig({ testTimeout: 180_000 });
const path = '/api/v1/collections/0000000000001/documents';

/** A server of uploads: what it has of each, and what it was asked. `silent` is the number of a request that it does not answer. */
class Store {
  uploads = new Map<string, number>();
  asked: string[] = [];
  silent = 0;

  answer(method: string, url: string, headers: Map<string, string>, body: Blob | null): { status: number; headers: Record<string, string>; text: string } | null {
    const id = url.split('/').pop()!;
    this.asked.push(`${method} ${headers.get('Upload-Offset') ?? ''}`.trim());
    if (this.asked.length === this.silent) return null;
    if (method === 'POST' && url.endsWith('/uploads')) {
      const made = `u${this.uploads.size}`;
      this.uploads.set(made, 0);
      return { status: 201, headers: { Location: `/api/v1/uploads/${made}` }, text: '' };
    }
    if (method === 'POST') return { status: 201, headers: {}, text: '{"id":"d"}' };
    if (!this.uploads.has(id)) return { status: 404, headers: {}, text: '{"error":{"code":"not_found","message":"It is gone."}}' };
    if (method === 'PATCH') this.uploads.set(id, this.uploads.get(id)! + body!.size);
    return { status: 204, headers: { 'Upload-Offset': String(this.uploads.get(id)) }, text: '' };
  }
}

let server: Store;

class Request {
  upload = {};
  status = 0;
  responseText = '';
  onload?: () => void;
  onabort?: () => void;
  onloadend?: () => void;
  private headers = new Map<string, string>();
  private back: Record<string, string> = {};
  private method = '';
  private url = '';

  open(method: string, url: string) {
    this.method = method;
    this.url = url;
  }
  setRequestHeader(name: string, value: string) {
    this.headers.set(name, value);
  }
  getResponseHeader(name: string) {
    return this.back[name] ?? null;
  }
  abort() {
    this.onabort?.();
    this.onloadend?.();
  }
  send(body: Blob | null) {
    const answer = server.answer(this.method, this.url, this.headers, body);
    if (!answer) return;
    this.status = answer.status;
    this.responseText = answer.text;
    this.back = answer.headers;
    queueMicrotask(() => {
      this.onload?.();
      this.onloadend?.();
    });
  }
}

const file = (size = 17 * MB, modified = 1) => new File([new Uint8Array(size)], 'film.pdf', { lastModified: modified });
const send = (f: File, signal = new AbortController().signal, progress: (n: number) => void = () => {}) => sendDocument(path, { file: f, name: f.name }, signal, progress);

describe('files in parts', () => {
  beforeEach(() => {
    localStorage.clear();
    server = new Store();
    vi.stubGlobal('XMLHttpRequest', Request);
  });
  afterEach(() => vi.unstubAllGlobals());

  it('go on where a page that is gone has left them', async () => {
    server.silent = 3; // the second part never arrives
    void send(file());
    await vi.waitFor(() => expect(server.asked).toEqual(['POST', 'PATCH 0', `PATCH ${8 * MB}`]), LONG);
    window.dispatchEvent(new Event('pagehide'));
    expect(keptUploads()).toMatchObject([{ name: 'film.pdf', sent: 8 * MB, at: 0 }]);

    vi.resetModules(); // as a new page
    const again = await import('$core/upload');
    Object.assign(server, { asked: [], silent: 0 });
    expect(again.leftUploads(path)).toHaveLength(1);
    const told: number[] = [];
    await again.sendDocument(path, { file: file(), name: 'film.pdf' }, new AbortController().signal, (n) => told.push(n));
    expect(server.asked).toEqual(['HEAD', `PATCH ${8 * MB}`, `PATCH ${16 * MB}`, 'POST']);
    expect(told[0]).toBe(8 * MB);
    expect(keptUploads()).toEqual([]);
  });

  it('begin anew when the server has them no more, or the file has changed', async () => {
    server.silent = 3;
    void send(file());
    await vi.waitFor(() => expect(server.asked).toHaveLength(3), LONG);
    vi.resetModules();
    const again = await import('$core/upload');
    server.uploads.clear();
    Object.assign(server, { asked: [], silent: 0 });
    await again.sendDocument(path, { file: file(), name: 'film.pdf' }, new AbortController().signal, () => {});
    expect(server.asked.slice(0, 3)).toEqual(['HEAD', 'POST', 'PATCH 0']);
    server.asked = [];
    await again.sendDocument(path, { file: file(17 * MB, 2), name: 'film.pdf' }, new AbortController().signal, () => {});
    expect(server.asked[0]).toBe('POST');
  });

  it('are forgotten when they are left out', async () => {
    server.silent = 3;
    const stop = new AbortController();
    const sent = send(file(), stop.signal).catch((e: Error) => e.name);
    await vi.waitFor(() => expect(server.asked).toHaveLength(3), LONG);
    stop.abort();
    expect(await sent).toBe('AbortError');
    expect(keptUploads()).toEqual([]);
  });
});
