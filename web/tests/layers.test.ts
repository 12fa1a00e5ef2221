// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { sources } from './sources';

/**
 * What may import what: core knows nobody, design knows core, state knows both, a feature knows these and itself, the
 * application knows all. A feature reaches another through its index.ts alone.
 */
const below: Record<string, string[]> = {
  core: ['core', 'locales'],
  design: ['core', 'design'],
  state: ['core', 'design', 'state'],
  features: ['core', 'design', 'state', 'features'],
  app: ['core', 'design', 'state', 'features', 'app'],
  gallery: ['core', 'design', 'features'],
};

const files = sources(/\.(ts|svelte)$/).filter(([file]) => file.includes('/'));

interface Import {
  file: string;
  spec: string;
}

const imports: Import[] = files.flatMap(([file, text]) =>
  [...text.matchAll(/(?:from|import\()\s*'(\$[^']+|\.[^']+)'/g)].map(([, spec]) => ({ file, spec: spec! })),
);

const wrong = (bad: (i: Import) => boolean) => imports.filter(bad).map((i) => `${i.file} imports ${i.spec}`);

describe('layers of the page', () => {
  it('looks at the files', () => {
    expect(imports.length).toBeGreaterThan(200);
  });

  it('keeps imports going down', () => {
    expect(wrong(({ file, spec }) => spec.startsWith('$') && !below[file.split('/')[0]!]!.includes(spec.slice(1).split('/')[0]!))).toEqual([]);
  });

  it('crosses folders by their names only', () => {
    const parents = (spec: string) => spec.split('/').filter((p) => p === '..').length;
    const depth = (file: string) => file.split('/').length - (file.startsWith('features/') ? 3 : 2);
    expect(wrong(({ file, spec }) => spec.startsWith('.') && parents(spec) > depth(file))).toEqual([]);
  });

  it('reaches a feature from another through its index', () => {
    const feature = (path: string) => path.split('/')[1]!;
    expect(
      wrong(({ file, spec }) => file.startsWith('features/') && spec.startsWith('$features/') && feature(spec) !== feature(file) && spec.split('/').length > 2),
    ).toEqual([]);
  });
});
