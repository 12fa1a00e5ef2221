/* What an assistant may do, as a form has it and as the server does. */
import type { Assistant } from '$core/api/types';
import { microsFrom, microsText } from '$core/format';
import { Form } from '$core/forms/form.svelte';

export interface Acts {
  /** chat: those of the conversation. */
  tools: 'chat' | 'none' | 'all' | 'some';
  names: string[];
  agents: string[];
  plans: boolean;
  collections: string[];
  /** It may draw on earlier chats. */
  history: boolean;
}

export function actsOf(assistant: Assistant | null): Acts {
  const tools: unknown = assistant?.tools ?? null;
  const names = Array.isArray(tools) ? (tools as string[]) : [];
  return { tools: tools === null ? 'chat' : tools === true ? 'all' : names.length > 0 ? 'some' : 'none', names, agents: assistant?.agents ?? [], plans: assistant?.plans ?? false, collections: assistant?.collection_ids ?? [], history: assistant?.history ?? false };
}

export const toolsOf = ({ tools, names }: Acts): null | true | string[] => (tools === 'chat' ? null : tools === 'all' ? true : tools === 'some' ? names : []);

/** How many of what there is to say are said. */
export const countOf = (acts: Acts, limits: Record<string, string>): number =>
  [acts.tools !== 'chat', acts.agents.length > 0, acts.plans, acts.collections.length > 0, acts.history, ...Object.values(limits).map((text) => text.trim() !== '')].filter(Boolean).length;

const whole = (text: string) => {
  const plain = text.replace(/[\s,_']/g, '');
  return plain === '' ? undefined : /^\d{1,15}$/.test(plain) ? Number(plain) : null;
};

/** Limits of a single answer; an empty one is none of the assistant's own. */
export const limitsForm = () =>
  new Form('AgentBudget', { steps: '', tokens: '', cost_micros: '', seconds: '' }, {
    steps: { read: whole },
    tokens: { read: whole },
    seconds: { read: whole },
    cost_micros: { read: (text: string) => (text.trim() === '' ? undefined : microsFrom(text)) },
  });

export function limitsOf(assistant: Assistant | null): Record<'steps' | 'tokens' | 'cost_micros' | 'seconds', string> {
  const { steps, tokens, cost_micros: micros, seconds } = assistant?.budget ?? {};
  const text = (n: number | null | undefined) => (typeof n === 'number' ? String(n) : '');
  return { steps: text(steps), tokens: text(tokens), cost_micros: typeof micros === 'number' ? microsText(micros) : '', seconds: text(seconds) };
}
