/** The folding that everything is compared and searched by, as the server does it: case, composition, width. */
export const fold = (text: string): string =>
  // The capital ẞ is a ß before it is SS, and which sigma ends a word is no difference.
  text.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFKC');
