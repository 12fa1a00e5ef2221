import { listDocuments } from '$core/api/documents';
import type { Document } from '$core/api/types';
import { nameOf } from '$state/sending.svelte';

/** More than this is not read whole only to find out whether it is here already. */
const HASHED = 64 * 1024 * 1024;
const PAGE = 1000;

/** Several may have one name. */
async function byName(collection: string): Promise<Map<string, Document[]>> {
  const all = new Map<string, Document[]>();
  for (let cursor: string | undefined; ; ) {
    const page = await listDocuments(collection, { cursor, limit: PAGE });
    for (const d of page.items as Document[]) all.set(d.name, [...(all.get(d.name) ?? []), d]);
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

/** Of those that have its name, what is known of the file: null is left to the server. */
async function found(file: File, named: readonly Document[]): Promise<'same' | 'changed' | null> {
  let unsure = named.length === 0;
  for (const document of named) {
    const same = await isSame(file, document);
    if (same && document.state !== 'failed') return 'same';
    unsure ||= same !== false; // one that could not be read is sent anew, and so tried again
  }
  return unsure ? null : 'changed';
}

export interface Sorted {
  /** How many are here as they are. */
  unchanged: number;
  /** Others of a name that is here. */
  changed: File[];
  /** What is new, and what the server alone can tell. */
  others: File[];
}

/** What of the files is here already. */
export async function sorted(files: readonly File[], collection: string, any: boolean): Promise<Sorted> {
  const here = any && files.length > 0 ? await byName(collection) : new Map<string, Document[]>();
  const all: Sorted = { unchanged: 0, changed: [], others: [] };
  for (const file of files) {
    const what = await found(file, here.get(nameOf(file)) ?? []);
    if (what === 'same') all.unchanged++;
    else all[what === 'changed' ? 'changed' : 'others'].push(file);
  }
  return all;
}
