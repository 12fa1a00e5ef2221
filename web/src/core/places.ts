import { t, type Key } from './i18n/i18n.svelte';

/** Where in a document something stands: `place` says what `page` is a number of, and `label` what that is called. */
export interface Placed {
  page?: number;
  place?: string;
  label?: string;
}

const numbered: Record<string, Key> = {
  slide: 'documents.slide',
  chapter: 'documents.section',
  message: 'documents.message',
  cell: 'documents.cell',
};

/** "Page 3", "Sheet Prices", "Slide 2", "report.pdf · Page 3" of what is in an archive; empty: it has no such place. */
export function placeName({ page = 0, place = '', label = '' }: Placed): string {
  if (page <= 0) return '';
  if (place === 'sheet') return t('documents.sheet', { name: label || String(page) });
  if (place === 'file') return label || String(page);
  const number = t(numbered[place] ?? 'documents.page', { n: page });
  return label ? `${label} · ${number}` : number;
}

export const isSamePlace = (a: Placed, b: Placed | undefined): boolean => a.page === b?.page && a.place === b?.place && a.label === b?.label;

const counted: Record<string, Key> = {
  xlsx: 'documents.sheets',
  ods: 'documents.sheets',
  pptx: 'documents.slides',
  odp: 'documents.slides',
  epub: 'documents.sections',
  mbox: 'documents.messages',
  eml: 'documents.messages',
  notebook: 'documents.cells',
  zip: 'documents.filesIn',
};

/** "3 sheets", of a document of this format. */
export const placeCount = (format: string | null | undefined, n: number): string => t(counted[format ?? ''] ?? 'documents.pages', { n });
