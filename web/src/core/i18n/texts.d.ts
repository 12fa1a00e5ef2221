/** The texts of each language, in two parts (locales.ts): those that the first page uses, and the rest. */
declare module 'virtual:texts' {
  type Message = string | ConstructorParameters<typeof import('intl-messageformat').IntlMessageFormat>[0];
  type Catalogue = Record<string, Message>;
  type Parts = { first: () => Promise<Catalogue>; rest: () => Promise<Catalogue> };
  /** English, which is part of the program. */
  const first: Catalogue;
  const parts: Record<'en' | 'de' | 'es' | 'fr' | 'ja' | 'zh', Parts>;
}
