/**
 * Whether the page is looked at and online. A hidden tab stops following answers a moment later.
 */
const GRACE_MS = 4000;
/** A connection that is back so soon was not missed. */
const LOST_MS = 3000;

class Presence {
  online = $state(navigator.onLine);
  visible = $state(!document.hidden);
  /** The same without delay: whether what is shown is seen now. */
  watched = $state(!document.hidden);
  /** The browser has a network, and the server does not answer. */
  away = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private missed: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    window.addEventListener('online', () => (this.online = true));
    window.addEventListener('offline', () => (this.online = false));
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.timer);
      this.watched = !document.hidden;
      if (!document.hidden) this.visible = true;
      else this.timer = setTimeout(() => (this.visible = false), GRACE_MS);
    });
  }

  /** The server answers what cannot wait: nothing has to be kept back. */
  get reachable(): boolean {
    return this.online && !this.away;
  }

  /** What the stream of events tells about the connection. */
  connected(is: boolean): void {
    clearTimeout(this.missed);
    if (is) this.away = false;
    else this.missed = setTimeout(() => (this.away = true), LOST_MS);
  }
}

export const presence = new Presence();
