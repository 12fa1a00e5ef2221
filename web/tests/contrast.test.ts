import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync('src/design/themes.css', 'utf8');
const themes = [...css.matchAll(/data-theme='(\w+)'\] \{([^}]*)\}/g)].map(
  ([, name, body]) => [name!, Object.fromEntries([...body!.matchAll(/--([\w-]+): (#\w{6})/g)].map((m) => [m[1], m[2]]))] as const,
);

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light! + 0.05) / (dark! + 0.05);
}

it('has four themes', () => expect(themes.map(([n]) => n)).toEqual(['graphite', 'quartz', 'terminal', 'solarized']));

describe.each(themes)('%s', (_, c) => {
  const pairs: [string, string, number][] = [];
  for (const back of ['bg', 'side', 'surface', 'raised']) {
    for (const front of ['ink', 'muted', 'accent', 'danger', 'warn', 'ok']) pairs.push([front, back, 4.5]);
  }
  for (const back of ['bg', 'surface']) pairs.push(['control', back, 3]);
  for (const kind of ['keyword', 'string', 'number', 'title', 'comment']) pairs.push(['hl-' + kind, 'code', 4.5]);
  pairs.push(['on-accent', 'accent', 4.5], ['bg', 'danger', 4.5], ['accent', 'bg', 3]);

  it.each(pairs)('%s on %s is at least %f', (front, back, least) => {
    expect(contrast(c[front]!, c[back]!)).toBeGreaterThanOrEqual(least);
  });
});
