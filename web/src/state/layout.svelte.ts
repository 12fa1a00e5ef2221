import { read, write } from './storage';

/** What is open around the page. */
class Layout {
  /** The sidebar on wide screens. */
  sidebar = $state(read('sidebar') !== 'closed');
  /** The same as a drawer on phones. */
  drawer = $state(false);
  shortcuts = $state(false);
  /** The height of the message box, 0 where there is none. Notices stay above it. */
  composer = $state(0);
  version = $state('');

  toggleSidebar(): void {
    if (window.matchMedia('(min-width: 768px)').matches) {
      this.sidebar = !this.sidebar;
      write('sidebar', this.sidebar ? null : 'closed');
    } else this.drawer = !this.drawer;
  }

  /** Opens the sidebar in whichever form fits. */
  showSidebar(): void {
    if (window.matchMedia('(min-width: 768px)').matches) this.sidebar = true;
    else this.drawer = true;
  }
}

export const layout = new Layout();
