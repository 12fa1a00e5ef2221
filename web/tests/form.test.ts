import { describe, expect, it } from 'vitest';
import { errorFrom } from '$core/api/errors';
import { Form, Refused } from '$core/forms/form.svelte';
import { twice } from '$core/forms/passwords';
import { Submission } from '$core/forms/submission.svelte';
import { microsFrom } from '$core/format';
import { passwordProblem } from '$core/rules';

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
    const named = new Form('AccountNew', { username: 'e v e', role: 'admin' }, { username: { check: () => 'Without blanks.' } });
    await named.submit(async () => {});
    expect(named.field('username').error).toBe('Without blanks.');
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

describe('what only the sending finds out', () => {
  it('is said at its field until that is typed anew', async () => {
    const form = new Form('Login', { username: 'eve', password: 'wrong' }, { password: { read: (text) => text } });
    expect(await form.submit(async () => Promise.reject(new Refused('password', 'Not this one.')))).toBe(' ');
    expect([form.field('username').error, form.field('password').error]).toEqual(['', 'Not this one.']);
    form.text.password = 'right';
    expect(form.field('password').error).toBe('');
    await expect(form.submit(async () => Promise.reject(new Refused('other', 'Odd.')))).rejects.toThrow('Odd.');
  });

  it('is sent once at a time, and in words below where no field is meant', async () => {
    const submission = new Submission();
    const box = document.createElement('form');
    box.innerHTML = '<input aria-invalid="true">';
    document.body.append(box);
    const event = () => Object.assign(new Event('submit', { cancelable: true }), {}) as SubmitEvent;
    let sent = 0;
    const press = (send: () => Promise<string | void>) =>
      new Promise<boolean>((resolve) => {
        box.addEventListener('submit', (e) => void submission.run(e, send).then(resolve), { once: true });
        box.dispatchEvent(event());
      });
    let done = () => {};
    const first = press(() => new Promise<void>((resolve) => ((done = resolve), sent++)));
    expect([await press(async () => void sent++), submission.busy, sent]).toEqual([false, true, 1]);
    done();
    expect([await first, submission.busy, submission.error]).toEqual([true, false, '']);
    expect(await press(async () => Promise.reject(new Error('Away.')))).toBe(false);
    expect([submission.error, document.activeElement]).toEqual(['Away.', box.firstChild]);
    box.remove();
  });
});

describe('a new password', () => {
  it('is long enough, the same twice, and kept as it was typed', async () => {
    const form: Form<'password' | 'again'> = new Form('PasswordByLink', { password: '', again: '' }, twice(() => form.text.password));
    await form.submit(async () => {});
    expect(form.field('password').error).not.toBe('');
    Object.assign(form.text, { password: 'short', again: 'short' });
    expect([form.field('password').error, form.field('again').error]).toEqual([passwordProblem('short'), '']);
    Object.assign(form.text, { password: ' pass word 1 ', again: 'pass word 1' });
    expect([form.field('password').error, form.field('again').error]).toEqual(['', 'The passwords do not match.']);
    form.text.again = form.text.password;
    let body: unknown;
    expect(await form.submit(async (b) => void (body = b))).toBeUndefined();
    expect(body).toMatchObject({ password: ' pass word 1 ' });
  });
});
