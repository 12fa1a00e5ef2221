const NEAR = 48;

/**
 * Keeps a scrolling box at its end while its content grows, and lets go as soon as the person scrolls up. Only the
 * person's own movement lets go: content that grows is no reason to.
 */
export class StickToEnd {
  stuck = $state(true);
  private box: HTMLElement | null = null;
  private top = 0;

  /** For `{@attach}` on the box; its first child is the content. */
  attach = (box: HTMLElement) => {
    this.box = box;
    const content = box.firstElementChild!;
    const follow = () => this.stuck && this.jump();
    const sizes = new ResizeObserver(follow);
    sizes.observe(content);
    sizes.observe(box);
    const scrolled = () => {
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
      if (box.scrollTop < this.top - 2 && !atEnd) this.stuck = false;
      else if (atEnd) this.stuck = true;
      this.top = box.scrollTop;
    };
    const wheel = (e: WheelEvent) => {
      if (e.deltaY < 0 && box.scrollHeight > box.clientHeight) this.stuck = false;
    };
    box.addEventListener('scroll', scrolled, { passive: true });
    box.addEventListener('wheel', wheel, { passive: true });
    follow();
    return () => {
      sizes.disconnect();
      box.removeEventListener('scroll', scrolled);
      box.removeEventListener('wheel', wheel);
      this.box = null;
    };
  };

  jump(): void {
    if (!this.box) return;
    this.stuck = true;
    this.box.scrollTop = this.box.scrollHeight;
    this.top = this.box.scrollTop;
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
