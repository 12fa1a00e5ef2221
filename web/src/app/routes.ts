import type { Component } from 'svelte';
import type { Key } from '$core/i18n/i18n.svelte';
import type { IconName } from '$design/components/Icon.svelte';

/** The places of the rail; those with `load` are a page and nothing else. */
export interface Place {
  id: string;
  path: string;
  title: Key;
  icon: IconName;
  load?: () => Promise<{ default: Component }>;
}

export const places: Place[] = [
  { id: 'chats', path: '/', title: 'place.chats', icon: 'chat' },
  { id: 'documents', path: '/documents', title: 'place.documents', icon: 'file' },
  { id: 'assistants', path: '/assistants', title: 'place.assistants', icon: 'sparkle', load: () => import('$features/assistants/Assistants.svelte') },
  { id: 'prompts', path: '/prompts', title: 'place.prompts', icon: 'text', load: () => import('$features/prompts/Prompts.svelte') },
  { id: 'tools', path: '/tools', title: 'place.tools', icon: 'tool', load: () => import('$features/tools/Tools.svelte') },
  { id: 'manual', path: '/manual', title: 'place.manual', icon: 'book' },
  { id: 'settings', path: '/settings', title: 'place.settings', icon: 'settings' },
];

/** The sections of the settings, in their order; `admin`: for administrators. */
export interface Section {
  id: string;
  title: Key;
  icon: IconName;
  group: Key;
  admin?: boolean;
  load: () => Promise<{ default: Component }>;
}

export const sections: Section[] = [
  { id: 'account', title: 'section.account', icon: 'user', group: 'settings.you', load: () => import('$features/account/Account.svelte') },
  { id: 'appearance', title: 'section.appearance', icon: 'palette', group: 'settings.you', load: () => import('$features/account/Appearance.svelte') },
  { id: 'memories', title: 'section.memories', icon: 'bulb', group: 'settings.you', load: () => import('$features/memories/Memories.svelte') },
  { id: 'keys', title: 'section.keys', icon: 'key', group: 'settings.you', load: () => import('$features/keys/Keys.svelte') },
  { id: 'usage', title: 'section.usage', icon: 'chart', group: 'settings.you', load: () => import('$features/usage/Usage.svelte') },
  { id: 'models', title: 'section.models', icon: 'cube', group: 'settings.server', load: () => import('$features/models/Models.svelte') },
  { id: 'providers', title: 'section.providers', icon: 'server', group: 'settings.server', admin: true, load: () => import('$features/providers/Providers.svelte') },
  { id: 'rules', title: 'section.rules', icon: 'filter', group: 'settings.server', admin: true, load: () => import('$features/parameters/Rules.svelte') },
  { id: 'people', title: 'section.people', icon: 'people', group: 'settings.server', admin: true, load: () => import('$features/people/People.svelte') },
  { id: 'limits', title: 'section.limits', icon: 'gauge', group: 'settings.server', admin: true, load: () => import('$features/limits/Limits.svelte') },
  { id: 'jobs', title: 'section.jobs', icon: 'retry', group: 'settings.server', admin: true, load: () => import('$features/jobs/Jobs.svelte') },
];
