/* What a tool server is set up with, as a form has it and as the server does. */
import type { ToolServer } from '$core/api/types';
import type { Key } from '$core/i18n/i18n.svelte';
import { isObject } from './results';

export type ServerKind = ToolServer['kind'];
export const kindNames: Record<ServerKind, Key> = { 'mcp-http': 'tools.kindMcpHttp', 'mcp-stdio': 'tools.kindMcpStdio', http: 'tools.kindHttp', openapi: 'tools.kindOpenapi', python: 'tools.kindPython' };
/** Those that the dialog can set up. */
export const formKinds: ServerKind[] = ['mcp-http', 'mcp-stdio', 'http'];

export interface ServerTexts {
  url: string;
  token: string;
  command: string;
  env: string;
  read: string;
  write: string;
  toolName: string;
  method: string;
  description: string;
  parameters: string;
}

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;
export const empty: ServerTexts = { url: '', token: '', command: '', env: '', read: '', write: '', toolName: '', method: 'GET', description: '', parameters: '' };

const lines = (text: string) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** The words of a command line; what stands in quotation marks is one. */
export const wordsOf = (line: string): string[] => [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3]!);
const quoted = (word: string) => (/[\s"']/.test(word) || !word ? (word.includes('"') ? `'${word}'` : `"${word}"`) : word);

/** NAME=value, a line each. */
export const pairsOf = (text: string): Record<string, string> =>
  Object.fromEntries(lines(text).map((line) => [line.split('=', 1)[0]!.trim(), line.includes('=') ? line.slice(line.indexOf('=') + 1) : '']));

const texts = (v: unknown) => (Array.isArray(v) ? v.filter((x) => typeof x === 'string') : []);
const word = (v: unknown) => (typeof v === 'string' ? v : '');

/** null: the parameters are no JSON Schema of an object. */
export function configOf(kind: ServerKind, x: ServerTexts, had: Record<string, unknown> = {}): Record<string, unknown> | null {
  if (kind === 'mcp-http') return { ...had, url: x.url.trim() };
  if (kind === 'mcp-stdio') {
    const [command = '', ...args] = wordsOf(x.command);
    return { ...had, command, args, read: lines(x.read), write: lines(x.write) };
  }
  const parameters = schemaOf(x.parameters);
  if (!parameters) return null;
  const rest = (Array.isArray(had.tools) ? had.tools : []).slice(1);
  const auth = x.token ? { auth: { type: 'bearer' } } : {};
  return { ...had, ...auth, tools: [{ name: x.toolName.trim(), method: x.method, url: x.url.trim(), description: x.description.trim(), parameters }, ...rest] };
}

function schemaOf(text: string): Record<string, unknown> | null {
  if (!text.trim()) return { type: 'object', properties: {} };
  try {
    const schema: unknown = JSON.parse(text);
    return isObject(schema) ? schema : null;
  } catch {
    return null;
  }
}

/** Nothing: what it has stays. */
export function secretsOf(kind: ServerKind, x: ServerTexts): Record<string, unknown> | undefined {
  if (kind === 'mcp-stdio') return x.env.trim() ? { env: pairsOf(x.env) } : undefined;
  if (!x.token) return undefined;
  return kind === 'mcp-http' ? { bearer: x.token } : { token: x.token };
}

export function textsOf(server: ToolServer): ServerTexts {
  const { config } = server;
  const tool = Array.isArray(config.tools) && isObject(config.tools[0]) ? config.tools[0] : {};
  return {
    ...empty,
    url: word(config.url) || word(tool.url),
    command: [word(config.command), ...texts(config.args)].filter(Boolean).map(quoted).join(' '),
    read: texts(config.read).join('\n'),
    write: texts(config.write).join('\n'),
    toolName: word(tool.name),
    method: word(tool.method) || 'GET',
    description: word(tool.description),
    parameters: isObject(tool.parameters) ? JSON.stringify(tool.parameters, null, 2) : '',
  };
}

/** An address that a server names, when it is one that a browser opens as a page; else what is wrong is thrown. */
export function pageAddress(text: string): string {
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`no page: ${url.protocol}`);
  return url.href;
}
