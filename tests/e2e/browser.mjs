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

/** Without a worker the socket is the page's own, and can be cut: before the page is opened. */
export async function ownSocket(page) {
  await page.addInitScript(() => {
    delete window.SharedWorker;
    delete window.BroadcastChannel;
  });
  let socket;
  await page.routeWebSocket(/\/ws$/, (opened) => {
    socket = opened;
    opened.connectToServer();
  });
  return { cut: () => socket.close() };
}
