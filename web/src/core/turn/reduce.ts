import type { Approval, BudgetPart, CallPart, Message, MessageState, Part, PlanPart, PlanStep, Question, Spent, TurnEvent } from '../api/types';
import type { NumberedEvent } from './events';
import { parentOf, textOf } from './parts';

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

/** As a running tool told it last. */
export interface CallProgress {
  /** When it began (Unix ms). */
  since: number | null;
  done: number | null;
  total: number | null;
  message: string | null;
}

/** The figures of a message. */
type Took = Pick<Message, 'tokens_in' | 'tokens_out' | 'tokens_cached' | 'tokens_reasoning' | 'tokens_exact' | 'cost_micros' | 'first_token_ms' | 'duration_ms'>;

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
  /** How far running tools say they are, by the id of their call. */
  readonly progress: Readonly<Record<string, CallProgress>>;
  /** What the message took before this turn, or before it waited. */
  readonly earlier: Took;
  /** The parts that the message had before this turn, or before it waited; of these the last sources and results may be newer. */
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

/** The view before the first event: what the stored message had when the turn began, was continued, or waited. */
export function beginTurn(turnId: string, message: Message): TurnView {
  return {
    turnId,
    messageId: message.id,
    seq: message.last_event ?? 0,
    state: 'running',
    model: message.model ?? null,
    status: null,
    progress: {},
    earlier: tookOf(message),
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
  if (seq <= view.seq || (view.state !== 'running' && view.state !== 'waiting')) return view;
  const now = view.state === 'waiting' ? goOn(view) : view;
  return { ...now, seq, ...changes(now, event) };
}

/** A turn that waited for a person goes on: what it had stands, as that of a turn before does. */
const goOn = (view: TurnView): TurnView => ({
  ...view,
  state: 'running',
  had: [...view.had, ...view.brought],
  brought: [],
  earlier: added(view.earlier, view.usage),
  usage: null,
  finishReason: null,
});

function changes(view: TurnView, event: TurnEvent): Partial<TurnView> {
  switch (event.type) {
    case 'start':
      return { model: event.model || view.model, messageId: event.message_id || view.messageId, turnId: event.turn_id || view.turnId };
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
      return { brought: withWords(view, event), status: null };
    case 'moved':
      return { brought: moved(view.brought, event.to === 'text' ? 'text' : 'reasoning', event.parent || undefined) };
    case 'citation': {
      const { n, title, url, quote, document_id, passage_id, heading, page, place: kind, label, score } = event;
      const place = document_id ? { document_id, passage_id: passage_id ?? '', heading: heading ?? '', page: page ?? 0, ...(kind && { place: kind, label: label ?? '' }), ...(score && { score }) } : {};
      return cited(view, { type: 'citation', n, title, url, quote, ...place });
    }
    case 'thoughts':
      return {}; // for the provider alone
    case 'tool_call':
      return { brought: withCall(view, event), status: null };
    case 'tool_start':
      // What was asked when it was run before is over.
      return { ...told(view, event.id, ({ questions: _, ...call }) => ({ ...call, ...telling(event, ['title', 'source']) })), ...going(view, event.id, { since: event.at ?? null }) };
    case 'tool_progress':
      return going(view, event.id, { done: event.progress ?? null, total: event.total ?? null, message: event.message ?? null });
    case 'tool_result':
      return { ...answered(view, event), ...over(view, event.id) };
    case 'approval':
      return told(view, event.id, (call) => ({
        ...call,
        ...telling(event, ['title']),
        approval: given(event, ['effect', 'expires_at', 'unknown', 'decision', 'reason']) as unknown as Approval,
      }));
    case 'question':
      return told(view, event.call_id, (call) => ({ ...call, questions: asked(call.questions ?? [], event) }));
    case 'plan':
      return planned(view, { type: 'plan', steps: Array.isArray(event.steps) ? (event.steps as PlanStep[]) : [], ...telling(event, ['parent']) });
    case 'budget':
      return used(view, { type: 'budget', steps: spent(event.steps), tokens: spent(event.tokens), cost_micros: spent(event.cost_micros), seconds: spent(event.seconds), ...telling(event, ['parent']) });
    case 'notice':
      return { brought: [...view.brought, { type: 'notice', code: event.code, text: event.text, ...telling(event, ['count', 'tokens', 'parent']) }] };
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

/** What an agent says that was called as a tool is apart from what the answer says, and from other agents; citations and budgets interrupt nothing. */
const isOf = (part: Growing, parent: string | undefined): boolean => part.type !== 'citation' && part.type !== 'budget' && parentOf(part) === parent;

type Words = Part & { type: 'text' | 'reasoning' };
const isWords = (part: Growing | undefined): part is Words => part?.type === 'text' || part?.type === 'reasoning';
const wordsPart = (type: Words['type'], text: string, parent: string | undefined): Words => ({ type, text, ...(parent && { parent }) });

/** Puts a piece to the newest part when that is of its kind. */
function withWords({ had, brought }: TurnView, { type, text, parent: of }: Extract<TurnEvent, { type: 'text' | 'reasoning' }>): readonly Growing[] {
  if (!text) return brought;
  const parent = of || undefined;
  let at = brought.findLastIndex((p) => isOf(p, parent));
  if (brought[at]?.type !== type && had.length + brought.length >= PARTS_MAX) at = brought.findLastIndex((p) => p.type === type && isOf(p, parent));
  const part = brought[at];
  return isWords(part) && part.type === type ? replaced<Growing>(brought, at, { ...part, text: part.text + text }) : [...brought, wordsPart(type, text, parent)];
}

/** Makes one of neighbours of a kind; what interrupts nothing stays behind. */
function joined(parts: readonly Growing[]): Growing[] {
  const out: Growing[] = [];
  for (const part of parts) {
    const before = isWords(part) ? out.findLastIndex((p) => isOf(p, parentOf(part))) : -1;
    const last = out[before];
    if (isWords(part) && isWords(last) && last.type === part.type) out[before] = { ...last, text: last.text + part.text };
    else out.push(part);
  }
  return out;
}

/** What this round brought as text was reasoning, or the reverse; a result of a tool begins the next round. */
function moved(brought: readonly Growing[], type: Words['type'], parent: string | undefined): readonly Growing[] {
  const from = brought.findLastIndex((p) => p.type === 'tool_call' && p.result !== null && isOf(p, parent)) + 1;
  const round = brought.slice(from).map((p) => (isWords(p) && isOf(p, parent) ? { ...p, type } : p));
  return [...brought.slice(0, from), ...joined(round)];
}

/** A part of which there is one: the newer takes the place of the older. */
function put({ had, brought }: TurnView, part: Part, same: (p: Part) => boolean): Partial<TurnView> {
  const old = had.findIndex(same);
  if (old >= 0) return { had: replaced(had, old, part) };
  const own = brought.findIndex(same);
  return { brought: own >= 0 ? replaced<Growing>(brought, own, part) : [...brought, part] };
}

/** A number names one source. */
const cited = (view: TurnView, part: Part & { type: 'citation' }) => put(view, part, (p) => p.type === 'citation' && p.n === part.n);
const planned = (view: TurnView, part: PlanPart) => put(view, part, (p) => p.type === 'plan' && p.parent === part.parent);

/** A budget stands behind what it was used for. */
function used({ had, brought }: TurnView, part: BudgetPart): Partial<TurnView> {
  const isOther = (p: Growing) => p.type !== 'budget' || p.parent !== part.parent;
  return { had: had.every(isOther) ? had : had.filter(isOther), brought: [...brought.filter(isOther), part] };
}

/** Calls that begin before one of them has its result were made together. */
function roundOf({ had, brought }: TurnView, parent: string | undefined): number {
  const isCall = (p: Growing) => p.type === 'tool_call' && isOf(p, parent);
  const own = brought.findLast(isCall) as CallPart | undefined;
  if (own) return (own.round ?? 0) + (own.result !== null ? 1 : 0);
  const old = had.findLast(isCall) as CallPart | undefined;
  return old ? (old.round ?? 0) + 1 : 1;
}

/** An id begins a call; other pieces belong to the newest call of their index. */
function withCall(view: TurnView, piece: Extract<TurnEvent, { type: 'tool_call' }>): readonly Growing[] {
  const { brought } = view;
  const { index, id, name, arguments: text } = piece;
  const parent = piece.parent || undefined;
  const at = id ? -1 : brought.findLastIndex((p) => p.type === 'tool_call' && p.index === index && isOf(p, parent));
  const call = brought[at] as (CallPart & { index?: number }) | undefined;
  if (call) return replaced<Growing>(brought, at, { ...call, arguments: call.arguments + (text ?? '') });
  const begun = { id: id ?? '', name: name ?? '', arguments: text ?? '', result: null, failed: false, round: roundOf(view, parent), index };
  return [...brought, { type: 'tool_call', ...begun, ...(parent && { parent }) }];
}

/** Changes the newest call of this id. It may be one of before: a turn that goes on answers what its message waits for. */
function told({ had, brought }: TurnView, id: string, change: (call: CallPart) => CallPart): Partial<TurnView> {
  const same = (p: Part) => p.type === 'tool_call' && p.id !== '' && p.id === id;
  const own = brought.findLastIndex(same);
  if (own >= 0) return { brought: replaced<Growing>(brought, own, change(brought[own] as CallPart)), status: null };
  const old = had.findLastIndex(same);
  return old >= 0 ? { had: replaced<Part>(had, old, change(had[old] as CallPart)), status: null } : { status: null };
}

type Members = Record<string, unknown>;

/** Those of the members that are there. */
const given = (event: Members, keys: string[]): Members => Object.fromEntries(keys.filter((k) => event[k] !== undefined && event[k] !== null).map((k) => [k, event[k]]));

/** Of these, those that say something. */
const telling = (event: Members, keys: string[]): Members =>
  given(
    event,
    keys.filter((k) => event[k] !== '' && event[k] !== false && !(Array.isArray(event[k]) && event[k].length === 0)),
  );

function answered(view: TurnView, event: Extract<TurnEvent, { type: 'tool_result' }>): Partial<TurnView> {
  const more = telling(event, ['structured', 'files', 'cut', 'duration_ms']);
  return told(view, event.id, (call) => ({ ...call, result: event.result, failed: event.failed ?? false, ...more }));
}

/** A question takes the place of what it was before it was answered. */
function asked(questions: readonly Question[], event: Extract<TurnEvent, { type: 'question' }>): Question[] {
  const question = given(event, ['id', 'from', 'message', 'schema', 'url', 'expires_at', 'action']) as unknown as Question;
  const at = questions.findIndex((q) => q.id === question.id);
  return at >= 0 ? replaced(questions, at, question) : [...questions, question];
}

const nothing: CallProgress = { since: null, done: null, total: null, message: null };
const going = ({ progress }: TurnView, id: string, change: Partial<CallProgress>): Partial<TurnView> => ({
  progress: { ...progress, [id]: { ...(progress[id] ?? nothing), ...change } },
});

function over({ progress }: TurnView, id: string): Partial<TurnView> {
  const { [id]: _, ...others } = progress;
  return { progress: others };
}

const spent = (value: unknown): Spent => (value && typeof value === 'object' && !Array.isArray(value) ? value : {});

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

const tookOf = ({ tokens_in, tokens_out, tokens_cached, tokens_reasoning, tokens_exact, cost_micros, first_token_ms, duration_ms }: Message): Took => ({
  tokens_in,
  tokens_out,
  tokens_cached,
  tokens_reasoning,
  tokens_exact,
  cost_micros,
  first_token_ms,
  duration_ms,
});

/** What the turns of a message took, added up; all of it is exact when each is. */
function added(before: Took, usage: Figures | null): Took {
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
    ...added(view.earlier, view.usage),
    id: view.messageId,
    last_event: view.seq,
    turn_id: view.turnId,
    content: textOf(parts),
    parts,
    state: view.state,
    model: view.model,
    error: view.error ? { code: view.error.code, message: view.error.message } : null,
    finish_reason: view.finishReason,
  };
}
