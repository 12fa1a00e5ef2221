import { i18n, languages, match, PSEUDO, type Language } from '$core/i18n/i18n.svelte';
import { read, write } from './storage';

export type Density = 'comfortable' | 'compact';

/** What this browser is set to, beside the theme. */
class Preferences {
  density = $state<Density>(read('density') === 'compact' ? 'compact' : 'comfortable');

  constructor() {
    this.apply();
  }

  setDensity(density: Density): void {
    this.density = density;
    write('density', density === 'compact' ? density : null);
    this.apply();
  }

  /** The language that was chosen, else the browser's. */
  get language(): Language {
    const saved = read('language');
    if (saved === 'pseudo') return PSEUDO;
    return saved && saved in languages ? (saved as Language) : match(navigator.languages);
  }

  async setLanguage(language: Language): Promise<void> {
    if (!(await i18n.use(language))) return;
    if (language === PSEUDO) write('language', 'pseudo');
    else write('language', language === match(navigator.languages) ? null : language);
  }

  private apply(): void {
    document.documentElement.dataset.density = this.density;
  }
}

export const preferences = new Preferences();
