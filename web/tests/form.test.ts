import { describe, expect, it } from 'vitest';
import { ApiError } from '$core/api/errors';
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
    const refuse = (message: string) => form.submit(async () => Promise.reject(new ApiError(400, 'invalid_request', message)));
    expect(await refuse('"pattern" must be a text of 1 to 200 characters.')).toBe(' ');
    expect(form.field('pattern').error).toBe('"pattern" must be a text of 1 to 200 characters.');
    form.text.pattern = 'even';
    expect(form.field('pattern').error).toBe('');
    await expect(refuse('There is a price of these models.')).rejects.toThrow('There is a price');
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
