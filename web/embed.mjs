// Turns the built page, or the manual, into C sources with the files inside.
//   node embed.mjs dist OUTDIR               -> OUTDIR/assets.c and, beside it, the files, .br and .gz or plain
//   node embed.mjs --manual DIR OUTDIR       -> OUTDIR/manual.c and the pages' texts
// The C files hold a hash of every file, so that they change whenever a file does.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { unwrap } from './unwrap.mjs';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};
const PACKED = new Set(['.png', '.woff2']);

const hash = (data) => createHash('sha256').update(data).digest('hex').slice(0, 20);
const quote = (s) => '"' + s.replace(/[\\"]/g, '\\$&').replace(/\?\?/g, '?\\?').replace(/\n/g, '\\n') + '"';

/** All files below `dir`, with / between folders, sorted. */
function walk(dir) {
  const found = readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? walk(join(dir, e.name)) : [join(dir, e.name)],
  );
  return found.sort();
}

function save(path, data) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, data);
}

/** A blob named `symbol` with the bytes of `path`; a zero byte behind it ends it as a string. */
function blob(symbol, path) {
  const absolute = resolve(path);
  if (/[\\"]/.test(absolute)) throw new Error(`cannot embed from a path with quotes: ${absolute}`);
  return `asm(".section .rodata\\n"
    ".balign 16\\n"
    ".globl ${symbol}\\n"
    ".hidden ${symbol}\\n"
    "${symbol}:\\n"
    ".incbin \\"${absolute}\\"\\n"
    ".byte 0\\n"
    ".previous\\n");
extern const unsigned char ${symbol}[];
`;
}

/** What the page is made of, and under which terms: the licenses of its packages, fonts included. */
function licenses() {
  const here = import.meta.dirname;
  const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  const texts = Object.keys(dependencies)
    .sort()
    .map((name) => {
      const folder = join(here, 'node_modules', name);
      const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
      if (!file) throw new Error(`${name} has no license file`);
      return `${name}\n${'='.repeat(name.length)}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    });
  return Buffer.from(texts.join('\n\n'));
}

function embedAssets(dist, out) {
  const files = join(out, 'assets');
  rmSync(files, { recursive: true, force: true });
  const blobs = [];
  const rows = [];
  let count = 0;
  const add = (symbol, path, data) => {
    save(path, data);
    blobs.push(blob(symbol, path));
    return [symbol, data.length];
  };
  const sources = walk(dist).map((source) => [relative(dist, source).split('\\').join('/'), readFileSync(source)]);
  // The page as it is served one folder deep, for addresses such as /c/ID: its files are found from its <base>.
  const index = sources.find(([name]) => name === 'index.html')?.[1].toString('utf8') ?? '';
  const deep = index.replace('<base href="./" />', '<base href="../" />');
  if (deep === index) throw new Error('index.html has no <base href="./" />');
  sources.push(['index-1.html', Buffer.from(deep)], ['licenses.txt', licenses()]);
  sources.sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, data] of sources) {
    const type = TYPES[extname(name)];
    if (!type) throw new Error(`no media type for ${name}`);
    const path = join(files, name);
    const symbol = `asset_${count++}`;
    let plain = ['NULL', data.length];
    let br = ['NULL', 0];
    let gz = ['NULL', 0];
    if (!PACKED.has(extname(name)) && data.length > 256) {
      const brotli = brotliCompressSync(data, {
        params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length },
      });
      const gzip = gzipSync(data, { level: 9 });
      if (brotli.length < data.length) br = add(symbol + '_br', path + '.br', brotli);
      if (gzip.length < data.length) gz = add(symbol + '_gz', path + '.gz', gzip);
    }
    // Hardly anybody wants it as it is: then the server unpacks it.
    if (gz[0] === 'NULL') plain = add(symbol + '_plain', path, data);
    // What the bundler names after its content never changes under that name.
    const immutable = /^assets\/.+-[\w-]{8}\.\w+$/.test(name);
    rows.push(
      `\t{${quote('/' + name)}, ${quote(type)}, ${quote(`"${hash(data)}"`)}, ${plain[0]}, ${br[0]}, ${gz[0]}, ` +
        `${plain[1]}, ${br[1]}, ${gz[1]}, ${immutable}},`,
    );
  }
  save(
    join(out, 'assets.c'),
    `/* Made by web/embed.mjs. */
#include "api/assets.h"

${blobs.join('')}
const struct asset assets[] = {
${rows.join('\n')}
};

const size_t n_assets = sizeof(assets) / sizeof(assets[0]);
`,
  );
  console.log(`${rows.length} assets`);
}

function embedManual(dir, out) {
  const pages = readdirSync(dir)
    .filter((name) => /^\d+-.+\.md$/.test(name))
    .sort();
  const all = createHash('sha256');
  const blobs = [];
  const rows = pages.map((name, i) => {
    const text = unwrap(readFileSync(join(dir, name), 'utf8'));
    const body = Buffer.from(text);
    const slug = basename(name, '.md').replace(/^\d+-/, '');
    const title = /^# +(.+?) *#*$/m.exec(text)?.[1] ?? slug;
    const path = join(out, 'manual', name);
    save(path, body);
    all.update(name).update('\0').update(body).update('\0');
    blobs.push(blob(`manual_page_${i}`, path));
    return `\t{${quote(slug)}, ${quote(title)}, (const char *)manual_page_${i}, ${body.length}}, /* ${hash(body)} */`;
  });
  save(
    join(out, 'manual.c'),
    `/* Made by web/embed.mjs. */
#include "api/manual_sources.h"

${blobs.join('')}
const struct manual_source manual_sources[] = {
${rows.join('\n')}
\t{NULL, NULL, NULL, 0},
};

const size_t n_manual_sources = sizeof(manual_sources) / sizeof(manual_sources[0]) - 1;
const char *const manual_version = ${quote(all.digest('hex').slice(0, 20))};
`,
  );
  console.log(`${rows.length} pages of the manual`);
}

const args = process.argv.slice(2);
const manual = args[0] === '--manual';
const [from, out] = manual ? args.slice(1) : args;
if (!from || !out || !statSync(from).isDirectory()) {
  console.error('usage: node embed.mjs [--manual] FROM OUTDIR');
  process.exit(2);
}
(manual ? embedManual : embedAssets)(from, out);
