import type { Key } from '$core/i18n/i18n.svelte';
import type { IconName } from '$design/components/Icon.svelte';
import type { App } from '$state/app.svelte';
import { layout } from '$state/layout.svelte';
import { href } from '$state/route.svelte';
import { session } from '$state/session.svelte';
import { theme, themes } from '$state/theme.svelte';
import { places, sections } from './routes';

/** Everything that can be done from anywhere, once: the palette, the menus and the list of shortcuts show the same. */
export interface Command {
  id: string;
  label: Key;
  icon: IconName;
  /** Keys as they are shown; `Mod` is Ctrl, or ⌘ on a Mac. */
  keys?: readonly string[];
  href?: string;
  run?: (app: App) => void;
}

export const mac = /Mac|iPhone|iPad/.test(navigator.platform);
export const shown = (keys: readonly string[] | undefined) => keys?.map((k) => (k === 'Mod' ? (mac ? '⌘' : 'Ctrl') : k));

export const newChat: Command = { id: 'new', label: 'command.newChat', icon: 'compose', keys: ['Mod', 'Shift', 'O'], run: openNewChat };
export const palette: Command = { id: 'palette', label: 'command.palette', icon: 'search', keys: ['Mod', 'K'], run: () => (layout.palette = true) };
export const searchMessages: Command = { id: 'search', label: 'command.search', icon: 'search', keys: ['Mod', 'Shift', 'F'], run: () => (layout.search = '') };
export const sidebar: Command = { id: 'sidebar', label: 'command.sidebar', icon: 'sidebar', keys: ['Mod', 'B'], run: () => layout.toggleSidebar() };
export const shortcuts: Command = { id: 'shortcuts', label: 'command.shortcuts', icon: 'keyboard', keys: ['?'], run: () => (layout.shortcuts = true) };
/** Whether keys are worth naming: a phone has none. */
export const keyboard = window.matchMedia('(pointer: fine)').matches;
/** Those that have keys of their own. */
export const global: readonly Command[] = [palette, newChat, searchMessages, sidebar, shortcuts];
export const signOut: Command = { id: 'signOut', label: 'command.signOut', icon: 'logout', run: () => void session.signOut() };
export const refreshModels: Command = { id: 'refreshModels', label: 'command.refreshModels', icon: 'retry', run: ({ models }) => void models.refresh() };

function openNewChat({ chats }: App): void {
  layout.drawer = false;
  chats.begin();
}

/** What the palette offers beside chats and models. */
export function commands(admin: boolean): Command[] {
  return [
    newChat,
    searchMessages,
    sidebar,
    ...(keyboard ? [shortcuts] : []),
    refreshModels,
    signOut,
    ...places.map((p) => ({ id: p.id, label: p.title, icon: p.icon, href: href(p.path) })),
    ...sections.filter((s) => admin || !s.admin).map((s) => ({ id: 'settings/' + s.id, label: s.title, icon: s.icon, href: href('/settings/' + s.id) })),
    ...themes.map((t): Command => ({ id: 'theme/' + t.id, label: t.command, icon: 'palette', run: () => theme.set(t.id) })),
  ];
}
