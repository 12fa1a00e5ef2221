import type { TurnEvent } from '../api/types';

export interface NumberedEvent {
  seq: number;
  event: TurnEvent;
}

const names = new Set(
  'start status reasoning text moved citation tool_call tool_start tool_progress tool_result approval question notice usage error done'.split(' '),
);

/** The event of one frame, or null for a name of a newer server or data that is not an object. */
export function eventFrom(name: string, data: string): TurnEvent | null {
  if (!names.has(name)) return null;
  try {
    const fields: unknown = JSON.parse(data);
    return fields && typeof fields === 'object' ? ({ ...fields, type: name } as TurnEvent) : null;
  } catch {
    return null;
  }
}
