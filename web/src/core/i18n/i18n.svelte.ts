import { IntlMessageFormat } from 'intl-messageformat';
import en from '$locales/en.json';

/**
 * Every text of the page, by key. English is part of the program; other languages are loaded when they are chosen. A message
 * with arguments is in ICU MessageFormat, parsed when the page is built (locales.ts), so that no parser is sent.
 */
export type Key = keyof typeof en;
type Values = Record<string, string | number | Date>;
type Message = string | ConstructorParameters<typeof IntlMessageFormat>[0];
type Catalogue = Record<string, Message>;

/** The languages there are, each by its own name. */
export const languages = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
  ja: '日本語',
  zh: '简体中文',
} as const;

/** English made longer and accented, which shows texts that have no key and places that are too narrow (pseudo.ts). */
export const PSEUDO = 'en-XA';
/** A language of the page; as a BCP 47 tag, it also forms dates and numbers. */
export type Language = keyof typeof languages | typeof PSEUDO;

const others: Record<Exclude<Language, 'en'>, () => Promise<{ default: Catalogue }>> = {
  de: () => import('$locales/de.json'),
  es: () => import('$locales/es.json'),
  fr: () => import('$locales/fr.json'),
  ja: () => import('$locales/ja.json'),
  zh: () => import('$locales/zh.json'),
  [PSEUDO]: () => import('./pseudo'),
};

/** The first language of a browser's list that there is. */
export function match(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0]!;
    if (base in languages) return base as Language;
  }
  return 'en';
}

class I18n {
  language = $state<Language>('en');
  private catalogue = $state.raw<Catalogue>(en as unknown as Catalogue);
  private formats = new Map<string, IntlMessageFormat>();
  private wanted: Language = 'en';

  /** Changes the language once its texts are there. False: they could not be loaded, or another was asked for since. */
  async use(language: Language): Promise<boolean> {
    this.wanted = language;
    const found = language === 'en' ? en : await others[language]().then((m) => m.default, () => null);
    if (!found || this.wanted !== language) return false;
    this.formats.clear();
    this.catalogue = { ...(en as unknown as Catalogue), ...(found as unknown as Catalogue) };
    this.language = language;
    document.documentElement.lang = language;
    return true;
  }

  text(key: Key, values?: Values): string {
    const message = this.catalogue[key];
    if (message === undefined) return key;
    if (typeof message === 'string') return message;
    let format = this.formats.get(key);
    if (!format) this.formats.set(key, (format = new IntlMessageFormat(message, this.language)));
    return format.format(values) as string;
  }
}

export const i18n = new I18n();

/** The text of a key in the language of the page. Read within markup or `$derived`, it follows the language. */
export const t = (key: Key, values?: Values): string => i18n.text(key, values);
