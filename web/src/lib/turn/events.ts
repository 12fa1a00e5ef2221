/** The events of the turn log: one union for the first stream and for the re-attached one. */
export type TurnEvent =
  | { type: 'start'; turn_id: string; conversation_id: string; user_message_id: string; message_id: string; model: string }
  | { type: 'status'; state: string; text: string; attempt?: number; wait_ms?: number }
  | { type: 'reasoning'; text: string }
  | { type: 'text'; text: string }
  | { type: 'citation'; n: number; title: string; url: string; quote: string }
  | {
      type: 'usage';
      tokens_in?: number;
      tokens_out?: number;
      exact: boolean;
      first_token_ms?: number;
      duration_ms: number;
    }
  | { type: 'error'; code: string; message: string; retryable: boolean }
  | { type: 'done'; state: 'complete' | 'canceled' | 'failed' | 'interrupted'; message_id: string; finish_reason?: string };

export interface NumberedEvent {
  seq: number;
  event: TurnEvent;
}

const names = new Set(['start', 'status', 'reasoning', 'text', 'citation', 'usage', 'error', 'done']);

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
