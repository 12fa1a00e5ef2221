import { serverNow } from '$core/clock';
import type { ImagePart, Message, TurnStarted } from '$core/api/types';

/** A message in the list. `key` stays when an optimistic message gets its real id, so that it is not drawn anew. */
export interface Shown extends Message {
  key?: string;
}

let count = 0;

/** The question and its answer as they are shown before the server knows of them. */
export function optimistic(conversation: string, content: string, model: string | null, parent: string | null, pictures: ImagePart[] = []): [Shown, Shown] {
  const make = (role: Message['role'], over: Partial<Shown>): Shown => {
    const key = `local-${++count}`;
    return {
      id: key, key, conversation_id: conversation, parent_id: parent, siblings: [key], compared: [], last_event: 0, role, content: '', parts: [],
      state: 'complete', model: null, turn_id: null, error: null, finish_reason: null, tokens_in: null,
      tokens_out: null, tokens_cached: null, tokens_reasoning: null, tokens_exact: false, cost_micros: null,
      first_token_ms: null, duration_ms: null, pinned: false,
      created_at: new Date(serverNow()).toISOString(), ...over,
    };
  };
  return [make('user', { content, parts: [...pictures, ...(content ? [{ type: 'text' as const, text: content }] : [])] }), make('assistant', { state: 'running', model })];
}

/** The same messages once the server has taken them: with its ids, also where they stand among their versions. */
export function accepted(shown: readonly Shown[], turn: TurnStarted): Shown[] {
  return shown.map((m): Shown => {
    const asked = m.role === 'user';
    const id = asked ? (turn.user_message_id ?? m.id) : turn.message_id;
    const compared = asked || (turn.turns ?? []).length < 2 ? [] : turn.turns!.map((one) => one.message_id);
    return { ...m, id, turn_id: asked ? null : turn.turn_id, compared, siblings: m.siblings.map((s) => (s === m.id ? id : s)) };
  });
}

/** The answers that began beside the first one of a turn, which has been accepted; `models` are those of all of them. */
export const rivalsOf = (first: Shown, turn: TurnStarted, models: readonly string[]): Shown[] =>
  (turn.turns ?? []).map(({ turn_id, message_id }, i): Shown => ({ ...first, key: undefined, id: message_id, turn_id, model: models[i] ?? null })).slice(1);

/**
 * The list after its newest page was read again. Older messages stay when the page joins them; otherwise
 * (`replaced`) the page is all there is.
 */
export function mergeLatest(have: Shown[], page: Message[]): { messages: Shown[]; replaced: boolean } {
  const known = new Map(have.map((m) => [m.id, m]));
  const fresh = page.map((m): Shown => {
    const mine = known.get(m.id);
    // `done` was seen, and the stored message is a moment behind it. One that waited goes on under its id.
    if (mine && m.state === 'running' && mine.state !== 'running' && mine.state !== 'waiting' && mine.turn_id === m.turn_id) return mine;
    return { ...m, key: mine?.key };
  });
  const first = page[0];
  const at = first ? have.findIndex((m) => m.id === first.id) : -1;
  return at > 0 ? { messages: [...have.slice(0, at), ...fresh], replaced: false } : { messages: fresh, replaced: true };
}
