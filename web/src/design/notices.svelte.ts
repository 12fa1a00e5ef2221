import { say } from '$core/api/errors';

export interface Toast {
  id: number;
  kind: 'info' | 'error';
  text: string;
  /** What can still be done about it, such as taking it back; `lapsed`: it was not done, and the toast is gone. */
  action?: { label: string; run: () => void; lapsed?: () => void };
}

/** So many are seen at a time; the oldest makes room. */
const MOST = 3;

class Notices {
  toasts = $state<Toast[]>([]);
  /** Read out by screen readers, not shown. */
  spoken = $state('');
  /** So many dialogs are open: their buttons stand at the bottom, where notices would cover them. */
  dialogs = $state(0);
  /** The height of what is shown above an open dialog, which leaves that free. */
  height = $state(0);
  private next = 1;
  private timers = new Map<number, ReturnType<typeof setTimeout>>();

  show(text: string, kind: Toast['kind'] = 'info', action?: Toast['action']): void {
    const same = this.toasts.find((t) => t.text === text && !t.action);
    if (same) return this.release(same.id);
    for (const old of this.toasts.slice(0, 1 - MOST)) this.close(old.id);
    const id = this.next++;
    this.toasts.push({ id, kind, text, action });
    this.release(id);
  }

  /** Keeps a toast while it is pointed at, and lets it go its time after that. */
  hold(id: number): void {
    clearTimeout(this.timers.get(id));
  }

  release(id: number): void {
    const toast = this.toasts.find((t) => t.id === id);
    if (!toast) return;
    this.hold(id);
    this.timers.set(id, setTimeout(() => this.close(id), toast.kind === 'error' || toast.action ? 8000 : 4000));
  }

  error(e: unknown): void {
    this.show(say(e), 'error');
  }

  close(id: number): void {
    this.drop(id)?.lapsed?.();
  }

  /** All of them, and what was said last. */
  clear(): void {
    for (const toast of [...this.toasts]) this.close(toast.id);
    this.spoken = '';
  }

  /** Does what the toast offers. */
  act(id: number): void {
    this.drop(id)?.run();
  }

  private drop(id: number): Toast['action'] {
    this.hold(id);
    this.timers.delete(id);
    const toast = this.toasts.find((t) => t.id === id);
    this.toasts = this.toasts.filter((t) => t.id !== id);
    return toast?.action;
  }

  speak(text: string): void {
    this.spoken = '';
    setTimeout(() => (this.spoken = text), 50);
  }
}

export const notices = new Notices();
