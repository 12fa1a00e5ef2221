/** Within so many pixels of the end one is at the end; only so far from it the way back is offered. */
const NEAR = 48;
const FAR = 240;

const places = new Map<string, number>();
const calm = () => window.matchMedia('(prefers-reduced-motion: reduce)').matches;

/**
 * How a thread scrolls. A question that was just sent glides to the top, and the answer fills the room below it without
 * moving anything; it is followed only by somebody who stands at its end. Coming back to a chat is coming back to the place
 * one left.
 */
export class Thread {
  /** Far from the end. */
  away = $state(false);
  /** The least height of the last answer, so that the question before it can stand at the top. */
  room = $state<string | undefined>();
  private following = true;
  private box: HTMLElement | null = null;
  private top = 0;

  constructor(private readonly id: () => string | null) {}

  /** For `{@attach}` on the box; its first child is the content. */
  attach = (box: HTMLElement) => {
    this.box = box;
    const sizes = new ResizeObserver(() => this.follow());
    sizes.observe(box.firstElementChild!);
    sizes.observe(box);
    const scrolled = () => {
      const left = box.scrollHeight - box.scrollTop - box.clientHeight;
      if (box.scrollTop < this.top - 2 && left >= NEAR) this.following = false;
      else if (left < NEAR) this.following = true;
      this.away = this.away ? left > NEAR : left > FAR;
      this.top = box.scrollTop;
    };
    const wheel = (e: WheelEvent) => {
      if (e.deltaY < 0 && box.scrollHeight > box.clientHeight) this.following = false;
    };
    box.addEventListener('scroll', scrolled, { passive: true });
    box.addEventListener('wheel', wheel, { passive: true });
    const before = places.get(this.id() ?? '');
    if (before !== undefined) {
      this.following = false;
      box.scrollTop = before;
      this.top = box.scrollTop;
      scrolled();
    } else this.toEnd();
    return () => {
      const id = this.id();
      if (id && this.away) places.set(id, box.scrollTop);
      else if (id) places.delete(id);
      sizes.disconnect();
      box.removeEventListener('scroll', scrolled);
      box.removeEventListener('wheel', wheel);
      this.box = null;
    };
  };

  private follow(): void {
    const { box } = this;
    if (box && this.following) {
      box.scrollTop = box.scrollHeight;
      this.top = box.scrollTop;
    }
  }

  toEnd(smooth = false): void {
    const { box } = this;
    if (!box) return;
    this.following = true;
    if (smooth && !calm()) box.scrollTo({ top: box.scrollHeight, behavior: 'smooth' });
    else this.follow();
  }

  /** The last question to the top of the box. */
  showQuestion(): void {
    const { box } = this;
    const question = box && [...box.querySelectorAll<HTMLElement>('[data-role="user"]')].at(-1);
    if (!box || !question) return;
    const height = Math.min(question.offsetHeight, box.clientHeight / 2);
    this.room = `${Math.max(0, Math.floor(box.clientHeight - height - 32))}px`;
    this.following = true;
    requestAnimationFrame(() => {
      if (!this.box) return;
      this.following = true;
      box.scrollTo({ top: box.scrollHeight, behavior: calm() ? 'auto' : 'smooth' });
    });
  }

  /** Runs something that adds content above, and keeps what is read where it is. */
  async keep(change: () => Promise<void>): Promise<void> {
    const { box } = this;
    if (!box) return change();
    const fromEnd = box.scrollHeight - box.scrollTop;
    await change();
    box.scrollTop = box.scrollHeight - fromEnd;
    this.top = box.scrollTop;
  }
}
