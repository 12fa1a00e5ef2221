import { say } from '$core/api/errors';

export interface Toast {
  id: number;
  kind: 'info' | 'error';
  text: string;
}

class Notices {
  toasts = $state<Toast[]>([]);
  /** Read out by screen readers, not shown. */
  spoken = $state('');
  private next = 1;

  show(text: string, kind: Toast['kind'] = 'info'): void {
    if (this.toasts.some((t) => t.text === text)) return;
    const id = this.next++;
    this.toasts.push({ id, kind, text });
    setTimeout(() => this.close(id), kind === 'error' ? 8000 : 4000);
  }

  error(e: unknown): void {
    this.show(say(e), 'error');
  }

  close(id: number): void {
    this.toasts = this.toasts.filter((t) => t.id !== id);
  }

  speak(text: string): void {
    this.spoken = '';
    setTimeout(() => (this.spoken = text), 50);
  }
}

export const notices = new Notices();
