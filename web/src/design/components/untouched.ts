/** Everything that a person could have changed in it, as text. */
function contents(form: HTMLElement): string {
  const controls = form.querySelectorAll<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>('input, select, textarea');
  const held = [...controls].map((c) => (c instanceof HTMLInputElement && /^(checkbox|radio)$/.test(c.type) ? c.checked : c.value));
  const pressed = [...form.querySelectorAll('[role="switch"], [role="radio"]')].map((e) => e.getAttribute('aria-checked'));
  return JSON.stringify([held, pressed]);
}

/**
 * Whether a form is as it was before anybody did something in it: it is looked at when the first key or pointer comes, so
 * that what the program fills in before that is no change, and what is typed and taken back is none either.
 */
export class Untouched {
  private before: string | null = null;

  /** It is filled anew. */
  begin(): void {
    this.before = null;
  }

  watch = (form: HTMLElement): (() => void) => {
    const note = () => (this.before ??= contents(form));
    const events = ['pointerdown', 'keydown', 'beforeinput', 'paste', 'drop'] as const;
    for (const event of events) form.addEventListener(event, note, { capture: true });
    return () => {
      for (const event of events) form.removeEventListener(event, note, { capture: true });
    };
  };

  changed(form: HTMLElement | undefined): boolean {
    return this.before !== null && !!form && contents(form) !== this.before;
  }
}
