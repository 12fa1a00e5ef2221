/** The folding that everything is compared and searched by, as the server does it: case, composition, width. */
export const fold = (text: string): string => text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
