export interface Frame {
  id: string;
  event: string;
  data: string;
}

/**
 * Reads text/event-stream. Give it chunks cut anywhere, even inside a character or between \r and \n; it returns the
 * frames that became whole. Comments count as life, not as frames; what is cut off at the end is not a frame.
 */
export class SseParser {
  private decoder = new TextDecoder();
  private rest = '';
  private id = '';
  private event = '';
  private data: string[] = [];
  private afterReturn = false;

  push(chunk: Uint8Array | string): Frame[] {
    let text = typeof chunk === 'string' ? chunk : this.decoder.decode(chunk, { stream: true });
    if (text === '') return [];
    if (this.afterReturn && text.startsWith('\n')) text = text.slice(1);
    this.afterReturn = text === '' ? false : text.endsWith('\r');
    this.rest += text;
    const lines = this.rest.split(/\r\n|\n|\r/);
    this.rest = lines.pop() ?? '';
    const frames: Frame[] = [];
    for (const line of lines) this.line(line, frames);
    return frames;
  }

  private line(line: string, frames: Frame[]): void {
    if (line === '') {
      if (this.data.length > 0) frames.push({ id: this.id, event: this.event || 'message', data: this.data.join('\n') });
      this.event = '';
      this.data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.event = value;
    else if (field === 'id' && !value.includes('\0')) this.id = value;
  }
}

/** Thrown when nothing at all, not even a heartbeat, came for too long. */
export class Silence extends Error {}

/**
 * Calls `onFrame` for each frame until the body ends. Throws when the network fails, when the signal aborts, and
 * `Silence` after `silenceMs` without a byte.
 */
export async function readFrames(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
  signal: AbortSignal,
  onFrame: (frame: Frame) => void,
): Promise<void> {
  const reader = body.getReader();
  const parser = new SseParser();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Silence('no heartbeat')), silenceMs);
      });
      const { done, value } = await Promise.race([reader.read(), silence]);
      clearTimeout(timer);
      if (done) return;
      for (const frame of parser.push(value)) {
        if (signal.aborted) return;
        onFrame(frame);
      }
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}
