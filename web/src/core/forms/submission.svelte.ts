import { tick } from 'svelte';
import { say } from '../api/errors';

/** A form on its way: sent once at a time, what went wrong in words, and the caret at what is wrong. */
export class Submission {
  busy = $state(false);
  /** What is said below the fields; a blank: it is said at one of them. */
  error = $state('');

  begin(): void {
    this.error = '';
  }

  /** `send` throws what the server says, or returns a sentence about what was typed. True: it was sent. */
  async run(event: SubmitEvent, send: () => Promise<string | void>): Promise<boolean> {
    event.preventDefault();
    if (this.busy) return false;
    const form = event.currentTarget as HTMLFormElement;
    this.busy = true;
    this.error = '';
    try {
      this.error = (await send()) ?? '';
    } catch (e) {
      this.error = say(e);
    } finally {
      this.busy = false;
    }
    const sent = !this.error;
    await tick();
    if (!sent) form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    return sent;
  }
}
