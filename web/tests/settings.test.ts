import { describe, expect, it } from 'vitest';
import type { Job, Limit, Provider, UsagePoint } from '$core/api/types';
import { compact, microsFrom, microsText, money, percent, until } from '$core/format';
import { statusText } from '$core/turn/words';
import { jobState, jobTitle, modelState, providerState } from '$core/words';
import { allOn, everyDay, everyHour, firstDay, MEASURES, shortTime, stack } from '$features/usage/days';
import { amountText, limitTitle } from '$features/limits/limits';
import { freeName, msFrom, presets, providerNameProblem } from '$features/providers/presets';
import { pullers } from '$features/models/pullers';
import { snippets } from '$features/keys/snippets';

describe('numbers', () => {
  it('are short', () => {
    expect([0, 999, 1000, 12_340, 123_456, 999_960, 4.5e6, 2e9].map(compact)).toEqual([
      '0', '999', '1 K', '12.3 K', '123 K', '1 M', '4.5 M', '2 B',
    ]);
  });
  it('money has the digits that small amounts need', () => {
    expect(money(1_500_000, 'USD')).toBe('$1.50');
    expect(money(0, 'EUR')).toBe('€0.00');
    expect(money(42, 'USD')).toBe('$0.000042');
    expect(money(1_000_000, 'credits')).toBe('1.00 credits');
  });
  it('money is read as it is written', () => {
    expect(['0.15', '1,5', '.5', '3'].map(microsFrom)).toEqual([150_000, 1_500_000, 500_000, 3_000_000]);
    expect(['', '-1', '1.2.3', 'a', '1e99', '9'.repeat(20)].every((t) => microsFrom(t) === null)).toBe(true);
    expect(microsFrom(microsText(123_456))).toBe(123_456);
  });
  it('says when something comes', () => {
    const now = Date.parse('2026-11-21T12:00:00Z');
    const at = (s: number) => new Date(now + s * 1000).toISOString();
    expect([at(-5), at(45), at(600), at(7200)].map((t) => until(t, now))).toEqual(['in 0 s', 'in 45 s', 'in 10 min', 'in 2 h']);
    expect(until(at(864_000), now)).toContain('2026');
  });
  it('is 100 percent only when all is there', () => {
    expect([percent(0, 0), percent(1, 3), percent(9999, 10_000), percent(5, 5), percent(7, 5)]).toEqual([0, 33, 99, 100, 100]);
  });
});

describe('words of states', () => {
  const fine = { state: 'ok', breaker: 'closed', retry_in_ms: 0, enabled: true } as const;
  it('of providers', () => {
    expect(providerState(fine)).toEqual({ tone: 'ok', text: 'Connected' });
    const open = { ...fine, breaker: 'open', retry_in_ms: 12_300 } as const;
    expect(providerState(open).text).toBe('Failing. Next attempt in 13 s.');
    expect(providerState({ ...open, state: 'unreachable' }).text).toBe('Unreachable. Next attempt in 13 s.');
    expect(providerState({ ...open, state: 'unreachable', breaker: 'half_open' }).text).toBe('Unreachable. Retrying…');
    expect(providerState({ ...fine, state: 'unreachable' })).toEqual({ tone: 'danger', text: 'Unreachable' });
    expect(providerState({ ...fine, enabled: false, state: 'unreachable' }).text).toBe('Disabled');
  });
  it('of models', () => {
    expect((['ready', 'loading', 'reachable', 'unreachable'] as const).map((s) => modelState(s).tone)).toEqual(['ok', 'busy', 'muted', 'danger']);
  });
  const job = (over: Partial<Job>) => jobState({ state: 'running', progress: null, error: null, retry_at: null, server_away: false, ...over });
  it('of jobs', () => {
    expect([jobTitle({ kind: 'pull', title: 'a:1b' }), jobTitle({ kind: 'pull', title: 'Pull a' }), jobTitle({ kind: 'x', title: 'y' })]).toEqual([
      'Pull a:1b', 'Pull a', 'y',
    ]);
    expect(job({}).text).toBe('Starting…');
    expect(job({ progress: { status: 'pulling ab', completed: 1e9, total: 2e9, unit: 'bytes', layers: [] } }).text).toBe('50% · 1.0 GB of 2.0 GB');
    expect(job({ progress: { status: 'embedding', completed: 1200, total: 4000, unit: 'passages' } }).text).toBe('30% · 1,200 of 4,000');
    const waits = job({ state: 'queued', retry_at: new Date().toISOString(), error: { code: 'provider_unreachable', message: 'Nobody is there.' } });
    expect(waits.text).toMatch(/^Nobody is there. Next attempt at /);
    expect(waits.tone).toBe('warn');
    expect(job({ progress: { status: 'verifying sha256 digest', completed: 2e9, total: 2e9, unit: 'bytes', layers: [] } }).text).toBe('Verifying sha256 digest…');
    expect(job({ state: 'failed', error: { code: 'x', message: 'No such model.' } })).toEqual({ tone: 'danger', text: 'No such model.' });
  });
  it('of turns', () => {
    const status = { state: 'queued', text: 'x', attempt: null, waitMs: null, elapsedMs: null, position: 2 };
    expect(statusText(status, 'llama', false)).toBe('Waiting for a free slot · position 2');
    expect(statusText({ ...status, state: 'loading' }, 'llama', false)).toBe('Loading llama');
    expect(statusText({ ...status, state: 'loading' }, 'llama', false, true)).toBe('Waiting for llama');
    expect(statusText({ ...status, state: 'retrying', text: 'It broke.', attempt: 2 }, 'l', false)).toBe('It broke. (attempt\u00a02)');
    expect(statusText({ ...status, state: 'fallback', text: 'Asking b in place of a.' }, 'l', false)).toBe('Asking b in place of a.');
    expect(statusText(null, 'l', true)).toBe('');
  });
});

describe('providers', () => {
  it('presets have names that the server takes', () => {
    expect(presets.filter((p) => p.name).map((p) => providerNameProblem(p.name)).join('')).toBe('');
    expect(new Set(presets.map((p) => p.id)).size).toBe(presets.length);
  });
  it('names do not clash', () => {
    expect(freeName('ollama', [])).toBe('ollama');
    expect(freeName('ollama', ['ollama', 'ollama-2'])).toBe('ollama-3');
    expect(['', 'A', 'a b', 'a'.repeat(33)].every((n) => providerNameProblem(n) !== '')).toBe(true);
  });
  it('seconds become milliseconds', () => {
    expect(['', '5', '0.5', '1,5', 'x', '-1', '86401'].map(msFrom)).toEqual([0, 5000, 500, 1500, null, null, null]);
  });
});

describe('usage', () => {
  const point = (day: string, key: string, tokens_in: number): UsagePoint => ({ day, key, requests: 1, failed: 0, tokens_in, tokens_out: 0, cost_micros: 0 });
  const days = ['2026-11-29', '2026-11-30'];
  it('stacks models, the largest first, and keeps those behind together', () => {
    const items = [...'abcdefgh'].map((key, i) => point(days[i % 2]!, key, i + 1));
    const { keys, days: drawn } = stack(items, days, MEASURES.tokens);
    expect(keys).toEqual(['h', 'g', 'f', 'e', 'd', null]);
    expect(drawn.map((d) => d.parts)).toEqual([[0, 7, 0, 5, 0, 1 + 3], [8, 0, 6, 0, 4, 2]]);
    expect(drawn.map((d) => d.sum)).toEqual([16, 20]);
    expect(stack(items, days, MEASURES.requests).keys).toEqual(keys);
  });
  it('gives six models a colour each, and days without calls their place', () => {
    const items = [...'abcdef'].map((key) => point(days[1]!, key, 1));
    expect(stack(items, days, MEASURES.tokens)).toEqual({ keys: [...'abcdef'], days: [{ day: days[0], parts: [0, 0, 0, 0, 0, 0], sum: 0 }, { day: days[1], parts: [1, 1, 1, 1, 1, 1], sum: 6 }] });
    expect(stack([], days, MEASURES.cost).keys).toEqual([]);
  });
  it('has every day, also over the end of a month', () => {
    expect(everyDay('2026-11-29', '2026-12-01')).toEqual(['2026-11-29', '2026-11-30', '2026-12-01']);
    const late = Date.parse('2026-12-03T23:59:00Z');
    expect([0, -60, 60, 345, -840].map((offset) => firstDay(7, late, offset))).toEqual(['2026-11-27', '2026-11-27', '2026-11-28', '2026-11-28', '2026-11-27']);
    expect(shortTime('2026-11-05')).toMatch(/5/);
    expect(shortTime('2026-11-05T14')).toMatch(/^2:00\sPM$/);
  });
  it('knows whether a server has no more than one day', () => {
    const of = (...days: string[]) => allOn(days.map((day) => point(day, 'a', 1)), '2026-11-30');
    expect([of(), of('2026-11-30', '2026-11-30'), of('2026-11-29', '2026-11-30'), of('2026-11-29')]).toEqual([false, true, false, false]);
  });
  it('has every hour of a day, each with its place', () => {
    const hours = everyHour('2026-11-29');
    expect([hours.length, hours[0], hours[23]]).toEqual([24, '2026-11-29T00', '2026-11-29T23']);
    expect(stack([point('2026-11-29T09', 'a', 4)], hours, MEASURES.tokens).days.flatMap((d) => (d.sum ? [d.day] : []))).toEqual(['2026-11-29T09']);
  });
});

describe('limits', () => {
  const limit: Limit = {
    id: 'l', subject: 'user', subject_id: 'u', subject_name: 'ada', model: 'openai/*', measure: 'money', period: 'month',
    amount: 5_000_000, used: 0, reserved: 0, resets_at: '2026-12-01T00:00:00Z',
  };
  it('are said in words', () => {
    expect(limitTitle(limit)).toBe('User ada: Cost (openai/*) per month');
    expect(limitTitle({ ...limit, subject: 'model', measure: 'requests', period: 'hour' })).toBe('All calls of openai/*: Calls per hour');
    expect([amountText(1, 'requests', ''), amountText(2000, 'tokens', ''), amountText(5e6, 'money', 'USD')]).toEqual(['1 call', '2,000 tokens', '$5.00']);
  });
});

describe('snippets', () => {
  it('name this server, the key and the model, and survive quotes', () => {
    const all = snippets('http://box:8420', 'sk-atelier-x', "o'brien:1b");
    for (const { text } of all) {
      expect(text).toContain('http://box:8420');
      expect(text).toContain('sk-atelier-x');
    }
    expect(all.find((s) => s.id === 'claude')!.text).toContain("ANTHROPIC_MODEL='o'\\''brien:1b'");
    expect(all.find((s) => s.id === 'curl')!.text).toContain("o'\\''brien:1b");
  });
});

it('a model is pulled to an Ollama that answers, unless another one is chosen', () => {
  const provider = (name: string, kind: string, state: string) => ({ name, kind, state }) as Pick<Provider, 'kind' | 'state' | 'name'>;
  const all = [provider('away', 'ollama', 'unreachable'), provider('openai', 'openai', 'ok'), provider('off', 'ollama', 'disabled'), provider('here', 'ollama', 'ok')];
  expect(pullers(all)).toEqual(['here', 'away']);
});
