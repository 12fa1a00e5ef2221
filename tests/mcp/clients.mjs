// The official clients of npm with Atelier as their server: clients.mjs URL KEY BINARY. Writes a line of JSON for each.
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';

const [url, key, binary] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}` };
const program = { command: binary, args: ['mcp'], env: { ...process.env, ATELIER_SERVER: url, ATELIER_SERVER_KEY: key } };
const address = new URL(url + '/mcp');
const who = { name: 'tests', version: '1' };

const all = {
  'sdk 1, HTTP': [() => new Client1(who), () => new Http1(address, { requestInit: { headers } })],
  'sdk 1, stdio': [() => new Client1(who), () => new Stdio1(program)],
  'client 2, HTTP': [() => new Client2(who), () => new Http2(address, { requestInit: { headers } })],
  'client 2, HTTP, newest': [() => new Client2(who, { versionNegotiation: { mode: 'auto' } }), () => new Http2(address, { requestInit: { headers } })],
  'client 2, stdio': [() => new Client2(who), () => new Stdio2(program)],
  'client 2, stdio, newest': [() => new Client2(who, { versionNegotiation: { mode: 'auto' } }), () => new Stdio2(program)],
};

for (const [name, [client, transport]] of Object.entries(all)) {
  const row = { name };
  const c = client();
  try {
    await c.connect(transport());
    row.tools = (await c.listTools()).tools.map((t) => t.name);
    row.found = (await c.callTool({ name: 'search_documents', arguments: { query: 'cat' } })).content[0].text;
    row.said = (await c.callTool({ name: 'chat', arguments: { message: 'How do I add a document?' } })).content[0].text.length;
    const { resources } = await c.listResources();
    row.read = (await c.readResource({ uri: resources[0].uri })).contents[0].text;
    row.prompt = (await c.getPrompt({ name: 'greet', arguments: { who: 'Ada' } })).messages[0].content.text;
    row.version = c.getNegotiatedProtocolVersion?.() ?? null;
    if (row.version === '2026-07-28') {
      const told = new Promise((resolve) => c.setNotificationHandler('notifications/prompts/list_changed', resolve));
      const listening = await c.listen({ promptsListChanged: true, toolsListChanged: true });
      row.honored = listening.honoredFilter;
      const body = JSON.stringify({ name: name.toLowerCase().replaceAll(/\W+/g, '-'), body: 'x' });
      const made = await fetch(url + '/api/v1/prompts', { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body });
      if (!made.ok) throw new Error(await made.text());
      await told;
      await listening.close();
    }
    row.server = c.getServerVersion().name;
  } catch (e) {
    row.error = String(e.stack ?? e);
  } finally {
    await c.close();
  }
  console.log(JSON.stringify(row));
}
