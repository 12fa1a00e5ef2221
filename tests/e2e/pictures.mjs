// Pictures: picked, pasted and dropped, made smaller, refused in words, seen by the model, looked at. The arguments are
// those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { answer, ask, has, newChat, ready } from './chat.mjs';
import { Gate } from './mock.mjs';
import { holds } from './wait.mjs';

const composer = (page) => page.getByRole('textbox', { name: 'Message' });
const drafted = (page) => page.getByRole('list', { name: 'Pictures of the message' }).last().getByRole('img');

/** A PNG of that size, drawn by the browser. */
export const draw = async (page, width, height) =>
  Buffer.from(
    await page.evaluate(
      ([w, h]) => {
        const canvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
        const context = canvas.getContext('2d');
        context.fillStyle = 'teal';
        context.fillRect(0, 0, w, h);
        return canvas.toDataURL('image/png').split(',')[1];
      },
      [width, height],
    ),
    'base64',
  );

/** Lets files come upon the page as a paste or a drop does. */
const bring = (page, event, name, bytes) =>
  composer(page).evaluate(
    (area, [type, file, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], file, { type: 'image/png' }));
      const init = { bubbles: true, cancelable: true };
      area.dispatchEvent(type === 'paste' ? new ClipboardEvent('paste', { ...init, clipboardData: data }) : new DragEvent('drop', { ...init, dataTransfer: data }));
    },
    [event, name, bytes.toString('base64')],
  );

export async function pictures({ page, mock, base, shot }) {
  const { show, models } = mock;
  mock.show = (model) => ({ capabilities: model === 'seeing:1b' ? ['completion', 'vision'] : ['completion'], model_info: {} });
  mock.models = [...models, 'seeing:1b'];
  mock.on('What is this?', ({ say }) => say('Teal.'));
  const choose = async (model) => {
    await page.getByRole('button', { name: /^Model: / }).click();
    await page.getByRole('combobox').fill(model);
    await page.getByRole('option', { name: model }).first().click();
  };
  try {
    await newChat(page);
    await page.getByRole('button', { name: /^Model: / }).click();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('option', { name: 'seeing:1b' }).first().waitFor();
    await page.keyboard.press('Escape');
    await choose('mock:1b');

    // What cannot be read is said; what is large becomes smaller.
    const input = page.locator('input[type=file]').first();
    await input.setInputFiles({ name: 'photo.heic', mimeType: 'image/heic', buffer: Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1') });
    await page.getByText('HEIC photos cannot be read.').waitFor();
    await input.setInputFiles({ name: 'text.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
    await page.getByText('This picture cannot be read.').waitFor();
    await input.setInputFiles({ name: 'large.png', mimeType: 'image/png', buffer: await draw(page, 3136, 1000) });
    await drafted(page).first().waitFor();
    await bring(page, 'paste', 'pasted.png', await draw(page, 40, 30));
    await bring(page, 'drop', 'dropped.png', await draw(page, 30, 40));
    await drafted(page).nth(2).waitFor();
    await page.getByText('mock:1b does not see pictures.').waitFor();
    await composer(page).fill('What is this?');
    const found = await look(page, 'pictures of a draft', ['graphite', 'quartz']);
    await shot('draft');
    // They are there after a reload, with the text; one is taken away; a model that sees is chosen.
    await page.reload();
    await drafted(page).nth(2).waitFor();
    await page.getByRole('button', { name: 'Remove picture 3' }).click();
    await drafted(page).nth(2).waitFor({ state: 'detached' });
    await choose('seeing:1b');
    await page.getByText('mock:1b does not see pictures.').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Send' }).click();
    await has(answer(page), 'Teal.');
    await ready(page);
    const sent = mock.calls.findLast((c) => c.messages.at(-1).content === 'What is this?').messages.at(-1);
    assert.equal(sent.images.length, 2);
    assert.equal(Buffer.from(sent.images[0], 'base64').readUInt32BE(16), 1568, 'as wide as models look at');
    await page.getByRole('button', { name: 'Open ' }).nth(1).waitFor();
    await holds(composer(page), '');

    // In the question after a reload; the viewer, by keyboard.
    await page.reload();
    const thumb = page.getByRole('button', { name: 'Open ' }).first();
    await thumb.waitFor();
    found.push(...(await look(page, 'pictures of a question')));
    await shot('question');
    await thumb.focus();
    await page.keyboard.press('Enter');
    const viewer = page.getByRole('dialog');
    const src = () => viewer.getByRole('img').getAttribute('src');
    await viewer.getByRole('img').waitFor();
    const first = await src();
    // A large one is seen as large as the window allows, not as wide as a chat.
    await page.waitForFunction(() => document.querySelector('[role="dialog"] img').getBoundingClientRect().width > 1000);
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction((before) => document.querySelector('[role="dialog"] img').getAttribute('src') !== before, first);
    found.push(...(await look(page, 'the viewer', ['graphite', 'quartz'])));
    await shot('viewer');
    await page.keyboard.press('Escape');
    await viewer.waitFor({ state: 'detached' });

    // They wait in the queue with their question.
    const gate = new Gate();
    mock.on('Slowly', async ({ say }) => {
      say('Slow');
      await gate.opened;
    });
    await ask(page, 'Slowly');
    await has(answer(page), 'Slow');
    await bring(page, 'paste', 'later.png', await draw(page, 48, 48));
    await drafted(page).first().waitFor();
    await composer(page).fill('What is this?');
    await composer(page).press('Enter');
    const queued = page.getByRole('list', { name: 'Queued messages' }).getByRole('listitem');
    assert.equal(await queued.getByRole('img', { name: 'Picture 1' }).evaluate((img) => img.decode().then(() => img.naturalWidth)), 48);
    await shot('queued');
    gate.open();
    await has(answer(page), 'Teal.');
    await ready(page);
    assert.equal(mock.calls.findLast((c) => c.messages.at(-1).content === 'What is this?').messages.at(-1).images.length, 1);
    await choose('mock:1b');
    nothing(found);
  } finally {
    mock.show = show;
    mock.models = models;
  }
  await page.goto(base + '/'); // without the notices of this case, which would cover parts of the next one's
  await newChat(page);
}
