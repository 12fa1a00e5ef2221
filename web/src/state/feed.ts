import type { Change } from '$core/api/types';
import type { Stale } from '$core/live/messages';

const DAY = 86_400_000;

/** Who shows what: the change feed tells them that it is another now. */
export class Feed {
  /** Who wants to know of changes of jobs; no change: anything may have been missed. */
  readonly jobs = new Set<(change?: Change) => void>();
  private readonly hearers = new Map<() => void, readonly Stale[]>();

  /** Such things have changed; without a kind: anything may have, unheard. */
  stale(kind?: Stale): void {
    for (const [hear, kinds] of this.hearers) if (!kind || kinds.includes(kind)) hear();
  }

  /**
   * Calls `look` now, and again each time that one of the kinds has changed; for `$effect`, which gets the way to end it. One
   * look at a time, and none while the page is hidden: it is made up for when it is seen. What changes by the clock alone is
   * told by nobody: `due` says when that is next (a time as `Date.now` has it).
   */
  fresh(kinds: readonly Stale[], look: () => Promise<unknown>, due?: () => number | undefined): () => void {
    let ended = false;
    let looking = false;
    let missed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hear = () => {
      if (ended) return;
      if (looking || document.hidden) {
        missed = true;
        return;
      }
      looking = true;
      missed = false;
      clearTimeout(timer);
      void look().finally(() => {
        looking = false;
        if (missed) return hear();
        const at = due?.();
        // Half a second later it has happened for the server, too.
        if (at !== undefined && !ended) timer = setTimeout(hear, Math.min(Math.max(at - Date.now(), 500) + 500, DAY));
      });
    };
    const seen = () => missed && hear();
    this.hearers.set(hear, kinds);
    document.addEventListener('visibilitychange', seen);
    hear();
    return () => {
      ended = true;
      clearTimeout(timer);
      this.hearers.delete(hear);
      document.removeEventListener('visibilitychange', seen);
    };
  }
}

/** The earliest of some times as the server writes them; undefined: none. */
export function earliest(times: readonly (string | null | undefined)[]): number | undefined {
  const known = times.filter((t): t is string => !!t).map((t) => Date.parse(t));
  return known.length ? Math.min(...known) : undefined;
}
