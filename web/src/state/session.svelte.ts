import { logOut, me, setupNeeded } from '$core/api/auth';
import { whenUnauthorized } from '$core/api/client';
import { ApiError, say } from '$core/api/errors';
import type { User } from '$core/api/types';
import { t } from '$core/i18n/i18n.svelte';
import { router } from './route.svelte';
import { forgetDrafts } from './storage';

type Phase = 'checking' | 'unreachable' | 'setup' | 'anonymous' | 'in';

/** Who is signed in, and which of the four outer pages is shown. */
class Session {
  phase = $state<Phase>('checking');
  user = $state.raw<User | null>(null);
  /** Why the sign-in page is shown, when there is something to say. */
  reason = $state('');
  problem = $state('');
  private returnTo = '/';

  constructor() {
    whenUnauthorized(() => this.lost());
  }

  async check(): Promise<void> {
    this.phase = 'checking';
    try {
      if (await setupNeeded()) {
        this.phase = 'setup';
        return;
      }
      this.enter(await me());
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) this.leave('');
      else {
        this.problem = say(e);
        this.phase = 'unreachable';
      }
    }
  }

  enter(user: User): void {
    this.user = user;
    this.reason = '';
    this.phase = 'in';
    const page = router.current.page;
    if (page === 'login' || page === 'setup') router.go(this.returnTo, true);
    this.returnTo = '/';
  }

  async signOut(): Promise<void> {
    await logOut();
    forgetDrafts();
    this.returnTo = '/';
    this.leave(t('session.signedOut'), false);
  }

  /** The password was changed: every session has ended. */
  passwordChanged(): void {
    this.leave(t('session.passwordChanged'));
  }

  /** The session is gone. What was typed stays as a draft. */
  private lost(): void {
    if (this.phase === 'in') this.leave(t('session.ended'));
  }

  private leave(reason: string, comeBack = true): void {
    const { page } = router.current;
    if (comeBack && page !== 'login' && page !== 'setup') this.returnTo = router.address;
    this.user = null;
    this.reason = reason;
    this.phase = 'anonymous';
    router.go('/login', true);
  }
}

export const session = new Session();
