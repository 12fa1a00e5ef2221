// @vitest-environment node
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

type Colour = [lightness: number, chroma: number, hue: number];

const css = readFileSync('src/design/themes.css', 'utf8');
const themes = [...css.matchAll(/data-theme='(\w+)'\] \{([^}]*)\}/g)].map(
  ([, name, body]) =>
    [
      name!,
      Object.fromEntries(
        [...body!.matchAll(/--([\w-]+): oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)/g)].map(([, role, ...lch]) => [role!, lch.map(Number) as Colour]),
      ),
    ] as const,
);

/** OKLCH to linear sRGB (B. Ottosson), clipped to what a screen shows; then the luminance of WCAG. */
function luminance([l, c, h]: Colour): number {
  const a = c * Math.cos((h * Math.PI) / 180);
  const b = c * Math.sin((h * Math.PI) / 180);
  const [x, y, z] = [
    l + 0.3963377774 * a + 0.2158037573 * b,
    l - 0.1055613458 * a - 0.0638541728 * b,
    l - 0.0894841775 * a - 1.291485548 * b,
  ].map((v) => v ** 3) as [number, number, number];
  const [red, green, blue] = [
    4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
    -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
    -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z,
  ].map((v) => Math.min(1, Math.max(0, v))) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: Colour, b: Colour): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light! + 0.05) / (dark! + 0.05);
}

it('has four themes', () => expect(themes.map(([n]) => n)).toEqual(['graphite', 'quartz', 'terminal', 'solarized']));

it('knows black and white', () => expect(contrast([0, 0, 0], [1, 0, 0])).toBeCloseTo(21, 1));

describe.each(themes)('%s', (_, c) => {
  const pairs: [string, string, number][] = [];
  for (const back of ['bg', 'side', 'surface', 'raised', 'overlay', 'bubble']) {
    for (const front of ['ink', 'muted', 'accent']) pairs.push([front, back, 4.5]);
  }
  for (const back of ['bg', 'side', 'surface', 'raised', 'overlay']) {
    for (const front of ['danger', 'warn', 'ok', 'info']) pairs.push([front, back, 4.5]);
  }
  for (const tone of ['accent', 'danger', 'warn', 'ok', 'info']) pairs.push([tone, tone + '-soft', 4.5], ['ink', tone + '-soft', 4.5]);
  for (const back of ['bg', 'surface', 'overlay']) pairs.push(['control', back, 3]);
  for (const kind of ['keyword', 'string', 'number', 'title', 'comment']) pairs.push(['hl-' + kind, 'code', 4.5]);
  for (let n = 1; n <= 6; n++) pairs.push(['chart-' + n, 'surface', 3]);
  pairs.push(['on-accent', 'accent', 4.5], ['on-danger', 'danger', 4.5], ['bg', 'warn', 4.5], ['accent', 'bg', 3]);

  it.each(pairs)('%s on %s is at least %f', (front, back, least) => {
    expect(contrast(c[front]!, c[back]!)).toBeGreaterThanOrEqual(least);
  });
});
