import { write } from './storage';

export const themes = [
  { id: 'system', label: 'theme.system', note: 'theme.systemNote', command: 'command.themeSystem' },
  { id: 'graphite', label: 'theme.graphite', note: 'theme.graphiteNote', command: 'command.themeGraphite' },
  { id: 'quartz', label: 'theme.quartz', note: 'theme.quartzNote', command: 'command.themeQuartz' },
  { id: 'terminal', label: 'theme.terminal', note: 'theme.terminalNote', command: 'command.themeTerminal' },
  { id: 'solarized', label: 'theme.solarized', note: 'theme.solarizedNote', command: 'command.themeSolarized' },
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
