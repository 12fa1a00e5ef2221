import { untrack } from 'svelte';

/** Within so many pixels of the end one is at the end; only so far from it the way back is offered. */
const NEAR = 48;
const FAR = 240;
/** What stands above a question that was brought to the top. */
const ABOVE = 8;

/** Where one was in a chat: the message at the top of the view, and how far into it. */
interface Place {
  message: string;
  into: number;
}
/** Where one was in each chat. */
export class Places {
  readonly of = new Map<string, Place>();
}

/**
 * At an end of what is loaded: who comes near to it finds what is behind; its button is there for keyboards, and when that failed.
 * An observer tells only what changes, and a page of short messages may leave the end where it is near: behind each page
 * (`next` is another one) it looks anew.
 */
export const whenNear = (rootMargin: string, next: () => string | null, more: () => Promise<void>) => (node: HTMLElement) => {
  const look = async () => {
    const before = next();
    await more();
    if (next() === before) return;
    near.unobserve(node);
    if (next() !== null) near.observe(node);
  };
  // A busy browser tells several changes at once: the last one is how it is.
  const near = new IntersectionObserver((changes) => changes.at(-1)?.isIntersecting && void look(), { root: node.closest('.overflow-y-auto'), rootMargin });
  near.observe(node);
  return () => near.disconnect();
};

const calm = () => window.matchMedia('(prefers-reduced-motion: reduce)').matches;

/**
 * How a thread scrolls. A question that was just sent glides to the top, and the answer grows into the room below it, and
 * beyond, without moving what is read. It is followed only by somebody who goes to its end. Coming back to a chat is coming
 * back to the place one left.
 */
export class Thread {
  /** Far from the end. */
  away = $state(false);
  /** A question begins far enough above the view to be gone back to. */
  passed = $state(false);
  /** The least height of the last answer, so that the question before it can stand at the top. */
  room = $state<string | undefined>();
  private following = true;
  /** The question that stands at the top while its answer grows into the room below. */
  private pinned: HTMLElement | null = null;
  private box: HTMLElement | null = null;
  private top = 0;
  /** The height of the view that the room was made for. */
  private view = 0;

  constructor(
    private readonly id: () => string | null,
    private readonly places: Places,
    /** Whether the end of the list is that of the chat: what comes behind a part that is read is not followed. */
    private readonly ends: () => boolean = () => true,
  ) {}

  /** For `{@attach}` on the box; its first child is the list of messages. Once: a chat that gets its id is not come back to. */
  attach = (box: HTMLElement) => untrack(() => this.begin(box));

  private begin(box: HTMLElement): () => void {
    this.box = box;
    const sizes = new ResizeObserver(() => this.follow());
    sizes.observe(box.firstElementChild!);
    sizes.observe(box);
    const scrolled = () => this.look();
    const wheel = (e: WheelEvent) => {
      if (e.deltaY < 0 && box.scrollHeight > box.clientHeight) this.following = false;
      this.pinned = null;
    };
    box.addEventListener('scroll', scrolled, { passive: true });
    box.addEventListener('wheel', wheel, { passive: true });
    const stop = this.comeBack();
    return () => {
      stop();
      sizes.disconnect();
      box.removeEventListener('scroll', scrolled);
      box.removeEventListener('wheel', wheel);
      this.box = null;
    };
  }

  /** Its list items, and those of questions. */
  private items = (role = '') => [...this.box!.querySelectorAll<HTMLElement>(`[data-role${role && `="${role}"`}]`)];

  /** How far an element begins below the top of the view. */
  private below = (item: HTMLElement) => item.getBoundingClientRect().top - this.box!.getBoundingClientRect().top;

  /** What is left of the room that was kept for the last answer. */
  private get spare(): number {
    const inside = this.items().at(-1)?.firstElementChild as HTMLElement | null | undefined;
    return this.room && inside ? Math.max(0, parseFloat(this.room) - inside.offsetHeight) : 0;
  }

  /** Whether the last answer has outgrown that room: only then is the end of the list its end. */
  private get filled(): boolean {
    return this.spare === 0;
  }

  private look(): void {
    const { box } = this;
    if (!box) return;
    const left = box.scrollHeight - box.scrollTop - box.clientHeight;
    if (box.scrollTop < this.top - 2 && left >= NEAR) {
      this.following = false;
      this.pinned = null;
      // Somebody went to the end; it did not come here by growing.
    } else if (box.scrollTop !== this.top && left < NEAR) this.following = this.filled && this.ends();
    // Nothing stands in the room that is left.
    const unseen = left - this.spare;
    this.away = this.away ? unseen > NEAR : unseen > FAR;
    // At the end it is offered for the question of a long answer; that of a short one is seen.
    const before = this.before();
    const far = before && (this.away || before === this.items('user').at(-1)) ? -this.below(before) : 0;
    this.passed = this.passed ? far > NEAR : far > FAR;
    this.top = box.scrollTop;
    this.remember();
  }

  /** The last question that begins above the view. */
  private before = () => this.items('user').findLast((q) => this.below(q) < -NEAR);

  private comeBack(): () => void {
    const box = this.box!;
    const place = this.places.of.get(this.id() ?? '');
    const item = place && box.querySelector<HTMLElement>(`[data-message="${CSS.escape(place.message)}"]`);
    if (!item) {
      this.toEnd();
      return () => {};
    }
    this.following = false;
    // It has its height at once, not only when it comes into view: then it would be another place.
    item.style.contentVisibility = 'visible';
    const go = () => {
      box.scrollTop += this.below(item) + place.into;
      this.look();
    };
    go();
    // What stands around it is laid out only now.
    const frame = requestAnimationFrame(go);
    return () => cancelAnimationFrame(frame);
  }

  /** Now, since what has left the page has no place any more. */
  private remember(): void {
    const id = this.id();
    if (!id) return;
    const item = this.away && this.items().find((i) => this.below(i) + i.offsetHeight > 0);
    if (item) this.places.of.set(id, { message: item.dataset.message ?? '', into: -this.below(item) });
    else this.places.of.delete(id);
  }

  private follow(): void {
    const { box } = this;
    if (!box) return;
    // A phone's keyboard comes and goes, or the window is another: what is beyond the answer is never more than a view.
    const last = this.room !== undefined && box.clientHeight !== this.view ? this.items('user').at(-1) : undefined;
    if (last) this.makeRoom(last);
    if (this.pinned && this.filled) this.pinned = null;
    if (this.pinned) this.go(box.scrollTop + this.below(this.pinned) - ABOVE, false);
    if (!this.following) return this.look();
    box.scrollTop = box.scrollHeight;
    this.top = box.scrollTop;
  }

  private go(top: number, smooth: boolean): void {
    if (smooth && !calm()) this.box?.scrollTo({ top, behavior: 'smooth' });
    else if (this.box) {
      this.box.scrollTop = top;
      this.top = this.box.scrollTop;
    }
  }

  toEnd(smooth = false): void {
    if (!this.box) return;
    this.following = true;
    this.go(this.box.scrollHeight, smooth);
    this.top = this.box.scrollTop;
  }

  /** A message to the top of the view. */
  show(message: string): HTMLElement | null {
    const item = this.box?.querySelector<HTMLElement>(`[data-message="${CSS.escape(message)}"]`);
    if (!item) return null;
    this.following = false;
    this.pinned = null;
    item.style.contentVisibility = 'visible';
    const go = () => this.box && (this.box.scrollTop += this.below(item) - ABOVE);
    go();
    // What stands above it is laid out only now.
    requestAnimationFrame(go);
    return item;
  }

  /** To the beginning of the question above. */
  toPrevious(): void {
    const question = this.box && this.before();
    if (!question) return;
    this.following = false;
    this.go(this.box!.scrollTop + this.below(question) - ABOVE, true);
  }

  private makeRoom(question: HTMLElement): void {
    this.view = this.box!.clientHeight;
    const height = Math.min(question.offsetHeight, this.view / 2);
    this.room = `${Math.max(0, Math.floor(this.view - height - 32))}px`;
  }

  /** The last question to the top of the box, since an answer to it was sent for, or more of one. */
  showQuestion(sent: 'anew' | 'more', glides: boolean): void {
    const { box } = this;
    const question = box && this.items('user').at(-1);
    if (!box || !question) return;
    this.makeRoom(question);
    // A long answer that goes on is read at its end. A new one may be long by now: it is read from its beginning.
    const goesOn = sent === 'more' && this.filled;
    this.following = goesOn;
    requestAnimationFrame(() => {
      if (!this.box) return;
      this.pinned = goesOn || this.filled ? null : question;
      this.go(goesOn ? this.box.scrollHeight : this.box.scrollTop + this.below(question) - ABOVE, glides);
    });
  }

  /** Runs something that adds or takes away content above, and keeps what is read where it is. */
  async keep(change: () => Promise<void>): Promise<void> {
    const { box } = this;
    const read = box && this.items().find((i) => this.below(i) + i.offsetHeight > 0);
    if (!box || !read) return change();
    const before = this.below(read);
    await change();
    if (read.isConnected) box.scrollTop += this.below(read) - before;
    this.top = box.scrollTop;
  }
}
