import DOMPurify from 'dompurify';
import { Marked, type Token, type Tokens } from 'marked';
import { t } from '../i18n/i18n.svelte';
import { escape } from './escape';
import { highlight } from './highlight';
import { notesOf, syntax, type Context } from './syntax';

/** What rendering depends on besides the text. */
export interface RenderOptions {
  /** The numbers that [n] may refer to. */
  citations?: ReadonlySet<number>;
  /** Rewrites addresses; null: no link, only its text. */
  link?: (href: string) => string | null;
  /** A text of our own: headings get ids for links to them, and a line's end is no more than a blank. */
  anchors?: boolean;
}

/** The anchor of a heading: lower case, runs of anything but letters and digits become one "-". */
export const slug = (s: string) =>
  s
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

const SCHEME = /^(https?:|mailto:|#|\/)/i;

const button = (what: string, text: string) => `<button type="button" data-code="${what}">${escape(text)}</button>`;

/**
 * Classes have a prefix of their own: a utility of the same name would meet them otherwise (tests/rendered.test.ts). A line
 * without a language needs no bar; over the text of a diagram its picture is drawn (diagrams.ts). A block that is still being written (`open`) is coloured where it is shown.
 */
export function codeBlock(text: string, lang: string, open = false): string {
  const diagram = lang.toLowerCase() === 'mermaid' && !open;
  const label = escape(lang);
  const lines = text.replace(/\n$/, '').split('\n').length;
  const bare = !open && !lang && lines === 1;
  const copy = button('copy', t('action.copy'));
  const buttons = bare
    ? [copy]
    : diagram
      ? [button('source', t('diagram.source')), button('svg', t('diagram.save')), copy]
      : [button('wrap', t('code.wrap')), button('save', t('action.download')), copy];
  // Growing code has a place for it: what came in between would move the buttons.
  const count = lines > 1 || open ? `<span class="md-lines">${open ? '' : escape(t('code.lines', { n: lines }))}</span>` : '';
  const kind = bare ? ' md-bare' : diagram ? ' md-diagram' : '';
  return (
    `<div class="md-code${kind}"${diagram ? ` data-source="${escape(text)}"` : ''}><div class="md-bar"><span class="md-lang">${label}</span>${count}${buttons.join('')}</div>` +
    `<pre tabindex="0" role="group" aria-label="${escape(t('code.label'))}${label && `: ${label}`}"><code class="hljs"` +
    `${label && ` data-lang="${label}"`}${open ? ' data-open=""' : ''}>${open ? escape(text) : highlight(text, lang)}</code></pre></div>`
  );
}

/** The few tags that models use for what Markdown cannot say, bared of attributes; all other HTML is shown as text. */
const bareTags = (html: string) =>
  html.replace(/<(\/?)(br|sub|sup|kbd|mark|u|details|summary)(?:\s[^<>]*)?\/?>|[\s\S]/gi, (all, end, tag) =>
    tag ? `<${end}${tag.toLowerCase()}>` : escape(all),
  );

/**
 * The side that a list, a quote or a table begins at: that of its first letter. `dir="auto"` would not see it, since what
 * stands within has a direction of its own.
 */
export const sideOf = (text: string): string => (/^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(/\p{L}/u.exec(text)?.[0] ?? '') ? ' dir="rtl"' : '');

function makeMarked(options: RenderOptions, context: Context): Marked {
  const marked = new Marked({ gfm: true, breaks: !options.anchors });
  marked.use(syntax(context));
  marked.use({
    extensions: [
      {
        name: 'cite',
        level: 'inline',
        start: (src: string) => src.match(/\[\d/)?.index,
        tokenizer(src: string) {
          const match = /^\[(\d{1,3})\](?![(:])/.exec(src);
          if (!match || !options.citations?.has(Number(match[1]))) return undefined;
          return { type: 'cite', raw: match[0], n: match[1] };
        },
        renderer: (token) =>
          `<button type="button" class="md-cite" data-cite="${token.n}" aria-label="${escape(t('citation.source', { n: token.n }))}">${token.n}</button>`,
      },
    ],
    tokenizer: {
      // One tilde means "about"; only two strike through.
      del(src) {
        const match = /^~~(?=\S)([\s\S]*?\S)~~(?!~)/.exec(src);
        return match ? { type: 'del', raw: match[0], text: match[1]!, tokens: this.lexer.inlineTokens(match[1]!) } : undefined;
      },
    },
    renderer: {
      html: ({ text }) => bareTags(text),
      paragraph({ tokens }) {
        return `<p dir="auto">${this.parser.parseInline(tokens)}</p>\n`;
      },
      blockquote({ tokens, raw }) {
        return `<blockquote${sideOf(raw)}>${this.parser.parse(tokens)}</blockquote>\n`;
      },
      list({ ordered, start, items, raw, side = sideOf(raw) }: Tokens.List & { side?: string }) {
        const tag = ordered ? 'ol' : 'ul';
        const from = ordered && start !== 1 ? ` start="${start}"` : '';
        return `<${tag}${from}${side}>\n${items.map((item) => this.listitem(item)).join('')}</${tag}>\n`;
      },
      listitem(item) {
        const inside = this.parser.parse(item.tokens);
        return item.task ? `<li class="md-task" dir="auto">${inside}</li>\n` : `<li dir="auto">${inside}</li>\n`;
      },
      code: ({ text, lang }) => codeBlock(text, (lang ?? '').split(/\s/)[0] ?? ''),
      checkbox: ({ checked }) =>
        `<span class="md-check" role="img" aria-label="${escape(t(checked ? 'task.done' : 'task.open'))}">${checked ? '☑' : '☐'}</span> `,
      // Pictures from elsewhere would tell others what is read here; they become links.
      image: ({ href, text }) => link(options, href, escape(text || href)),
      link({ href, tokens }) {
        return link(options, href, this.parser.parseInline(tokens));
      },
      heading({ tokens, depth, text, level = options.anchors ? depth : Math.min(6, depth + 2) }: Tokens.Heading & { level?: number }) {
        const id = options.anchors ? ` id="${escape(slug(text))}"` : '';
        return `<h${level}${id} class="md-h${depth}" dir="auto">${this.parser.parseInline(tokens)}</h${level}>`;
      },
      table(token) {
        const { before, after } = tableShell(row(this.parser, token.header, 'th'), sideOf(token.header.map((c) => c.text).join(' ')));
        return before + token.rows.map((r) => row(this.parser, r, 'td')).join('') + after;
      },
    },
  });
  return marked;
}

const CJK = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{4}/;

function row(parser: { parseInline(tokens: Token[]): string }, cells: Tokens.TableCell[], tag: string): string {
  const cell = (c: Tokens.TableCell) => {
    // These may break behind each letter, and would in a narrow column.
    const looks = [c.align && `md-${c.align}`, CJK.test(c.text) && 'md-dense'].filter(Boolean).join(' ');
    return `<${tag}${looks && ` class="${looks}"`} dir="auto">${parser.parseInline(c.tokens)}</${tag}>`;
  };
  return `<tr>${cells.map(cell).join('')}</tr>`;
}

/** What stands around a table's rows. */
const tableShell = (head: string, side: string) => ({
  before:
    `<div class="md-tablebox"><div class="md-table" tabindex="0" role="group" aria-label="${escape(t('table.label'))}"><table${side}><thead>${head}</thead><tbody>`,
  after:
    `</tbody></table></div><div class="md-tools">${button('csv', t('table.copyCsv'))}${button('markdown', t('table.copyMarkdown'))}</div></div>`,
});

function link(options: RenderOptions, address: string, html: string): string {
  const href = options.link ? options.link(address) : address;
  if (href === null || !SCHEME.test(href)) return html;
  return `<a href="${escape(href)}">${html}</a>`;
}

const purify = DOMPurify(window);
purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return;
  if (node.getAttribute('href')?.startsWith('#')) return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer');
});

const TAGS =
  'a b blockquote br button code del details div em h1 h2 h3 h4 h5 h6 hr i kbd li mark ol p pre s span strong sub summary sup table tbody td th thead tr u ul'.split(
    ' ',
  );
const PLAIN_ATTRS =
  'class start tabindex role aria-label data-back data-cite data-code data-lang data-note data-open data-ref data-source data-tex dir type id'.split(
    ' ',
  );

/** The second wall behind the renderer's own escaping. */
export function sanitize(html: string, anchors = false): string {
  return purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ['href', ...PLAIN_ATTRS.filter((a) => anchors || a !== 'id')],
    ADD_URI_SAFE_ATTR: PLAIN_ATTRS,
    ALLOW_DATA_ATTR: false,
    // It becomes HTML, never XML; a formula or diagram may hold "-->" or "]>", and would be lost.
    SAFE_FOR_XML: false,
    ALLOWED_URI_REGEXP: SCHEME,
  });
}

/** Markdown to HTML, a block at a time. */
export class Renderer {
  private marked: Marked;
  private context: Context = { growing: false, notes: new Set() };

  constructor(private options: RenderOptions = {}) {
    this.marked = makeMarked(options, this.context);
  }

  /** `growing`: more text may come behind it. */
  lex(text: string, growing = false): Token[] {
    this.context.growing = growing;
    return this.marked.lexer(text);
  }

  /** The footnotes that marks may point to; those of all the text, which `lex` may not see. */
  know(notes: ReadonlySet<string>): void {
    this.context.notes = notes;
  }

  block(token: Token): string {
    return sanitize(this.marked.parser([token]), this.options.anchors);
  }

  all(text: string): string {
    this.know(notesOf(text));
    return sanitize(this.marked.parser(this.lex(text)), this.options.anchors);
  }
}
