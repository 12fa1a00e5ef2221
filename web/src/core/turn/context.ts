import type { Context } from '../api/types';
import { count } from '../format';
import { t, type Key } from '../i18n/i18n.svelte';

/** What the parts of a prompt come to, in tokens. */
export const tokensOf = (context: Context, stage: string): number =>
  context.stages.reduce((sum, s) => (s.stage === stage ? sum + s.tokens : sum), 0);

/** How full a model's window is. */
export interface Fill {
  window: number;
  used: number;
  /** Of a hundred; never above that. */
  percent: number;
  /** More than there is room for. */
  over: boolean;
}

/** null: the window is not known. */
export function fillOf({ window, tokens }: Context): Fill | null {
  if (!window) return null;
  return { window, used: tokens, percent: Math.min(100, Math.round((tokens / window) * 100)), over: tokens > window };
}

/** What all of it comes to, and how sure that is. */
export function totalText({ tokens, exact, error_percent: error }: Context): string {
  if (exact) return t('sent.exact', { n: count(tokens) });
  return typeof error === 'number' ? t('sent.aboutError', { n: count(tokens), percent: error }) : t('sent.about', { n: count(tokens) });
}

const STAGES: Record<string, Key> = { instructions: 'stage.instructions', summary: 'stage.summary', history: 'stage.history', question: 'stage.question' };
const SOURCES: Record<string, Key> = {
  instance: 'stage.instance',
  model: 'stage.model',
  assistant: 'stage.assistant',
  folder: 'stage.folder',
  conversation: 'stage.conversation',
  memories: 'stage.memories',
};

/** What a stage of a prompt is called; one that this page does not know yet keeps its name. */
export function stageText({ stage, source }: Context['stages'][number]): string {
  const key = source ? SOURCES[source] : STAGES[stage];
  return key ? t(key) : (source ?? stage);
}
