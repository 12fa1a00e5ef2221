import { chromium } from 'playwright-core';

/** Debian's Chromium, or the one that CHROMIUM names, without what talks to the world. */
export const launch = (more = []) =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });

/**
 * Waits until `holds`, a function that asks something of the page or through it, is true. It may be asynchronous, which
 * that of page.waitForFunction must not: a promise is true.
 */
export async function until(page, holds, arg) {
  for (const end = Date.now() + 10_000; !(await page.evaluate(holds, arg)); await page.waitForTimeout(50))
    if (Date.now() > end) throw new Error('it does not come to hold: ' + holds);
}
