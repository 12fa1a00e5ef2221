import type { Citation, Message, MessageState, TurnEvent } from '$lib/api/types';
import type { NumberedEvent } from './events';

export interface TurnStatus {
  state: string;
  text: string;
  attempt: number | null;
  waitMs: number | null;
}

export interface TurnUsage {
  tokensIn: number | null;
  tokensOut: number | null;
  exact: boolean;
  firstTokenMs: number | null;
  durationMs: number;
}

/** What a person sees of one turn. Made from the message it began with and the events so far, by `reduce` alone. */
export interface TurnView {
  readonly turnId: string;
  readonly messageId: string;
  readonly seq: number;
  readonly state: MessageState;
  readonly model: string | null;
  readonly status: TurnStatus | null;
  readonly reasoning: string;
  readonly content: string;
  readonly citations: readonly Citation[];
  readonly usage: TurnUsage | null;
  readonly error: { code: string; message: string; retryable: boolean } | null;
  readonly finishReason: string | null;
}

/** The view before the first event: what the stored message had when the turn began (or was continued). */
export function beginTurn(turnId: string, message: Message): TurnView {
  return {
    turnId,
    messageId: message.id,
    seq: 0,
    state: 'running',
    model: message.model ?? null,
    status: null,
    reasoning: message.reasoning ?? '',
    content: message.content,
    citations: message.citations,
    usage: null,
    error: null,
    finishReason: null,
  };
}

/**
 * The view after one event. Pure. An event that was seen before (its number is not above the last one) and anything
 * after `done` changes nothing, so that a stream may be resumed from any number.
 */
export function reduce(view: TurnView, { seq, event }: NumberedEvent): TurnView {
  if (seq <= view.seq || view.state !== 'running') return view;
  return { ...view, seq, ...changes(view, event) };
}

function changes(view: TurnView, event: TurnEvent): Partial<TurnView> {
  switch (event.type) {
    case 'start':
      return { model: event.model || view.model, messageId: event.message_id || view.messageId };
    case 'status':
      return {
        status: {
          state: event.state,
          text: event.text,
          attempt: event.attempt ?? null,
          waitMs: event.wait_ms ?? null,
        },
      };
    case 'reasoning':
      return { reasoning: view.reasoning + event.text, status: null };
    case 'text':
      return { content: view.content + event.text, status: null };
    case 'citation': {
      const { n, title, url, quote } = event;
      const others = view.citations.filter((c) => c.n !== n);
      return { citations: [...others, { n, title, url, quote }].sort((a, b) => a.n - b.n) };
    }
    case 'usage':
      return {
        usage: {
          tokensIn: event.tokens_in ?? null,
          tokensOut: event.tokens_out ?? null,
          exact: event.exact,
          firstTokenMs: event.first_token_ms ?? null,
          durationMs: event.duration_ms,
        },
      };
    case 'error':
      return { error: { code: event.code, message: event.message, retryable: event.retryable }, status: null };
    case 'done':
      return { state: event.state as MessageState, status: null, finishReason: event.finish_reason ?? null };
  }
}

/** The message as it stands after the view's events. */
export function messageOf(message: Message, view: TurnView): Message {
  const { usage } = view;
  return {
    ...message,
    id: view.messageId,
    turn_id: view.turnId,
    content: view.content,
    reasoning: view.reasoning || null,
    state: view.state,
    model: view.model,
    citations: [...view.citations],
    error: view.error ? { code: view.error.code, message: view.error.message } : null,
    finish_reason: view.finishReason,
    tokens_in: usage?.tokensIn ?? null,
    tokens_out: usage?.tokensOut ?? null,
    tokens_exact: usage?.exact ?? false,
    first_token_ms: usage?.firstTokenMs ?? null,
    duration_ms: usage?.durationMs ?? null,
  };
}
