// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { readFrames, Silence, SseParser, type Frame } from '$core/live/sse';

const bytes = (s: string) => new TextEncoder().encode(s);
const text =
  ': hello\n\nid: 1\nevent: start\ndata: {"a":1}\n\nid: 2\r\nevent: text\r\ndata: {"text":"wörld 🙂"}\r\n\r\n' +
  'event:bare\rdata:one\rdata: two\r\rid: 4\nevent: nothing\n\n: beat\n\nid: 5\ndata: last\n\nid: 6\ndata: cut off';
const want: Frame[] = [
  { id: '1', event: 'start', data: '{"a":1}' },
  { id: '2', event: 'text', data: '{"text":"wörld 🙂"}' },
  { id: '2', event: 'bare', data: 'one\ntwo' },
  { id: '5', event: 'message', data: 'last' },
];

describe('SseParser', () => {
  it('reads the same frames however the bytes are cut in two', () => {
    const all = bytes(text);
    for (let cut = 0; cut <= all.length; cut++) {
      const p = new SseParser();
      expect([...p.push(all.slice(0, cut)), ...p.push(all.slice(cut))], `cut at ${cut}`).toEqual(want);
    }
  });

  it('reads the same frames byte by byte', () => {
    const p = new SseParser();
    expect([...bytes(text)].flatMap((b) => p.push(new Uint8Array([b])))).toEqual(want);
  });
});

describe('readFrames', () => {
  it('throws when not even a heartbeat comes', async () => {
    const body = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue(bytes('data: x\n\n')) });
    const frames: Frame[] = [];
    const read = readFrames(body, 20, new AbortController().signal, (f) => frames.push(f));
    await expect(read).rejects.toBeInstanceOf(Silence);
    expect(frames).toHaveLength(1);
  });
});
