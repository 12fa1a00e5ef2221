// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { Model } from '$core/api/types';
import { failedAt, failureTitle, insteadOf, isOfLimits, isOfProvider } from '$core/turn/failure';

const model = (id: string, over: Partial<Model> = {}): Model =>
  ({ id, name: id, provider: id.split('/')[0], kind: 'ollama', state: 'ready', breaker: 'closed', capabilities: ['completion'], alias_of: null, ...over }) as Model;

describe('a failure', () => {
  it('has a title for what it is about', () => {
    expect(failureTitle('provider_unreachable')).toBe('failure.unreachable');
    expect(failureTitle('something new')).toBe('failure.other');
    expect([isOfProvider('provider_quota'), isOfProvider('limit_reached')]).toEqual([true, false]);
    expect(['limit_reached', 'budget_exceeded', 'rate_limited', 'provider_quota'].map(isOfLimits)).toEqual([true, true, false, false]);
  });

  it('was when the answer ended', () => {
    expect(failedAt({ created_at: '2026-01-01T10:00:00.000Z', duration_ms: 1500 })).toBe('2026-01-01T10:00:01.500Z');
    expect(failedAt({ created_at: '2026-01-01T10:00:00.000Z', duration_ms: null })).toBe('2026-01-01T10:00:00.000Z');
  });

  it('offers a model that would answer', () => {
    const all = [
      model('a/one'), model('a/two'), model('b/cold', { state: 'reachable' }), model('b/away', { state: 'unreachable' }),
      model('b/broken', { breaker: 'open' }), model('c/vectors', { capabilities: ['embedding'] }), model('librarian', { kind: 'librarian' }),
    ];
    expect(insteadOf('a/one', 'provider_unreachable', all, [])?.id).toBe('b/cold');
    expect(insteadOf('a/one', 'model_cannot', all, [])?.id).toBe('a/two');
    expect(insteadOf('a/one', 'provider_error', [...all, model('b/warm')], [])?.id).toBe('b/warm');
    expect(insteadOf('a/one', 'provider_error', [...all, model('b/warm'), model('d/liked')], ['d/liked'])?.id).toBe('d/liked');
    expect(insteadOf('a/one', 'provider_error', [model('a/one'), model('a/alias', { alias_of: 'a/one' })], [])).toBeNull();
  });
});
