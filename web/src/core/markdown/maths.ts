import type katex from 'katex';

let engine: typeof katex | null = null;
let loading: Promise<void> | null = null;

function load(): Promise<void> {
  return (loading ??= bring());
}

/** A failure (offline) leaves formulas as they are written, and the next call tries again. */
async function bring(): Promise<void> {
  try {
    engine = (await import('./maths_engine')).default;
  } catch {
    loading = null;
  }
}

/** Builds nodes instead of HTML: the page's policy forbids styles in markup, not those that a script sets. */
function draw(place: HTMLElement): void {
  place.dataset.drawn = '';
  const made = document.createElement('span');
  try {
    engine!.render(place.dataset.tex ?? '', made, {
      displayMode: place.classList.contains('md-display'),
      strict: 'ignore',
      maxExpand: 500,
      maxSize: 40,
    });
    place.replaceChildren(...made.childNodes);
  } catch (error) {
    place.classList.add('md-bad');
    place.title = error instanceof Error ? error.message : String(error);
  }
  if (place.scrollWidth > place.clientWidth && place.classList.contains('md-display')) place.tabIndex = 0;
}

/** Draws the formulas of a rendered text; their source is seen until the engine has come in, which is when one is met. */
export async function drawMaths(root: ParentNode): Promise<void> {
  const places = () => root.querySelectorAll<HTMLElement>('.md-math:not([data-drawn])');
  if (places().length === 0) return;
  if (!engine) await load();
  if (engine) places().forEach(draw);
}

/** What a copy of the selection holds: formulas as their source. Null: there are none, the browser does it right. */
export function copyOf(selection: Selection | null, root: HTMLElement): { text: string; html: string } | null {
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0).cloneRange();
  const whole = (node: Node) => (node instanceof Element ? node : node.parentElement)?.closest('.md-math');
  const [first, last] = [whole(range.startContainer), whole(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const part = range.cloneContents();
  const places = part.querySelectorAll<HTMLElement>('.md-math');
  if (places.length === 0) return null;
  for (const place of places) {
    // Its lines stay lines.
    const source = document.createElement('span');
    source.className = 'md-tex';
    source.textContent = place.dataset.source ?? '';
    place.replaceWith(source);
  }
  // Only what is laid out has its line ends in `innerText`.
  const box = document.createElement('div');
  box.className = 'md-copy';
  box.append(part);
  root.append(box);
  const copy = { text: box.innerText ?? box.textContent ?? '', html: box.innerHTML };
  box.remove();
  return copy;
}
