// That everybody can use the page: axe finds nothing, nothing scrolls sideways, the keyboard reaches everything and what
// it stands on is seen. The arguments are those of chat.mjs.
import assert from 'node:assert/strict';
import axe from 'axe-core';
import { answer, ask, go, has, newChat, readAll, ready } from './chat.mjs';
import { Gate } from './mock.mjs';
import { Server } from './server.mjs';
import { counts, drawn, eventually, holds, PATIENCE, reads, says } from './wait.mjs';

const WIDTHS = [1280, 390, 320];
const THEMES = ['graphite', 'quartz', 'terminal', 'solarized'];
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SECTIONS = ['account', 'appearance', 'memories', 'keys', 'usage', 'models', 'providers', 'rules', 'people', 'limits', 'jobs'];

/** An answer with everything that is wide. */
const TORTURE = [
  '## A heading that is long enough to need more than one line on a narrow screen',
  '| ' + 'A column | '.repeat(9),
  '|' + ' --- |'.repeat(9),
  '| ' + 'some_long_value | '.repeat(9),
  '',
  '```js\nconst line = "' + 'code that goes on '.repeat(12) + '";\n```',
  '',
  'https://example.org/' + 'a-very-long-path/'.repeat(12),
  '',
  '`' + 'inline_code_without_any_space'.repeat(5) + '`',
  '',
  '1. one\n   - two\n     > three ' + 'Donaudampfschifffahrtsgesellschaftskapitän'.repeat(3),
  '',
  '```\nno language\n```',
].join('\n');

/** What a width alone, or a theme alone, can change for the worse. */
const OF_WIDTH = { type: 'rule', values: ['target-size', 'scrollable-region-focusable'] };
const OF_THEME = { type: 'rule', values: ['color-contrast'] };

/** In the page: what axe finds, a line each. */
async function findings(runOnly) {
  // What is open above the page covers parts of it; the page was looked at before.
  const open = [...document.querySelectorAll('[role="dialog"], [role="alertdialog"], [role="menu"]')].at(-1);
  const { violations } = await window.axe.run(open ?? document, { runOnly, resultTypes: ['violations'], preload: false });
  return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.html.slice(0, 160)} (${n.failureSummary.replace(/\s+/g, ' ').slice(0, 240)})`));
}

/** In the page: what reaches beyond its box, unless the box is made to scroll sideways (code, tables, rows of tabs, what is swiped). */
export function sideways() {
  const meant = 'pre, table, input, textarea, [tabindex="0"], [role="radiogroup"], [data-swipe]';
  return [...document.querySelectorAll('html, body, body *')]
    .filter((e) => {
      const { overflowX, position } = getComputedStyle(e);
      const view = e === document.documentElement ? window.innerWidth : e.clientWidth;
      if (e.matches(meant) || e.scrollWidth <= view + 1 || e.clientWidth <= 1 || position === 'absolute') return false;
      return e === document.documentElement || /auto|scroll/.test(overflowX);
    })
    .map((e) => {
      const edge = e.getBoundingClientRect().left + e.clientWidth + 1;
      const why = [...e.querySelectorAll('*')].filter((c) => c.getBoundingClientRect().right > edge).at(0);
      return `scrolls sideways, ${e.scrollWidth} in ${e.clientWidth}: ${e.cloneNode(false).outerHTML.slice(0, 160)}: ${why?.outerHTML.slice(0, 240)}`;
    });
}

export async function inspect(page, what, rules = TAGS) {
  // What moves is not yet what it will be.
  const still = () => document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getComputedTiming().endTime >= 5000);
  await page.waitForFunction(still, null, { timeout: PATIENCE });
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  const { width } = page.viewportSize();
  const found = await page.evaluate(findings, rules);
  // No theme changes the size of anything.
  if (rules !== OF_THEME) found.push(...(await page.evaluate(sideways)));
  return found.map((f) => ({ where: `${what} at ${width}`, what: f }));
}

/**
 * Looks at what is shown in each width, and in each of the themes: all rules for the desktop's and the phone's arrangement,
 * of a narrower phone those that its width may break, and of further themes those about colours.
 */
export async function look(page, what, themes = [null], widths = WIDTHS) {
  const found = [];
  // Wherever the case before left the pointer, another arrangement would have something below it, and its tooltip.
  await page.mouse.move(0, 0);
  const before = await page.evaluate(() => document.documentElement.dataset.theme);
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 });
    await drawn(page); // with the arrangement of that width
    for (const [i, theme] of themes.entries()) {
      if (i > 0 && width === 320) break;
      if (theme) await page.evaluate((name) => (document.documentElement.dataset.theme = name), theme);
      found.push(...(await inspect(page, theme ? `${what}, ${theme}` : what, i > 0 ? OF_THEME : width === 320 ? OF_WIDTH : TAGS)));
    }
  }
  await page.evaluate((name) => (document.documentElement.dataset.theme = name), before);
  await page.setViewportSize({ width: 1280, height: 800 });
  return found;
}

/** Fails with what was found, each kind once with all the places where it is. */
export function nothing(found) {
  const places = new Map();
  for (const { where, what } of found) places.set(what, [...(places.get(what) ?? []), where]);
  assert.equal(places.size, 0, [...places].map(([what, where]) => `${what}\n    (${where.join('; ')})`).join('\n'));
}

async function openSection(page, base, section, { quiet }) {
  await page.evaluate(() => document.querySelectorAll('#main h2').forEach((h) => (h.dataset.seen = 'yes'))); // those of the page before
  await go(page, base, `/settings/${section}`);
  await page.locator('#main h2:not([data-seen])').first().waitFor();
  await quiet();
}

export async function accessOutside({ context, base, server, watch, allow }) {
  allow(/status of 401/);
  const found = [];
  const fresh = new Server(server.binary, {});
  await fresh.start();
  const own = await context.browser().newContext({ reducedMotion: 'reduce' });
  try {
    const page = watch(await own.newPage());
    await page.goto(fresh.url + '/');
    await page.getByRole('heading', { name: 'Almost ready' }).waitFor();
    found.push(...(await look(page, 'almost ready')));
    await page.goto(fresh.setup);
    await page.getByLabel('User name').fill('ada');
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByText('At least 8 characters.').waitFor();
    found.push(...(await look(page, 'setup', THEMES)));
    await page.goto(base + '/');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    found.push(...(await look(page, 'sign in', THEMES)));
    // The page on which a program is let in is none of the application's: dark where all is dark.
    const back = 'http://127.0.0.1:1/back';
    const registered = await context.request.post(base + '/oauth/register', { data: { client_name: 'An editor', redirect_uris: [back], token_endpoint_auth_method: 'none' } });
    const { client_id } = await registered.json();
    const asks = new URLSearchParams({ client_id, redirect_uri: back, response_type: 'code', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', state: 'x', scope: 'api' });
    const consent = watch(await context.newPage());
    for (const [colorScheme, colour] of [['light', 'rgb(255, 255, 255)'], ['dark', 'rgb(22, 24, 28)']]) {
      await consent.emulateMedia({ colorScheme });
      await consent.goto(`${base}/oauth/authorize?${asks}`);
      await consent.getByRole('heading', { name: 'An editor' }).waitFor();
      await eventually(async () => assert.equal(await consent.evaluate(() => getComputedStyle(document.documentElement).backgroundColor), colour));
      found.push(...(await look(consent, 'a program asks, ' + colorScheme)));
    }
    await consent.close();
  } finally {
    await own.close();
    await fresh.end();
    await fresh.destroy();
  }
  nothing(found);
}

export async function accessChat({ page, mock, base, shot }) {
  const found = [];
  mock.on('Torture me', ({ think, tool, say }) => {
    think('It has to be **wide**.');
    tool('measure', { width: 320 });
    say(TORTURE);
  });
  await newChat(page);
  found.push(...(await look(page, 'a new chat', THEMES)));
  await ask(page, 'Torture me');
  await has(answer(page), 'no language');
  await ready(page);
  found.push(...(await look(page, 'an answer', THEMES)));
  await page.setViewportSize({ width: 320, height: 800 });
  await shot('narrow');
  await page.setViewportSize({ width: 1280, height: 800 });
  // What opens above it.
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await page.getByRole('dialog').getByText('Torture me').and(page.locator('p')).waitFor(); // the chat that the arrows stand on, before it is chosen
  await page.getByRole('dialog').getByText('A heading that is long').waitFor();
  await shot('palette');
  found.push(...(await look(page, 'the palette', ['graphite', 'quartz'])));
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Model: / }).click();
  await page.getByRole('option').first().waitFor();
  found.push(...(await look(page, 'the model picker', ['graphite', 'quartz'])));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Account: ada' }).click();
  await page.getByRole('menuitem', { name: 'Keyboard shortcuts' }).click();
  await page.getByRole('dialog').waitFor();
  found.push(...(await look(page, 'the shortcuts')));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.setViewportSize({ width: 390, height: 800 });
  await page.getByRole('button', { name: 'Open menu' }).click();
  await page.getByRole('dialog').getByRole('link').first().waitFor();
  found.push(...(await inspect(page, 'the drawer')));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.setViewportSize({ width: 1280, height: 800 });
  await go(page, base, '/settings/nowhere');
  await page.getByRole('heading', { name: 'Page not found' }).waitFor();
  found.push(...(await look(page, 'no such page')));
  await go(page, base, '/manual');
  await page.locator('#main .prose').waitFor();
  found.push(...(await look(page, 'the manual', ['graphite', 'quartz'])));
  nothing(found);
}

/** What stands in a chat beside plain answers: failures with their details, versions, what is edited, diagrams, options. */
export async function accessMessages({ page, mock, base, shot }) {
  const found = [];
  mock.on('Fail for axe', ({ say, fail }) => {
    say('<details open><summary>More</summary>\n\n- [x] done\n\n</details>\n\n```mermaid\nflowchart LR\n  A --> B\n```\n\nHalf');
    fail('the model runner has stopped');
  });
  mock.on('Twice', ({ say }) => say('Said.'));
  await newChat(page);
  await ask(page, 'Twice');
  await has(answer(page), 'Said.');
  await ready(page);
  await answer(page).getByRole('button', { name: 'Answer again' }).click();
  await page.getByRole('menuitem').first().waitFor();
  found.push(...(await inspect(page, 'the menu of models to answer again')));
  await page.getByRole('menuitem').first().click();
  await answer(page).getByRole('group', { name: 'Version 2 of 2' }).waitFor();
  await ask(page, 'Fail for axe');
  await answer(page).getByRole('alert').getByRole('button', { name: 'Details' }).click();
  await answer(page).locator('.md-figure img').waitFor();
  const question = page.getByRole('article', { name: 'You' }).first();
  await question.getByRole('button', { name: 'Edit message' }).press('Enter');
  await page.getByRole('textbox', { name: 'Edit message' }).waitFor();
  found.push(...(await look(page, 'messages', THEMES)));
  await page.setViewportSize({ width: 390, height: 1000 });
  await shot('phone');
  await page.setViewportSize({ width: 1280, height: 1000 });
  await shot('wide');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('textbox', { name: 'Edit message' }).press('Escape');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Answer options' }).click();
  await page.getByRole('dialog').waitFor();
  found.push(...(await look(page, 'answer options', ['graphite', 'quartz'])));
  await page.setViewportSize({ width: 390, height: 800 });
  await shot('options');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.goto(base + '/');
  nothing(found);
}

/** Things whose names have no place to break, of which the lists are made; the answer takes them away. */
async function longNames(page, base) {
  const W = 'Donaudampfschifffahrtsgesellschaftskapitän'.repeat(2);
  const headers = { Origin: base };
  const made = [];
  for (const [path, data] of [
    ['keys', { name: W, scopes: ['gateway'] }],
    ['groups', { name: 'group' + 'x'.repeat(50) }],
    ['assistants', { name: W.slice(0, 60), description: W + W }],
    ['prompts', { name: 'p'.repeat(60), kind: 'text', body: W + W }],
    ['memories', { text: W + W }],
    ['parameter-rules', { pattern: 'model-' + 'x'.repeat(90), instructions: W + W, parameters: {} }],
    ['collections', { name: W, description: W + W }],
    ['prices', { pattern: 'model-' + 'x'.repeat(90), input_micros: 1, output_micros: 1 }],
    ['tool-servers', { name: W.slice(0, 60), kind: 'http', config: { tools: [{ name: 't'.repeat(30), url: base + '/', description: W + W }] } }],
  ]) {
    const reply = await page.request.post(`${base}/api/v1/${path}`, { headers, data });
    assert.equal(reply.status(), 201, await reply.text());
    const { id, item } = await reply.json();
    made.push(`${base}/api/v1/${path}/${id ?? item.id}`);
  }
  return async () => {
    for (const url of made) assert.equal((await page.request.delete(url, { headers })).ok(), true, url);
  };
}

export async function accessSettings({ page, base }) {
  const found = [];
  const takeAway = await longNames(page, base);
  const reading = reads(page);
  for (const section of SECTIONS) {
    await openSection(page, base, section, reading);
    found.push(...(await look(page, section, section === 'appearance' || section === 'people' ? THEMES : [null])));
  }
  for (const [path, list] of [['/documents', 'Collections'], ['/assistants', 'Assistants'], ['/prompts', 'Prompts'], ['/tools', 'Built in']]) {
    await go(page, base, path);
    await page.getByRole('list', { name: list }).waitFor();
    await reading.quiet();
    found.push(...(await look(page, path)));
  }
  await takeAway();
  await openSection(page, base, 'providers', reading);
  reading.stop();
  await page.getByRole('button', { name: 'Add provider' }).click();
  await page.getByRole('dialog').waitFor();
  found.push(...(await look(page, 'a dialog', ['graphite', 'quartz'])));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  nothing(found);
}

/** In the page: the part of it that has the focus, and whether one sees it. */
function focused() {
  const e = document.activeElement;
  if (!e || e === document.body) return { name: 'nothing', seen: true };
  const { outlineStyle, outlineWidth } = getComputedStyle(e);
  // The message box is edged as a whole.
  const box = e.matches('[data-composer]') && getComputedStyle(e.parentElement);
  const calm = box && getComputedStyle(document.documentElement).getPropertyValue('--control');
  const probe = document.createElement('i');
  probe.style.color = calm || '';
  document.body.append(probe);
  const edged = box && box.borderTopColor !== getComputedStyle(probe).color;
  probe.remove();
  const pane = e.closest('aside, nav, main');
  return {
    name: e.getAttribute('aria-label') ?? e.innerText?.trim() ?? e.tagName,
    tag: e.tagName,
    pane: pane ? (pane.id || pane.getAttribute('aria-label') || pane.tagName) : '',
    box: e.matches('[data-composer]'),
    seen: edged || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1),
  };
}

/** Puts the keyboard to the beginning of the page. */
const toTop = (page) =>
  page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
  });

/** Presses a key until the focus is back where it began, or left the page. */
async function walk(page, key, most = 500) {
  const stops = [];
  for (let i = 0; i < most; i++) {
    await page.keyboard.press(key);
    const stop = await page.evaluate(focused);
    if (stop.name === 'nothing' || (stops.length > 2 && stop.name === stops[0].name && stop.pane === stops[0].pane)) break;
    stops.push(stop);
  }
  return stops;
}
const inOrder = (stops) => stops.map((s) => s.pane).filter((p, i, all) => p !== all[i - 1]);

export async function accessKeyboard({ page, mock, base }) {
  mock.on('Walk', ({ say }) => say('one step'));
  await newChat(page);
  await ask(page, 'Walk');
  await has(answer(page), 'one step');
  await ready(page);
  const chat = page.url();
  // From the top: the skip link, then each part of the page.
  await toTop(page);
  const stops = await walk(page, 'Tab');
  assert.match(stops[0].name, /Skip to content/);
  assert.deepEqual(inOrder(stops).slice(0, 4), ['', 'Main', 'Chats', 'main'], JSON.stringify(stops));
  assert.deepEqual(stops.filter((s) => !s.seen), [], 'what has the focus is seen');
  assert.ok(stops.some((s) => s.box), 'the message box is reached');
  await toTop(page);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'main'); // the skip link skips
  // F6 goes through the parts, and back.
  const seen = [];
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press('F6');
    const stop = await page.evaluate(focused);
    seen.push(stop.box ? 'box' : stop.pane);
  }
  assert.deepEqual(seen.slice(0, 4).sort(), ['Chats', 'Main', 'box', 'main'].sort());
  await page.keyboard.press('Shift+F6');
  const back = await page.evaluate(focused);
  assert.equal(back.box ? 'box' : back.pane, seen[2]);
  // Going somewhere takes the focus along.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Settings' }).press('Enter');
  await page.waitForFunction(() => document.activeElement.tagName === 'H1' && document.activeElement.innerText === 'Settings');
  const settings = await walk(page, 'Tab');
  assert.deepEqual(settings.filter((s) => !s.seen), [], 'what has the focus is seen');
  await page.goto(base + '/');
  const link = page.getByRole('navigation', { name: 'Chats' }).getByRole('link').first();
  await link.press('Enter');
  await page.waitForURL(chat);
  const inBox = () => page.waitForFunction(() => document.activeElement?.matches('[data-composer]'));
  await inBox();
  // A key that is meant for no field goes to the message box, with what was typed.
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('x');
  await inBox();
  await holds(page.getByRole('textbox', { name: 'Message' }), 'x');
  await page.getByRole('textbox', { name: 'Message' }).fill('');
  // Escape closes what is on top, and that alone.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Settings' }).click();
  await page.goto(base + '/settings/providers');
  await page.getByRole('button', { name: 'Add provider' }).click();
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('combobox', { name: 'Search and commands' });
  await page.waitForFunction(() => document.activeElement.matches('input[role="combobox"]'));
  await counts(page.getByRole('dialog', { includeHidden: true }), 2);
  await page.keyboard.press('Escape');
  await palette.waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement.closest('[role="dialog"]'));
  await counts(page.getByRole('dialog'), 1, 'the dialog below stays');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  // Focus is given back.
  await page.waitForFunction(() => document.activeElement.innerText.trim() === 'Add provider');
}

/** How many colours something is drawn in: letters that are seen have many shades at their edges. */
async function shades(page, locator) {
  const png = (await locator.screenshot()).toString('base64');
  return page.evaluate(async (text) => {
    const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
    canvas.drawImage(picture, 0, 0);
    const { data } = canvas.getImageData(0, 0, picture.width, picture.height);
    return new Set(Array.from({ length: data.length / 4 }, (_, i) => data.slice(4 * i, 4 * i + 3).join())).size;
  }, png);
}

/** The system's own colours, and no movement: all is there, and the focus is seen. */
export async function accessEmulated({ page, mock, base }) {
  mock.on('Plain colours', ({ say }) => say('seen'));
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
  try {
    await page.goto(base + '/');
    const still = await page.evaluate(() => {
      const spinner = Object.assign(document.createElement('i'), { className: 'animate-pulse' });
      document.body.append(spinner);
      const found = spinner.getAnimations().map((a) => a.effect.getComputedTiming().activeDuration);
      spinner.remove();
      return found;
    });
    assert.ok(still.length === 1 && still[0] < 1, `what waits does not pulse: ${still}`);
    for (const path of ['/', '/settings/appearance', '/settings/people', '/manual']) {
      await page.goto(base + path);
      await page.locator('#main h1').first().waitFor();
      await toTop(page);
      const stops = await walk(page, 'Tab', 40);
      assert.ok(stops.length > 5);
      assert.deepEqual(stops.filter((s) => !s.seen), [], `the focus is seen on ${path}`);
      const moves = await page.evaluate(() => document.getAnimations().filter((a) => a.effect.getComputedTiming().activeDuration > 1).map((a) => a.animationName ?? a.transitionProperty));
      assert.deepEqual(moves, [], `nothing moves on ${path}`);
    }
    await page.goto(base + '/settings/providers');
    assert.ok((await shades(page, page.getByRole('button', { name: 'Add provider' }).locator('span'))) > 8, 'the words of the main button are seen');
    assert.ok((await shades(page, page.locator('#main .rounded-full').first())) > 1, 'so is the dot of a state');
    await eventually(async () => {
      const current = await page.locator('[aria-current="page"]').evaluateAll((links) => links.map((e) => getComputedStyle(e).outlineStyle));
      assert.ok(current.length > 1 && current.every((style) => style === 'solid'), `where one is is marked: ${current}`);
    });
    await newChat(page);
    await ask(page, 'Plain colours');
    await has(answer(page), 'seen');
    await ready(page);
  } finally {
    await page.emulateMedia({ forcedColors: 'none', reducedMotion: 'reduce' });
  }
}

/** Five hundred models: the list opens at once, finds while one types, and the keyboard walks through all of it. */
export async function manyModels({ page, base, shot }) {
  const list = await (await page.request.get(base + '/api/v1/models')).json();
  const like = list.items.find((m) => m.id.includes('mock:1b'));
  const items = Array.from({ length: 500 }, (_, i) => ({ ...like, id: `${like.provider}/model-${i}`, name: `model-${i}`, context_length: 32768, price: { input_micros: 2_500_000, output_micros: 10_000_000 } }));
  items.push({ ...like, id: `${like.provider}/only-embeds`, name: 'only-embeds', capabilities: ['embedding'] });
  await page.route('**/api/v1/models', (route) => route.fulfill({ json: { ...list, items: [...list.items, ...items] } }));
  try {
    await page.goto(base + '/');
    const trigger = page.getByRole('button', { name: /^Model: mock:1b/ });
    await trigger.waitFor();
    // What the page's thread does for it, however long it waits for a processor.
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    const work = async () => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value * 1000;
    const times = [];
    const opening = [];
    for (let i = 0; i < 5; i++) {
      const before = await work();
      times.push(
        await page.evaluate(async () => {
          const began = performance.now();
          const trigger = document.querySelector('button[aria-label^="Model: "]');
          trigger.focus();
          trigger.click();
          while (!document.querySelector('[role="option"]')) await new Promise(requestAnimationFrame);
          await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          return performance.now() - began;
        }),
      );
      opening.push((await work()) - before);
      await page.getByRole('combobox').waitFor();
      // Where the message box stands in the middle there is less room above it.
      await eventually(async () => assert.ok((await page.getByRole('combobox').boundingBox()).y >= 0, 'the search is within the window'));
      if (i < 4) {
        await page.keyboard.press('Escape');
        await page.getByRole('combobox').waitFor({ state: 'detached' });
        // Escape gives the focus back.
        await page.waitForFunction(() => document.activeElement.matches('[aria-label^="Model: "]'));
      }
    }
    assert.ok(opening.sort((a, b) => a - b)[2] < 200, `opening takes ${opening.map(Math.round)} ms of the thread`);
    const before = await work();
    const typed = await page.evaluate(async () => {
      const field = document.querySelector('[role="combobox"]');
      const each = [];
      for (const text of ['m', 'mo', 'mod', 'model', 'model-4', 'model-49', 'model-499', 'model-49', 'model-4', '']) {
        const began = performance.now();
        field.value = text;
        field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        each.push(performance.now() - began);
      }
      return each.sort((a, b) => a - b);
    });
    const each = Math.round(((await work()) - before) / typed.length);
    await cdp.detach();
    assert.ok(each < 50, `a letter takes ${each} ms of the thread`);
    console.log(`  opens in ${times.map(Math.round)} ms, ${opening.map(Math.round)} of the thread, a letter takes ${each} ms of the thread, ${typed.map(Math.round)} ms in all`);
    const active = () => page.evaluate(() => document.getElementById(document.querySelector('[role="combobox"]').getAttribute('aria-activedescendant'))?.innerText.split('\n')[0]);
    await page.keyboard.press('Control+End');
    const become = (right, why) =>
      eventually(async () => {
        const name = await active();
        assert.ok(name && right(name), `${why}: ${name}`);
        return name;
      });
    const last = await become(() => true, 'the last one');
    await page.keyboard.press('ArrowDown');
    const first = await become((name) => name !== last, 'another one');
    await page.keyboard.press('ArrowUp');
    await become((name) => name === last, 'round at the ends');
    await page.keyboard.press('Control+Home');
    await become((name) => name === first, 'the first one');
    await page.keyboard.press('PageDown');
    await become((name) => name !== first, 'a page further');
    // By the mouse, too, one comes to the end.
    const options = page.getByRole('option');
    await eventually(async () => assert.ok(Number(await options.first().getAttribute('aria-setsize')) >= 500));
    await page.getByRole('combobox').fill('model-499');
    await page.getByRole('option', { name: /model-499/ }).waitFor();
    await counts(options, 1);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /^Model: model-499/ }).waitFor();
    await page.waitForFunction(() => document.activeElement?.matches('[data-composer]'));
    // A star by the keyboard: the button below the list is about what the arrows stand on.
    await page.getByRole('button', { name: /^Model: model-499/ }).click();
    await page.getByRole('combobox').fill('model-77');
    await page.getByRole('button', { name: 'Add model-77 to starred' }).press('Enter');
    await page.getByRole('button', { name: 'Remove model-77 from starred' }).press('Enter');
    // A provider's name finds its models; those that cannot chat are named with the reason.
    await page.getByRole('combobox').fill(`${like.provider} 123`);
    await page.getByRole('option', { name: /^model-123/ }).waitFor();
    await counts(options, 1, 'by the name of the provider, too');
    await says(options.first(), /32\.8 K context · \$2\.50 in, \$10\.00 out/);
    await page.getByRole('combobox').fill('only-embeds');
    await page.getByText('only-embeds only makes embeddings and cannot answer.').waitFor();
    await counts(options, 0);
    // What is known of one, beside another, by the keyboard alone.
    await page.getByRole('combobox').fill('model-77');
    await page.getByRole('button', { name: 'Details of model-77' }).press('Enter');
    const details = page.getByRole('dialog', { name: 'model-77' });
    await details.getByRole('rowheader', { name: 'Price per million tokens' }).waitFor();
    await details.getByLabel('Compare with').selectOption({ label: `model-78 · ${like.provider}` });
    const compared = page.getByRole('dialog', { name: 'Model comparison' });
    await counts(compared.getByRole('columnheader'), 2);
    nothing(await inspect(page, 'comparison of models'));
    await page.setViewportSize({ width: 320, height: 700 });
    await eventually(async () => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, 'nothing but the table scrolls sideways'));
    await page.setViewportSize({ width: 1280, height: 800 });
    await holds(compared.getByLabel('Compare with'), '');
    await shot('facts');
    await compared.getByRole('button', { name: 'Use model-78' }).press('Enter');
    await page.getByRole('button', { name: /^Model: model-78/ }).click();
    await page.getByRole('combobox').fill('mock:1b');
    await page.getByRole('option', { name: /mock:1b/ }).click();
  } finally {
    await page.unroute('**/api/v1/models');
    await page.goto(base + '/');
  }
}

/** An answer that ends while one looks elsewhere marks the title of the tab, until one looks. */
export async function titleMark({ page, mock, base }) {
  const more = new Gate();
  mock.on('Take your time', async ({ say }) => {
    say('well ');
    await more.opened;
    say('then');
  });
  await readAll(page, base);
  await page.goto(base + '/');
  await newChat(page);
  await ask(page, 'Take your time');
  await has(answer(page), 'well');
  const address = page.url();
  await newChat(page);
  assert.doesNotMatch(await page.title(), /●/);
  more.open();
  await page.waitForFunction(() => document.title.startsWith('● '));
  await page.goto(address);
  await has(answer(page), 'well then');
  await page.waitForFunction(() => !document.title.includes('●'));
  await page.goto(base + '/');
}
