import type { Document } from '$core/api/types';
import { bytes } from '$core/format';
import { i18n, t, type Key } from '$core/i18n/i18n.svelte';
import { isUnsent, type Kept } from '$core/upload';

/** Why a file could not be read (src/rag/extract.h), and what the server has no sentence for. */
const reasons: Record<string, Key> = {
  locked: 'documents.failedLocked',
  scanned: 'documents.failedScanned',
  empty: 'documents.failedEmpty',
  unsupported: 'documents.failedUnsupported',
  too_large: 'documents.failedTooLarge',
  too_complex: 'documents.failedTooComplex',
  timeout: 'documents.failedTimeout',
  out_of_memory: 'documents.failedOutOfMemory',
  broken: 'documents.failedBroken',
  missing: 'documents.failedMissing',
  unavailable: 'documents.failedUnavailable',
  canceled: 'documents.stopped',
  interrupted: 'documents.interrupted',
};

/** What it waits for. */
const waits: Record<string, Key> = { storage_full: 'documents.waitsRoom', server_away: 'documents.waitsServer' };

/** Why one that is found by its words is not found by its meaning, and what the server has no sentence for. */
const embeds: Record<string, Key> = { canceled: 'documents.embeddingStopped' };

/** The file, or what the server takes, would have to be another. */
const forGood = ['locked', 'empty', 'unsupported', 'too_large', 'too_complex', 'out_of_memory', 'missing'];

/** Whether reading it again may come to something else: that is offered then. */
export const mayHelp = ({ state, error, older }: Document): boolean => state !== 'failed' || !!older || !forGood.includes(error?.code ?? '');

/** Why a file that a page has left is not here. */
export function leftWhy(kept: Kept): string {
  if (kept.why) return kept.why;
  return isUnsent(kept) ? t('documents.notSent') : t('documents.sentInPart', { sent: bytes(kept.sent), size: bytes(kept.size) });
}

export const unfinished = (d: Document) => d.state !== 'ready' && d.state !== 'failed';

/** Why it has failed, waits, is found by its words alone, or had better be read again; empty: all is well. The server's sentence says more of the file, in English. */
export function reasonOf({ state, error, older }: Document): string {
  if (!error) return older && state === 'ready' ? t('documents.older') : '';
  const own = (state === 'failed' ? reasons : { ...waits, ...embeds })[error.code];
  if (own && state !== 'failed') return t(own);
  return error.message && (i18n.language === 'en' || state !== 'failed' || !own) ? error.message : t(own ?? 'documents.failed');
}

/** What a reason is one for. */
export type Kind = 'failed' | 'waits' | 'words' | 'older';
const kinds: Kind[] = ['failed', 'waits', 'words', 'older'];

/** One that is not read yet waits; of one that has an older version, that is not found by its words alone. */
export function kindOf({ state, error }: Document): Kind {
  if (state === 'failed') return 'failed';
  if (state === 'queued' || state === 'reading') return 'waits';
  return error ? 'words' : 'older';
}

/** What is wrong with several documents for one reason. */
export interface Trouble {
  why: string;
  kind: Kind;
  documents: Document[];
}

/** Reasons that several documents share, failures first: each is said once, over all of them. */
export function shared(documents: readonly Document[]): Trouble[] {
  const all = new Map<string, Trouble>();
  for (const d of documents) {
    const why = reasonOf(d);
    if (!why) continue;
    const kind = kindOf(d);
    const key = `${kind} ${why}`;
    const trouble = all.get(key) ?? { why, kind, documents: [] };
    trouble.documents.push(d);
    all.set(key, trouble);
  }
  return [...all.values()].filter((trouble) => trouble.documents.length > 1).sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
}
