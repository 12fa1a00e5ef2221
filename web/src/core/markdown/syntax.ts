// What models write beyond the Markdown that the parser knows: formulas, footnotes, and bold beside CJK punctuation.
import type { RendererThis, Token, TokenizerAndRendererExtension, TokenizerObject } from 'marked';
import { escape } from './escape';

/** What the text around a token tells, set before it is read. */
export interface Context {
  /** More text may come: a formula without its end is shown as it stands, and no mark of Markdown is read in it. */
  growing: boolean;
  /** The labels of the footnotes that the text has. */
  notes: ReadonlySet<string>;
}

/** A formula's place: its source, which is also what is seen until it has been drawn (`maths.ts`). */
function formula(token: Token & { raw: string; tex?: string; display?: boolean }): string {
  const source = token.raw.trim();
  if (token.tex === undefined) return `<span class="md-tex">${escape(source)}</span>`;
  const kind = token.display ? 'md-math md-display' : 'md-math';
  return `<span class="${kind}" data-tex="${escape(token.tex.trim())}" data-source="${escape(source)}">${escape(source)}</span>`;
}

/** Not over an empty line; a backslash takes the next character with it. */
const BODY = String.raw`(?:\\[\s\S]|(?!\n[ \t]*\n)[^\\$])+?`;
const BRACKET_BODY = String.raw`(?:\\(?![\])])[\s\S]|(?!\n[ \t]*\n)[^\\])+?`;
const DISPLAY = [new RegExp(`^\\$\\$(${BODY})\\$\\$`), new RegExp(`^\\\\\\[(${BRACKET_BODY})\\\\\\]`)];
const BRACKETS = new RegExp(`^\\\\\\((${BRACKET_BODY})\\\\\\)`);
/**
 * One dollar: nothing but the formula touches the signs, no digit or letter follows ("$5-$10", "$HOME/$USER") but for
 * "$n$th", and it does not begin as a price with words behind it.
 */
const DOLLAR = new RegExp(
  String.raw`^\$(?![\s$])(?!\d[\d.,]*\s+[a-z]{2,})((?:\\[^\n]|\n(?![ \t]*\n)|[^\\$\n])+?)(?<!\s)\$(?![\w$]|(?<=\s)\$)`,
  'i',
);
const ORDINAL = /^\$(?![\s$\d])([^\\$\n]{1,8})\$(?=(?:th|st|nd|rd)\b)/;
/** Begun and not ended; a lone dollar only when what follows has marks that Markdown would take. */
const OPEN = [/^(?:\$\$|\\\[|\\\()(?:(?!\n[ \t]*\n)[\s\S])*$/, /^\$(?![\s$\d])[^$\n]*[\\^_{*][^$\n]*$/];

const inlineMath = (context: Context): TokenizerAndRendererExtension => ({
  name: 'math',
  level: 'inline',
  start: (src: string) => src.match(/(?<![A-Za-z0-9\\$])\$|\\[([]/)?.index,
  tokenizer(src: string) {
    if (src[0] !== '$' && src[0] !== '\\') return undefined;
    for (const pattern of DISPLAY) {
      const match = pattern.exec(src);
      if (match) return { type: 'math', raw: match[0], tex: match[1], display: true };
    }
    const match = BRACKETS.exec(src) ?? DOLLAR.exec(src) ?? ORDINAL.exec(src);
    if (match) return { type: 'math', raw: match[0], tex: match[1], display: false };
    const open = context.growing && OPEN.map((o) => o.exec(src)).find(Boolean);
    return open ? { type: 'math', raw: open[0] } : undefined;
  },
  renderer: (token) => formula(token),
});

/** A formula that stands by itself; read before lists and headings, which its lines may look like. */
const blockMath = (context: Context): TokenizerAndRendererExtension => ({
  name: 'mathBlock',
  level: 'block',
  start: (src: string) => src.match(/(?<=\n) {0,3}(?:\$\$|\\\[)/)?.index,
  tokenizer(src: string) {
    const indent = /^ {0,3}/.exec(src)![0].length;
    const text = src.slice(indent);
    for (const pattern of DISPLAY) {
      const match = pattern.exec(text);
      const end = match && /^[ \t]*(?:\n+|$)/.exec(text.slice(match[0].length));
      if (match && end) {
        return { type: 'mathBlock', raw: src.slice(0, indent + match[0].length + end[0].length), tex: match[1], display: true };
      }
    }
    const open = context.growing && /^(?:\$\$|\\\[)/.test(text) && OPEN[0]!.exec(text);
    return open && !DISPLAY.some((d) => d.test(text)) ? { type: 'mathBlock', raw: src } : undefined;
  },
  renderer: (token) => `<p>${formula(token)}</p>\n`,
});

/** `[^1]: text`, where it stands; further lines up to an empty one belong to it, and indented ones behind that. */
const noteText: TokenizerAndRendererExtension = {
  name: 'note',
  level: 'block',
  start: (src: string) => src.match(/(?<=\n)\[\^[\w-]+\]:/)?.index,
  tokenizer(src: string) {
    const match = /^\[\^([\w-]+)\]:[ \t]*([^\n]*(?:\n(?!\[\^)[ \t]*\S[^\n]*|\n+(?: {2,}|\t)\S[^\n]*)*)(?:\n+|$)/.exec(src);
    if (!match) return undefined;
    const text = match[2]!.replace(/\n(?: {1,4}|\t)/g, '\n');
    return { type: 'note', raw: match[0], label: match[1], tokens: this.lexer.blockTokens(text, []) };
  },
  renderer(this: RendererThis, token) {
    const label = escape(token.label as string);
    return (
      `<div class="md-note" data-note="${label}" tabindex="-1" dir="auto"><button type="button" class="md-noteback" data-back="${label}">${label}</button>` +
      `<div>${this.parser.parse(token.tokens ?? [])}</div></div>\n`
    );
  },
};

/**
 * `<details>` to its end, however many blocks stand between: Markdown itself would end it at the first empty line. Without
 * its end all that follows is in it.
 */
const details: TokenizerAndRendererExtension = {
  name: 'details',
  level: 'block',
  start: (src: string) => src.match(/(?<=\n)<details[\s>]/i)?.index,
  tokenizer(src: string) {
    const begin = /^ {0,3}<details(?:\s[^<>]*)?>/i.exec(src)?.[0];
    if (!begin) return undefined;
    const end = endOf(src, begin.length);
    const inside = src.slice(begin.length, end.from);
    const summary = /^\s*<summary(?:\s[^<>]*)?>([\s\S]*?)<\/summary>/i.exec(inside);
    const text = inside.slice(summary?.[0].length ?? 0).replace(/^\n+/, '');
    return {
      type: 'details',
      raw: src.slice(0, end.to),
      summary: this.lexer.inlineTokens((summary?.[1] ?? '').trim()),
      tokens: this.lexer.blockTokens(text, []),
    };
  },
  renderer(this: RendererThis, token) {
    const summary = this.parser.parseInline(token.summary as Token[]);
    return (
      `<details>${summary && `<summary dir="auto">${summary}</summary>`}` +
      `<div class="md-inside">${this.parser.parse(token.tokens ?? [])}</div></details>\n`
    );
  },
};

/** Where the tag that ends a `<details>` stands: that of its own depth, and none in a block of code. */
function endOf(src: string, from: number): { from: number; to: number } {
  let depth = 1;
  const mark = /^ {0,3}(`{3,}|~{3,})[^\n]*\n(?:[\s\S]*?^ {0,3}\1|[\s\S]*$)|<(\/?)details(?:\s[^<>]*)?>/gim;
  mark.lastIndex = from;
  for (let match = mark.exec(src); match; match = mark.exec(src)) {
    if (match[2] === undefined) continue;
    depth += match[2] ? -1 : 1;
    if (depth > 0) continue;
    const to = match.index + match[0].length;
    return { from: match.index, to: to + /^[ \t]*\n*/.exec(src.slice(to))![0].length };
  }
  return { from: src.length, to: src.length };
}

/** `[^1]`; a label that is no number may be anything, so it needs its footnote. A number without one is no button: it leads nowhere. */
const noteMark = (context: Context): TokenizerAndRendererExtension => ({
  name: 'noteMark',
  level: 'inline',
  start: (src: string) => src.match(/\[\^/)?.index,
  tokenizer(src: string) {
    const match = /^\[\^([\w-]+)\](?!:|\()/.exec(src);
    if (!match || !(context.notes.has(match[1]!) || /^\d{1,3}$/.test(match[1]!))) return undefined;
    return { type: 'noteMark', raw: match[0], label: match[1] };
  },
  renderer: (token) => {
    const label = escape(token.label as string);
    return `<sup class="md-noteref">${context.notes.has(token.label as string) ? `<button type="button" data-ref="${label}">${label}</button>` : label}</sup>`;
  },
});

/** The labels of all footnotes of a text. */
export const notesOf = (text: string) => new Set([...text.matchAll(/^ {0,3}\[\^([\w-]+)\]:/gm)].map((m) => m[1]!));

const CJK = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\u3000-\u303f\uff00-\uffef]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;

/**
 * `**中文（bold）。**后`: CommonMark wants a space or punctuation on the far side of a mark that stands beside
 * punctuation, and languages without spaces have none. Only these cases are read here.
 */
const emStrong: TokenizerObject['emStrong'] = function (src, _masked, before = '') {
  const match = /^(\*\*|\*)(?![\s*])((?:[^*\\`]|\\[\s\S]|`[^`]*`)+?)(?<!\s)\1(?!\*)/.exec(src);
  if (!match) return false;
  const text = match[2]!;
  const after = String.fromCodePoint(src.codePointAt(match[0].length) ?? 32);
  const first = String.fromCodePoint(text.codePointAt(0)!);
  const last = [...text.slice(-2)].at(-1)!;
  const beside = (inner: string, outer: string) => PUNCTUATION.test(inner) && CJK.test(outer);
  if (!beside(last, after) && !beside(first, before)) return false;
  const type = match[1] === '**' ? 'strong' : 'em';
  return { type, raw: match[0], text, tokens: this.lexer.inlineTokens(text) } as ReturnType<NonNullable<typeof emStrong>>;
};

export const syntax = (context: Context) => ({
  extensions: [inlineMath(context), blockMath(context), details, noteText, noteMark(context)],
  tokenizer: { emStrong },
});
