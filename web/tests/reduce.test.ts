// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { Message, Part, TurnEvent } from '$core/api/types';
import { citationsOf, reasoningOf, textOf } from '$core/turn/parts';
import { beginTurn, messageOf, partsOf, reduce, type TurnView } from '$core/turn/reduce';

const message: Message = {
  id: 'm1', conversation_id: 'c1', parent_id: null, siblings: ['m1'], last_event: 0, compared: [], role: 'assistant', content: '', parts: [], state: 'running',
  model: null, turn_id: 't1', error: null, finish_reason: null, tokens_in: null, tokens_out: null, tokens_cached: null,
  tokens_reasoning: null, tokens_exact: false, cost_micros: null, first_token_ms: null, duration_ms: null, pinned: false, created_at: '2026-01-01T00:00:00Z',
};
const start: TurnEvent = {
  type: 'start', turn_id: 't1', conversation_id: 'c1', user_message_id: 'u1', message_id: 'm1', model: 'llama3.2:3b',
};
const cite = (n: number, title = 't' + n): TurnEvent => ({ type: 'citation', n, title, url: '/#/manual/x/y', quote: 'q' });
const story: TurnEvent[] = [
  start,
  { type: 'status', state: 'loading', text: 'Loading', wait_ms: 100 },
  { type: 'reasoning', text: 'Let me ' },
  { type: 'reasoning', text: 'think' },
  { type: 'text', text: 'Hello' },
  cite(2),
  { type: 'text', text: ' wörld 🙂' },
  cite(1),
  { type: 'usage', tokens_in: 3, tokens_out: 5, exact: true, first_token_ms: 10, duration_ms: 20 },
  { type: 'done', state: 'complete', message_id: 'm1', finish_reason: 'stop' },
];
const numbered = story.map((event, i) => ({ seq: i + 1, event }));
const content = (view: TurnView) => textOf(partsOf(view));
const reasoning = (view: TurnView) => reasoningOf(partsOf(view));
const run = (events: typeof numbered, from = beginTurn('t1', message)) => events.reduce(reduce, from);

describe('reduce', () => {
  it('makes the whole answer', () => {
    const view = run(numbered);
    expect(view).toMatchObject({ state: 'complete', model: 'llama3.2:3b', status: null, finishReason: 'stop', seq: 10 });
    expect(partsOf(view).map((p) => p.type)).toEqual(['reasoning', 'text', 'citation', 'citation']);
    expect([content(view), reasoning(view)]).toEqual(['Hello wörld 🙂', 'Let me think']);
    expect(citationsOf(partsOf(view)).map((c) => c.n)).toEqual([1, 2]);
    expect(messageOf(message, view)).toMatchObject({
      state: 'complete', content: 'Hello wörld 🙂', tokens_out: 5, tokens_exact: true, id: 'm1',
    });
  });

  it('comes to the same end when cut and resumed at any number, with any overlap', () => {
    const whole = run(numbered);
    for (let cut = 0; cut <= numbered.length; cut++) {
      for (let again = 0; again <= cut; again++) {
        expect(run(numbered.slice(again), run(numbered.slice(0, cut)))).toEqual(whole);
      }
    }
  });

  it('moves what was of the other kind, but nothing that the message had before', () => {
    const kinds = [
      { type: 'text', text: 'a' }, { type: 'reasoning', text: 'b' }, { type: 'moved', to: 'reasoning' }, { type: 'moved', to: 'text' },
    ] as const;
    // All stories of five events, beside a plain model of them.
    const had: Part[] = [{ type: 'text', text: 'had' }, { type: 'reasoning', text: 'thought' }];
    for (let story = 0; story < kinds.length ** 5; story++) {
      let view = beginTurn('t1', { ...message, parts: had });
      let own: { type: 'text' | 'reasoning'; text: string }[] = [];
      for (let i = 0, rest = story; i < 5; i++, rest = Math.floor(rest / kinds.length)) {
        const event = kinds[rest % kinds.length]!;
        view = reduce(view, { seq: i + 1, event });
        if (event.type === 'moved') own = own.map(({ text }) => ({ type: event.to, text }));
        else own.push(event);
      }
      const expected = [...had, ...own].reduce<{ type: string; text: string }[]>((all, p) => {
        const last = all.at(-1);
        return last?.type === p.type ? [...all.slice(0, -1), { ...last, text: last.text + (p as { text: string }).text }] : [...all, p as { type: string; text: string }];
      }, []);
      expect(partsOf(view)).toEqual(expected);
    }
  });

  it('passes over numbers that an unknown event took', () => {
    const gaps = story.map((event, i) => ({ seq: (i + 1) * 3, event }));
    expect(run(gaps)).toEqual({ ...run(numbered), seq: 30 });
  });

  it('changes nothing after done, and never changes what it was given', () => {
    const view = Object.freeze(run(numbered));
    expect(reduce(view, { seq: 99, event: { type: 'text', text: 'late' } })).toBe(view);
    const before = Object.freeze(beginTurn('t1', Object.freeze({ ...message })));
    reduce(before, { seq: 1, event: cite(1) });
    expect(before.brought).toEqual([]);
  });

  it('shows a status until something else comes', () => {
    const status = run(numbered.slice(0, 2));
    expect(status.status).toEqual({
      state: 'loading', text: 'Loading', attempt: null, waitMs: 100, elapsedMs: null, position: null,
    });
    expect(run(numbered.slice(0, 3)).status).toBeNull();
    const error: TurnEvent = { type: 'error', code: 'provider_error', message: 'no', retryable: true };
    expect(reduce(status, { seq: 3, event: error }).status).toBeNull();
  });

  it('keeps how long and at which place', () => {
    const said: TurnEvent[] = [
      { type: 'status', state: 'queued', text: 'q', position: 2 },
      { type: 'status', state: 'loading', text: 'l', elapsed_ms: 4000 },
    ];
    const [queued, loading] = said.map((event) => reduce(beginTurn('t1', message), { seq: 1, event }).status);
    expect(queued).toMatchObject({ state: 'queued', position: 2, elapsedMs: null });
    expect(loading).toMatchObject({ state: 'loading', position: null, elapsedMs: 4000 });
  });

  it('puts calls of tools together from their pieces', () => {
    const pieces: TurnEvent[] = [
      { type: 'tool_call', index: 1, id: 'b', name: 'time' },
      { type: 'tool_call', index: 0, id: 'a', name: 'weather', arguments: '{"ci' },
      { type: 'tool_call', index: 0, arguments: 'ty":"Ulm"}' },
      { type: 'tool_call', index: 1, arguments: '{}' },
    ];
    const all = pieces.map((event, i) => ({ seq: i + 1, event }));
    const view = run(all);
    const call = (id: string, name: string, text: string): Part =>
      ({ type: 'tool_call', id, name, arguments: text, result: null, failed: false, round: 1 });
    expect(partsOf(view)).toEqual([call('b', 'time', '{}'), call('a', 'weather', '{"city":"Ulm"}')]);
    expect(run(all.slice(1), run(all.slice(0, 3)))).toEqual(view);
  });

  it('keeps the results of calls, whose indexes begin anew in each round', () => {
    const events: TurnEvent[] = [
      { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{}' },
      { type: 'tool_result', id: 'a', result: '' },
      { type: 'text', text: 'So' },
      { type: 'moved', to: 'reasoning' },
      { type: 'tool_call', index: 0, id: 'b', name: 'f' },
      { type: 'tool_call', index: 0, arguments: '{}' },
      { type: 'tool_result', id: 'b', result: 'no', failed: true },
      { type: 'tool_result', id: 'nobody', result: 'x' },
      { type: 'notice', code: 'fallback', text: 'Another one was asked.' },
    ];
    const call = { type: 'tool_call', name: 'f', arguments: '{}' };
    expect(partsOf(run(events.map((event, i) => ({ seq: i + 1, event }))))).toEqual([
      { ...call, id: 'a', result: '', failed: false, round: 1 },
      { type: 'reasoning', text: 'So' },
      { ...call, id: 'b', result: 'no', failed: true, round: 2 },
      { type: 'notice', code: 'fallback', text: 'Another one was asked.' },
    ]);
  });

  it('tells how far running tools are, which no message keeps', () => {
    const events: TurnEvent[] = [
      { type: 'tool_call', index: 0, id: 'a', name: 'f' },
      { type: 'tool_start', id: 'a', title: 'F', at: 5 },
      { type: 'tool_progress', id: 'a', progress: 1, total: 4, message: 'on it' },
    ];
    const view = run(events.map((event, i) => ({ seq: i + 1, event })));
    expect(view.progress).toEqual({ a: { since: 5, done: 1, total: 4, message: 'on it' } });
    expect(partsOf(view)).toMatchObject([{ id: 'a', title: 'F', result: null }]);
    expect(reduce(view, { seq: 9, event: { type: 'tool_result', id: 'a', result: '' } }).progress).toEqual({});
  });

  it('goes on where a turn waited for a person, from its own view and from the stored message', () => {
    const first: TurnEvent[] = [
      { type: 'text', text: 'May I?' },
      { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{}' },
      { type: 'approval', id: 'a', name: 'f', arguments: '{}', effect: 'writes', expires_at: 9 },
      { type: 'usage', exact: true, duration_ms: 3, tokens_in: 2, tokens_out: 1 },
      { type: 'done', state: 'waiting', finish_reason: 'tool_calls' },
    ];
    const rest: TurnEvent[] = [
      { type: 'approval', id: 'a', name: 'f', arguments: '{}', effect: 'writes', expires_at: 9, decision: 'once' },
      { type: 'tool_result', id: 'a', result: 'done' },
      { type: 'text', text: 'There.' },
      { type: 'usage', exact: true, duration_ms: 4, tokens_in: 5, tokens_out: 6 },
      { type: 'done', state: 'complete', finish_reason: 'stop' },
    ];
    const waits = run(first.map((event, i) => ({ seq: i + 1, event })));
    expect(waits.state).toBe('waiting');
    const stored = messageOf(message, waits);
    expect(stored).toMatchObject({ state: 'waiting', last_event: 5, parts: [{ type: 'text' }, { approval: { effect: 'writes', expires_at: 9 } }] });
    const behind = rest.map((event, i) => ({ seq: i + 6, event }));
    const whole = messageOf(message, run(behind, waits));
    expect(whole).toMatchObject({ state: 'complete', content: 'May I?There.', tokens_in: 7, tokens_out: 7, duration_ms: 7, finish_reason: 'stop' });
    expect(messageOf(stored, run(behind, beginTurn('t1', stored)))).toEqual(whole);
  });

  it('tells what the answer cost, and who gave it in another’s place', () => {
    const usage: TurnEvent = {
      type: 'usage', tokens_in: 9, tokens_out: 5, tokens_cached: 4, tokens_reasoning: 2, cost_micros: 120, exact: true,
      duration_ms: 20, model: 'other:1b',
    };
    const view = run([{ seq: 1, event: start }, { seq: 2, event: usage }]);
    expect(view.model).toBe('other:1b');
    expect(messageOf(message, view)).toMatchObject({ tokens_cached: 4, tokens_reasoning: 2, cost_micros: 120, first_token_ms: null });
    expect(messageOf(message, beginTurn('t', message))).toMatchObject({ tokens_in: null, tokens_cached: null, cost_micros: null });
  });

  it.each(['canceled', 'failed', 'interrupted'] as const)('keeps the text when the turn ends %s', (state) => {
    const view = run([
      ...numbered.slice(0, 5),
      { seq: 6, event: { type: 'error', code: 'x', message: 'why', retryable: true } },
      { seq: 7, event: { type: 'done', state, message_id: 'm1' } },
    ]);
    expect(view).toMatchObject({ state, finishReason: null });
    expect(content(view)).toBe('Hello');
    expect(messageOf(message, view).error).toEqual({ code: 'x', message: 'why' });
  });

  it('adds to the earlier part of a continued message', () => {
    const parts: Part[] = [
      { type: 'reasoning', text: 'r ' },
      { type: 'text', text: 'One, ' },
      { type: 'citation', n: 1, title: 'a', url: 'u', quote: 'q' },
    ];
    const earlier = { ...message, parts, content: 'One, ', tokens_in: 10, tokens_out: 1, tokens_exact: true, first_token_ms: 4, duration_ms: 5 };
    const usage: TurnEvent = { type: 'usage', tokens_in: 1, tokens_out: 2, exact: false, first_token_ms: 9, duration_ms: 7 };
    const view = run(
      [{ seq: 1, event: { type: 'text', text: 'two' } }, { seq: 2, event: cite(1, 'new') }, { seq: 3, event: usage }],
      beginTurn('t2', earlier),
    );
    expect(messageOf(earlier, view)).toMatchObject({
      content: 'One, two', tokens_in: 11, tokens_out: 3, tokens_exact: false, first_token_ms: 4, duration_ms: 12,
    });
    expect(partsOf(view)).toMatchObject([{ text: 'r ' }, { text: 'One, two' }, { n: 1, title: 'new' }]);
  });

  it('takes every order of the middle events', () => {
    const middle = numbered.slice(1, 9).map((e) => e.event).filter((e) => e.type !== 'status');
    for (let turn = 0; turn < middle.length; turn++) {
      const order = [...middle.slice(turn), ...middle.slice(0, turn)];
      const view = run([start, ...order, story[9]!].map((event, i) => ({ seq: i + 1, event })));
      expect(view.state).toBe('complete');
      expect(content(view)).toBe(order.map((e) => (e.type === 'text' ? e.text : '')).join(''));
      expect(reasoning(view)).toBe(order.map((e) => (e.type === 'reasoning' ? e.text : '')).join(''));
      expect(citationsOf(partsOf(view)).map((c) => c.n)).toEqual([1, 2]);
    }
  });
});
