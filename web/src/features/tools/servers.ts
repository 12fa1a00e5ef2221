/* What a tool server is set up with, as a form has it and as the server does. */
import type { ToolServer } from '$core/api/types';
import type { Key } from '$core/i18n/i18n.svelte';
import { isObject } from './results';

export type ServerKind = ToolServer['kind'];
export const kindNames: Record<ServerKind, Key> = { 'mcp-http': 'tools.kindMcpHttp', 'mcp-stdio': 'tools.kindMcpStdio', http: 'tools.kindHttp', openapi: 'tools.kindOpenapi', python: 'tools.kindPython' };
/** Those that the dialog can set up. */
export const formKinds: ServerKind[] = ['mcp-http', 'mcp-stdio', 'openapi', 'python', 'http'];

/** How a request shows that it may: nothing, or one of these. */
export const AUTHS = { '': 'tools.authNone', bearer: 'tools.authBearer', basic: 'tools.authBasic', header: 'tools.authHeader', query: 'tools.authQuery' } as const satisfies Record<string, Key>;
export type Auth = keyof typeof AUTHS;
/** The token stands in a header or a parameter that has a name. */
export const authNamed = (auth: Auth) => auth === 'header' || auth === 'query';

/** What an OpenAPI document describes, as the server read it. */
export interface Operation {
  id: string;
  name: string;
  method: string;
  path: string;
  title: string;
  tags: string[];
  deprecated: boolean;
  reads: boolean;
  /** Why it cannot be chosen. */
  problem?: string;
}
export interface ReadDocument {
  title: string;
  server: string;
  auth: { type: string; name?: string }[];
  operations: Operation[];
}

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
  auth: Auth;
  /** Of the header or the parameter that carries the token. */
  authName: string;
  user: string;
  /** Of an OpenAPI document that has no address: itself. */
  document: string;
  pasted: boolean;
  server: string;
  operations: string[];
  /** Functions in Python. */
  source: string;
  hosts: string;
}

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;
export const empty: ServerTexts = { url: '', token: '', command: '', env: '', read: '', write: '', toolName: '', method: 'GET', description: '', parameters: '', auth: '', authName: '', user: '', document: '', pasted: false, server: '', operations: [], source: '', hosts: '' };

/** What the fields of every kind of server are given. */
export interface FieldsProps {
  x: ServerTexts;
  /** What to say beside a text that must be there. */
  missing: (text: string) => string;
  /** It has secrets, which stay where none are typed. */
  kept: boolean;
  onchange: () => void;
  /** It is another address or another document: what was read of the former holds no longer. */
  onaddress: () => void;
}

/** The texts without which there is no such server. */
export function neededOf(kind: ServerKind, x: ServerTexts): string[] {
  if (kind === 'mcp-stdio') return [x.command];
  if (kind === 'python') return [x.source];
  if (kind === 'mcp-http') return [x.url];
  const named = authNamed(x.auth) ? [x.authName] : [];
  return kind === 'openapi' ? [x.pasted ? x.document : x.url, ...named] : [x.url, x.toolName, ...named];
}

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
  if (kind === 'python') {
    const { hosts: _hosts, ...kept } = had;
    return { ...kept, source: x.source, ...(x.hosts.trim() && { hosts: lines(x.hosts) }) };
  }
  const { auth: _auth, url: _url, document: _document, server: _server, operations: _operations, ...kept } = had;
  const auth = x.auth ? { auth: authNamed(x.auth) ? { type: x.auth, name: x.authName.trim() } : { type: x.auth } } : {};
  if (kind === 'openapi') {
    const from = x.pasted ? { document: x.document } : { url: x.url.trim() };
    return { ...kept, ...auth, ...from, ...(x.server.trim() && { server: x.server.trim() }), ...(x.operations.length > 0 && { operations: x.operations }) };
  }
  const parameters = schemaOf(x.parameters);
  if (!parameters) return null;
  const rest = (Array.isArray(had.tools) ? had.tools : []).slice(1);
  return { ...kept, ...auth, tools: [{ name: x.toolName.trim(), method: x.method, url: x.url.trim(), description: x.description.trim(), parameters }, ...rest] };
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
  if (kind === 'mcp-stdio' || kind === 'python') return x.env.trim() ? { env: pairsOf(x.env) } : undefined;
  if (!x.token) return undefined;
  if (kind !== 'mcp-http' && x.auth === 'basic') return { user: x.user.trim(), password: x.token };
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
    ...authTexts(config.auth),
    document: word(config.document),
    pasted: typeof config.document === 'string',
    server: word(config.server),
    operations: texts(config.operations),
    source: word(config.source),
    hosts: texts(config.hosts).join('\n'),
  };
}

/** One of the ways that a document or a stored server names. */
export function authTexts(auth: unknown): Pick<ServerTexts, 'auth' | 'authName'> {
  const type = isObject(auth) ? word(auth.type) : '';
  return { auth: type in AUTHS ? (type as Auth) : '', authName: isObject(auth) ? word(auth.name) : '' };
}

/** The operations by their first tag, in the order of the document; those without one stand under ''. */
export function byTag(operations: readonly Operation[]): [string, Operation[]][] {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const tag = operation.tags[0] ?? '';
    groups.set(tag, [...(groups.get(tag) ?? []), operation]);
  }
  return [...groups];
}

/** An address that a server names, when it is one that a browser opens as a page; else what is wrong is thrown. */
export function pageAddress(text: string): string {
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`no page: ${url.protocol}`);
  return url.href;
}

/** What a tool takes, with nothing filled in. */
export function argumentsOf(parameters: unknown): Record<string, unknown> {
  const properties = isObject(parameters) && isObject(parameters.properties) ? parameters.properties : {};
  const of = (schema: unknown) => {
    const { type, default: initial } = isObject(schema) ? schema : {};
    if (initial !== undefined) return initial;
    const first: unknown = Array.isArray(type) ? type[0] : type;
    return first === 'number' || first === 'integer' ? 0 : first === 'boolean' ? false : first === 'array' ? [] : first === 'object' ? {} : '';
  };
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, of(schema)]));
}
