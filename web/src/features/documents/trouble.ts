import type { Document } from '$core/api/types';
import { t, type Key } from '$core/i18n/i18n.svelte';

/** What the server has no sentence for. */
const reasons: Record<string, Key> = { canceled: 'documents.stopped', interrupted: 'documents.interrupted' };

export const unfinished = (d: Document) => d.state !== 'ready' && d.state !== 'failed';

/** Why it has failed, or is found by its words alone; empty: all is well. */
export const reasonOf = (d: Document): string => (d.error ? d.error.message || t(reasons[d.error.code] ?? 'documents.failed') : '');

/** What is wrong with several documents for one reason. */
export interface Trouble {
  why: string;
  failed: boolean;
  documents: Document[];
}

/** Reasons that several documents share, failures first: each is said once, over all of them. */
export function shared(documents: readonly Document[]): Trouble[] {
  const all = new Map<string, Trouble>();
  for (const d of documents) {
    const why = reasonOf(d);
    if (!why) continue;
    const failed = d.state === 'failed';
    const key = `${failed} ${why}`;
    const trouble = all.get(key) ?? { why, failed, documents: [] };
    trouble.documents.push(d);
    all.set(key, trouble);
  }
  return [...all.values()].filter((trouble) => trouble.documents.length > 1).sort((a, b) => Number(b.failed) - Number(a.failed));
}
