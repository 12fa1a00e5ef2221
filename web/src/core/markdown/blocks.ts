import type { Token, Tokens } from 'marked';
import { Renderer, sideOf, type RenderOptions } from './render';
import { notesOf } from './syntax';

/**
 * A top-level block: HTML, of a table that is still being written when `widens`; a code block that is still being written (`open`), whose text only grows; or a long table or
 * list, whose finished rows or items (`parts`, `count` of them in all) only grow, with what may still change in `tail`.
 */
export type Block =
  | { key: number; html: string; widens?: boolean }
  | { key: number; open: { lang: string; text: string } }
  | { key: number; before: string; parts: readonly string[]; count: number; tail: string; after: string };

/** A long table or list at the end of the text. */
interface Run {
  type: 'table' | 'list';
  /** Read before the rest in place of what is finished: a table's head, or an item that makes the list loose. */
  head: string;
  /** How many items the head is. */
  skip: number;
  loose: boolean;
  start: Tokens.List['start'];
  side: string;
  /** Where it begins in the text. */
  from: number;
  before: string;
  after: string;
  parts: string[];
  count: number;
}

/** From so many finished rows or items on they are kept, and that many at once are added. */
const LONG = 12;

/** A line that may turn out to be a table's head, and what there is of the line below it. */
const HEAD = /^ {0,3}\|[^\n]*(\n[ :|-]*)?$/;

/** A table is shown once its head and its first row are whole: each further cell would give all columns other widths. */
const unready = (token: Token) =>
  token.type === 'table' ? (token as Tokens.Table).rows.length < (token.raw.endsWith('\n') ? 1 : 2) : token.type === 'paragraph' && HEAD.test(token.raw);

/** What may begin a formula. */
const MATHS = /\$|\\[([]/;

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
  /** It was read to its end. */
  private whole = false;
  private stable: Block[] = [];
  private offset = 0;
  private key = 0;
  /** The depths of the headings that the last stable block stands under. */
  private under: readonly number[] = [];
  private run: Run | null = null;

  constructor(options: RenderOptions = {}) {
    this.renderer = new Renderer(options);
  }

  /** The blocks of `text`; `growing`: more may come. */
  update(source: string, growing: boolean): Block[] {
    const text = source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source;
    // An answer that had ended and goes on: what was its last block may go on, too.
    const goesOn = this.whole && text !== this.text;
    if (goesOn || !text.startsWith(this.text) || (!growing && this.late(text))) this.reset();
    this.whole ||= !growing;
    if (!growing) this.renderer.know(notesOf(text));
    this.text = text;
    return this.read(growing);
  }

  /** A link's or footnote's definition stands behind its use, or a formula had no end: all is read again at the end. */
  private late(text: string): boolean {
    return /^ {0,3}\[[^\]]+\]:/m.test(text) || /^\s*(?:\$\$|\\\[)/.test(text.slice(this.offset));
  }

  private read(growing: boolean): Block[] {
    const head = this.run?.head ?? '';
    const rest = head + this.text.slice(this.offset);
    const tokens = this.renderer.lex(rest, growing);
    const first = tokens[0];
    if (this.run && (first?.type !== this.run.type || (first.type === 'list' && first.loose !== this.run.loose))) {
      // One more empty line makes the whole list loose.
      this.offset = this.run.from;
      this.run = null;
      return this.read(growing);
    }
    const sure = growing ? this.settled(tokens, rest.length) : tokens.length;
    const tail: Block[] = [];
    let under: readonly number[] | undefined;
    let key = this.key + tokens.slice(0, sure).filter((token) => token.type !== 'space').length;
    tokens.forEach((token, i) => {
      if (i < sure) return this.keep(token, growing);
      if (token.type === 'space' || (growing && i === tokens.length - 1 && unready(token))) return;
      if (token.type === 'heading') under = nest(token, under ?? this.under);
      tail.push(this.render(token, key, growing));
      key++;
    });
    if (growing && sure === tokens.findLastIndex((token) => token.type !== 'space')) this.advance(tokens[sure]!, tail);
    return [...this.stable, ...tail];
  }

  /** A block that no later text can change. */
  private keep(token: Token, growing: boolean): void {
    this.offset += token.raw.length - (this.run?.head.length ?? 0);
    if (token.type === 'space') return;
    // A formula without an end was shown as it stood; now its text is what it is.
    const [again = token] = growing && MATHS.test(token.raw) ? this.renderer.lex(token.raw) : [];
    if (again.type === 'heading') this.under = nest(again, this.under);
    this.stable.push(this.render(again, this.key, false));
    this.key++;
    this.run = null;
  }

  /** Keeps the finished rows or items of a table or list that is the last block, and reads on behind them. */
  private advance(token: Token, tail: Block[]): void {
    if (token.type !== 'table' && token.type !== 'list') return;
    const run = this.run ?? this.begin(token as Tokens.Table | Tokens.List);
    if (!run) return;
    const all = token.type === 'table' ? (token as Tokens.Table).rows : (token as Tokens.List).items;
    const done = all.length - run.skip - 2;
    if (done < LONG) return;
    const end = this.behind(token as Tokens.Table | Tokens.List, run, done);
    const [again] = this.renderer.lex(run.head + this.text.slice(run === this.run ? this.offset : this.bodyOf(run), end));
    run.parts.push(this.inner(run, again as Tokens.Table | Tokens.List));
    run.count += done;
    this.offset = end;
    this.run = run;
    tail[0] = this.render(this.renderer.lex(run.head + this.text.slice(end), true)[0]!, this.key, true);
  }

  private begin(token: Tokens.Table | Tokens.List): Run | null {
    const shell = this.renderer.block(token.type === 'table' ? { ...token, rows: [] } : { ...token, items: [] });
    const cut = shell.lastIndexOf(token.type === 'table' ? '</tbody>' : token.ordered ? '</ol>' : '</ul>');
    const common = { from: this.offset, before: shell.slice(0, cut), after: shell.slice(cut), parts: [], count: 0 };
    if (token.type === 'table') {
      const head = /^[^\n]*\n[^\n]*\n/.exec(token.raw)?.[0];
      return head ? { ...common, type: 'table', head, skip: 0, loose: false, start: '', side: '' } : null;
    }
    const items = token.items as Tokens.ListItem[];
    const marker = /^\s*(\d+[.)]|[-+*])/.exec(items[0]?.raw ?? '')?.[1];
    if (!marker || items.length < LONG + 2) return null;
    // Whether it is loose must not hang on the items that may still change.
    const sure = items.slice(0, -2).reduce((raw, item) => raw + item.raw, '');
    const [again] = this.renderer.lex(`${sure}${sure.endsWith('\n') ? '' : '\n'}${marker} x`);
    if (again?.type !== 'list' || again.loose !== token.loose) return null;
    const head = token.loose ? `${marker} x\n\n` : '';
    return { ...common, type: 'list', head, skip: head ? 1 : 0, loose: token.loose, start: token.start, side: sideOf(token.raw) };
  }

  /** Where the rows or items of a run that only begins stand. */
  private bodyOf(run: Run): number {
    return run.from + (run.type === 'table' ? run.head.length : 0);
  }

  /** The end of the first `done` rows or items that are not kept yet. */
  private behind(token: Tokens.Table | Tokens.List, run: Run, done: number): number {
    let end = run === this.run ? this.offset : this.bodyOf(run);
    if (token.type === 'list') {
      const skip = run === this.run ? run.skip : 0;
      for (const item of token.items.slice(skip, skip + done)) end += item.raw.length;
      return end;
    }
    for (let i = 0; i < done; i++) end = this.text.indexOf('\n', end) + 1;
    return end;
  }

  /** The HTML of rows or items without what stands around them. */
  private inner(run: Run, token: Tokens.Table | Tokens.List): string {
    const own = token.type === 'table' ? token : { ...token, start: run.start, side: run.side, items: token.items.slice(run.skip) };
    return this.renderer.block(own).slice(run.before.length, -run.after.length);
  }

  /** How many tokens no later text can change. */
  private settled(tokens: Token[], length: number): number {
    // The lexer's own account of what it read must be exact, or nothing can be cut off.
    if (tokens.reduce((n, t) => n + t.raw.length, 0) !== length) return 0;
    let last = tokens.length - 1;
    while (last >= 0 && tokens[last]!.type === 'space') last--;
    // The beginning of a line may yet turn out to belong to the block before it ("2" -> "2. two"), as may the text of
    // a formula that never ends.
    const end = tokens[last];
    const formula = end?.type === 'mathBlock' && !('tex' in end);
    if (last > 0 && (formula || (end!.type !== 'code' && end!.raw.length < 12))) {
      last--;
      while (last > 0 && tokens[last]!.type === 'space') last--;
    }
    return Math.max(0, last);
  }

  private render(token: Token, key: number, growing: boolean): Block {
    const run = key === this.key ? this.run : null;
    if (run) {
      const { before, parts, count, after } = run;
      return { key, before, parts, count, after, tail: this.inner(run, token as Tokens.Table | Tokens.List) };
    }
    const open = growing && token.type === 'code' ? openFence(token.raw) : null;
    if (open) return { key, open };
    return { key, html: this.renderer.block(token), ...(growing && token.type === 'table' ? { widens: true } : {}) };
  }

  private reset(): void {
    this.text = '';
    this.whole = false;
    this.stable = [];
    this.offset = 0;
    this.key = 0;
    this.under = [];
    this.run = null;
  }
}

/** What a block that is no open code block looks like. */
export const htmlOf = (block: Exclude<Block, { open: unknown }>) =>
  'html' in block ? block.html : block.before + block.parts.join('') + block.tail + block.after;
