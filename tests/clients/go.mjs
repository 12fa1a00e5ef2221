// The Go packages: Debian's own Go is too old for them, so a newer one comes from PyPI into an environment below build/.
// The programs are built once, and again when their sources or versions change.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment, onlyOnce, rowsOf, run } from './python.mjs';

const source = join(dirname(fileURLToPath(import.meta.url)), 'go');
const root = join(source, '../../../build/clients-go');
const OLDER = 'OpenAI for Go, older';

/** What is built: the package of the program, the list of versions, and the name it tells. */
const programs = [
  { name: 'openai', of: './openai', versions: 'go.mod', client: 'OpenAI for Go' },
  { name: 'openai-older', of: './openai', versions: 'old.mod', client: OLDER },
  { name: 'others', of: './others', versions: 'go.mod' },
];

function stamp() {
  const hash = createHash('sha256');
  for (const file of readdirSync(source, { recursive: true }).sort())
    if (/\.(go|mod|sum|txt)$/.test(file)) hash.update(file).update(readFileSync(join(source, file)));
  return hash.digest('hex').slice(0, 16);
}

/** The folder of the built programs, which are built fast and not to be fast. All of Go's own files stay below build/, and none is read-only. */
export const goPrepared = onlyOnce(async () => {
  const to = join(root, `bin-${stamp()}`);
  if (existsSync(to)) return to;
  const tools = join(root, 'env');
  await environment(tools, join(source, 'requirements.txt'));
  for (const old of readdirSync(root).filter((f) => f.startsWith('bin-')))
    rmSync(join(root, old), { recursive: true });
  const made = join(root, 'making');
  mkdirSync(made, { recursive: true });
  const own = { GOPATH: join(root, 'path'), GOCACHE: join(root, 'cache'), GOMODCACHE: join(root, 'modules') };
  // The compiler spends a sixth of its time on collecting memory that it could as well keep.
  const env = { ...process.env, ...own, GOGC: '400', GOTOOLCHAIN: 'local', GOFLAGS: '-modcacherw', GOWORK: 'off', CGO_ENABLED: '0' };
  for (const { name, of, versions, client } of programs) {
    const flags = [`-modfile=${versions}`, '-gcflags=all=-N -l -dwarf=false', `-ldflags=-s -w -X 'main.client=${client}'`, '-o', join(made, name)];
    await run(join(tools, 'bin/go'), ['build', ...flags, of], { cwd: source, env });
  }
  renameSync(made, to);
  return to;
});

/** The version of a client's package, out of the lists. */
function versions(client) {
  const list = readFileSync(join(source, client === OLDER ? 'old.mod' : 'go.mod'), 'utf8');
  const [, path, version] = new RegExp(`(\\S+/${client.split(' ')[0].toLowerCase()}\\S*) v(\\S+)`, 'i').exec(list);
  return [`${path} ${version}`];
}

/** All features of the Go packages with one of the provider's dialects. */
export async function goRows(url, key, dialect, { model, embedding }) {
  const at = await goPrepared();
  const rows = [];
  for (const { name } of programs)
    rows.push(...rowsOf(await run(join(at, name), [url, key, dialect, model, embedding]), dialect, versions));
  return rows;
}
