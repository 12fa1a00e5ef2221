import { listDocuments } from '$core/api/documents';
import type { Document } from '$core/api/types';
import { nameOf } from '$state/sending.svelte';

/** More than this is not read whole only to find out whether it is here already. */
const HASHED = 64 * 1024 * 1024;
const PAGE = 1000;

async function byName(collection: string): Promise<Map<string, Document>> {
  const all = new Map<string, Document>();
  for (let cursor: string | undefined; ; ) {
    const page = await listDocuments(collection, { cursor, limit: PAGE });
    // The newest first: of two with one name that one counts.
    for (const d of page.items as Document[]) if (!all.has(d.name)) all.set(d.name, d);
    if (!page.next) return all;
    cursor = page.next;
  }
}

/** Whether the document is this file; null: only the server can say, for a page without TLS may not. */
async function isSame(file: File, document: Document): Promise<boolean | null> {
  if (file.size !== document.size) return false;
  if (file.size > HASHED || !globalThis.crypto?.subtle) return null;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return [...hash].map((b) => b.toString(16).padStart(2, '0')).join('') === document.hash;
}

export interface Sorted {
  /** How many are here as they are. */
  unchanged: number;
  /** Others of a name that is here. */
  changed: { document: Document; file: File }[];
  others: File[];
}

/** What of the files is here already. One that could not be read is sent anew, and so tried again. */
export async function sorted(files: readonly File[], collection: string, any: boolean): Promise<Sorted> {
  const here = any && files.length > 0 ? await byName(collection) : new Map<string, Document>();
  const found: Sorted = { unchanged: 0, changed: [], others: [] };
  for (const file of files) {
    const document = here.get(nameOf(file));
    const same = document && (await isSame(file, document));
    if (!document || (same && document.state === 'failed')) found.others.push(file);
    else if (same) found.unchanged++;
    else found.changed.push({ document, file });
  }
  return found;
}
