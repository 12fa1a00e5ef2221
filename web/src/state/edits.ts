import { readDraft, writeDraft } from './storage';

/** What questions are being changed to, by their messages. */
export interface Edits {
  get(message: string): string | undefined;
  set(message: string, text: string): unknown;
  delete(message: string): unknown;
}

/** Those that this browser keeps as it keeps drafts: they are there again when the page is loaded anew. */
export class DraftEdits implements Edits {
  constructor(private readonly user: string) {}

  get(message: string): string | undefined {
    return readDraft(this.user, 'edit.' + message) || undefined;
  }

  set(message: string, text: string): void {
    writeDraft(this.user, 'edit.' + message, text);
  }

  delete(message: string): void {
    writeDraft(this.user, 'edit.' + message, '');
  }
}
