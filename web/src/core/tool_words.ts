import { t, type Key } from './i18n/i18n.svelte';

/** What the page calls each tool that comes with the program, and what it says of it in a sentence (`tests/tool_words.test.ts` finds those that are not here). */
const words: Readonly<Record<string, readonly [Key, Key]>> = {
  calculator: ['builtin.calculator', 'builtin.calculatorNote'],
  current_time: ['builtin.currentTime', 'builtin.currentTimeNote'],
  find_in_documents: ['builtin.findInDocuments', 'builtin.findInDocumentsNote'],
  list_documents: ['builtin.listDocuments', 'builtin.listDocumentsNote'],
  list_files: ['builtin.listFiles', 'builtin.listFilesNote'],
  python: ['builtin.python', 'builtin.pythonNote'],
  read_document: ['builtin.readDocument', 'builtin.readDocumentNote'],
  read_file: ['builtin.readFile', 'builtin.readFileNote'],
  remember: ['builtin.remember', 'builtin.rememberNote'],
  search_documents: ['builtin.searchDocuments', 'builtin.searchDocumentsNote'],
  system_info: ['builtin.systemInfo', 'builtin.systemInfoNote'],
  update_plan: ['builtin.plan', 'builtin.planNote'],
  web_fetch: ['builtin.webFetch', 'builtin.webFetchNote'],
  web_search: ['builtin.webSearch', 'builtin.webSearchNote'],
  write_file: ['builtin.writeFile', 'builtin.writeFileNote'],
};

/** Where tools come from that are the program's own: a server's tool may have the same name, and keeps its own words. */
const own = new Set(['builtin', 'plan']);
const wordsOf = ({ name, source }: { name: string; source?: string }) => (own.has(source ?? '') && Object.hasOwn(words, name) ? words[name] : undefined);

/** What a tool, or the tool of a call, is called, in the language of the page if it is one of the program's own. */
export function toolTitle(tool: { name: string; title?: string; source?: string }): string {
  const known = wordsOf(tool);
  return known ? t(known[0]) : tool.title || tool.name;
}

/** What a tool does, in a sentence for people; what models are told of it where there is no such sentence. */
export function toolNote(tool: { name: string; description: string; source?: string }): string {
  const known = wordsOf(tool);
  return known ? t(known[1]) : tool.description;
}
