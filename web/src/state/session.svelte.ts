import { logOut } from '$core/api/auth';
import { bootstrap } from '$core/api/bootstrap';
import { whenUnauthorized } from '$core/api/client';
import { say } from '$core/api/errors';
import type { Bootstrap, User } from '$core/api/types';
import { t } from '$core/i18n/i18n.svelte';
import { clock } from './clock.svelte';
import { router } from './route.svelte';
import { forgetDrafts, hearKey, read, write } from './storage';

type Phase = 'checking' | 'unreachable' | 'setup' | 'anonymous' | 'in';

/** Who is signed in, and which of the four outer pages is shown. */
class Session {
  phase = $state<Phase>('checking');
  user = $state.raw<User | null>(null);
  /** The session has ended while somebody was at work: what they have open stays as it is, behind the sign-in page. */
  covered = $state(false);
  /** Why the sign-in page is shown, when there is something to say. */
  reason = $state('');
  problem = $state('');
  /** What came with the answer of who is signed in, until it is taken. */
  private first: Bootstrap | null = null;
  private returnTo = '/';

  constructor() {
    whenUnauthorized(() => this.lost());
    // Whoever signs out in one window of a browser leaves nothing open in the others.
    hearKey('out', () => this.covered && this.lost());
  }

  /** Finds out which page is to be shown; `asked`: the question is under way. */
  async check(asked: Promise<Bootstrap> = bootstrap()): Promise<void> {
    this.phase = 'checking';
    await this.ask(asked);
  }

  /** The same while the page says that the server cannot be reached, until it can. */
  async ask(asked: Promise<Bootstrap> = bootstrap()): Promise<void> {
    try {
      const found = await asked;
      if (found.setup_needed) this.phase = 'setup';
      else if (found.user) this.enter(found);
      else this.leave('');
    } catch (e) {
      this.problem = say(e);
      this.phase = 'unreachable';
    }
  }

  /** After the right password: false when the browser has not kept the session, and the next page would be this one again. */
  async signedIn(): Promise<boolean> {
    const found = await bootstrap();
    if (found.user) this.enter(found);
    // A link to set a password stays open for whoever is signed in already; now it has been used.
    if (found.user && router.current.page === 'password') router.go('/', true);
    return !!found.user;
  }

  /** The lists that came along, once. */
  takeFirst(): Bootstrap | null {
    const { first } = this;
    this.first = null;
    return first;
  }

  private enter(found: Bootstrap): void {
    clock.tick();
    // Whoever comes back has their lists, and reads them again (Shell).
    this.first = this.covered && this.user?.id === found.user?.id ? null : found;
    this.covered = false;
    this.user = found.user ?? null;
    // The next time the page is loaded, what is drawn first is the chat (theme.js).
    write('in', '1');
    write('out', null);
    this.reason = '';
    this.phase = 'in';
    const page = router.current.page;
    if (page === 'login' || page === 'setup') router.go(this.returnTo, true);
    this.returnTo = '/';
  }

  async signOut(): Promise<void> {
    const who = this.user?.id ?? '';
    await logOut();
    forgetDrafts();
    write('out', who);
    this.returnTo = '/';
    this.leave(t('session.signedOut'), false);
  }

  /** The password was changed: every session has ended. */
  passwordChanged(): void {
    this.leave(t('session.passwordChanged'));
  }

  /** The session is gone. All that was typed stays where it is, until somebody else signs in. */
  private lost(): void {
    if (this.phase !== 'in') return;
    if (read('out') === this.user?.id) return this.leave(t('session.signedOut'), false);
    this.reason = t('session.ended');
    this.covered = true;
  }

  private leave(reason: string, comeBack = true): void {
    const { page } = router.current;
    if (comeBack && page !== 'login' && page !== 'setup' && page !== 'password') this.returnTo = router.address;
    this.user = this.first = null;
    this.covered = false;
    write('in', null);
    this.reason = reason;
    this.phase = 'anonymous';
    if (page !== 'password') router.go('/login', true);
  }
}

export const session = new Session();
