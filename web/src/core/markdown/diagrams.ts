// Diagrams: their text goes to a frame that may do nothing but draw (src/diagram/frame.ts), an SVG comes back, and is shown
// as a picture, in which no script runs. The frame is there while something is to be drawn, and goes when it takes too long.
import { t } from '../i18n/i18n.svelte';
import { onTheme } from '../theme';

type Answer = { svg: string } | { error: string };
type Theme = Record<string, string | boolean>;

const PATIENCE = 15_000;
/** Longer texts would hold up whoever reads them. */
const MAX = 20_000;
/** So long the frame waits for the next one. */
const REST = 30_000;

let frame: Promise<HTMLIFrameElement> | null = null;
let resting: ReturnType<typeof setTimeout> | undefined;

function open(): Promise<HTMLIFrameElement> {
  const made = document.createElement('iframe');
  made.className = 'md-frame';
  made.setAttribute('sandbox', 'allow-scripts');
  made.setAttribute('aria-hidden', 'true');
  made.tabIndex = -1;
  made.title = t('diagram.label');
  made.src = new URL('diagram.html', document.baseURI).href;
  const ready = new Promise<HTMLIFrameElement>((resolve) => {
    const hear = (event: MessageEvent) => {
      if (event.source !== made.contentWindow || event.data !== 'ready') return;
      removeEventListener('message', hear);
      resolve(made);
    };
    addEventListener('message', hear);
  });
  document.body.append(made);
  return ready;
}

function close(): void {
  frame = null;
  document.querySelector('.md-frame')?.remove();
}

function ask(source: string, theme: Theme): Promise<Answer> {
  clearTimeout(resting);
  const { port1, port2 } = new MessageChannel();
  return new Promise<Answer>((resolve) => {
    const late = setTimeout(() => {
      close();
      resolve({ error: t('diagram.tooLong') });
    }, PATIENCE);
    port1.onmessage = ({ data }: MessageEvent<Answer>) => {
      clearTimeout(late);
      clearTimeout(resting);
      resting = setTimeout(close, REST);
      resolve(data);
    };
    frame ??= open();
    // It has no origin to be named.
    void frame.then((made) => made.contentWindow?.postMessage({ source, theme }, '*', [port2]));
  });
}

/** The page's colours in the words that the library knows. */
function themeOf(root: Element): Theme {
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const style = getComputedStyle(root);
  const colour = (role: string) => {
    if (!pen) return '#888888';
    pen.fillStyle = style.getPropertyValue(`--${role}`).trim();
    pen.fillRect(0, 0, 1, 1);
    return '#' + [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((n) => n.toString(16).padStart(2, '0')).join('');
  };
  const bg = colour('bg');
  const ink = colour('ink');
  // Slices and branches, and what is written on them.
  const series: Theme = {};
  for (let i = 0; i < 6; i++) {
    series[`pie${i + 1}`] = series[`git${i}`] = colour(`chart-${i + 1}`);
    series[`gitBranchLabel${i}`] = bg;
  }
  ['accent-soft', 'info-soft', 'ok-soft', 'warn-soft', 'danger-soft', 'raised'].forEach((role, i) => {
    series[`cScale${i}`] = colour(role);
    series[`cScaleLabel${i}`] = ink;
  });
  return {
    ...series,
    pieSectionTextColor: bg,
    pieOpacity: '1',
    pieStrokeWidth: '1px',
    pieOuterStrokeWidth: '0',
    darkMode: parseInt(bg.slice(1, 3), 16) < 128,
    background: colour('code'),
    primaryColor: colour('accent-soft'),
    primaryTextColor: ink,
    primaryBorderColor: colour('accent'),
    secondaryColor: colour('raised'),
    tertiaryColor: colour('surface'),
    lineColor: colour('muted'),
    textColor: ink,
    titleColor: ink,
    edgeLabelBackground: bg,
    noteBkgColor: colour('warn-soft'),
    noteTextColor: ink,
    fontSize: '15px',
  };
}

const pictures = new WeakMap<Element, string>();

/** The SVG that is shown in a box. */
export const pictureOf = (box: Element): string | undefined => pictures.get(box);

function show(box: HTMLElement, svg: string): void {
  const figure = box.querySelector('.md-figure') ?? document.createElement('div');
  const picture = figure.querySelector('img') ?? document.createElement('img');
  const before = picture.src;
  figure.className = 'md-figure';
  figure.setAttribute('tabindex', '0');
  figure.setAttribute('role', 'group');
  figure.setAttribute('aria-label', t('diagram.label'));
  picture.alt = t('diagram.label');
  picture.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  if (before) URL.revokeObjectURL(before);
  figure.append(picture);
  if (!figure.isConnected) box.querySelector('.md-bar')!.after(figure);
  pictures.set(box, svg);
  box.dataset.drawn = 'picture';
}

function fail(box: HTMLElement, error: string): void {
  // What it expected instead is a list of the parser's own names.
  const said = error.split('\n').filter((line) => !line.startsWith('Expecting '));
  const words = document.createElement('p');
  words.className = 'md-error';
  words.dir = 'auto';
  words.textContent = t('diagram.failed', { error: said.slice(0, 4).join('\n') });
  box.querySelector('.md-bar')!.after(words);
  box.dataset.drawn = 'failed';
}

async function draw(box: HTMLElement): Promise<void> {
  const source = box.dataset.source ?? '';
  const theme = themeOf(document.documentElement);
  box.dataset.drawn ??= 'soon';
  const answer = source.length > MAX ? { error: t('diagram.tooLong') } : await ask(source, theme);
  if (!box.isConnected) return;
  if ('svg' in answer) show(box, answer.svg);
  else if (box.dataset.drawn !== 'picture') fail(box, answer.error);
}

/** Draws the diagrams of a rendered text. Until then, and where that fails, their text is seen. */
export function drawDiagrams(root: ParentNode): void {
  for (const box of root.querySelectorAll<HTMLElement>('.md-diagram:not([data-drawn])')) void draw(box);
}

/** Another theme, another picture. */
if (typeof MutationObserver === 'function' && typeof document === 'object') {
  onTheme(() => {
    for (const box of document.querySelectorAll<HTMLElement>('.md-diagram[data-drawn="picture"]')) void draw(box);
  });
}
