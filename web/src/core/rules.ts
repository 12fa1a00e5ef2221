import { t } from './i18n/i18n.svelte';

/** The server's rules for names and passwords, told before anything is sent. '' when all is well. */
export function userNameProblem(name: string): string {
  if (!name) return t('field.userNameMissing');
  if (name.length > 64) return t('field.atMost', { n: 64 });
  return /^[A-Za-z0-9._@-]+$/.test(name) ? '' : t('field.userNameRule');
}

export function passwordProblem(password: string): string {
  const size = new TextEncoder().encode(password).length;
  if (size < 8) return t('field.passwordShort');
  return size > 1024 ? t('field.passwordLong') : '';
}
