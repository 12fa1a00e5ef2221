/**
 * Whether the page is looked at and online. A hidden tab stops following answers a moment later.
 */
const GRACE_MS = 4000;

class Presence {
  online = $state(navigator.onLine);
  visible = $state(!document.hidden);
  /** The same without delay: whether what is shown is seen now. */
  watched = $state(!document.hidden);
  private timer: ReturnType<typeof setTimeout> | undefined;

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
}

export const presence = new Presence();
