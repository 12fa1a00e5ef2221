// The inside of diagram.html: turns the text of a diagram into an SVG. It runs in a frame without an origin, which the
// server's policy for that file shuts off from everything (src/api/assets.c): what a text does to the library stays in here.
import mermaid from 'mermaid';

interface Order {
  source: string;
  theme: Record<string, string | boolean>;
}

/** The same letters are measured here and drawn in the picture, which can load no font. */
const FONT = 'ui-sans-serif, system-ui, sans-serif';
let drawn = 0;

async function draw({ source, theme }: Order): Promise<string> {
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    suppressErrorRendering: true,
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    theme: 'base',
    fontFamily: FONT,
    themeVariables: { ...theme, fontFamily: FONT },
  });
  const { svg } = await mermaid.render(`d${++drawn}`, source);
  return picture(svg, String(theme.background));
}

/** As a file of its own it has a size, and the ground that its colours were chosen for. */
function picture(text: string, ground: string): string {
  const svg = new DOMParser().parseFromString(text, 'text/html').querySelector('svg')!;
  const [, , width, height] = (svg.getAttribute('viewBox') ?? '').split(/[\s,]+/).map(Number);
  if (width && height) {
    svg.setAttribute('width', String(Math.ceil(width)));
    svg.setAttribute('height', String(Math.ceil(height)));
  }
  svg.style.maxWidth = '';
  svg.style.background = ground;
  return new XMLSerializer().serializeToString(svg);
}

/** One at a time: the library has one state for all. */
let last: Promise<unknown> = Promise.resolve();
addEventListener('message', (event: MessageEvent<Order>) => {
  const [answer] = event.ports;
  if (event.source !== parent || !answer) return;
  last = last
    .then(() => draw(event.data))
    .then(
      (svg) => answer.postMessage({ svg }),
      (error: unknown) => answer.postMessage({ error: error instanceof Error ? error.message : String(error) }),
    );
});
parent.postMessage('ready', '*');
