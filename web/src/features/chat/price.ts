import type { Model } from '$core/api/types';
import { money } from '$core/format';
import { t } from '$core/i18n/i18n.svelte';

/** What a million tokens cost: those that are read, and those that are written. */
export const priceText = ({ input_micros, output_micros }: NonNullable<Model['price']>, currency: string): string =>
  input_micros === 0 && output_micros === 0 ? t('facts.free') : t('facts.inOut', { input: money(input_micros, currency), output: money(output_micros, currency) });
