import type { TurnEvent } from '../api/types';

export interface NumberedEvent {
  seq: number;
  event: TurnEvent;
}

/** All that the server's description has: one that is missing here is an error of types. */
const names: Record<TurnEvent['type'], true> = {
  start: true,
  status: true,
  reasoning: true,
  text: true,
  moved: true,
  citation: true,
  thoughts: true,
  tool_call: true,
  tool_start: true,
  tool_progress: true,
  tool_result: true,
  approval: true,
  question: true,
  budget: true,
  plan: true,
  notice: true,
  usage: true,
  error: true,
  done: true,
};

/** The event of one frame, or null for a name of a newer server or data that is not an object. */
export function eventFrom(name: string, data: string): TurnEvent | null {
  if (!Object.hasOwn(names, name)) return null;
  try {
    const fields: unknown = JSON.parse(data);
    return fields && typeof fields === 'object' ? ({ ...fields, type: name } as TurnEvent) : null;
  } catch {
    return null;
  }
}
