import DOMPurify from 'dompurify';
import { Marked, type Token, type Tokens } from 'marked';
import { t } from '../i18n/i18n.svelte';
import { highlight } from './highlight';

/** What rendering depends on besides the text. */
export interface RenderOptions {
  /** The numbers that [n] may refer to. */
  citations?: ReadonlySet<number>;
  /** Rewrites addresses; null: no link, only its text. */
  link?: (href: string) => string | null;
  /** Headings get ids for links to them. Only for text of our own. */
  anchors?: boolean;
}

export const escape = (s: string) =>
  s.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** The anchor of a heading: lower case, runs of anything but letters and digits become one "-". */
export const slug = (s: string) =>
  s
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

const SCHEME = /^(https?:|mailto:|#|\/)/i;

/**
 * Classes have a prefix of their own: a utility of the same name would meet them otherwise (tests/rendered.test.ts). A line
 * without a language needs no bar.
 */
function codeBlock(text: string, lang: string): string {
  const label = escape(lang);
  const bare = !lang && !text.trim().includes('\n');
  const buttons = (bare ? ['copy'] : ['wrap', 'copy']).map(
    (what) => `<button type="button" data-code="${what}">${escape(t(what === 'wrap' ? 'code.wrap' : 'action.copy'))}</button>`,
  );
  return (
    `<div class="md-code${bare ? ' md-bare' : ''}"><div class="md-bar"><span>${label}</span>${buttons.join('')}</div>` +
    `<pre tabindex="0" role="group" aria-label="${escape(t('code.label'))}${label && `: ${label}`}"><code class="hljs">${highlight(text, lang)}</code></pre></div>`
  );
}

/** The few tags that models use for what Markdown cannot say, bare of attributes; all other HTML is shown as text. */
const bareTags = (html: string) => escape(html).replace(/&#60;(\/?)(br|sub|sup|kbd|mark|u|details|summary)\s*\/?&#62;/gi, '<$1$2>');

function makeMarked(options: RenderOptions): Marked {
  const marked = new Marked({ gfm: true, breaks: true });
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
      blockquote({ tokens }) {
        return `<blockquote dir="auto">${this.parser.parse(tokens)}</blockquote>\n`;
      },
      listitem(item) {
        const inside = this.parser.parse(item.tokens);
        return item.task ? `<li class="md-task" dir="auto">${inside}</li>\n` : `<li dir="auto">${inside}</li>\n`;
      },
      code: ({ text, lang }) => codeBlock(text, (lang ?? '').split(/\s/)[0] ?? ''),
      checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
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
        const row = (cells: Tokens.TableCell[], tag: string) =>
          '<tr>' +
          cells
            .map((c) => `<${tag}${c.align ? ` class="md-${c.align}"` : ''}>${this.parser.parseInline(c.tokens)}</${tag}>`)
            .join('') +
          '</tr>';
        return (
          `<div class="md-table" tabindex="0" role="group" aria-label="${escape(t('table.label'))}"><table><thead>${row(token.header, 'th')}</thead>` +
          `<tbody>${token.rows.map((r) => row(r, 'td')).join('')}</tbody></table></div>`
        );
      },
    },
  });
  return marked;
}

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
const PLAIN_ATTRS = 'class start tabindex role aria-label data-cite data-code dir type id'.split(' ');

/** The second wall behind the renderer's own escaping. */
export function sanitize(html: string, anchors = false): string {
  return purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ['href', ...PLAIN_ATTRS.filter((a) => anchors || a !== 'id')],
    ADD_URI_SAFE_ATTR: PLAIN_ATTRS,
    ALLOW_DATA_ATTR: false,
    ALLOWED_URI_REGEXP: SCHEME,
  });
}

/** Markdown to HTML, a block at a time. */
export class Renderer {
  private marked: Marked;
  constructor(private options: RenderOptions = {}) {
    this.marked = makeMarked(options);
  }

  lex(text: string): Token[] {
    return this.marked.lexer(text);
  }

  block(token: Token): string {
    return sanitize(this.marked.parser([token]), this.options.anchors);
  }

  all(text: string): string {
    return sanitize(this.marked.parser(this.marked.lexer(text)), this.options.anchors);
  }
}
