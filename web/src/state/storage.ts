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

/** A list of texts; anything else is an empty one. */
export function readList(key: string): string[] {
  try {
    const list: unknown = JSON.parse(read(key) ?? '[]');
    return Array.isArray(list) ? list.filter((x) => typeof x === 'string') : [];
  } catch {
    return [];
  }
}

/** What was typed and not sent, for each person and conversation (null: the new one). */
const draftKey = (user: string, conversation: string | null) => `draft.${user}.${conversation ?? 'new'}`;
export const readDraft = (user: string, conversation: string | null) => read(draftKey(user, conversation)) ?? '';
export const writeDraft = (user: string, conversation: string | null, text: string) =>
  write(draftKey(user, conversation), text);

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

/** Signing out leaves nothing behind of what was written and not sent. */
export function forgetDrafts(): void {
  try {
    for (const key of Object.keys(localStorage)) {
      if (/^atelier\.(draft|unsent)\./.test(key)) localStorage.removeItem(key);
    }
  } catch {
    // Nothing to forget.
  }
}
