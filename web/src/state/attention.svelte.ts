import { t } from '$core/i18n/i18n.svelte';
import type { Conversations } from './conversations.svelte';
import { router } from './route.svelte';
import { read, write } from './storage';

interface Badges {
  setAppBadge?(n: number): Promise<void>;
  clearAppBadge?(): Promise<void>;
}

const supported = 'Notification' in window;

/** Tells of an answer that ended while nobody looked: the icon, the badge of the installed page, and a notification if one is wanted. */
export class Attention {
  /** Wanted by the person, and allowed by the browser. */
  notify = $state(supported && read('notify') === '1' && Notification.permission === 'granted');
  /** The chats that were told of, and when: a change may be announced twice while one stream takes over from another. */
  private told = new Map<string, number>();
  readonly possible = supported && window.isSecureContext;

  constructor(private readonly conversations: Conversations) {}

  /** Asks the browser: only ever on an act of the person. False: it does not allow it. */
  async want(on: boolean): Promise<boolean> {
    const allowed = on && (await Notification.requestPermission()) === 'granted';
    this.notify = allowed;
    write('notify', allowed ? '1' : null);
    return allowed === on;
  }

  /** The number of chats with answers that were not seen. */
  show(unread: number): void {
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const name = unread > 0 ? 'favicon-unread.svg' : 'favicon.svg';
    if (icon && !icon.href.endsWith('/' + name)) icon.href = './' + name;
    const badges = navigator as Badges;
    // Refused where the page is not installed; the icon says it there.
    void (unread > 0 ? badges.setAppBadge?.(unread) : badges.clearAppBadge?.())?.catch(() => {});
  }

  /** The answer in a chat has ended, or `waits` for a decision. Of many windows one notification comes: they have the same tag. */
  async ended(conversation: string, waits: boolean): Promise<void> {
    if (!this.notify || !document.hidden || Date.now() - (this.told.get(conversation) ?? 0) < 3000) return;
    this.told.set(conversation, Date.now());
    const found = await this.conversations.ensure(conversation).catch(() => null);
    if (!found) return;
    const note = new Notification(found.title || t('chat.untitled'), { body: t(waits ? 'notify.waiting' : 'notify.ended'), tag: conversation, icon: './icon-192.png' });
    note.onclick = () => {
      window.focus();
      router.go('/c/' + conversation);
      note.close();
    };
  }
}
