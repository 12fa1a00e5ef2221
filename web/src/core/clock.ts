/** By how much the server's clock is ahead of this browser's; a little is the way of the answer. */
let ahead = 0;

/** `date`: the head of an answer that has just come. */
export function hearTime(date: string | null): void {
  const off = Date.parse(date ?? '') - Date.now();
  ahead = Math.abs(off) < 60_000 || Number.isNaN(off) ? 0 : off;
}

/** The time by the server's clock: what it has dated ages by that, whatever this browser believes the day to be. */
export const serverNow = (): number => Date.now() + ahead;
