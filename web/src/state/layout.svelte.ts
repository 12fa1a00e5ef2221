import { tick } from 'svelte';
import { read, write } from './storage';

/** What is open around the page. */
class Layout {
  /** The list beside the page on wide screens. */
  sidebar = $state(read('sidebar') !== 'closed');
  /** The same as a drawer on phones. */
  drawer = $state(false);
  palette = $state(false);
  shortcuts = $state(false);
  /** The search in all messages: null while it is closed, else what it begins with. */
  search = $state<string | null>(null);
  /** The assistant that a new chat is begun with; null: none, undefined: the default. */
  assistant = $state<string | null>();
  /** The height of the message box, 0 where there is none. Notices stay above it. */
  composer = $state(0);
  /** On wide screens the message box stands in the middle: below it there is room for notices. */
  centred = $state(false);
  version = $state('');

  toggleSidebar(): void {
    if (window.matchMedia('(min-width: 768px)').matches) {
      this.sidebar = !this.sidebar;
      write('sidebar', this.sidebar ? null : 'closed');
    } else this.drawer = !this.drawer;
  }

  /** Whoever comes next opens it all anew. */
  close(): void {
    this.drawer = this.palette = this.shortcuts = false;
    this.search = null;
    this.assistant = undefined;
  }

  /** Puts the caret into the message box, when there is one. */
  focusComposer(): void {
    document.querySelector<HTMLElement>('[data-composer]')?.focus();
  }

  /** What was pressed is gone from the page: who has a keyboard goes on in the message box. */
  async keepFocus(): Promise<void> {
    await tick();
    if (document.activeElement === document.body && window.matchMedia('(pointer: fine)').matches) this.focusComposer();
  }
}

export const layout = new Layout();
