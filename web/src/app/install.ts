/** The service worker keeps the program for the next visit (public/sw.js); there is none over plain http from elsewhere. */
export function keepProgram(): void {
  if (import.meta.env.PROD && 'serviceWorker' in navigator) void navigator.serviceWorker.register('./sw.js', { scope: './' }).catch(() => {});
}
