import { describe, expect, it } from 'vitest';
import { errorFrom } from '$core/api/errors';
import { Form } from '$core/forms/form.svelte';
import { microsFrom } from '$core/format';

const price = () =>
  new Form('PriceNew', { pattern: '', input_micros: '', cached_micros: '' }, {
    pattern: { missing: () => 'Which model?' },
    input_micros: { read: (text) => (text.trim() ? microsFrom(text) : 0), wrong: () => 'An amount, please.' },
    cached_micros: { read: (text) => (text.trim() ? microsFrom(text) : null) },
  });

describe('a form', () => {
  it('is quiet until a field was left or it was sent', async () => {
    const form = price();
    form.text.input_micros = 'much';
    expect([form.field('input_micros').error, form.field('pattern').error]).toEqual(['', '']);
    form.field('input_micros').onblur();
    expect([form.field('input_micros').error, form.field('pattern').error]).toEqual(['An amount, please.', '']);
    let sent = 0;
    expect(await form.submit(async () => void sent++)).toBe(' ');
    expect([sent, form.field('pattern').error]).toEqual([0, 'Which model?']);
  });

  it('sends what was typed as the server wants it', async () => {
    const form = price();
    Object.assign(form.text, { pattern: ' gpt-* ', input_micros: '1,5' });
    let body: unknown;
    expect(await form.submit(async (b) => void (body = b))).toBeUndefined();
    expect(body).toEqual({ pattern: 'gpt-*', input_micros: 1_500_000, cached_micros: null });
  });

  it('has the rules of the server', async () => {
    const form = price();
    form.fill({ pattern: 'x'.repeat(201) });
    await form.submit(async () => {});
    expect([form.field('pattern').maxlength, form.field('pattern').error]).toEqual([200, 'At most 200 characters.']);
    form.text.pattern = 'a\u0007b';
    expect(form.field('pattern').error).toBe('This value is not allowed.');
    const user = new Form('AccountNew', { username: 'eve', role: 'queen' });
    expect(user.valid).toBe(false);
    user.text.role = 'admin';
    expect(user.valid).toBe(true);
    const key = new Form('KeyNew', { name: 'k', expires_in_days: '9999' }, { expires_in_days: { read: Number } });
    await key.submit(async () => {});
    expect(key.field('expires_in_days').error).toBe('A number from 1 to 3,650.');
  });

  it('shows at its field what the server refuses, until that is changed', async () => {
    const form = price();
    form.text.pattern = 'odd';
    const refuse = (message: string, field?: string) => {
      const body = { error: { code: 'invalid_request', message, request_id: 'r', retryable: false, field } };
      return form.submit(async () => Promise.reject(errorFrom(new Response(null, { status: 400 }), body)));
    };
    expect(await refuse('No model fits this.', 'pattern')).toBe(' ');
    expect(form.field('pattern').error).toBe('No model fits this.');
    // What is wrong within a field is said at the field.
    expect(await refuse('The second is not a pattern.', 'pattern[1].text')).toBe(' ');
    expect(form.field('pattern').error).toBe('The second is not a pattern.');
    form.text.pattern = 'even';
    expect(form.field('pattern').error).toBe('');
    await expect(refuse('There is a price of these models.')).rejects.toThrow('There is a price');
    // A field that the form does not show, and words that only look like one.
    await expect(refuse('"mode" must be one of: a, b.', 'mode')).rejects.toThrow('must be one of');
    await expect(refuse('"pattern" and more is wrong.')).rejects.toThrow('and more');
  });

  it('knows whether anything is other than it was filled in', () => {
    const form = price();
    form.fill({ pattern: 'a' });
    expect(form.dirty).toBe(false);
    form.text.pattern = 'b';
    expect(form.dirty).toBe(true);
    form.text.pattern = 'a';
    expect(form.dirty).toBe(false);
  });
});
