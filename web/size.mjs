// The weight of the first page of somebody who is signed in, compressed: the entry, the chat, and what these import at once,
// and the styles. Fails above the limits.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const LIMITS = { js: 90_000, css: 20_000 };
const dist = process.argv[2] ?? 'dist';
const html = readFileSync(join(dist, 'index.html'), 'utf8');
const files = new Set();

function add(path) {
  if (files.has(path)) return;
  files.add(path);
  if (!path.endsWith('.js')) return;
  const code = readFileSync(path, 'utf8');
  for (const [, name] of code.matchAll(/(?:^|[;}\n])import(?:[^"'();]*from)?\s*["'](\.[^"']+)["']/g)) add(join(dirname(path), name));
}

for (const [, name] of html.matchAll(/(?:src|href)="\.?\/?([^"]+\.(?:js|css))"/g)) add(join(dist, name));
const shell = /<meta name="atelier-shell" content="([^"]+)"/.exec(html)?.[1];
if (!shell) throw new Error('the page does not name the files of the chat');
for (const name of shell.split(' ')) add(join(dist, name));

let failed = false;
for (const [type, limit] of Object.entries(LIMITS)) {
  const mine = [...files].filter((f) => f.endsWith('.' + type));
  const bytes = mine.reduce((sum, f) => sum + brotliCompressSync(readFileSync(f)).length, 0);
  console.log(`first page: ${mine.length} files of ${type}, ${bytes} bytes brotli (limit ${limit})`);
  failed ||= bytes > limit;
}
if (failed) process.exit(1);
