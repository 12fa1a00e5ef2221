// tus-js-client: a file in parts, left in the middle, gone on with after the server was killed.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Upload } from 'tus-js-client';

const MB = 1 << 20;
const SIZE = 20 * MB;

const options = (server, more) => ({
  endpoint: `${server.url}/api/v1/uploads`,
  chunkSize: 8 * MB,
  headers: server.session,
  metadata: { filename: 'a file.bin' },
  retryDelays: [100, 200, 400],
  ...more,
});

/** Sends until the second part is on its way; where the rest goes. */
function leave(server, data) {
  return new Promise((resolve, reject) => {
    const upload = new Upload(data, {
      ...options(server),
      onError: reject,
      onSuccess: () => reject(new Error('it was not interrupted')),
      onChunkComplete: () => upload.abort().then(() => resolve(new URL(upload.url).pathname), reject),
    });
    upload.start();
  });
}

/** Goes on; the offsets of the parts that were taken. */
function goOn(server, data, path) {
  const taken = [];
  return new Promise((resolve, reject) => {
    new Upload(data, {
      ...options(server, { uploadUrl: server.url + path, headers: { ...server.session, origin: server.url } }),
      onError: reject,
      onChunkComplete: (size, offset) => taken.push(offset),
      onSuccess: () => resolve(taken),
    }).start();
  });
}

export async function uploadsResume(server) {
  const data = randomBytes(SIZE);
  const path = await leave(server, data);
  await server.end('SIGKILL');
  server.log = [];
  await server.start();
  const taken = await goOn(server, data, path);
  assert.ok(taken.length <= 2 && taken[0] > 8 * MB, `it began anew: ${taken}`);
  const file = join(server.data, 'uploads', `${path.split('/').at(-1)}.part`);
  assert.ok(readFileSync(file).equals(data), 'the file has other bytes');
  await Upload.terminate(server.url + path, { ...options(server), headers: { ...server.session, origin: server.url } });
  assert.throws(() => readFileSync(file), { code: 'ENOENT' });
}
