import type { BudgetPart, CallPart, NoticePart, Part, PlanPart } from '$core/api/types';
import { count, money } from '$core/format';
import { t, type Key } from '$core/i18n/i18n.svelte';
import { parentOf } from '$core/turn/parts';

/** What is drawn of an answer, in order: calls of tools that follow each other are one block; citations stand in the text. */
export type Block =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'calls'; calls: CallPart[] }
  | NoticePart
  | PlanPart;

/** What is planned stands first. `parent`: of what the agent beneath that call has said and done; without it of the answer's own. */
export function blocksOf(parts: readonly Part[], parent?: string): Block[] {
  const blocks: Block[] = [];
  for (const part of parts) {
    const last = blocks[blocks.length - 1];
    if (part.type === 'citation' || part.type === 'image' || part.type === 'budget' || parentOf(part) !== parent) continue;
    // The plan itself is drawn, not the calls that keep it.
    if (part.type === 'tool_call' && part.source === 'plan') continue;
    if (part.type === 'plan') blocks.unshift(part);
    else if (part.type !== 'tool_call') blocks.push(part);
    else if (last?.type === 'calls') last.calls.push(part);
    else blocks.push({ type: 'calls', calls: [part] });
  }
  return blocks;
}

/** How far the answer has used what it may take, or the agent beneath a call. */
export const budgetOf = (parts: readonly Part[], parent?: string): BudgetPart | undefined => parts.find((p) => p.type === 'budget' && p.parent === parent) as BudgetPart | undefined;

export const limitNames: Record<Limit['kind'], Key> = { steps: 'budget.steps', tokens: 'budget.tokens', cost_micros: 'budget.cost_micros', seconds: 'budget.seconds' };

export type Limit = { kind: 'steps' | 'tokens' | 'cost_micros' | 'seconds'; used: number; limit: number };

/** What of it is limited. `passed`: seconds since it was told. */
export function limitsOf(budget: BudgetPart, passed: number): Limit[] {
  return (['steps', 'tokens', 'cost_micros', 'seconds'] as const).flatMap((kind) => {
    const { used = 0, limit } = budget[kind];
    return limit ? [{ kind, used: kind === 'seconds' ? Math.min(used + passed, Math.max(used, limit)) : used, limit }] : [];
  });
}

export function limitText({ kind, used, limit }: Limit, currency: string): string {
  const text = (n: number) => (kind === 'cost_micros' ? money(n, currency) : kind === 'seconds' ? t('time.s', { n: count(n) }) : count(n));
  return t('budget.of', { used: text(used), limit: text(limit) });
}
