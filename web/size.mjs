// The weight of the first page's JavaScript, compressed: the entry and what it imports at once. Fails above 150 KB.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const LIMIT = 150_000;
const dist = process.argv[2] ?? 'dist';
const html = readFileSync(join(dist, 'index.html'), 'utf8');
const seen = new Set();

function add(path) {
  if (seen.has(path)) return;
  seen.add(path);
  const code = readFileSync(path, 'utf8');
  for (const [, name] of code.matchAll(/(?:^|[;}\n])import(?:[^"'();]*from)?\s*["'](\.[^"']+)["']/g)) add(join(dirname(path), name));
}

for (const [, name] of html.matchAll(/(?:src|href)="\.?\/?([^"]+\.js)"/g)) add(join(dist, name));
let gzip = 0;
let brotli = 0;
for (const path of seen) {
  const data = readFileSync(path);
  gzip += gzipSync(data, { level: 9 }).length;
  brotli += brotliCompressSync(data).length;
}
console.log(`first page: ${seen.size} scripts, ${gzip} bytes gzip, ${brotli} bytes brotli (limit ${LIMIT} gzip)`);
if (gzip > LIMIT) process.exit(1);
