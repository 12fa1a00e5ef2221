import type { ImagePart } from '$core/api/types';

/** localStorage that may be missing or full: then nothing is kept, and nothing breaks. */
export function read(key: string): string | null {
  try {
    return localStorage.getItem('atelier.' + key);
  } catch {
    return null;
  }
}

export function write(key: string, value: string | null): void {
  try {
    if (value === null || value === '') localStorage.removeItem('atelier.' + key);
    else localStorage.setItem('atelier.' + key, value);
  } catch {
    // Private windows and full disks: the page works without it.
  }
}

/** Calls when another window of this browser writes a value. */
export function hearKey(key: string, then: () => void): void {
  globalThis.addEventListener?.('storage', ({ key: written, newValue }) => written === 'atelier.' + key && newValue !== null && then());
}

/** A list of texts; anything else is an empty one. */
export function readList(key: string): string[] {
  try {
    const list: unknown = JSON.parse(read(key) ?? '[]');
    return Array.isArray(list) ? list.filter((x) => typeof x === 'string') : [];
  } catch {
    return [];
  }
}

export const writeList = (key: string, list: readonly string[]): void => write(key, list.length > 0 ? JSON.stringify(list) : null);

/** What was typed and not sent, for each person and conversation (null: the new one). */
const draftKey = (user: string, conversation: string | null) => `draft.${user}.${conversation ?? 'new'}`;

/** From so many characters on a text is long: what costs with its length is not done at each key. */
export const LONG = 20_000;

/** A long draft that is written when one rests, or leaves. */
let waiting: { key: string; text: string; timer: ReturnType<typeof setTimeout> } | null = null;

function settle(): void {
  if (!waiting) return;
  clearTimeout(waiting.timer);
  write(waiting.key, waiting.text);
  waiting = null;
}
globalThis.addEventListener?.('pagehide', settle);

export function readDraft(user: string, conversation: string | null): string {
  settle();
  return read(draftKey(user, conversation)) ?? '';
}

export function writeDraft(user: string, conversation: string | null, text: string): void {
  const key = draftKey(user, conversation);
  if (waiting?.key === key) clearTimeout(waiting.timer);
  else settle();
  waiting = { key, text, timer: setTimeout(settle, 500) };
  if (text.length <= LONG) settle();
}

/** The pictures of such a message. */
export function readDraftPictures(user: string, conversation: string | null): ImagePart[] {
  try {
    return JSON.parse(read(draftKey(user, conversation) + '.pictures') ?? '[]') as ImagePart[];
  } catch {
    return [];
  }
}
export const writeDraftPictures = (user: string, conversation: string | null, pictures: ImagePart[]) =>
  write(draftKey(user, conversation) + '.pictures', pictures.length > 0 ? JSON.stringify(pictures) : null);

/** What was being written in a chat that is gone goes on in the new one, below what is begun there. */
export function rescueDraft(user: string, conversation: string): void {
  const texts = [readDraft(user, null), readDraft(user, conversation)].filter((text) => text.trim() !== '');
  writeDraft(user, null, texts.join('\n\n'));
  writeDraft(user, conversation, '');
  writeDraftPictures(user, null, [...readDraftPictures(user, null), ...readDraftPictures(user, conversation)]);
  writeDraftPictures(user, conversation, []);
}

/** Signing out leaves nothing behind of what was written, or begun to be sent. */
export function forgetDrafts(): void {
  settle();
  try {
    for (const key of Object.keys(localStorage)) {
      if (/^atelier\.(draft|unsent|uploads)\./.test(key)) localStorage.removeItem(key);
    }
  } catch {
    // Nothing to forget.
  }
}
