import { expect, it } from 'vitest';
import { dropped } from '$core/dropped';
import { nameOf } from '$state/sending.svelte';

const file = (path: string) => ({ fullPath: path, isFile: true, isDirectory: false, file: (done: (f: File) => void) => done(new File(['x'], path.split('/').pop()!)) });
const folder = (path: string, entries: object[]) => {
  const read = () => {
    let left = [entries, []];
    return { readEntries: (done: (e: object[]) => void) => done(left.length > 0 ? left.shift()! : (left = [])) };
  };
  return { fullPath: path, isFile: false, isDirectory: true, createReader: read };
};

it('calls what is dropped with a folder as what is chosen with one', async () => {
  const items = [folder('/ship', [file('/ship/log.txt'), folder('/ship/in', [file('/ship/in/log.txt')])]), file('/alone.txt')];
  const data = { items: items.map((entry) => ({ webkitGetAsEntry: () => entry })), files: [] } as unknown as DataTransfer;
  expect((await dropped(data)).map(nameOf)).toEqual(['ship/log.txt', 'ship/in/log.txt', 'alone.txt']);
});
