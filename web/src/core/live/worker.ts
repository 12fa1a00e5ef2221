// A SharedWorker: it lives as long as one of the pages of a browser, and holds the event stream for all of them.
import { Hub } from './hub';
import type { ToHub } from './messages';
import { opener } from './open';

/** The library of types for pages does not have it. */
const scope = globalThis as unknown as { onconnect: (event: MessageEvent) => void };
let hub: Hub | undefined;
let pages = 0;

scope.onconnect = (event) => {
  const port = event.ports[0]!;
  const page = String(++pages);
  port.onmessage = ({ data }: MessageEvent<{ base: string; message: ToHub }>) => {
    hub ??= new Hub(opener(data.base));
    hub.hear(page, (messages) => port.postMessage(messages), data.message);
  };
};
