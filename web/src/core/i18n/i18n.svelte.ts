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
} as const;
export type Language = keyof typeof languages;

const others: Record<string, () => Promise<{ default: Catalogue }>> = {};

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

  /** Changes the language once its texts are there. */
  async use(language: Language): Promise<void> {
    const found = language === 'en' ? en : (await others[language]?.())?.default;
    this.formats.clear();
    this.catalogue = { ...(en as unknown as Catalogue), ...(found as unknown as Catalogue) };
    this.language = language;
    document.documentElement.lang = language;
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
