// Waiting for what a test asserts. What is read once, straight after an act, is what stood there before it on a machine that
// is busy; what is awaited beside it comes at another time. web/tests/waits.test.ts reads the cases for both.
import assert from 'node:assert/strict';

/** How long anything is waited for before it is said to hang (ms): it measures nothing, a busy machine takes what it takes. */
export const PATIENCE = 120_000;

/** Tries until nothing is thrown, as long as PATIENCE; then what was thrown last is the failure. */
export async function eventually(check) {
  for (const end = Date.now() + PATIENCE; ; ) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** So many of them are there. */
export const counts = (locator, n, why) => eventually(async () => assert.equal(await locator.count(), n, why));

/** The text of a field. */
export const holds = (field, text, why) => eventually(async () => assert.equal(await field.inputValue(), text, why));

/** The text that is seen of something, or of each. */
export const says = (locator, pattern) => eventually(async () => assert.match(await locator.innerText(), pattern));
export const list = (locator, texts) => eventually(async () => assert.deepEqual(await locator.allInnerTexts(), texts));

/** The clipboard, which is written while the press that asked for it goes on. */
export const copied = (page, pattern) => eventually(async () => assert.match(await page.evaluate(() => navigator.clipboard.readText()), pattern));

/** What has changed in the page is drawn. */
export const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

/** Knows what a page reads of the server: `quiet()` waits until it reads nothing, and what was read is drawn. */
export function reads(page) {
  const under = new Set();
  const add = (r) => /\/api\/v1\/(?!events)/.test(r.url()) && under.add(r);
  const gone = (r) => under.delete(r);
  page.on('request', add).on('requestfinished', gone).on('requestfailed', gone);
  const quiet = async () => {
    do {
      while (under.size > 0) await Promise.all([...under].map((r) => r.response().then((answer) => answer?.finished())));
      await drawn(page);
    } while (under.size > 0); // what was read may have asked for more
  };
  const stop = () => page.off('request', add).off('requestfinished', gone).off('requestfailed', gone);
  return { quiet, stop };
}
