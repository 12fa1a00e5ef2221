// One question to several models: side by side, each with a stop of its own; one is kept. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import { look, nothing } from './access.mjs';
import { answer, chooseModel, has, newChat, ready } from './chat.mjs';
import { Gate } from './mock.mjs';
import { counts, drawn, eventually } from './wait.mjs';

const composer = (page) => page.getByRole('textbox', { name: 'Message' });
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth > innerWidth || [...document.querySelectorAll('.overflow-y-auto')].some((e) => e.scrollWidth > e.clientWidth));

export async function compare({ page, mock, base, shot }) {
  const { models } = mock;
  mock.models = [...models, 'other:1b', 'third:1b'];
  const gates = { 'other:1b': new Gate(), 'third:1b': new Gate() };
  mock.on('Which is better?', async ({ say, call }) => {
    say(`I am ${call.model}, `);
    await gates[call.model]?.opened;
    say('and I am better.\n\n```js\nconst proof = "a line of code that is wider than a column, as they are";\n```');
  });
  const section = page.getByRole('region', { name: 'Answers side by side' });
  const column = (model) => section.getByRole('article', { name: new RegExp(model) });
  try {
    await newChat(page);
    const picker = page.getByRole('button', { name: /^Model: / });
    await picker.click();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('option', { name: 'third:1b' }).first().waitFor();
    // By the keyboard: the field keeps the focus, Enter chooses.
    await page.getByRole('button', { name: 'Compare models' }).click();
    const found = [];
    for (const name of ['other', 'third']) {
      await page.getByRole('combobox').fill(name);
      await page.keyboard.press('Enter');
    }
    await page.getByRole('combobox').fill('');
    await page.getByRole('button', { name: 'Compare 3 models' }).waitFor();
    found.push(...(await look(page, 'models to compare', ['graphite', 'quartz'])));
    await shot('choosing');
    await page.getByRole('button', { name: 'Compare 3 models' }).click();
    await page.getByRole('button', { name: 'Comparing: mock:1b, other:1b, third:1b' }).waitFor();
    await composer(page).fill('Which is better?');
    await composer(page).press('Enter');

    // Each is written for itself, and stopped for itself.
    await has(column('mock:1b'), 'I am mock:1b, and I am better.');
    await has(column('other:1b'), 'I am other:1b,');
    await has(column('third:1b'), 'I am third:1b,');
    await composer(page).focus();
    await page.mouse.move(1, 400);
    await shot('running');
    await page.reload();
    await has(column('third:1b'), 'I am third:1b,');
    await section.getByRole('button', { name: 'Stop third:1b' }).click();
    await has(column('third:1b'), 'Stopped.');
    gates['other:1b'].open();
    await has(column('other:1b'), 'and I am better.');
    gates['third:1b'].open();
    await column('third:1b').getByRole('button', { name: 'Continue' }).click();
    await has(column('third:1b'), 'I am third:1b, A fine day');
    await ready(page);

    // A reload shows the same; a phone shows one, and the others by a swipe or a button.
    const before = await section.innerText();
    await page.reload();
    await has(column('third:1b'), 'I am third:1b, A fine day');
    await has(column('other:1b'), 'and I am better.');
    await eventually(async () => assert.equal(await section.innerText(), before));
    await composer(page).focus();
    found.push(...(await look(page, 'answers side by side', ['graphite', 'quartz'])));
    await shot('answered');
    await page.setViewportSize({ width: 390, height: 844 });
    await drawn(page);
    assert.equal(await wide(page), false, 'nothing is wider than the screen');
    await section.getByRole('button', { name: 'other:1b', exact: true }).click();
    await page.waitForFunction(() => document.querySelector('[aria-pressed="true"]')?.textContent === 'other:1b');
    await shot('phone');
    await page.setViewportSize({ width: 1280, height: 800 });

    // One alone is written once more: it stays in its place, and so do the others.
    mock.on('Which is better?', ({ say, call }) => say(`Still ${call.model}.`));
    await column('third:1b').getByRole('button', { name: 'Answer again' }).click();
    await page.getByRole('menuitem', { name: 'Again with third:1b' }).click();
    await has(column('third:1b'), 'Still third:1b.');
    await ready(page);
    await has(column('other:1b'), 'and I am better.');
    await eventually(async () => assert.deepEqual(await section.getByRole('article').evaluateAll((all) => all.map((a) => /\w+:1b/.exec(a.ariaLabel)[0])), ['mock:1b', 'other:1b', 'third:1b']));

    // The kept one is the chat; the others stay as versions, and its model answers from then on.
    await section.getByRole('button', { name: 'Keep this answer of other:1b' }).focus();
    await page.keyboard.press('Enter');
    await section.waitFor({ state: 'detached' });
    await has(answer(page), 'I am other:1b, and I am better.');
    await page.getByText('2 / 4').waitFor();
    await page.getByRole('button', { name: /^Model: other:1b/ }).waitFor();
    await page.waitForFunction(() => document.activeElement?.hasAttribute('data-composer'));
    await page.reload();
    await has(answer(page), 'I am other:1b, and I am better.');
    await counts(page.getByRole('article', { name: /^Answer/ }), 1);
    nothing(found);
  } finally {
    mock.models = models;
    for (const gate of Object.values(gates)) gate.open();
  }
  await newChat(page);
  await chooseModel(page, 'mock:1b');
}
