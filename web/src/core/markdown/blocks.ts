import type { Token, Tokens } from 'marked';
import { Renderer, type RenderOptions } from './render';

/** A top-level block: HTML, or a code block that is still being written (`open`), whose text only grows. */
export type Block = { key: number; html: string } | { key: number; open: { lang: string; text: string } };

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\n\s`]*)[^\n]*(?:\n|$)/;

/** The language and text of a fence that has no end yet, or null. */
function openFence(raw: string): { lang: string; text: string } | null {
  const start = FENCE.exec(raw);
  if (!start) return null;
  const mark = start[1]!;
  const text = raw.slice(start[0].length);
  const end = new RegExp(`(^|\\n) {0,3}${mark[0]}{${mark.length},}[ \\t]*\\n*$`);
  return end.test(text) ? null : { lang: start[2]!, text };
}

/**
 * Gives a heading its level in the page, where each answer is a heading of level 2: models begin at any depth and leave out
 * some, a page does not. Returns what it and those below it stand under.
 */
function nest(heading: Token & { level?: number }, under: readonly number[]): readonly number[] {
  const depth = (heading as Tokens.Heading).depth;
  const above = [...under.filter((d) => d < depth), depth];
  heading.level = Math.min(6, 2 + above.length);
  return above;
}

/**
 * Markdown that grows at its end. Blocks that more text cannot change are rendered once; only the tail is parsed
 * again, so that a long answer costs no more per frame than a short one.
 */
export class GrowingMarkdown {
  private renderer: Renderer;
  private text = '';
  private stable: Block[] = [];
  private offset = 0;
  private key = 0;
  /** The depths of the headings that the last stable block stands under. */
  private under: readonly number[] = [];

  constructor(options: RenderOptions = {}) {
    this.renderer = new Renderer(options);
  }

  /** The blocks of `text`; `growing`: more may come. */
  update(source: string, growing: boolean): Block[] {
    const text = source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source;
    // A link's definition may stand behind its use: the whole of a finished text is read at once.
    const late = !growing && /^ {0,3}\[[^\]]+\]:/m.test(text);
    if (late || !text.startsWith(this.text)) this.reset();
    this.text = text;
    const tokens = this.renderer.lex(text.slice(this.offset));
    const sure = growing ? this.settled(tokens, text.length - this.offset) : tokens.length;
    let { key, under } = this;
    const tail: Block[] = [];
    tokens.forEach((token, i) => {
      if (token.type === 'heading') under = nest(token, under);
      if (i < sure) {
        this.offset += token.raw.length;
        if (token.type !== 'space') this.stable.push(this.render(token, key, false));
      } else if (token.type !== 'space') {
        tail.push(this.render(token, key, growing));
      }
      if (token.type !== 'space') key++;
      if (i < sure) [this.key, this.under] = [key, under];
    });
    return [...this.stable, ...tail];
  }

  /** How many tokens no later text can change. */
  private settled(tokens: Token[], length: number): number {
    // The lexer's own account of what it read must be exact, or nothing can be cut off.
    if (tokens.reduce((n, t) => n + t.raw.length, 0) !== length) return 0;
    let last = tokens.length - 1;
    while (last >= 0 && tokens[last]!.type === 'space') last--;
    // The beginning of a line may yet turn out to belong to the list before it ("2" -> "2. two").
    if (last > 0 && tokens[last]!.type !== 'code' && tokens[last]!.raw.length < 12) {
      last--;
      while (last > 0 && tokens[last]!.type === 'space') last--;
    }
    return Math.max(0, last);
  }

  private render(token: Token, key: number, growing: boolean): Block {
    const open = growing && token.type === 'code' ? openFence(token.raw) : null;
    return open ? { key, open } : { key, html: this.renderer.block(token) };
  }

  private reset(): void {
    this.text = '';
    this.stable = [];
    this.offset = 0;
    this.key = 0;
    this.under = [];
  }
}
