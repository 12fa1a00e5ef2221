import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { earliest, Feed } from '$state/feed';

let feed: Feed;
let hidden = false;
beforeEach(() => {
  hidden = false;
  feed = new Feed();
  Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => vi.useRealTimers());

/** Looks that end when they are told to. */
function looks() {
  const under: (() => void)[] = [];
  const look = vi.fn(() => new Promise<void>((done) => under.push(done)));
  const answer = async () => {
    under.shift()!();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { look, answer };
}

it('asks at once, when its kind has changed, and when anything may have', async () => {
  const { look, answer } = looks();
  const end = feed.fresh(['models', 'grants'], look);
  expect(look).toHaveBeenCalledTimes(1);
  await answer();
  feed.stale('providers');
  expect(look).toHaveBeenCalledTimes(1);
  feed.stale('grants');
  await answer();
  feed.stale();
  await answer();
  expect(look).toHaveBeenCalledTimes(3);
  end();
  feed.stale('models');
  expect(look).toHaveBeenCalledTimes(3);
});

it('asks once more for what changed while it asked, however often', async () => {
  const { look, answer } = looks();
  const end = feed.fresh(['models'], look);
  feed.stale('models');
  feed.stale('models');
  expect(look).toHaveBeenCalledTimes(1);
  await answer();
  expect(look).toHaveBeenCalledTimes(2);
  await answer();
  expect(look).toHaveBeenCalledTimes(2);
  end();
});

it('asks nothing while the page is hidden, and once when it is seen', async () => {
  const { look, answer } = looks();
  const end = feed.fresh(['models'], look);
  await answer();
  hidden = true;
  feed.stale('models');
  feed.stale('models');
  expect(look).toHaveBeenCalledTimes(1);
  hidden = false;
  document.dispatchEvent(new Event('visibilitychange'));
  expect(look).toHaveBeenCalledTimes(2);
  await answer();
  document.dispatchEvent(new Event('visibilitychange'));
  expect(look).toHaveBeenCalledTimes(2);
  end();
});

it('asks when the clock alone changes something', async () => {
  const { look, answer } = looks();
  let at: number | undefined = 60_000;
  const end = feed.fresh(['limits'], look, () => at);
  await answer();
  await vi.advanceTimersByTimeAsync(59_000);
  expect(look).toHaveBeenCalledTimes(1);
  at = undefined;
  await vi.advanceTimersByTimeAsync(2000);
  expect(look).toHaveBeenCalledTimes(2);
  await answer();
  await vi.advanceTimersByTimeAsync(900_000);
  expect(look).toHaveBeenCalledTimes(2);
  expect(earliest(['1970-01-01T00:00:09Z', null, '1970-01-01T00:00:05Z'])).toBe(5000);
  expect(earliest([undefined, null])).toBeUndefined();
  end();
});
