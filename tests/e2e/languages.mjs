// The languages of the page. In the pseudo-locale every text of the catalogue is longer and stands in brackets: what does
// not is a text without a key, and what is too wide here is too wide in German.
import assert from 'node:assert/strict';
import { sideways } from './access.mjs';
import { go, PASSWORD } from './chat.mjs';
import { reads } from './wait.mjs';

const sizes = [
  { width: 320, height: 640 },
  { width: 1280, height: 800 },
];
const places = ['', 'manual', 'assistants', 'prompts', ...['account', 'appearance', 'memories', 'rules', 'jobs', 'keys', 'usage', 'models', 'providers', 'limits', 'people'].map((s) => 'settings/' + s)];

// Names and units, not texts: of programs, models, providers, people, languages, days, hours.
const names =
  /^(Atelier( [\d.]+)?|Aa|A|Librarian|Ollama|Anthropic|OpenAI.*|OpenRouter|Pseudo|English|Deutsch|Español|Français|(ollama|llama|lab|mock|second|embed|tiny|atelier|gpt|big|cold|small)\S*|ada|bob|carla|Ctrl|Shift|Enter|Esc|F2|F6|Del|v?[\d.]+\S*|Q\d\S*|[\d.,]+ ?[KMGTB]+|https?:\/\/\S+|\/\S*|[a-z]+\/\S+|\d{1,2}:\d\d\s[AP]M|\d{1,2} [A-Z][a-z]{2}( \d{4})?|[A-Z][a-z]{2} \d{1,2}(, \d{4})?.*)$/;

/** Texts that are seen or read aloud and stand in no brackets; what people, models and the manual wrote is left out. */
function withoutKey() {
  const foreign = '#app [lang=en], article, pre, code, kbd, .prose, [dir=auto], textarea, noscript, script, style';
  const found = new Set();
  const note = (text) => /[A-Za-z]{2}/.test(text) && !text.includes('[') && found.add(text.trim());
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(foreign)) note(walker.currentNode.data);
  for (const e of document.querySelectorAll('[aria-label], [title], [placeholder]'))
    if (!e.closest(foreign)) for (const a of ['aria-label', 'title', 'placeholder']) note(e.getAttribute(a) ?? '');
  return [...found];
}

/** In the page: every text that the server knows as the name of something, whatever other tests have left there. */
async function namesOfThings() {
  const found = new Set();
  const gather = (value) => {
    if (typeof value === 'string') found.add(value);
    else if (value && typeof value === 'object') Object.values(value).forEach(gather);
  };
  const lists = ['models?all=true', 'providers', 'users', 'groups', 'keys', 'jobs', 'assistants', 'prompts', 'parameter-rules', ...['model', 'provider', 'user', 'key'].map((by) => `usage?all=true&by=${by}`)];
  for (const list of lists) gather(await fetch(new URL('api/v1/' + list, document.baseURI)).then((r) => r.json()));
  return [...found];
}

/** What is wrong with the page as it is shown. */
async function look(page, where, things = new Set()) {
  const wide = await page.evaluate(sideways);
  const texts = (await page.evaluate(withoutKey)).filter((text) => !text.split(' · ').every((part) => names.test(part) || things.has(part)));
  return [...wide.map((what) => `${where} ${what}`), ...texts.map((text) => `${where}: no key: ${text}`)];
}

/** Waits until the page speaks in the pseudo-locale. */
const settled = (page, heading) => page.waitForFunction((selector) => document.documentElement.lang === 'en-XA' && document.querySelector(selector), heading);

/** Waits until nothing of the page has changed for three frames and nothing is loading. */
const still = (page) =>
  page.evaluate(
    () =>
      new Promise((done) => {
        let quiet = 0;
        let loaded = 0;
        const watched = new MutationObserver(() => (quiet = 0));
        watched.observe(document.body, { subtree: true, childList: true, characterData: true });
        const look = () => {
          const now = performance.getEntriesByType('resource').length;
          if (now !== loaded) quiet = 0;
          loaded = now;
          if (++quiet > 6) done(watched.disconnect());
          else requestAnimationFrame(look);
        };
        look();
      }),
  );

export async function pseudoLocale({ page, context, base, shot, watch, allow }) {
  allow(/status of 401/);
  await page.goto(base + '/');
  const chat = await page.getByRole('navigation', { name: 'Chats' }).getByRole('link').first().getAttribute('href');
  await page.evaluate(() => localStorage.setItem('atelier.language', 'pseudo'));
  const things = new Set(await page.evaluate(namesOfThings));
  const wrong = [];
  const reading = reads(page);
  try {
    const inSizes = async (of, { quiet }, where) => {
      for (const size of sizes) {
        await of.setViewportSize(size);
        await quiet();
        await still(of);
        wrong.push(...(await look(of, `${where} at ${size.width}`, things)));
        await shot(`${size.width}-${where.replace(/\W+/g, '-')}`, of);
      }
    };
    for (const place of [...places, new URL(chat, base + '/').pathname.slice(1)]) {
      await (place === '' ? page.goto(base + '/') : go(page, base, '/' + place));
      await settled(page, place.startsWith('settings') ? 'main h2' : place === 'manual' ? '.manual h1, .manual h2' : /^(assistants|prompts)$/.test(place) ? 'main h1' : '[data-composer]');
      await inSizes(page, reading, '/' + place);
    }
    const fresh = watch(await context.browser().newContext().then((c) => c.newPage()));
    await fresh.addInitScript(() => localStorage.setItem('atelier.language', 'pseudo'));
    await fresh.goto(base + '/');
    await fresh.locator('input[autocomplete=current-password]').waitFor();
    await inSizes(fresh, reads(fresh), 'the sign-in page');
    await fresh.context().close();
  } finally {
    reading.stop();
    await page.evaluate(() => localStorage.removeItem('atelier.language'));
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(base + '/');
  }
  assert.deepEqual(wrong, []);
}

/** A browser's language is followed from the sign-in page on; another one can be chosen, and stays. */
export async function languages({ context, base, watch, allow }) {
  allow(/status of 401/);
  const own = await context.browser().newContext({ locale: 'de-CH', viewport: { width: 1280, height: 800 } });
  const page = watch(await own.newPage());
  try {
    await page.goto(base + '/');
    await page.getByRole('heading', { name: 'Anmelden' }).waitFor();
    await page.locator('html[lang=de]').waitFor();
    await page.getByLabel('Benutzername').fill('ada');
    await page.getByLabel('Passwort', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Anmelden' }).click();
    await page.getByRole('heading', { name: 'Wie kann ich helfen' }).waitFor();
    for (const [name, lang, heading] of [
      ['Español', 'es', 'Apariencia'],
      ['Français', 'fr', 'Apparence'],
      ['日本語', 'ja', '外観'],
      ['简体中文', 'zh', '外观'],
      ['English', 'en', 'Appearance'],
    ]) {
      await page.goto(base + '/settings/appearance');
      await page.getByRole('combobox').selectOption({ label: name });
      await page.getByRole('heading', { name: heading, level: 2, exact: true }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: heading, level: 2, exact: true }).waitFor();
      await page.locator(`html[lang=${lang}]`).waitFor();
    }
  } finally {
    await own.close();
  }
}
