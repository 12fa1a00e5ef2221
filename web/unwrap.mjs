/** Begins something of its own: a heading, an item, a quotation, a row of a table, a rule, markup. */
const BEGINS = /^\s*(#{1,6}\s|[-*+]\s|\d+[.)]\s|>|\||<|([-=*_]\s*){3,}$)/;
/** What no line after it goes on. */
const CLOSED = /^\s*(#{1,6}\s|\||<|([-=*_]\s*){3,}$)|( {2}|\\)$/;

/**
 * Markdown whose paragraphs are one line each. In the source they are broken where an editor's window ends; where line ends
 * count, as in answers, that would be seen. What is code stays as it is.
 */
export function unwrap(markdown) {
  const lines = [];
  let fence = '';
  let open = false;
  for (const line of markdown.split('\n')) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1] ?? '';
    if (!fence && !mark && open && line.trim() && !BEGINS.test(line)) {
      lines.push(`${lines.pop()} ${line.trimStart()}`);
    } else {
      lines.push(line);
    }
    const code = fence !== '' || mark !== '' || (!open && /^( {4}|\t)/.test(line));
    open = !code && line.trim() !== '' && !CLOSED.test(lines.at(-1));
    if (!fence) fence = mark;
    else if (mark.startsWith(fence)) fence = '';
  }
  return lines.join('\n');
}
