import { Hub } from './hub';
import type { ToHub, ToPage } from './messages';
import { opener } from './open';

/** The way of a page to the hub. */
export interface Wire {
  send(message: ToHub): void;
  close(): void;
}

/** What `hear` gets is in order; `who` comes whenever the hub is new. */
type Hear = (messages: ToPage[]) => void;

/** The hub in a worker that all pages of the browser share. */
function workerWire(user: string, base: string, hear: Hear, failed: () => void): Wire {
  // One for each user: who signs in after another does not get into what was theirs.
  const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'atelier.' + user });
  worker.onerror = failed;
  worker.port.onmessage = ({ data }: MessageEvent<ToPage[]>) => hear(data);
  return {
    send: (message) => worker.port.postMessage({ base, message }),
    close() {
      worker.onerror = null;
      worker.port.onmessage = null;
      worker.port.postMessage({ base, message: 'bye' });
      worker.port.close();
    },
  };
}

/** The hub in one of the pages, the one that has the lock; the others reach it by a channel. */
function electedWire(user: string, base: string, hear: Hear): Wire {
  const name = `atelier.${base}.${user}`;
  const me = crypto.randomUUID();
  const channel = new BroadcastChannel(name);
  const stop = new AbortController();
  let hub: Hub | undefined;

  const deliver = (from: string, message: ToHub) =>
    hub?.hear(from, (messages) => (from === me ? hear(messages) : channel.postMessage({ to: from, messages })), message);
  channel.onmessage = ({ data }: MessageEvent<{ from: string; message: ToHub } | { to: string; messages: ToPage[] }>) => {
    if ('from' in data) deliver(data.from, data.message);
    else if (data.to === me || data.to === 'all') hear(data.messages);
  };
  void navigator.locks
    .request(name, { signal: stop.signal }, () => {
      hub = new Hub(opener(base));
      channel.postMessage({ to: 'all', messages: [{ type: 'who' }] });
      hear([{ type: 'who' }]);
      return new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
    })
    .catch(() => {});
  return {
    send(message) {
      if (hub) deliver(me, message);
      else channel.postMessage({ from: me, message });
    },
    close() {
      if (hub) hub.close();
      else channel.postMessage({ from: me, message: 'bye' });
      hub = undefined;
      stop.abort();
      channel.close();
    },
  };
}

/** A hub of one's own. */
function ownWire(base: string, hear: Hear): Wire {
  const hub = new Hub(opener(base));
  return { send: (message) => hub.hear('me', hear, message), close: () => hub.close() };
}

/** The best wire that this browser has. A worker goes on while the page is hidden; `shared` says that it is one. */
export function connect(user: string, base: string, hear: Hear): Wire & { shared: boolean } {
  const without = (): Wire => {
    // Locks are there in a secure context only: with a plain address of another machine, each page is for itself.
    if ('locks' in navigator && 'BroadcastChannel' in globalThis) return electedWire(user, base, hear);
    return ownWire(base, hear);
  };
  let shared = 'SharedWorker' in globalThis;
  let wire: Wire;
  try {
    wire = shared
      ? workerWire(user, base, hear, () => {
          shared = false;
          wire = without();
          hear([{ type: 'who' }]);
        })
      : without();
  } catch {
    shared = false;
    wire = without();
  }
  return {
    get shared() {
      return shared;
    },
    send: (message) => wire.send(message),
    close: () => wire.close(),
  };
}
