import { say } from '$core/api/errors';
import type { Document } from '$core/api/types';
import { sendDocument } from '$core/upload';

export interface Sending {
  key: number;
  file: File;
  name: string;
  sent: number;
  problem: string;
  stop: AbortController;
}

/** At most so many files are on their way at a time. */
const AT_ONCE = 3;

/** Files on their way to where `path` says; a page that is left goes on sending them. */
export class Senders {
  items = $state<Sending[]>([]);
  private running = 0;
  private next = 0;

  constructor(
    private readonly path: () => string | Promise<string>,
    private readonly onsent: (made: Document) => void,
  ) {}

  add(files: Iterable<File>): void {
    for (const file of files) {
      const name = file.webkitRelativePath || file.name;
      this.items.push({ key: this.next++, file, name, sent: 0, problem: '', stop: new AbortController() });
    }
    this.go();
  }

  retry(item: Sending): void {
    item.problem = '';
    item.sent = 0;
    item.stop = new AbortController();
    this.go();
  }

  drop(item: Sending): void {
    item.stop.abort();
    this.items = this.items.filter((i) => i.key !== item.key);
  }

  private readonly started = new Set<AbortController>();

  private go(): void {
    for (const item of this.items) {
      if (this.running >= AT_ONCE) return;
      if (!item.problem && !this.started.has(item.stop)) void this.send(item);
    }
  }

  private async send(item: Sending): Promise<void> {
    const { stop } = item;
    this.started.add(stop);
    this.running++;
    try {
      const made = await sendDocument(await this.path(), item.file, item.name, stop.signal, (n) => (item.sent = n));
      this.items = this.items.filter((i) => i.key !== item.key);
      this.onsent(made);
    } catch (e) {
      if (!stop.signal.aborted) item.problem = say(e);
    } finally {
      this.running--;
      this.go();
    }
  }
}
