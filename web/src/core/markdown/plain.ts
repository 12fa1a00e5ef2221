import { marked, type Token, type Tokens } from 'marked';

/** What stands within a line, without its marks. */
function inline(tokens: readonly Token[] = []): string {
  return tokens
    .map((token) => {
      if (token.type === 'br') return '\n';
      if (token.type === 'image') return (token as Tokens.Image).text;
      if (token.type === 'html') return '';
      const inner = (token as { tokens?: Token[] }).tokens;
      return inner ? inline(inner) : ((token as { text?: string }).text ?? '');
    })
    .join('');
}

function list(token: Tokens.List): string {
  return token.items
    .map((item, i) => {
      const mark = item.task ? (item.checked ? '[x] ' : '[ ] ') : token.ordered ? `${(Number(token.start) || 1) + i}. ` : '- ';
      return mark + blocks(item.tokens.filter((t) => t.type !== 'checkbox'), '\n').replaceAll('\n', '\n' + ' '.repeat(mark.length));
    })
    .join('\n');
}

const row = (cells: readonly Tokens.TableCell[]) => cells.map((c) => inline(c.tokens)).join('\t');

function block(token: Token): string {
  switch (token.type) {
    case 'space':
    case 'hr':
    case 'def':
      return '';
    case 'list':
      return list(token as Tokens.List);
    case 'blockquote':
      return blocks((token as Tokens.Blockquote).tokens);
    case 'table':
      return [(token as Tokens.Table).header, ...(token as Tokens.Table).rows].map(row).join('\n');
    case 'html':
      return (token as Tokens.HTML).text.replace(/<[^>]*>/g, '').trim();
    case 'code':
      return (token as Tokens.Code).text;
    default: {
      const inner = (token as { tokens?: Token[] }).tokens;
      return inner ? inline(inner) : ((token as { text?: string }).text ?? '');
    }
  }
}

const blocks = (tokens: readonly Token[], between = '\n\n') =>
  tokens
    .map(block)
    .filter((text) => text !== '')
    .join(between);

/** Markdown as what one reads of it: no marks of headings, emphasis, links and code; lists and lines stay. */
export const plainOf = (markdown: string): string => blocks(marked.lexer(markdown));
