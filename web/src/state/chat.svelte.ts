import { changeConversation, createConversation, deleteMessage, keepMessage, listMessages } from '$core/api/conversations';
import { ApiError, say } from '$core/api/errors';
import { queueTurn } from '$core/api/queue';
import { summaryOf } from '$core/api/summaries';
import { startTurn, type TurnRequest } from '$core/api/turns';
import type { ImagePart, Message, Parameters, Summary, TurnStarted, WhenFull } from '$core/api/types';
import { i18n, t } from '$core/i18n/i18n.svelte';
import { withPage } from '$core/pages';
import { said } from '$core/turn/options';
import { picturesOf } from '$core/turn/parts';
import { messageOf } from '$core/turn/reduce';
import type { App } from './app.svelte';
import { DraftEdits, type Edits } from './edits';
import { Files } from './files.svelte';
import { Followed } from './followed.svelte';
import { accepted, mergeLatest, optimistic, rivalsOf, type Shown } from './history';
import type { Drawn } from './outbox.svelte';
import { Queue } from './queue.svelte';
import { Rival } from './rival.svelte';
import { notices } from '$design/notices.svelte';
import { read, readList, write, writeList } from './storage';

/** Of a long chat so many messages stay when it goes on; the ones before are read again when somebody scrolls up to them. */
const KEPT = 60;
/** So many are on the page at once, wherever one reads: who scrolls up leaves the end behind, and the other way round. */
const MOST = 100;
/** Puts something into the page, and keeps what is read where it is. */
type Place = (put: () => void) => unknown;


/** What is asked: text, pictures, or both. */
const asked = (content: string, pictures: ImagePart[]) => ({ content: content || undefined, attachments: pictures.length > 0 ? pictures.map((p) => p.id) : undefined });

const chosenFrom = (line: string): Chosen[] => (line.includes(' ') ? [{ id: line.slice(0, line.indexOf(' ')), name: line.slice(line.indexOf(' ') + 1) }] : []);

/** A document that was chosen, by the name it had then. */
export interface Chosen {
  id: string;
  name: string;
}

/** One open conversation: its messages, and the turn that is being followed. */
export class Chat extends Followed {
  id = $state<string | null>(null);
  messages = $state.raw<Shown[]>([]);
  loaded = $state(false);
  problem = $state('');
  older = $state<string | null>(null);
  /** What is shown is the middle of the branch: `after` of what comes behind it. null: its end is there. */
  newer = $state<string | null>(null);
  /** The message that was jumped to, until it is seen. */
  sought = $state<string | null>(null);
  /** What the model is given in the place of the first messages; null: nothing, or it was not looked for. */
  summary = $state.raw<Summary | null>(null);
  loadingOlder = $state(false);
  loadingNewer = $state(false);
  sending = $state(false);
  /** Settles when nothing of what was written is on its way any more: until then the draft is kept, although it was sent. */
  handing: Promise<unknown> = Promise.resolve();
  /**
   * What this page sent for last, an answer anew or more of one, until the list of messages has shown it: that may be
   * loaded only after all of it has come.
   */
  sent = $state<'anew' | 'more' | null>(null);
  /** The models that the next question goes to side by side; empty: to one, as always. */
  models = $state.raw<readonly string[]>([]);
  /** The other answers of a comparison, which stand beside the last one until one of them all is kept. */
  rivals = $state.raw<readonly Rival[]>([]);
  /** How the answers of a new chat are to be made; of another this stands with the conversation. */
  protected begun = $state.raw<Parameters>({});
  private begunFull = $state<WhenFull>('refuse');
  protected begunInstructions = $state('');
  protected begunHistory = $state(false);
  /** The collections that its answers draw on, and single documents beside them; this browser remembers both. */
  places = $state.raw<string[]>([]);
  documents = $state.raw<Chosen[]>([]);
  /** The tools that its answers may use; true: all. This browser remembers them. */
  tools = $state.raw<true | string[]>([]);

  /** Questions that are being changed, by their messages: until the server has the new words, while one looks elsewhere or loads the page anew. */
  readonly edits: Edits;

  /** What it is to be asked when its answer is complete. */
  readonly queue = new Queue(() => this.id, () => this.reload());
  readonly files = new Files(() => this.id, () => this.app.user);

  private seeking = false;
  private loads = 0;

  protected declare readonly app: App;

  constructor(app: App, id: string | null) {
    super(app);
    this.id = id;
    this.loaded = id === null;
    this.edits = this.makeEdits();
    this.places = readList(this.key('places', id));
    this.documents = readList(this.key('documents', id)).flatMap((line) => chosenFrom(line));
    const tools = readList(this.key('tools', id));
    this.tools = tools.includes('*') || tools;
  }

  /** Nothing of it is kept anywhere. */
  readonly temporary: boolean = false;

  protected makeEdits(): Edits {
    return new DraftEdits(this.app.user);
  }

  // Getters, not $derived: a chat outlives the component that opened it, and a derived value would not.
  override get last(): Shown | undefined {
    return this.messages[this.messages.length - 1];
  }

  get busy(): boolean {
    return this.sending || this.runs !== undefined || this.rivals.some((r) => r.busy);
  }

  /** In the middle of a branch its end is not here. */
  protected override get runs(): string | undefined {
    return this.newer ? (this.app.conversations.find(this.id)?.running_turn_id ?? undefined) : super.runs;
  }

  private key(what: 'places' | 'documents' | 'tools' | 'thrown', id = this.id): string {
    return `${what}.${this.app.user}.${id ?? 'new'}`;
  }

  setPlaces(places: string[], documents: Chosen[] = this.documents): void {
    this.places = places;
    this.documents = documents;
    if (this.temporary) return;
    writeList(this.key('places'), places);
    writeList(this.key('documents'), documents.map(({ id, name }) => `${id} ${name}`));
  }

  setTools(tools: true | string[]): void {
    this.tools = tools;
    if (!this.temporary) writeList(this.key('tools'), tools === true ? ['*'] : tools);
  }

  /** Without collections that are not there any more. */
  get there(): string[] {
    return this.app.collections.loaded ? this.places.filter((id) => this.app.collections.find(id)) : this.places;
  }

  drawn(): Drawn {
    const ids = this.there;
    return {
      ...(ids.length > 0 && { collection_ids: ids }),
      ...(this.documents.length > 0 && { document_ids: this.documents.map((d) => d.id) }),
      ...((this.tools === true || this.tools.length > 0) && { tools: this.tools, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone }),
    };
  }

  /** The chat is on the screen: looks at what is there now and follows what runs. */
  async attach(): Promise<void> {
    this.attached = true;
    for (const r of this.rivals) r.attach();
    void this.queue.load();
    void this.files.load();
    await this.reload();
  }

  override detach(): void {
    super.detach();
    for (const r of this.rivals) r.detach();
  }

  /** Another chat is looked at. */
  leave(): void {
    this.detach();
  }

  async reload(): Promise<void> {
    // While sending, the answer to it tells the ids; whatever else changed is looked at then.
    if (this.id === null || this.sending || this.newer || this.seeking) return;
    const load = ++this.loads;
    try {
      const page = await listMessages(this.id);
      if (load !== this.loads || this.sending) return;
      const merged = mergeLatest(this.messages, page.items);
      if (merged.replaced) this.older = page.next ?? null;
      this.messages = merged.messages;
      this.loaded = true;
      this.problem = '';
      this.follow();
      this.lookForSummary();
    } catch (e) {
      if (load !== this.loads) return;
      if (this.messages.length > 0 && e instanceof ApiError && e.unreachable) setTimeout(() => this.retryLoad(load), 3000);
      else this.problem = say(e);
    }
  }

  private retryLoad(load: number): void {
    if (this.attached && load === this.loads) void this.reload();
  }

  /** Shows the branch of a message, and in it what stands around that. */
  async seek(message: string): Promise<void> {
    if (!this.id) return;
    const load = ++this.loads;
    this.seeking = true;
    try {
      await changeConversation(this.id, { leaf_id: message });
      const page = await listMessages(this.id, { around: message });
      if (load !== this.loads) return;
      this.stopStream();
      this.live = null;
      this.messages = page.items;
      this.older = page.next ?? null;
      this.newer = page.newer ?? null;
      this.loaded = true;
      this.problem = '';
      this.sought = message;
    } catch (e) {
      notices.error(e);
    } finally {
      this.seeking = false;
    }
    if (!this.newer) await this.reload();
  }

  /** Another one, or none any more. */
  setSummary(summary: Summary | null): void {
    this.summary = summary;
    write(this.key('thrown'), summary ? null : this.told);
  }

  async loadSummary(): Promise<void> {
    if (!this.id) return;
    try {
      this.summary = await summaryOf(this.id);
    } catch (e) {
      if (e instanceof ApiError && e.status === 404) this.summary = null;
      else if (!(e instanceof ApiError && e.unreachable)) notices.error(e);
    }
  }

  /** The last answer that says that it was given a summary. */
  private get told(): string | null {
    return this.messages.findLast((m) => m.parts.some((p) => p.type === 'notice' && p.code === 'summary'))?.id ?? null;
  }

  /** Where an answer says that there is a summary, it is shown. One that was thrown away comes back with a later answer: until then, asking would be an error. */
  private lookForSummary(): void {
    const { told } = this;
    if (told && told !== read(this.key('thrown'))) void this.loadSummary();
  }

  /** From the middle of a branch back to its end. */
  async toEnd(): Promise<void> {
    if (!this.id || !this.newer) return;
    const load = ++this.loads;
    try {
      const page = await listMessages(this.id);
      if (load !== this.loads) return;
      this.messages = page.items;
      this.older = page.next ?? null;
      this.newer = null;
      this.follow();
    } catch (e) {
      notices.error(e);
    }
  }

  async loadNewer(place: Place): Promise<void> {
    if (!this.id || !this.newer || this.loadingNewer) return;
    this.loadingNewer = true;
    try {
      const page = await listMessages(this.id, { after: this.newer });
      const all = withPage(this.messages, page.items);
      await place(() => {
        this.messages = all.slice(-MOST);
        if (all.length > MOST) this.older = this.messages[0]!.id;
      });
      this.newer = page.newer ?? null;
      if (!this.newer) this.follow();
    } catch (e) {
      notices.error(e);
    } finally {
      this.loadingNewer = false;
    }
  }

  protected override put(message: Message): void {
    this.messages = this.messages.map((m): Shown => (m.id === message.id ? { ...message, key: m.key } : m));
  }

  protected override follow(): void {
    super.follow();
    this.meetRivals();
  }

  /** What stands beside the last answer. `fresh`: those that have just begun. */
  private meetRivals(fresh: readonly Shown[] = []): void {
    const { last } = this;
    const ids = this.newer || !last ? [] : last.compared.filter((id) => id !== last.id);
    const had = this.rivals;
    if (ids.join() === had.map((r) => r.id).join()) return;
    for (const r of had) if (!ids.includes(r.id)) r.detach();
    this.rivals = ids.map((id) => had.find((r) => r.id === id) ?? new Rival(this.app, id, fresh.find((m) => m.id === id) ?? null));
    if (this.attached) for (const r of this.rivals) if (!had.includes(r)) r.attach();
  }

  /** The answers that are compared, in the order of their models; empty: none are. */
  get compared(): readonly Followed[] {
    const { last, rivals } = this;
    return !last || rivals.length === 0 ? [] : last.compared.map((id) => rivals.find((r) => r.id === id) ?? this);
  }

  /** Goes on with one of the answers that are compared; the others stay as its versions. */
  async keep(answer: Shown): Promise<void> {
    try {
      this.app.conversations.put(await keepMessage(answer.id));
      const kept = this.rivals.find((r) => r.id === answer.id);
      // Their streams are asked for anew where they are still needed.
      for (const r of this.rivals) r.detach();
      this.rivals = [];
      if (kept?.message) {
        this.stopStream();
        this.live = null;
        this.messages = [...this.messages.slice(0, -1), { ...kept.message, compared: [] }];
      } else this.put({ ...(this.last as Message), compared: [] });
      await this.reload();
    } catch (e) {
      notices.error(e);
    }
  }

  /** What would go with a message. */
  goingWith(message: Shown): Promise<{ messages: number }> {
    return deleteMessage(message.id, true);
  }

  async remove(message: Shown): Promise<void> {
    try {
      await deleteMessage(message.id, false);
      this.newer = null;
      await this.reload();
    } catch (e) {
      notices.error(e);
    }
  }

  /** Something about a message has changed that its text does not tell. */
  mark(message: Shown, change: Partial<Shown>): void {
    this.messages = this.messages.map((m) => (m.id === message.id ? { ...m, ...change } : m));
  }

  async loadOlder(place: Place): Promise<void> {
    if (!this.id || !this.older || this.loadingOlder) return;
    this.loadingOlder = true;
    try {
      const page = await listMessages(this.id, { before: this.older });
      const known = new Set(this.messages.map((m) => m.id));
      const all = [...page.items.filter((m) => !known.has(m.id)), ...this.messages];
      // What is being written stays, and with it what stands before it.
      const cut = all.length > MOST && !this.busy;
      await place(() => {
        this.messages = cut ? all.slice(0, MOST) : all;
        if (cut) this.newer = this.last!.id;
      });
      this.older = page.next ?? null;
    } catch (e) {
      notices.error(e);
    } finally {
      this.loadingOlder = false;
    }
  }

  /** How its next answers are to be made, as far as the chat itself says. */
  get options(): Parameters {
    return said(this.id === null ? this.begun : (this.app.conversations.find(this.id)?.parameters ?? {}));
  }

  /** What becomes of it when it is longer than the model takes. */
  get whenFull(): WhenFull {
    return this.id === null ? this.begunFull : (this.app.conversations.find(this.id)?.context ?? 'refuse');
  }

  /** What the model is told in this chat. */
  get instructions(): string {
    return this.id === null ? this.begunInstructions : (this.app.conversations.find(this.id)?.instructions ?? '');
  }

  /** Whether answers may draw on one's earlier chats. */
  get history(): boolean {
    return this.id === null ? this.begunHistory : (this.app.conversations.find(this.id)?.history ?? false);
  }

  /** Throws what went wrong: what was typed for it is still in the dialog. */
  async setOptions(parameters: Parameters, context = this.whenFull, instructions = this.instructions, history = this.history): Promise<void> {
    if (this.id !== null) return this.app.conversations.set(this.id, { parameters, context, instructions, history });
    this.begun = parameters;
    this.begunFull = context;
    this.begunInstructions = instructions;
    this.begunHistory = history;
  }

  /** Has a question wait for the answer that is being written. Throws what went wrong. */
  async enqueue(content: string, model: string | null, pictures: ImagePart[] = []): Promise<void> {
    if (!this.id) return;
    const { turn_id } = await queueTurn(this.id, { ...asked(content, pictures), ...this.drawn(), model: model ?? undefined, language: i18n.language });
    // The answer may have ended in the meantime: then it was asked at once.
    await (turn_id ? this.reload() : this.queue.load());
  }

  /** Its conversation, which is made when there is none yet: then `started` learns the id. */
  async make(model: string | null, assistant: string | null, started: (id: string) => void): Promise<string> {
    if (this.id !== null) return this.id;
    const conversation = await createConversation({ model: model ?? undefined, assistant_id: assistant ?? undefined, parameters: this.begun, context: this.begunFull, instructions: this.begunInstructions || undefined, history: this.begunHistory || undefined });
    this.app.conversations.put(conversation);
    this.id = conversation.id;
    this.setPlaces(this.places);
    this.setTools(this.tools);
    writeList(this.key('places', null), []);
    writeList(this.key('documents', null), []);
    writeList(this.key('tools', null), []);
    started(conversation.id);
    return conversation.id;
  }

  /**
   * Sends a question; an answer that is being written is stopped for it. `started` learns the id when this makes the
   * conversation. Throws what went wrong.
   */
  async send(content: string, model: string | null, assistant: string | null, started: (id: string) => void, pictures: ImagePart[] = []): Promise<void> {
    await this.toEnd();
    const stop = this.busy;
    const before = this.newest(this.messages).map((m): Shown => (m.state !== 'running' ? m : { ...(this.live ? messageOf(m as Message, this.live) : m), key: m.key, state: 'canceled' }));
    const models = this.models.length > 1 ? [...this.models] : undefined;
    const pair = optimistic(this.id ?? '', content, models?.[0] ?? model, before[before.length - 1]?.id ?? null, pictures);
    this.messages = [...before, ...pair];
    this.begin();
    try {
      const id = await this.make(model, assistant, started);
      const turn = await startTurn(id, { ...asked(content, pictures), ...this.drawn(), stop: stop || undefined, model: models ? undefined : (model ?? undefined), models, language: i18n.language });
      this.models = [];
      this.accept(turn, [...before, ...accepted(pair, turn)], models);
      if (stop) void this.reload();
    } catch (e) {
      this.takeBack(before);
      if (e instanceof ApiError && e.unreachable && (await this.arrived(content, before))) return;
      if (stop || (e instanceof ApiError && e.status === 409)) void this.reload();
      // It may be a collection that is gone, or shared no longer: then the next try is without it, and the composer shows that.
      if (e instanceof ApiError && e.status === 404 && this.places.length > 0) void this.app.collections.load().catch(() => {});
      throw e;
    }
  }

  /** Goes on with the last answer where it ended, or tries it again when it had not begun. */
  async goOn(model: string | null): Promise<void> {
    const { last } = this;
    if (last?.role !== 'assistant') return;
    if (this.rivals.length > 0) return this.goOnCompared(last);
    const again: Shown = { ...last, state: 'running', turn_id: null, error: null, finish_reason: null };
    await this.answer(this.messages.slice(0, -1), [again], { continue: true, model: model ?? undefined });
  }

  /** The same of one of the answers that are compared, which the branch then ends with; the chat's model may be another. */
  async goOnCompared(answer: Shown): Promise<void> {
    if (!this.id || !answer.model) return;
    try {
      await changeConversation(this.id, { leaf_id: answer.id });
      await startTurn(this.id, { continue: true, model: answer.model, language: i18n.language });
    } catch (e) {
      notices.error(e);
    }
    await this.reload();
  }

  /** Has one of the answers that are compared written once more; the new one stands in its place. */
  async regenerateCompared(answer: Shown, model: string | null): Promise<void> {
    if (!this.id || this.busy) return;
    try {
      await startTurn(this.id, { regenerate: answer.id, model: model ?? undefined, language: i18n.language });
    } catch (e) {
      notices.error(e);
    }
    await this.reload();
  }

  /** Asks something else in the place of a question; what was asked and answered there stays beside it. False: it could not be asked. */
  async edit(question: Shown, content: string, model: string | null): Promise<boolean> {
    const pictures = picturesOf(question.parts);
    const pair = optimistic(question.conversation_id, content, model, question.parent_id ?? null, pictures);
    pair[0].siblings = [...question.siblings, pair[0].id];
    const done = await this.answer(this.until(question), pair, { edit: question.id, ...asked(content, pictures), model: model ?? undefined });
    if (done) this.edits.delete(question.id);
    return done;
  }

  /** Has the question before an answer answered once more, by this model or another; both answers stay. */
  async regenerate(answer: Shown, model: string | null): Promise<void> {
    const [, again] = optimistic(answer.conversation_id, '', model, answer.parent_id ?? null);
    again.siblings = [...answer.siblings, again.id];
    await this.answer(this.until(answer), [again], { regenerate: answer.id, model: model ?? undefined });
  }

  /** Shows another version of a message, and what came after it. */
  async show(message: string): Promise<void> {
    if (!this.id || this.busy) return;
    try {
      await changeConversation(this.id, { leaf_id: message });
      this.newer = null;
      await this.reload();
    } catch (e) {
      notices.error(e);
    }
  }

  protected until = (message: Shown) => this.messages.slice(0, this.messages.indexOf(message));

  /** Has an answer written behind `before`: `shown` is its place, and that of its question when that is new. */
  private async answer(before: Shown[], shown: Shown[], body: TurnRequest): Promise<boolean> {
    if (!this.id || this.busy) return false;
    // What is written anew is the end of its branch.
    this.newer = null;
    const had = this.messages;
    const kept = this.newest(before);
    this.messages = [...kept, ...shown];
    this.begin(body.continue ? 'more' : 'anew');
    try {
      const turn = await startTurn(this.id, { ...body, ...(body.continue ? {} : this.drawn()), language: i18n.language });
      this.accept(turn, [...kept, ...accepted(shown, turn)]);
      return true;
    } catch (e) {
      this.takeBack(had);
      notices.error(e);
      if (e instanceof ApiError && e.status === 409) void this.reload();
      return false;
    }
  }

  /** Stops all that is being written. */
  override async stop(): Promise<void> {
    await Promise.all([super.stop(), ...this.rivals.map((r) => r.stop())]);
  }

  /** The change feed says that a turn of this conversation started or ended. */
  heard(what: string, turn: string | undefined): void {
    if (this.sending || !this.attached) return;
    const ended = what === 'ended' || what === 'waiting';
    if (!ended && this.live?.turnId === turn) return;
    if (ended && this.stream) return; // Its own stream brings the end.
    void this.reload();
    for (const r of this.rivals) if (!r.busy) void r.reload();
  }

  /** Lets go of what stands far above: a chat that goes on all day takes no more memory for it. */
  private newest(messages: Shown[]): Shown[] {
    if (messages.length < KEPT + 20) return messages;
    const kept = messages.slice(-KEPT);
    this.older = kept[0]!.id;
    return kept;
  }

  protected begin(sent: 'anew' | 'more' = 'anew'): void {
    this.loads++;
    this.stopStream();
    this.live = null;
    this.sending = true;
    this.sent = sent;
    this.stopping = false;
    this.problem = '';
  }

  /** What was sent has not begun: all is as before. */
  protected takeBack(messages: Shown[]): void {
    this.messages = messages;
    this.sending = false;
    this.sent = null;
  }

  private accept(turn: TurnStarted, messages: Shown[], models: readonly string[] = []): void {
    this.messages = messages;
    this.sending = false;
    this.loaded = true;
    this.app.conversations.touch(turn.conversation_id);
    this.meetRivals(rivalsOf(this.last!, turn, models));
    if (this.stopping) void this.stop();
    this.follow();
  }

  /** Whether a question whose answer got lost had reached the server after all. */
  private async arrived(content: string, before: Shown[]): Promise<boolean> {
    await this.reload();
    const known = new Set(before.map((m) => m.id));
    return this.messages.some((m) => m.role === 'user' && m.content === content && !known.has(m.id));
  }
}
