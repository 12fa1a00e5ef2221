// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Places, Thread, whenNear } from '$features/chat/scroll.svelte';

const VIEW = 600;
const QUESTION = 100;

/** A thread as a browser would lay it out: one question, and an answer of `tall` pixels, or as high as the room for it. */
function threadOf(thread: Thread, answer: { tall: number }, view = { tall: VIEW }) {
  const box = document.createElement('div');
  box.innerHTML = '<ol><li data-role="user" data-message="q"></li><li data-role="assistant" data-message="a"><article></article></li></ol>';
  const [question, item] = box.querySelectorAll('li');
  const whole = () => QUESTION + Math.max(answer.tall, parseFloat(thread.room ?? '0'));
  const is = (node: Element, name: string, value: () => number) => Object.defineProperty(node, name, { get: value, configurable: true });
  is(box, 'clientHeight', () => view.tall);
  is(box, 'scrollHeight', () => Math.max(view.tall, whole()));
  is(question!, 'offsetHeight', () => QUESTION);
  is(item!, 'offsetHeight', () => whole() - QUESTION);
  is(item!.firstElementChild!, 'offsetHeight', () => answer.tall);
  let top = 0;
  Object.defineProperty(box, 'scrollTop', { get: () => top, set: (y: number) => (top = Math.max(0, Math.min(y, box.scrollHeight - view.tall))) });
  question!.getBoundingClientRect = () => ({ top: -top }) as DOMRect;
  item!.getBoundingClientRect = () => ({ top: QUESTION - top }) as DOMRect;
  return box;
}

let frames: (() => void)[] = [];
let resized = () => {};
beforeEach(() => {
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (f: () => void) => frames.push(f));
  vi.stubGlobal('matchMedia', () => ({ matches: true }));
  vi.stubGlobal(
    'ResizeObserver',
    class {
      constructor(hear: () => void) {
        resized = hear;
      }
      observe() {}
      disconnect() {}
    },
  );
});
afterEach(() => vi.unstubAllGlobals());

const frame = () => {
  for (const f of frames.splice(0)) f();
  resized();
};

it('keeps a new question at the top, however much of its answer is there by the next frame', () => {
  const answer = { tall: 20 };
  const thread = new Thread(() => 'c', new Places());
  const box = threadOf(thread, answer);
  thread.attach(box);
  thread.showQuestion('anew', true);
  answer.tall = 3000;
  resized();
  frame();
  expect(box.scrollTop).toBe(0);
  answer.tall = 6000;
  frame();
  expect(box.scrollTop).toBe(0);
});

it('goes along at the end of a long answer that goes on', () => {
  const answer = { tall: 3000 };
  const thread = new Thread(() => 'c', new Places());
  const box = threadOf(thread, answer);
  thread.attach(box);
  thread.showQuestion('more', true);
  answer.tall = 4000;
  frame();
  expect(box.scrollTop).toBe(box.scrollHeight - VIEW);
});

it('shows a question at the top whose answer was there before its list', () => {
  const thread = new Thread(() => 'c', new Places());
  const box = threadOf(thread, { tall: 3000 });
  thread.attach(box);
  expect(box.scrollTop).toBe(box.scrollHeight - VIEW);
  thread.showQuestion('anew', false);
  // The browser tells of the way to the end only now.
  box.dispatchEvent(new Event('scroll'));
  frame();
  box.dispatchEvent(new Event('scroll'));
  frame();
  expect(box.scrollTop).toBe(0);
});

it('takes nobody along whose question stands at the top, however slowly its answer outgrows the room', () => {
  const answer = { tall: 20 };
  const thread = new Thread(() => 'c', new Places());
  const box = threadOf(thread, answer);
  thread.attach(box);
  thread.showQuestion('anew', true);
  frame();
  for (; answer.tall < VIEW * 2; answer.tall += 20) {
    resized();
    box.dispatchEvent(new Event('scroll'));
  }
  expect(box.scrollTop).toBe(0);
  // Who goes to its end is.
  box.scrollTop = box.scrollHeight;
  box.dispatchEvent(new Event('scroll'));
  answer.tall += 500;
  resized();
  expect(box.scrollTop).toBe(box.scrollHeight - VIEW);
});

it.each([
  ['stands at the top', false],
  ['was scrolled away from', true],
])('keeps a short answer in a view that shrinks, whose question %s', (_, wheeled) => {
  const answer = { tall: 60 };
  const view = { tall: VIEW };
  const thread = new Thread(() => 'c', new Places());
  const box = threadOf(thread, answer, view);
  thread.attach(box);
  thread.showQuestion('anew', true);
  frame();
  if (wheeled) box.dispatchEvent(new WheelEvent('wheel', { deltaY: 10 }));
  // A phone's keyboard comes: whoever is at the end of the list sees the answer there.
  view.tall = 220;
  resized();
  thread.toEnd();
  expect(QUESTION + answer.tall - box.scrollTop).toBeGreaterThanOrEqual(answer.tall);
  expect(box.scrollTop).toBeLessThan(QUESTION);
  // And it goes: there is room for the next lines again.
  view.tall = VIEW;
  resized();
  expect(box.scrollHeight).toBeGreaterThan(VIEW - 2 * QUESTION);
  expect(box.scrollTop).toBeLessThan(QUESTION);
});

/** An observer that tells once, and all at once as a busy browser does, what it finds when it begins to look: nothing changes behind that. */
class Near {
  static waiting = new Set<() => void>();
  private readonly once: () => void;
  constructor(tell: (entries: { isIntersecting: boolean }[]) => void) {
    this.once = () => tell([{ isIntersecting: false }, { isIntersecting: true }]);
  }
  observe = () => Near.waiting.add(this.once);
  unobserve = () => Near.waiting.delete(this.once);
  disconnect = this.unobserve;
}

it.each([
  ['loads page after page while what came leaves the end near', false, 3],
  ['leaves a page that failed to its button', true, 1],
])('%s', async (_, fails, pages) => {
  vi.stubGlobal('IntersectionObserver', Near);
  let next: string | null = '3';
  const more = vi.fn(async () => {
    if (!fails) next = next === '1' ? null : String(Number(next) - 1);
  });
  const end = whenNear('800px 0px 0px', () => next, more)(document.createElement('li'));
  while (Near.waiting.size > 0) {
    const tell = [...Near.waiting];
    Near.waiting.clear();
    tell.forEach((one) => one());
    await new Promise((done) => setTimeout(done));
  }
  expect(more).toHaveBeenCalledTimes(pages);
  end();
});
