/** So many milliseconds lie between two drawings at least: thirty a second are read as a steady flow, at half the work of sixty. */
const LEAST = 25;
/** No drawing waits longer. */
const MOST = 200;
/** What the quickest of so many drawings took is what one costs: others stood in a queue for a busy processor. */
const LATELY = 5;

/**
 * When what grows is drawn anew. Events come faster than pictures; all that waits is drawn in one frame, and the next not
 * before the thread was free for as long as the last one took: for scrolling, typing and Stop, however slow the machine is.
 */
export class Pace {
  private readonly waiting = new Set<() => void>();
  private due = false;
  private last = -Infinity;
  /** What drawings took until they were painted, of late. */
  private took: number[] = [];

  /** Calls `draw` in the next frame that is due, once. */
  soon(draw: () => void): void {
    this.waiting.add(draw);
    if (this.due) return;
    this.due = true;
    const rest = this.took.length > 0 ? 2 * Math.min(...this.took) : 0;
    const wait = this.last + Math.min(MOST, Math.max(LEAST, rest)) - performance.now();
    if (wait > 0) setTimeout(() => requestAnimationFrame(this.frame), wait);
    else requestAnimationFrame(this.frame);
  }

  forget(draw: () => void): void {
    this.waiting.delete(draw);
  }

  private frame = (): void => {
    this.due = false;
    if (this.waiting.size === 0) return;
    this.last = performance.now();
    const draws = [...this.waiting];
    this.waiting.clear();
    draws.forEach((draw) => draw());
    // A task of its own comes after what this frame lays out and paints.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      this.took = [...this.took, performance.now() - this.last].slice(-LATELY);
    };
    port2.postMessage(null);
  };
}

/** The page's own: answers that stand side by side are drawn together. */
export const pace = new Pace();
