import type { CallPart, Message, MessageState, Part, TurnEvent } from '../api/types';
import type { NumberedEvent } from './events';
import { textOf } from './parts';

/* The same reducer as the server's (src/turn/reduce.c): what is shown while an answer comes is what is stored of it. */

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

/** What a turn took; 0: nothing, or not known. */
interface Figures {
  tokensIn: number;
  tokensOut: number;
  tokensCached: number;
  tokensReasoning: number;
  costMicros: number;
  firstTokenMs: number;
  durationMs: number;
  exact: boolean;
}

/** A part while its turn goes on: a call knows its index within its round. */
type Growing = Part & { readonly index?: number };

/** What a person sees of one turn. Made from the message it began with and the events so far, by `reduce` alone. */
export interface TurnView {
  readonly turnId: string;
  readonly messageId: string;
  readonly seq: number;
  readonly state: MessageState;
  readonly model: string | null;
  readonly status: TurnStatus | null;
  /** The parts that the message had before this turn; of these the last sources and results may be newer. */
  readonly had: readonly Part[];
  /** The parts that this turn brought. */
  readonly brought: readonly Growing[];
  readonly usage: Figures | null;
  readonly error: { code: string; message: string; retryable: boolean } | null;
  readonly finishReason: string | null;
}

/** From then on words go to the newest part of their kind: each piece costs what it always did. */
const PARTS_MAX = 1000;
/** Whatever was said, sums of it stay numbers. */
const FIGURE_MAX = 2 ** 40;

/** The view before the first event: what the stored message had when the turn began (or was continued). */
export function beginTurn(turnId: string, message: Message): TurnView {
  return {
    turnId,
    messageId: message.id,
    seq: 0,
    state: 'running',
    model: message.model ?? null,
    status: null,
    had: message.parts,
    brought: [],
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
          elapsedMs: event.elapsed_ms ?? null,
          position: event.position ?? null,
        },
      };
    case 'reasoning':
    case 'text':
      return { brought: withWords(view, event.type, event.text), status: null };
    case 'moved':
      return { brought: moved(view.brought, event.to === 'text' ? 'text' : 'reasoning') };
    case 'citation': {
      const { n, title, url, quote, document_id, passage_id, heading, page } = event;
      const place = document_id ? { document_id, passage_id: passage_id ?? '', heading: heading ?? '', page: page ?? 0 } : {};
      return cited(view, { type: 'citation', n, title, url, quote, ...place });
    }
    case 'tool_call':
      return { brought: withCall(view.brought, event), status: null };
    case 'tool_result':
      return answered(view, event);
    case 'notice':
      return { brought: [...view.brought, { type: 'notice', code: event.code, text: event.text }] };
    case 'usage':
      // An answer that another model gave in its place says so here.
      return { model: event.model || view.model, usage: figuresOf(event) };
    case 'error':
      return { error: { code: event.code, message: event.message, retryable: event.retryable }, status: null };
    case 'done':
      return { state: event.state as MessageState, status: null, finishReason: event.finish_reason ?? null };
  }
}

const replaced = <T>(list: readonly T[], at: number, by: T): T[] => [...list.slice(0, at), by, ...list.slice(at + 1)];

/** Puts a piece to the newest part when that is of its kind; citations interrupt nothing. */
function withWords({ had, brought }: TurnView, type: 'text' | 'reasoning', text: string): readonly Growing[] {
  if (!text) return brought;
  let at = brought.findLastIndex((p) => p.type !== 'citation');
  if (brought[at]?.type !== type && had.length + brought.length >= PARTS_MAX) at = brought.findLastIndex((p) => p.type === type);
  const part = brought[at];
  return part?.type === type ? replaced(brought, at, { type, text: part.text + text }) : [...brought, { type, text }];
}

/** Makes one of neighbours of a kind; citations between them stay behind. */
function joined(parts: readonly Growing[]): Growing[] {
  const out: Growing[] = [];
  let before = -1;
  for (const part of parts) {
    const last = out[before];
    if (last && (part.type === 'text' || part.type === 'reasoning') && last.type === part.type) {
      out[before] = { type: part.type, text: last.text + part.text };
      continue;
    }
    if (part.type !== 'citation') before = out.length;
    out.push(part);
  }
  return out;
}

/** What this round brought as text was reasoning, or the reverse; a result of a tool begins the next round. */
function moved(brought: readonly Growing[], type: 'text' | 'reasoning'): readonly Growing[] {
  const from = brought.findLastIndex((p) => p.type === 'tool_call' && p.result !== null) + 1;
  const round = brought.slice(from).map((p) => (p.type === 'text' || p.type === 'reasoning' ? { type, text: p.text } : p));
  return [...brought.slice(0, from), ...joined(round)];
}

/** A number names one source: the newer takes the place of the older. */
function cited({ had, brought }: TurnView, part: Part & { type: 'citation' }): Partial<TurnView> {
  const same = (p: Part) => p.type === 'citation' && p.n === part.n;
  const old = had.findIndex(same);
  if (old >= 0) return { had: replaced(had, old, part) };
  const own = brought.findIndex(same);
  return { brought: own >= 0 ? replaced(brought, own, part) : [...brought, part] };
}

/** An id begins a call; other pieces belong to the newest call of their index. */
function withCall(brought: readonly Growing[], piece: Extract<TurnEvent, { type: 'tool_call' }>): readonly Growing[] {
  const { index, id, name, arguments: text = '' } = piece;
  const at = id ? -1 : brought.findLastIndex((p) => p.type === 'tool_call' && p.index === index);
  const call = brought[at] as (CallPart & { index?: number }) | undefined;
  if (call) return replaced<Growing>(brought, at, { ...call, arguments: call.arguments + text });
  return [...brought, { type: 'tool_call', id: id ?? '', name: name ?? '', arguments: text ?? '', result: null, failed: false, index }];
}

/** The call may be one of before: a turn that goes on answers what its message waits for. */
function answered({ had, brought }: TurnView, event: Extract<TurnEvent, { type: 'tool_result' }>): Partial<TurnView> {
  const same = (p: Part) => p.type === 'tool_call' && p.id !== '' && p.id === event.id;
  const result = { result: event.result, failed: event.failed ?? false };
  const own = brought.findLastIndex(same);
  if (own >= 0) return { brought: replaced<Growing>(brought, own, { ...(brought[own] as CallPart), ...result }), status: null };
  const old = had.findLastIndex(same);
  return old >= 0 ? { had: replaced<Part>(had, old, { ...(had[old] as CallPart), ...result }), status: null } : { status: null };
}

const figure = (value: number | null | undefined) => Math.min(Math.max(value ?? 0, 0), FIGURE_MAX);

const figuresOf = (event: Extract<TurnEvent, { type: 'usage' }>): Figures => ({
  tokensIn: figure(event.tokens_in),
  tokensOut: figure(event.tokens_out),
  tokensCached: figure(event.tokens_cached),
  tokensReasoning: figure(event.tokens_reasoning),
  costMicros: figure(event.cost_micros),
  firstTokenMs: figure(event.first_token_ms),
  durationMs: figure(event.duration_ms),
  exact: event.exact,
});

/** The parts of the whole message: what goes on with the last words of before belongs to them. */
export const partsOf = ({ had, brought }: TurnView): Part[] =>
  joined([...had, ...brought]).map((part) => {
    if (part.type !== 'tool_call') return part;
    const { index: _, ...call } = part;
    return call;
  });

/** What the turns of a message took, added up; all of it is exact when each is. */
function added(before: Message, usage: Figures | null) {
  const sum = (a: number | null | undefined, b: number | undefined) => (a ?? 0) + (b ?? 0) || null;
  const tokens_in = sum(before.tokens_in, usage?.tokensIn);
  const tokens_out = sum(before.tokens_out, usage?.tokensOut);
  const counted = (before.tokens_in ?? 0) > 0 || (before.tokens_out ?? 0) > 0;
  return {
    tokens_in,
    tokens_out: tokens_out ?? (tokens_in ? 0 : null),
    tokens_cached: sum(before.tokens_cached, usage?.tokensCached),
    tokens_reasoning: sum(before.tokens_reasoning, usage?.tokensReasoning),
    tokens_exact: usage ? usage.exact && (!counted || before.tokens_exact) : before.tokens_exact,
    cost_micros: sum(before.cost_micros, usage?.costMicros),
    first_token_ms: before.first_token_ms || usage?.firstTokenMs || null,
    duration_ms: sum(before.duration_ms, usage?.durationMs),
  };
}

/** The message as it stands after the view's events; `message` is the one that the view began with. */
export function messageOf(message: Message, view: TurnView): Message {
  const parts = partsOf(view);
  return {
    ...message,
    ...added(message, view.usage),
    id: view.messageId,
    turn_id: view.turnId,
    content: textOf(parts),
    parts,
    state: view.state,
    model: view.model,
    error: view.error ? { code: view.error.code, message: view.error.message } : null,
    finish_reason: view.finishReason,
  };
}
