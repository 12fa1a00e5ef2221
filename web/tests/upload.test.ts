import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '$core/api/errors';
import { keptUploads, sendDocument, tooLarge } from '$core/upload';
import { nameOf, Senders, wanted } from '$state/sending.svelte';
import { forgetDrafts } from '$state/storage';

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
  /** So many requests come too soon, as it says. */
  busy = 0;
  /** What it refuses: the status for a method (of the last request: "POST documents"). */
  refuse: Record<string, number> = {};
  /** The last requests of files. */
  made: { upload_id?: string; name?: string; replaces?: string; on_conflict?: string }[] = [];
  /** It has another file of each name. */
  taken = false;
  expires = new Date(Date.now() + 24 * 3600_000).toUTCString();

  answer(method: string, url: string, headers: Map<string, string>, body: Blob | string | null): { status: number; headers: Record<string, string>; text: string } | null {
    const id = url.split('/').pop()!;
    this.asked.push(`${method} ${headers.get('Upload-Offset') ?? ''}`.trim());
    if (this.asked.length === this.silent) return null;
    const refused = this.refuse[method === 'POST' && url.endsWith('/documents') ? 'POST documents' : method];
    if (this.busy > 0) return { status: 429, headers: { 'Retry-After': String(this.busy--) }, text: '' };
    if (refused) return { status: refused, headers: {}, text: '' };
    if (method === 'POST' && url.endsWith('/uploads')) {
      const made = `u${this.uploads.size}`;
      this.uploads.set(made, 0);
      return { status: 201, headers: { Location: `/api/v1/uploads/${made}`, 'Upload-Expires': this.expires }, text: '' };
    }
    if (method === 'POST') {
      const asked = typeof body === 'string' ? JSON.parse(body) : Object.fromEntries((body as unknown as FormData).entries());
      if (this.taken && asked.on_conflict === 'refuse') return { status: 409, headers: {}, text: '{"error":{"code":"already_exists","message":""}}' };
      if (typeof body === 'string' || this.taken) this.made.push(asked);
      return { status: 201, headers: {}, text: '{"id":"d"}' };
    }
    if (!this.uploads.has(id)) return { status: 404, headers: {}, text: '{"error":{"code":"not_found","message":"It is gone."}}' };
    if (method === 'PATCH') this.uploads.set(id, this.uploads.get(id)! + (body as Blob).size);
    const headersOf = { 'Upload-Offset': String(this.uploads.get(id)), 'Upload-Expires': this.expires };
    if (method === 'DELETE') this.uploads.delete(id);
    return { status: 204, headers: headersOf, text: '' };
  }
}

let server: Store;

class Request {
  upload = {};
  status = 0;
  private sent = false;
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
    if (!this.sent) return; // as browsers do
    this.onabort?.();
    this.onloadend?.();
  }
  send(body: Blob | string | null) {
    this.sent = true;
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
const send = (f: File, signal = new AbortController().signal, progress: (n: number) => void = () => {}) => sendDocument(path, { user: 'u', file: f, name: f.name }, signal, progress);

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
    expect(keptUploads('u')).toMatchObject([{ name: 'film.pdf', sent: 8 * MB, at: 0 }]);

    vi.resetModules(); // as a new page
    const again = await import('$core/upload');
    Object.assign(server, { asked: [], silent: 0 });
    expect(again.leftUploads('u', path)).toHaveLength(1);
    const told: number[] = [];
    await again.sendDocument(path, { user: 'u', file: file(), name: 'film.pdf' }, new AbortController().signal, (n) => told.push(n));
    expect(server.asked).toEqual(['HEAD', `PATCH ${8 * MB}`, `PATCH ${16 * MB}`, 'POST']);
    expect(told[0]).toBe(8 * MB);
    expect(keptUploads('u')).toEqual([]);
  });

  it('begin anew when the server has them no more, or the file has changed', async () => {
    server.silent = 3;
    void send(file());
    await vi.waitFor(() => expect(server.asked).toHaveLength(3), LONG);
    window.dispatchEvent(new Event('pagehide'));
    vi.resetModules();
    const again = await import('$core/upload');
    server.uploads.clear();
    Object.assign(server, { asked: [], silent: 0 });
    await again.sendDocument(path, { user: 'u', file: file(), name: 'film.pdf' }, new AbortController().signal, () => {});
    expect(server.asked.slice(0, 3)).toEqual(['HEAD', 'POST', 'PATCH 0']);
    server.asked = [];
    await again.sendDocument(path, { user: 'u', file: file(17 * MB, 2), name: 'film.pdf' }, new AbortController().signal, () => {});
    expect(server.asked[0]).toBe('POST');
  });

  it('are forgotten when they are left out', async () => {
    server.silent = 3;
    const stop = new AbortController();
    const sent = send(file(), stop.signal).catch((e: Error) => e.name);
    await vi.waitFor(() => expect(server.asked).toHaveLength(3), LONG);
    stop.abort();
    expect(await sent).toBe('AbortError');
    expect(keptUploads('u')).toEqual([]);
  });

  /** A file of one part whose part never arrives, of a page that is gone then; the functions of a new page. */
  async function left(more: { user?: string; name?: string; replaces?: string } = {}) {
    server.silent = 2;
    void sendDocument(path, { user: 'u', file: file(4 * MB), name: 'film.pdf', ...more }, new AbortController().signal, () => {});
    await vi.waitFor(() => expect(server.asked).toEqual(['POST', 'PATCH 0']), LONG);
    window.dispatchEvent(new Event('pagehide'));
    vi.resetModules();
    Object.assign(server, { asked: [], silent: 0 });
    const { Senders } = await import('$state/sending.svelte');
    return { ...(await import('$core/upload')), Senders };
  }

  it('are forgotten here and on the server when one that has failed is left out', async () => {
    server.refuse = { 'POST documents': 413 };
    const senders = new Senders('u', () => path, () => {}, path);
    senders.add([file(4 * MB)]);
    await vi.waitFor(() => expect(senders.items[0]!.problem).not.toBe(''), LONG);
    expect(keptUploads('u')).toHaveLength(1);
    senders.drop(senders.items[0]!);
    expect(keptUploads('u')).toEqual([]);
    await vi.waitFor(() => expect(server.uploads.size).toBe(0), LONG);
  });

  it('are forgotten there too when the last request is left out, or what was left', async () => {
    server.silent = 3;
    const senders = new Senders('u', () => path, () => {}, path);
    senders.add([file(4 * MB)]);
    await vi.waitFor(() => expect(server.asked).toHaveLength(3), LONG);
    senders.drop(senders.items[0]!);
    await vi.waitFor(() => expect(server.uploads.size).toBe(0), LONG);
    expect(keptUploads('u')).toEqual([]);

    server.asked = [];
    const page = await left();
    const again = new page.Senders('u', () => path, () => {}, path);
    again.forget(again.left[0]!);
    expect(again.left).toEqual([]);
    await vi.waitFor(() => expect(server.uploads.size).toBe(0), LONG);
  });

  it('are gone when the server has thrown them away, also those of chats', async () => {
    server.expires = new Date(Date.now() - 1000).toUTCString();
    const page = await left();
    expect(page.leftUploads('u', path)).toEqual([]);
    server.expires = new Date(Date.now() + 3600_000).toUTCString();
    await page.sendDocument('/api/v1/conversations/1/documents', { user: 'u', file: file(4 * MB), name: 'film.pdf' }, new AbortController().signal, () => {});
    expect(server.asked[0]).toBe('POST');
    expect(localStorage.getItem('atelier.uploads.u')).toBeNull();
  });

  it('stay when a session has ended, or the server has too much to do', async () => {
    const page = await left();
    for (const status of [401, 429]) {
      server.refuse = { HEAD: status };
      await expect(page.sendDocument(path, { user: 'u', file: file(4 * MB), name: 'film.pdf' }, new AbortController().signal, () => {})).rejects.toMatchObject({ status });
    }
    Object.assign(server, { refuse: {}, asked: [] });
    await page.sendDocument(path, { user: 'u', file: file(4 * MB), name: 'film.pdf' }, new AbortController().signal, () => {});
    expect(server.asked).toEqual(['HEAD', 'PATCH 0', 'POST']);
  });

  it('are sent once more beside another window that sends them, or twice by one', async () => {
    server.silent = 2;
    void send(file(4 * MB));
    await vi.waitFor(() => expect(server.asked).toHaveLength(2), LONG);
    vi.resetModules(); // another window; the first one is still there
    const other = await import('$core/upload');
    Object.assign(server, { asked: [], silent: 0 });
    await other.sendDocument(path, { user: 'u', file: file(4 * MB), name: 'film.pdf' }, new AbortController().signal, () => {});
    expect(server.asked).toEqual(['POST', 'PATCH 0', 'POST']);

    localStorage.clear();
    server.asked = [];
    const page = await left();
    const twice = [1, 2].map(() => page.sendDocument(path, { user: 'u', file: file(4 * MB), name: 'film.pdf' }, new AbortController().signal, () => {}));
    await Promise.all(twice);
    expect(server.asked.filter((a) => a === 'HEAD')).toHaveLength(1);
    expect(new Set(server.made.map((m) => m.upload_id)).size).toBe(3);
  });

  it('that are a new version stay one when the file is given again', async () => {
    const page = await left({ name: 'book.pdf', replaces: 'd1' });
    const senders = new page.Senders('u', () => path, () => {}, path);
    expect(senders.left).toHaveLength(1);
    senders.add([file(4 * MB)]);
    expect(senders.left).toEqual([]);
    await vi.waitFor(() => expect(server.made).toMatchObject([{ name: 'book.pdf', replaces: 'd1' }]), LONG);
    expect(server.asked[0]).toBe('HEAD');
  });

  it('are told of when their page went before their turn, until they are given again or are there', async () => {
    vi.resetModules();
    const { Senders } = await import('$state/sending.svelte');
    const small = (name: string) => new File(['text'], name, { lastModified: 1 });
    class Silent extends Request {
      override send() {
        begun++;
      }
    }
    let begun = 0;
    vi.stubGlobal('XMLHttpRequest', Silent);
    const first = new Senders('u', () => path, () => {}, path);
    first.add(['a', 'b', 'c', 'd', 'e'].map((n) => small(`${n}.txt`)));
    await vi.waitFor(() => expect(begun).toBe(3), LONG);
    const asked = new Event('beforeunload', { cancelable: true });
    window.dispatchEvent(asked);
    expect(asked.defaultPrevented).toBe(true);
    window.dispatchEvent(new Event('pagehide'));
    window.dispatchEvent(new Event('pageshow')); // the page was kept, and sends them
    expect(keptUploads('u')).toEqual([]);
    window.dispatchEvent(new Event('pagehide'));
    first.items.forEach((item) => first.drop(item));

    vi.resetModules();
    vi.stubGlobal('XMLHttpRequest', Request);
    Object.assign(server, { silent: 0 });
    const { Senders: Again } = await import('$state/sending.svelte');
    const senders = new Again('u', () => path, () => {}, path);
    expect(senders.left.map((k) => k.name)).toEqual(['a.txt', 'b.txt', 'c.txt', 'd.txt', 'e.txt']);
    senders.arrived([{ name: 'a.txt', size: 4 } as never]);
    senders.forget(senders.left[0]!);
    senders.add([small('d.txt')]);
    expect(senders.left.map((k) => k.name)).toEqual(['c.txt', 'e.txt']);
    expect(keptUploads('u').map((k) => k.name)).toEqual(['c.txt', 'e.txt']);
    await vi.waitFor(() => expect(server.asked).toEqual(['POST']), LONG);
  });

  it('wait as long as the server asks when it has had too many requests, small ones too', async () => {
    server.busy = 2;
    await sendDocument(path, { user: 'u', file: file(9), name: 'film.pdf' }, new AbortController().signal, () => {});
    expect(server.asked).toEqual(['POST', 'POST', 'POST']);
    server.busy = 3600;
    await expect(send(file(9))).rejects.toMatchObject({ status: 429 });
  });

  it('are seen by the person alone who sends them', async () => {
    const page = await left();
    expect(page.leftUploads('v', path)).toEqual([]);
    expect(page.leftUploads('u', path)).toHaveLength(1);
    forgetDrafts();
    expect(page.leftUploads('u', path)).toEqual([]);
  });

  it('says what to do about a file that is too large, and that it is refused for good', async () => {
    server.refuse = { 'POST documents': 413 };
    const senders = new Senders('u', () => path, () => {}, path);
    senders.add([new File(['x'], 'huge.txt')]);
    await vi.waitFor(() => expect(senders.items[0]).toMatchObject({ final: true, problem: expect.stringContaining('Split it') }), LONG);
  });

  it('asks about a name that another file has, and sends nothing twice for the answer', async () => {
    server.taken = true;
    const senders = new Senders('u', () => path, () => {}, path);
    senders.add([file(4 * MB)], 'refuse');
    senders.hold([new File(['x'], 'small.txt')]);
    expect(senders.idle).toBe(false);
    await vi.waitFor(() => expect(senders.idle).toBe(true), LONG);
    expect(senders.conflicts.map((i) => [i.name, i.problem])).toEqual([['film.pdf', ''], ['small.txt', '']]);
    expect(server.made).toEqual([]);
    senders.answer('replace');
    await vi.waitFor(() => expect(senders.items).toEqual([]), LONG);
    expect(server.made).toMatchObject([{ on_conflict: 'replace' }, { on_conflict: 'replace' }]);
    expect(server.asked.filter((a) => a.startsWith('PATCH'))).toHaveLength(1);
  });

  it('keeps nothing of a file whose name is left to what has it', async () => {
    server.taken = true;
    const senders = new Senders('u', () => path, () => {}, path);
    senders.add([file(4 * MB)], 'refuse');
    await vi.waitFor(() => expect(senders.conflicts).toHaveLength(1), LONG);
    senders.answer(null);
    expect(senders.items).toEqual([]);
    await vi.waitFor(() => expect(server.uploads.size).toBe(0), LONG);
    expect(keptUploads('u')).toEqual([]);
  });

  it('does not send what is empty, and says so for good', () => {
    const senders = new Senders('u', () => path, () => {}, path);
    senders.add([new File([], 'none.txt')]);
    expect(senders.items[0]).toMatchObject({ final: true, problem: expect.stringContaining('no text') });
    expect(server.asked).toEqual([]);
  });

  it('still says after a reload what was not taken, and what has failed', async () => {
    server.refuse = { 'POST documents': 500 };
    const first = new Senders('u', () => path, () => {}, path);
    const mine = (names: { name: string }[]) => names.filter((k) => ['bare.txt', 'away.txt', 'large.bin'].includes(k.name));
    first.add([new File([], 'bare.txt', { lastModified: 1 }), new File(['x'], 'away.txt', { lastModified: 1 })]);
    await vi.waitFor(() => expect(first.items.map((i) => !!i.problem)).toEqual([true, true]), LONG);
    const asked = new Event('beforeunload', { cancelable: true });
    window.dispatchEvent(asked);
    expect(asked.defaultPrevented).toBe(false); // nothing is on its way
    window.dispatchEvent(new Event('pagehide'));

    vi.resetModules();
    const page = await import('$state/sending.svelte');
    const senders = new page.Senders('u', () => path, () => {}, path);
    expect(mine(senders.left)).toMatchObject([{ name: 'bare.txt', why: first.items[0]!.problem }, { name: 'away.txt' }]);
    expect(mine(senders.left)[1]).not.toHaveProperty('why');
    senders.forget(senders.left.find((k) => k.name === 'bare.txt')!);
    expect(mine(keptUploads('u'))).toMatchObject([{ name: 'away.txt' }]);

    // One that had come whole, too; given again it may be taken.
    server.refuse = { 'POST documents': 413 };
    senders.add([file(4 * MB, 7)]);
    await vi.waitFor(() => expect(senders.items[0]!.problem).not.toBe(''), LONG);
    window.dispatchEvent(new Event('pagehide'));
    vi.resetModules();
    const again = new (await import('$state/sending.svelte')).Senders('u', () => path, () => {}, path);
    expect(again.left.find((k) => k.name === 'film.pdf')!.why).toBe(senders.items[0]!.problem);
    server.refuse = {};
    again.add([file(4 * MB, 7)]);
    await vi.waitFor(() => expect(again.items).toEqual([]), LONG);
    expect(keptUploads('u').filter((k) => k.name === 'film.pdf')).toEqual([]);
    first.items.forEach((item) => first.drop(item));
    senders.items.forEach((item) => senders.drop(item));
  });

  it('need no file any more when they had come whole as their page went', async () => {
    server.silent = 3; // the request that makes it a document
    void sendDocument(path, { user: 'u', file: file(4 * MB, 9), name: 'film.pdf' }, new AbortController().signal, () => {});
    await vi.waitFor(() => expect(server.asked).toHaveLength(3), LONG);
    window.dispatchEvent(new Event('pagehide'));
    vi.resetModules();
    Object.assign(server, { asked: [], silent: 0 });
    const page = await import('$state/sending.svelte');
    const made: unknown[] = [];
    const senders = new page.Senders('u', () => path, (d) => made.push(d), path);
    await vi.waitFor(() => expect(made).toHaveLength(1), LONG);
    expect(server.asked).toEqual(['HEAD', 'POST']);
    expect(senders.left.filter((k) => k.name === 'film.pdf')).toEqual([]);
  });

  it('are not asked for when they have become documents meanwhile', async () => {
    server.silent = 3;
    void sendDocument(path, { user: 'u', file: file(4 * MB, 11), name: 'film.pdf' }, new AbortController().signal, () => {});
    await vi.waitFor(() => expect(server.asked).toHaveLength(3), LONG);
    window.dispatchEvent(new Event('pagehide'));
    vi.resetModules();
    server.uploads.clear();
    const page = await import('$state/sending.svelte');
    const senders = new page.Senders('u', () => path, () => {}, path);
    await vi.waitFor(() => expect(senders.left.filter((k) => k.name === 'film.pdf')).toEqual([]), LONG);
    expect(keptUploads('u').filter((k) => k.name === 'film.pdf')).toEqual([]);
  });

  it('that could not reach the server go out when it is there again', async () => {
    class Away extends Request {
      override send(body?: unknown) {
        if (away) setTimeout(() => (this as unknown as { onerror: () => void }).onerror());
        else super.send(body as never);
      }
    }
    let away = true;
    vi.stubGlobal('XMLHttpRequest', Away);
    const senders = new Senders('u', () => path, () => {}, path);
    senders.add([new File(['x'], 'a.txt'), new File([], 'b.txt')]);
    await vi.waitFor(() => expect(senders.items.map((i) => !!i.problem)).toEqual([true, true]), LONG);
    away = false;
    window.dispatchEvent(new Event('online'));
    await vi.waitFor(() => expect(senders.items.map((i) => i.name)).toEqual(['b.txt']), LONG);
    senders.drop(senders.items[0]!);
  });

  it('go in parts when a form cannot write their name', async () => {
    for (const name of ['a "b".txt', 'a\\b.txt', 'a%22.txt', 'a\nb.txt']) {
      server.asked = [];
      await sendDocument(path, { user: 'u', file: file(9), name }, new AbortController().signal, () => {});
      expect(server.asked).toEqual(['POST', 'PATCH 0', 'POST']);
      expect(server.made.at(-1)!.name).toBe(name);
    }
  });

  it('leaves out what is hidden in a folder, but not what was chosen by itself', () => {
    const within = (path: string) => Object.defineProperty(new File(['x'], path.split('/').pop()!), 'webkitRelativePath', { value: path });
    const given = [within('ship/log.txt'), within('ship/.git/config'), within('ship/.DS_Store'), within('ship/in/Thumbs.db'), new File(['x'], '.env')];
    expect(wanted(given).map(nameOf)).toEqual(['ship/log.txt', '.env']);
  });
});

it('tells a file that is too large from a store that is full, which may be tried again', () => {
  const refused = (message: string, code = 'too_large') => tooLarge(new ApiError(413, code, message));
  expect(refused('A document may have 100 MB (document_max_mb).')).toBe(100 * MB);
  expect(refused('An upload may have 1048576 bytes (upload_max_mb).')).toBe(MB);
  expect(refused('', 'http_413')).toBe(0);
  expect(refused('Your documents would take more than 1000 MB (document_quota_mb). Delete some, then try again.', 'quota_exceeded')).toBeNull();
  expect(tooLarge(new ApiError(500, 'internal', '1 MB (upload_max_mb)'))).toBeNull();
});
