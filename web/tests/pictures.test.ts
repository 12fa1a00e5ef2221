// @vitest-environment node
import { Blob as Bytes } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { shrink, sizeOf } from '$core/pictures';

/** That of jsdom cannot be read. */
const blob = (text: string, type = '') => new Bytes([text], { type }) as unknown as Blob;

describe('pictures', () => {
  it('are made no larger than models look at, and never larger', () => {
    expect(sizeOf(3136, 1000)).toEqual({ width: 1568, height: 500 });
    expect(sizeOf(10, 5000)).toEqual({ width: 3, height: 1568 });
    expect(sizeOf(1, 100_000)).toEqual({ width: 1, height: 1568 });
    expect(sizeOf(800, 600)).toEqual({ width: 800, height: 600 });
  });

  it.each(['heic', 'heix', 'mif1', 'hevc'])('of the brand %s are refused in words', async (brand) =>
    await expect(shrink(blob('\0\0\0\x18ftyp' + brand + '\0\0\0\0'))).rejects.toThrow('HEIC'),
  );

  it('that move go as they are', async () => {
    const file = blob('GIF89a', 'image/gif');
    expect(await shrink(file)).toBe(file);
  });

  it('that are none are refused', async () => await expect(shrink(blob('no picture', 'image/png'))).rejects.toThrow('picture cannot be read'));
});
