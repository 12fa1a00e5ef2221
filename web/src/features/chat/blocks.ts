import type { CallPart, NoticePart, Part, PlanPart } from '$core/api/types';
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
    if (part.type === 'citation' || part.type === 'image' || parentOf(part) !== parent) continue;
    // The plan itself is drawn, not the calls that keep it.
    if (part.type === 'tool_call' && part.source === 'plan') continue;
    if (part.type === 'plan') blocks.unshift(part);
    else if (part.type !== 'tool_call') blocks.push(part);
    else if (last?.type === 'calls') last.calls.push(part);
    else blocks.push({ type: 'calls', calls: [part] });
  }
  return blocks;
}
