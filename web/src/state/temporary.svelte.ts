import { generate, type Said } from '$core/api/generate';
import type { ImagePart, Message, Part } from '$core/api/types';
import { i18n } from '$core/i18n/i18n.svelte';
import { SILENCE_MS } from '$core/live/pause';
import { readFrames } from '$core/live/sse';
import { eventFrom } from '$core/turn/events';
import { callsTools, picturesOf } from '$core/turn/parts';
import { beginTurn, messageOf, type TurnView } from '$core/turn/reduce';
import { notices } from '$design/notices.svelte';
import type { App } from './app.svelte';
import { Chat } from './chat.svelte';
import type { Edits } from './edits';
import { optimistic, type Shown } from './history';

type Told = NonNullable<Said['parts']>;
/** Of an answer that used tools, what the model said, called and was given; what agents did for it stays with its results. */
const toldOf = (parts: readonly Part[]): Told =>
  parts.flatMap((p): Told => {
    if (p.type === 'text' && !p.parent) return [p];
    if (p.type !== 'tool_call' || p.parent) return [];
    const { type, id, name, arguments: given, result, failed, round } = p;
    return [{ type, id, name, arguments: given, result, failed, round }];
  });

/** A message as the model is told of it again. Its pictures are in its parts themselves. */
const saidOf = ({ role, content, parts }: Shown): Said => {
  const images = picturesOf(parts).map(({ id }) => ({ data: id.slice(id.indexOf(',') + 1) }));
  return { role: role as Said['role'], content, ...(images.length > 0 && { images }), ...(callsTools(parts) && { parts: toldOf(parts) }) };
};

/**
 * A chat that is this page's alone: it holds all that is said, and asks with all of it each time. It has no branches, since
 * there is nowhere to keep them, and it is gone with the page.
 */
export class TemporaryChat extends Chat {
  override readonly temporary = true;
  /** What is being written: like the rest, it stays here. */
  draft = '';
  private assistant: string | null = null;

  constructor(app: App, draft: string) {
    super(app, null);
    this.draft = draft;
  }

  protected override makeEdits(): Edits {
    return new Map<string, string>();
  }

  /** Hidden or not, it goes on: nobody else would have the rest of its answer. */
  override detach(): void {}

  override leave(): void {
    this.stopStream();
  }

  override async send(content: string, model: string | null, assistant: string | null, _started: (id: string) => void, pictures: ImagePart[] = []): Promise<void> {
    if (this.busy) await this.stop();
    this.assistant = assistant;
    await this.ask([...this.messages, ...optimistic('', content, model, null, pictures)], model);
  }

  override async edit(question: Shown, content: string, model: string | null): Promise<boolean> {
    const done = await this.askAgain([...this.until(question), ...optimistic('', content, model, null, picturesOf(question.parts))], model);
    if (done) this.edits.delete(question.id);
    return done;
  }

  override async regenerate(answer: Shown, model: string | null): Promise<void> {
    await this.askAgain([...this.until(answer), optimistic('', '', model, null)[1]], model);
  }

  override async goOn(model: string | null): Promise<void> {
    if (this.last) await this.regenerate(this.last, model);
  }

  override async goingWith(message: Shown): Promise<{ messages: number }> {
    return { messages: this.messages.length - this.messages.indexOf(message) };
  }

  override async remove(message: Shown): Promise<void> {
    this.messages = this.until(message);
  }

  override async stop(): Promise<void> {
    if (this.last?.state !== 'running') return;
    const view = this.pending;
    this.stopStream();
    this.sending = false;
    if (view) this.finish({ ...view, state: 'canceled', status: null });
    else this.messages = [...this.messages.slice(0, -1), { ...this.last, state: 'canceled' }];
  }

  /** As `ask`, but what goes wrong is told. */
  private async askAgain(messages: Shown[], model: string | null): Promise<boolean> {
    if (this.busy) return false;
    try {
      await this.ask(messages, model);
      return true;
    } catch (e) {
      notices.error(e);
      return false;
    }
  }

  /** Has the last of the messages, an empty answer, written. Throws why it cannot begin; then all is as before. */
  private async ask(messages: Shown[], model: string | null): Promise<void> {
    const had = this.messages;
    const answer = messages.at(-1)!;
    this.messages = messages;
    this.begin();
    const stream = (this.stream = new AbortController());
    try {
      const body = await generate(
        {
          messages: messages.slice(0, -1).map(saidOf),
          model: model ?? undefined,
          assistant_id: this.assistant ?? undefined,
          instructions: this.begunInstructions || undefined,
          parameters: this.begun,
          ...this.drawn(),
          language: i18n.language,
          stream: true,
        },
        stream.signal,
      );
      // Who answers says which turn it is, where somebody may be asked in it.
      this.pending = this.live = beginTurn('', answer as Message);
      this.sending = false;
      void this.read(body, stream);
    } catch (e) {
      if (stream.signal.aborted) return;
      this.stream = null;
      this.takeBack(had);
      throw e;
    }
  }

  private async read(body: ReadableStream<Uint8Array>, stream: AbortController): Promise<void> {
    try {
      await readFrames(body, SILENCE_MS, stream.signal, ({ id, event, data }) => {
        const found = eventFrom(event, data);
        if (found) this.take(stream, [{ seq: Number(id), event: found }]);
      });
    } catch {
      // Told below, as an answer without its end.
    }
    if (this.stream !== stream || !this.pending) return;
    this.stopStream();
    const view: TurnView = this.pending;
    this.finish(view.state === 'running' ? { ...view, state: 'interrupted', status: null } : view);
  }
}
