import type { Citation, Message, MessageState, TurnEvent } from '../api/types';
import type { NumberedEvent } from './events';

export interface TurnStatus {
  state: string;
  text: string;
  attempt: number | null;
  waitMs: number | null;
  /** How long it has been so already when the event was made. */
  elapsedMs: number | null;
  /** The place in the queue, from 1. */
  position: number | null;
}

/** A call of a tool that the model asks for; `arguments` is a JSON object once it is whole. */
export interface ToolCall {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface TurnUsage {
  tokensIn: number | null;
  tokensOut: number | null;
  tokensCached: number | null;
  tokensReasoning: number | null;
  costMicros: number | null;
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
  readonly toolCalls: readonly ToolCall[];
  readonly usage: TurnUsage | null;
  readonly error: { code: string; message: string; retryable: boolean } | null;
  readonly finishReason: string | null;
  /** What the message had before this turn: nothing of it is moved. */
  readonly had: { readonly content: number; readonly reasoning: number };
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
    toolCalls: [],
    usage: null,
    error: null,
    finishReason: null,
    had: { content: message.content.length, reasoning: message.reasoning?.length ?? 0 },
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
          elapsedMs: event.elapsed_ms ?? null,
          position: event.position ?? null,
        },
      };
    case 'reasoning':
      return { reasoning: view.reasoning + event.text, status: null };
    case 'text':
      return { content: view.content + event.text, status: null };
    case 'moved':
      return moved(view, event.to);
    case 'citation': {
      const { n, title, url, quote } = event;
      const others = view.citations.filter((c) => c.n !== n);
      return { citations: [...others, { n, title, url, quote }].sort((a, b) => a.n - b.n) };
    }
    case 'tool_call':
      return { toolCalls: withPiece(view.toolCalls, event), status: null };
    case 'usage':
      return {
        // An answer that another model gave in its place says so here.
        model: event.model || view.model,
        usage: {
          tokensIn: event.tokens_in ?? null,
          tokensOut: event.tokens_out ?? null,
          tokensCached: event.tokens_cached ?? null,
          tokensReasoning: event.tokens_reasoning ?? null,
          costMicros: event.cost_micros ?? null,
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

/** What this turn brought as text was reasoning, or the reverse. */
function moved(view: TurnView, to: string): Partial<TurnView> {
  const { content, reasoning, had } = view;
  return to === 'text'
    ? { content: content + reasoning.slice(had.reasoning), reasoning: reasoning.slice(0, had.reasoning) }
    : { content: content.slice(0, had.content), reasoning: reasoning + content.slice(had.content) };
}

/** Puts a piece to the call it belongs to: the first of an index brings id and name, later ones more arguments. */
function withPiece(calls: readonly ToolCall[], piece: Extract<TurnEvent, { type: 'tool_call' }>): ToolCall[] {
  const had = calls.find((c) => c.index === piece.index) ?? { index: piece.index, id: '', name: '', arguments: '' };
  const call = {
    index: piece.index,
    id: piece.id || had.id,
    name: piece.name || had.name,
    arguments: had.arguments + (piece.arguments ?? ''),
  };
  return [...calls.filter((c) => c.index !== piece.index), call].sort((a, b) => a.index - b.index);
}

/** What the events of a turn tell and a stored message does not. */
export interface Seen {
  readonly toolCalls: readonly ToolCall[];
  readonly tokensCached: number | null;
  readonly tokensReasoning: number | null;
  readonly costMicros: number | null;
}

export const seenOf = ({ toolCalls, usage }: TurnView): Seen => ({
  toolCalls,
  tokensCached: usage?.tokensCached ?? null,
  tokensReasoning: usage?.tokensReasoning ?? null,
  costMicros: usage?.costMicros ?? null,
});

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
