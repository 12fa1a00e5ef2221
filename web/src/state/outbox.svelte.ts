import { createConversation, listMessages } from '$core/api/conversations';
import { ApiError, say } from '$core/api/errors';
import { listQueue, queueTurn } from '$core/api/queue';
import type { TurnRequest } from '$core/api/turns';
import type { Message, Parameters, Queued, WhenFull } from '$core/api/types';
import { i18n, t } from '$core/i18n/i18n.svelte';
import { read, write } from './storage';

/** What an answer draws on, and where the person is. */
export type Drawn = Pick<TurnRequest, 'collection_ids' | 'document_ids' | 'tools' | 'time_zone'>;

/** A message that has not reached the server. */
export interface Unsent {
  id: string;
  /** null: of the new chat, which the first of its messages makes. */
  conversation: string | null;
  content: string;
  model: string | null;
  assistant: string | null;
  parameters: Parameters;
  /** Those of versions before have none of these. */
  context?: WhenFull;
  instructions?: string;
  history?: boolean;
  drawn?: Drawn;
  at: string;
  /** What the chat ended with when this was tried for the first time: behind it stands the message if it did arrive. */
  before?: string;
  /** How many questions with the same words waited there then. */
  alike?: number;
  /** Why a person has to decide about it; empty: it waits for the connection. */
  problem: string;
}

/** How many questions with these words wait in a chat. */
export const waitingAlike = (content: string, waiting: readonly Pick<Queued, 'content'>[]): number => waiting.filter((q) => q.content === content).length;

/**
 * Whether a message stands in a chat behind the one that ended it before, or waits there beside those that did already.
 * null: not to be told, since that one is not in the branch shown any more; the same words there may be older.
 */
export const hasArrived = (
  { content, before, alike = 0 }: Pick<Unsent, 'content' | 'before' | 'alike'>,
  messages: readonly Pick<Message, 'id' | 'role' | 'content'>[],
  waiting: readonly Pick<Queued, 'content'>[],
): boolean | null => {
  const end = messages.findIndex((m) => m.id === before);
  const waits = waitingAlike(content, waiting);
  if (before && end < 0) return waits > alike || null;
  const asked = messages.slice(end + 1).filter((m) => m.role === 'user' && m.content === content);
  return asked.length + waits > alike;
};

/** Messages of a page when what came behind one of them is looked for. */
const LOOK = 200;

/** The end of a chat, back to the message that ended it before; all of it when it was empty then. */
async function messagesSince(conversation: string, before: string | undefined): Promise<Message[]> {
  let page = await listMessages(conversation, {}, before === undefined ? 1 : LOOK);
  let all = page.items;
  while (before !== undefined && page.next && !all.some((m) => m.id === before)) {
    page = await listMessages(conversation, { before: page.next }, LOOK);
    all = [...page.items, ...all];
  }
  return all;
}

/** The server may be there again a moment later; anything else that it says is about the message. */
const passes = (e: unknown) => e instanceof ApiError && (e.unreachable || e.status === 401 || (e.status >= 502 && e.status <= 504));

/**
 * Messages written while the server was out of reach. They are kept by the browser, for each person, over reloads and
 * for all its windows; one of these sends them when the connection is back, those of a chat in their order.
 */
export class Outbox {
  items = $state.raw<Unsent[]>([]);
  /** A chat was made, or got a message. */
  onsent: (conversation: string, made: boolean) => void = () => {};
  private user = '';
  private flushing: Promise<void> | null = null;
  private wanted = false;

  /** What one person has not sent yet. Ends with the function that it returns. */
  open(user: string): () => void {
    this.user = user;
    this.look();
    const look = ({ key }: StorageEvent) => {
      if (key === null || key === 'atelier.' + this.key) this.look();
    };
    const back = () => void this.flush();
    window.addEventListener('storage', look);
    window.addEventListener('online', back);
    return () => {
      window.removeEventListener('storage', look);
      window.removeEventListener('online', back);
      this.user = '';
      this.items = [];
    };
  }

  private get key(): string {
    return 'unsent.' + this.user;
  }

  of(conversation: string | null): Unsent[] {
    return this.items.filter((i) => i.conversation === conversation);
  }

  /** Whether a message to this chat has to stand behind others. */
  waiting(conversation: string | null): boolean {
    return this.items.some((i) => i.conversation === conversation && !i.problem);
  }

  add(item: Omit<Unsent, 'id' | 'at' | 'problem'>): void {
    this.keep([...this.items, { ...item, id: crypto.getRandomValues(new Uint32Array(2)).join('-'), at: new Date().toISOString(), problem: '' }]);
  }

  /** Its text is another one now, and it is tried again. */
  edit(id: string, content: string): void {
    this.decide(id, { content });
  }

  retry(id: string): void {
    this.decide(id, {});
  }

  /** A person wants it sent: it is as if it had never been tried. */
  private decide(id: string, fields: Partial<Unsent>): void {
    this.change(id, { ...fields, problem: '', before: undefined, alike: undefined });
    void this.flush();
  }

  remove(id: string): void {
    this.keep(this.items.filter((i) => i.id !== id));
  }

  /** Sends what can be sent; called when the connection is back. */
  flush(): Promise<void> {
    if (!this.user || this.items.length === 0) return Promise.resolve();
    // While this sends, another one may be written.
    this.wanted = true;
    this.flushing ??= this.alone(() => this.sendWanted()).finally(() => (this.flushing = null));
    return this.flushing;
  }

  private async sendWanted(): Promise<void> {
    while (this.wanted) {
      this.wanted = false;
      await this.sendAll();
    }
  }

  /** Of all windows of a browser one sends; where there are no locks, this one. */
  private async alone(work: () => Promise<void>): Promise<void> {
    if (!navigator.locks) return work();
    await navigator.locks.request('atelier.' + this.key, { ifAvailable: true }, (lock) => (lock ? work() : undefined));
  }

  private async sendAll(): Promise<void> {
    const { user } = this;
    this.look();
    for (;;) {
      const item = this.items.find((i) => !i.problem);
      if (!item || user !== this.user) return;
      try {
        await this.send(item);
      } catch (e) {
        if (passes(e) || user !== this.user) return;
        this.change(item.id, { problem: say(e) });
      }
    }
  }

  private async send(item: Unsent): Promise<void> {
    const model = item.model ?? undefined;
    let { conversation } = item;
    const made = conversation === null;
    if (conversation === null) {
      const { id } = await createConversation({ model, assistant_id: item.assistant ?? undefined, parameters: item.parameters, context: item.context, instructions: item.instructions || undefined, history: item.history || undefined });
      conversation = id;
      // All that was written in the new chat belongs to this one.
      this.keep(this.items.map((i) => (i.conversation === null ? { ...i, conversation } : i)));
    }
    const [items, waiting] = await Promise.all([messagesSince(conversation, item.before), listQueue(conversation)]);
    const arrived = item.before !== undefined && hasArrived(item, items, waiting);
    if (arrived) return this.sent(item, conversation, made);
    if (arrived === null) return this.change(item.id, { problem: t('unsent.unsure') });
    if (item.before === undefined) this.change(item.id, { before: items.at(-1)?.id ?? '', alike: waitingAlike(item.content, waiting) });
    // Behind an answer that is being written, the server has it wait.
    await queueTurn(conversation, { ...item.drawn, content: item.content, model, language: i18n.language });
    this.sent(item, conversation, made);
  }

  private sent(item: Unsent, conversation: string, made: boolean): void {
    this.remove(item.id);
    this.onsent(conversation, made);
  }

  private change(id: string, fields: Partial<Unsent>): void {
    this.keep(this.items.map((i) => (i.id === id ? { ...i, ...fields } : i)));
  }

  private look(): void {
    try {
      const kept: unknown = JSON.parse(read(this.key) ?? '[]');
      this.items = Array.isArray(kept) ? kept.filter((i) => typeof i?.id === 'string' && typeof i?.content === 'string') : [];
    } catch {
      this.items = [];
    }
  }

  private keep(items: Unsent[]): void {
    this.items = items;
    write(this.key, items.length > 0 ? JSON.stringify(items) : null);
  }
}
