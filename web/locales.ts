import { parse } from '@formatjs/icu-messageformat-parser';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Plugin } from 'vite';
import { alias } from './aliases.ts';

const folder = alias.$locales!;

/** Messages with arguments are parsed here, when the page is built: the browser gets their trees. */
export function compile(messages: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(messages).map(([key, text]) => [key, /[{<']/.test(text) ? tree(key, text) : text]));
}

function tree(key: string, text: string): unknown {
  try {
    return parse(text, { captureLocation: false, shouldParseSkeletons: true });
  } catch (e) {
    throw new Error(`${key}: ${(e as Error).message}: ${text}`);
  }
}

/** The file of the page that `spec` names in `file`. */
function sourceOf(file: string, spec: string): string | undefined {
  const name = spec.split('/')[0]!;
  const path = name in alias ? alias[name]! + spec.slice(name.length) : resolve(dirname(file), spec);
  return [path, path + '.ts', join(path, 'index.ts')].find((p) => /\.(ts|svelte)$/.test(p) && existsSync(p));
}

/** The page's own files that `roots` import at once, themselves included. */
export function filesOf(roots: string[]): Set<string> {
  const found = new Set<string>();
  const ask = [...roots];
  for (let file = ask.pop(); file !== undefined; file = ask.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    for (const [, spec] of readFileSync(file, 'utf8').matchAll(/\b(?:import|export)\s(?!type\b)(?:[^'";]*?\sfrom\s+)?'([$.][^']+)'/g)) {
      const source = sourceOf(file, spec!);
      if (source) ask.push(source);
    }
  }
  return found;
}

/** What of the catalogue a set of files uses, and what it does not. */
export function divide(catalogue: Record<string, string>, files: Iterable<string>): { first: Record<string, string>; rest: Record<string, string> } {
  const sources = [...files].map((f) => readFileSync(f, 'utf8')).join('\n');
  const all = Object.entries(catalogue);
  const used = new Set(all.map(([key]) => key).filter((key) => sources.includes(`'${key}'`)));
  const pick = (first: boolean) => Object.fromEntries(all.filter(([key]) => used.has(key) === first));
  return { first: pick(true), rest: pick(false) };
}

/** What is imported later has its texts before it is there; what is of the first page (`first`) has them. `code`: JavaScript of `file`. */
export const waiting = (code: string, file: string, first: Set<string>): string | null => {
  const found = code.replace(/\bimport\((['"])([$.][^'"]+)\1\)/g, (whole, _, spec: string) => (first.has(sourceOf(file, spec) ?? '') ? whole : `__withTexts(${whole})`));
  return found === code ? null : `import { withTexts as __withTexts } from '$core/i18n/i18n.svelte';\n${found}`;
};

/** The module that names the texts of each language; of English the first part comes with it. */
function table(languages: string[]): string {
  const part = (name: string) => (name === 'en-first' ? '() => Promise.resolve(first)' : `() => import('virtual:texts/${name}').then((m) => m.default)`);
  const rows = languages.map((l) => `${l}: { first: ${part(l + '-first')}, rest: ${part(l + '-rest')} }`);
  return `import first from 'virtual:texts/en-first';\nexport { first };\nexport const parts = { ${rows.join(', ')} };`;
}

/**
 * The texts, as `virtual:texts`. With `roots`, the files that the first page begins with, each language comes in two parts:
 * the texts that these files and what they import at once use, and the rest, which every `import()` of others in them waits for. So
 * the texts of a feature cost the first page nothing, and a feature is never shown without them. Without `roots`, and under
 * `npm run dev`, all texts are there from the start.
 */
export function locales(roots: string[] = []): Plugin {
  const languages = readdirSync(folder).map((f) => basename(f, '.json'));
  let first = new Set<string>();
  return {
    name: 'locales',
    configResolved(config) {
      first = config.command === 'build' ? filesOf(roots) : new Set();
    },
    resolveId: { filter: { id: /^virtual:texts/ }, handler: (id) => `\0${id}.js` },
    load: {
      filter: { id: /^\0virtual:texts/ },
      handler(id) {
        const [, language, part] = /\/(\w+)-(first|rest)\.js$/.exec(id) ?? [];
        if (!language) return table(languages);
        const file = join(folder, language + '.json');
        this.addWatchFile(file);
        const texts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
        const parts = first.size ? divide(texts, first) : { first: texts, rest: {} };
        return `export default ${JSON.stringify(compile(parts[part as 'first' | 'rest']))}`;
      },
    },
    transform: {
      order: 'post',
      handler: (code, id) => {
        const found = first.has(id) && !id.includes('/core/i18n/') ? waiting(code, id, first) : null;
        return found && { code: found, map: null };
      },
    },
  };
}
