// The Python packages: in an environment of their own below build/, which is made when it is not there or other versions
// are wanted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const env = join(here, '../../build/clients-python');
const wanted = join(here, 'python/requirements.txt');
const packages = readFileSync(wanted, 'utf8').trim().split('\n');

export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let out = '';
  let err = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (err += d));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with ${code}: ${err.slice(-2000)}`);
  return out;
}

/** Does it once: who asks later has the same promise. */
export function onlyOnce(make) {
  let made;
  return () => (made ??= make());
}

/** An environment at a folder with the packages of a list, made when it is not there or the list has changed. */
export async function environment(at, list) {
  const wanted = readFileSync(list, 'utf8');
  const stamp = join(at, 'made-of.txt');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  mkdirSync(dirname(at), { recursive: true });
  await run('python3', ['-m', 'venv', '--clear', at]);
  await run(join(at, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', list]);
  writeFileSync(stamp, wanted);
}

const versions = (client) => {
  const name = client.split(' ')[0].toLowerCase();
  return [packages.find((p) => p.startsWith(name)).replace('==', ' ')];
};

/** What Anthropic's protocol has no like of. */
const cannot = { anthropic: ['embeddings', 'embed'] };

/** Rows as run.mjs has them, out of the lines that a program of features printed. */
export function rowsOf(out, dialect, versions) {
  return out
    .trim()
    .split('\n')
    .map((line) => {
      const { client, feature, outcome, status, message } = JSON.parse(line);
      const impossible = cannot[dialect]?.includes(feature);
      const row = { client, packages: [], versions: versions(client), feature, dialect, message, outcome };
      if (impossible) row.outcome = outcome === 'refused' && status === 400 ? 'cannot' : 'no';
      else if (outcome === 'refused') row.outcome = 'no';
      return row;
    });
}

export const pythonPrepared = onlyOnce(() => environment(env, wanted));

/** All features of the Python packages with one of the provider's dialects. */
export async function pythonRows(url, key, dialect, { model, embedding }) {
  await pythonPrepared();
  const args = [join(here, 'python/features.py'), url, key, dialect, model, embedding];
  return rowsOf(await run(join(env, 'bin/python'), args), dialect, versions);
}
