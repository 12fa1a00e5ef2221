import { t } from '../i18n/i18n.svelte';
import { passwordProblem } from '../rules';
import type { FieldHow } from './form.svelte';

/** A new password is said twice; `first`: what was said the first time. */
export const twice = (first: () => string): Record<'password' | 'again', FieldHow> => ({
  password: { needed: () => true, read: (text) => text, missing: () => passwordProblem(''), wrong: () => passwordProblem(first()), check: passwordProblem },
  again: { needed: () => !!first(), missing: () => t('field.passwordsDiffer'), check: (text) => (text === first() ? '' : t('field.passwordsDiffer')) },
});
