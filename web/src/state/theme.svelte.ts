import { write } from './storage';

export const themes = [
  { id: 'system', name: 'Follow system', note: 'Dark Graphite or Light Quartz' },
  { id: 'graphite', name: 'Dark Graphite', note: 'Calm and dark' },
  { id: 'quartz', name: 'Light Quartz', note: 'Clear and light' },
  { id: 'terminal', name: 'Terminal Green', note: 'Phosphor on black' },
  { id: 'solarized', name: 'Solarized Dark', note: 'Soft blue-green' },
] as const;

export type ThemeId = (typeof themes)[number]['id'];

declare global {
  interface Window {
    /** From theme.js, which runs before the page is painted. */
    atelierTheme?: { saved(): ThemeId; apply(id: ThemeId): void };
  }
}

class Theme {
  id = $state<ThemeId>(window.atelierTheme?.saved() ?? 'system');

  set(id: ThemeId): void {
    this.id = id;
    write('theme', id === 'system' ? null : id);
    window.atelierTheme?.apply(id);
  }
}

export const theme = new Theme();
