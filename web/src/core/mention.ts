import { fold } from './fold';

/** What is chosen by its name while it is typed in a message: where the name's sign stands, and what of the name stands before the caret. */
export interface Word {
  from: number;
  query: string;
}

/** How far back a name may begin. */
const LONGEST = 100;
const HASH = /(?:^|[\s([{"'“„«‚‘「『（、。，：；])[#＃]([^\s#＃`]*)$/u;

/** Whether what follows the text stands in code, as Markdown sees it. */
function inCode(before: string): boolean {
  let fence = '';
  let paragraph = '';
  for (const line of before.split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? '';
    if (fence) {
      if (mark.startsWith(fence)) fence = '';
    } else if (mark) fence = mark;
    paragraph = mark || line.trim() === '' ? '' : paragraph + line + '\n';
  }
  if (fence || /(?:^|\n)(?: {4}|\t).*$/.test(before)) return true;
  let open = '';
  for (const [ticks] of paragraph.matchAll(/`+/g)) {
    if (!open) open = ticks;
    else if (open === ticks) open = '';
  }
  return open !== '';
}

/** A name of documents that is being typed: "#" at the beginning of a word, outside of code. A heading has a blank behind it, and is none. */
export function hashAt(text: string, caret: number): Word | null {
  const found = HASH.exec(text.slice(Math.max(0, caret - LONGEST), caret));
  return found && !inCode(text.slice(0, caret)) ? { from: caret - found[1]!.length - 1, query: fold(found[1]!) } : null;
}

/** The text without what was typed to choose by, and where the caret stands then; of two blanks around it, one stays. */
export function without(text: string, from: number, to: number): { text: string; caret: number } {
  const end = /\s$/.test(text.slice(0, from)) && text[to] === ' ' ? to + 1 : to;
  return { text: text.slice(0, from) + text.slice(end), caret: from };
}
