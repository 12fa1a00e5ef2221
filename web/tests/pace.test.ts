import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Pace } from '$core/pace';

let drawn: number[];
/** How long a drawing holds up the thread. */
let work: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'requestAnimationFrame', 'cancelAnimationFrame'] });
  // What follows a frame comes when its work is done.
  vi.stubGlobal('MessageChannel', class {
    port1 = { onmessage: () => {}, close() {} };
    port2 = { postMessage: () => this.port1.onmessage() };
  });
  drawn = [];
  work = 0;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Lets something grow every 8 ms for a second. */
function grow(pace: Pace): number {
  const before = drawn.length;
  const draw = () => {
    drawn.push(performance.now());
    if (work) vi.advanceTimersByTime(work);
  };
  for (const end = performance.now() + 1000; performance.now() < end; vi.advanceTimersByTime(8)) pace.soon(draw);
  return drawn.length - before;
}

test('what grows is drawn thirty times a second, and the first of it in the next frame', () => {
  const begun = performance.now();
  const count = grow(new Pace());
  expect(drawn[0]! - begun).toBeLessThanOrEqual(16);
  expect(count).toBeGreaterThanOrEqual(28);
  expect(count).toBeLessThanOrEqual(34);
});

test('who draws slowly draws less often, and the thread is free for half of the time', () => {
  work = 40;
  const pace = new Pace();
  grow(pace);
  const count = grow(pace);
  expect(count).toBeGreaterThanOrEqual(9);
  expect(count * work).toBeLessThan(560);
});

test('one drawing that waited for a busy processor makes the next ones no slower', () => {
  const pace = new Pace();
  grow(pace);
  work = 400;
  pace.soon(() => vi.advanceTimersByTime(work));
  vi.advanceTimersByTime(40);
  work = 0;
  expect(grow(pace)).toBeGreaterThanOrEqual(26);
});

test('what waits is drawn once, all of it in one frame, and what is forgotten is not', () => {
  const pace = new Pace();
  const [one, two, three] = [vi.fn(), vi.fn(), vi.fn()];
  pace.soon(one);
  pace.soon(one);
  pace.soon(two);
  pace.soon(three);
  pace.forget(three);
  vi.advanceTimersByTime(17);
  expect([one, two, three].map((f) => f.mock.calls.length)).toEqual([1, 1, 0]);
  pace.soon(three);
  vi.advanceTimersByTime(60);
  expect(three).toHaveBeenCalledTimes(1);
});
