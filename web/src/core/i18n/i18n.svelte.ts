import { TYPE, type MessageFormatElement } from '@formatjs/icu-messageformat-parser';
import { IntlMessageFormat } from 'intl-messageformat';
import { first, parts, type Catalogue, type Parts } from 'virtual:texts';
import type en from '$locales/en.json';

/**
 * Every text of the page, by key. What the first page says in English is part of the program; other languages are loaded when
 * they are chosen, and what is said later when it is needed (locales.ts). A message with arguments is in ICU MessageFormat,
 * parsed when the page is built, so that no parser is sent.
 */
export type Key = keyof typeof en;
type Values = Record<string, string | number | Date>;

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

const inPseudo = async (texts: Promise<Catalogue>) => (await import('./pseudo')).pseudoOf(await texts);
const all: Record<Language, Parts> = {
  ...parts,
  [PSEUDO]: { first: () => inPseudo(parts.en.first()), rest: () => inPseudo(parts.en.rest()) },
};

/** The first language of a browser's list that there is. */
export function match(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0]!;
    if (base in languages) return base as Language;
  }
  return 'en';
}

/**
 * A message that only puts values in their places, without the formatter: the first that a browser makes costs it a tenth of a
 * second on a slow machine. Null: it counts, chooses or formats.
 */
function filled(message: MessageFormatElement[], values: Values = {}): string | null {
  let text = '';
  for (const part of message) {
    if (part.type === TYPE.literal) text += part.value;
    else if (part.type === TYPE.argument && part.value in values) text += String(values[part.value]);
    else return null;
  }
  return text;
}

class I18n {
  language = $state<Language>('en');
  private catalogue = $state.raw<Catalogue>({ ...first });
  private formats = new Map<string, IntlMessageFormat>();
  private wanted: Language = 'en';
  private whole = false;
  private completed: Promise<void> | null = null;

  /** Changes the language once its texts are there. False: they could not be loaded, or another was asked for since. */
  async use(language: Language): Promise<boolean> {
    this.wanted = language;
    const found = await this.load(language).catch(() => null);
    if (!found || this.wanted !== language) return false;
    this.formats.clear();
    this.catalogue = found;
    this.language = language;
    document.documentElement.lang = language;
    return true;
  }

  /** Brings the texts that the first page has no use for, once; a language that is chosen later has them at once. */
  complete(): Promise<void> {
    return (this.completed ??= this.bring().catch((e) => {
      this.completed = null;
      throw e;
    }));
  }

  private async load(language: Language): Promise<Catalogue> {
    const found = await all[language].first();
    return { ...found, ...(this.whole ? await all[language].rest() : {}) };
  }

  private async bring(): Promise<void> {
    this.whole = true;
    for (;;) {
      const { language } = this;
      const rest = await all[language].rest();
      if (language !== this.language) continue;
      // In place: nothing that is shown changes.
      Object.assign(this.catalogue, rest);
      return;
    }
  }

  text(key: Key, values?: Values): string {
    const message = this.catalogue[key];
    if (message === undefined) return key;
    if (typeof message === 'string') return message;
    const plain = filled(message, values);
    if (plain !== null) return plain;
    let format = this.formats.get(key);
    if (!format) this.formats.set(key, (format = new IntlMessageFormat(message, this.language)));
    return format.format(values) as string;
  }
}

export const i18n = new I18n();

/** The text of a key in the language of the page. Read within markup or `$derived`, it follows the language. */
export const t = (key: Key, values?: Values): string => i18n.text(key, values);

/**
 * What was imported, once its texts are there, too. `locales.ts` puts it around each `import()` of the first page. What the
 * browser says of a file that it cannot have is no sentence for a person.
 */
export async function withTexts<T>(part: Promise<T>): Promise<T> {
  const there = part.catch((cause) => {
    throw new Error(t('page.brokenText'), { cause });
  });
  const [found] = await Promise.all([there, i18n.complete()]);
  return found;
}
