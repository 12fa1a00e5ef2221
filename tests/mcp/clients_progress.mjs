// The official clients of npm ask for an answer that takes a while, and for one that they give up once something comes on the standard input:
// clients_progress.mjs URL KEY BINARY. Writes a line of JSON for each notice, for each answer, and for what was given up.
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';

const [url, key, binary] = process.argv.slice(2);
const http = [new URL(url + '/mcp'), { requestInit: { headers: { Authorization: `Bearer ${key}` } } }];
const program = { command: binary, args: ['mcp'], env: { ...process.env, ATELIER_SERVER: url, ATELIER_SERVER_KEY: key } };
const who = { name: 'tests', version: '1' };
const newest = { versionNegotiation: { mode: 'auto' } };
const say = (o) => console.log(JSON.stringify(o));
const stop = new AbortController();
process.stdin.once('data', () => stop.abort());

async function ask(name, c, transport, old) {
  try {
    await c.connect(transport);
    const options = { onprogress: (p) => say({ name, progress: p.progress, message: p.message }), resetTimeoutOnProgress: true, timeout: 60000 };
    const call = (o) => ((wish) => (old ? c.callTool(wish, undefined, o) : c.callTool(wish, o)))({ name: 'chat', arguments: { message: 'Take your time.' } });
    const givenUp = call({ signal: stop.signal }).then(
      (r) => say({ name, given_up: r.content[0].text }),
      () => say({ name, given_up: true }),
    );
    const r = await call(options);
    say({ name, said: r.content[0].text, failed: r.isError });
    await givenUp;
    await c.close();
  } catch (e) {
    say({ name, error: String(e.stack ?? e) });
  }
}

await Promise.all([
  ask('sdk 1, HTTP', new Client1(who), new Http1(...http), true),
  ask('client 2, HTTP, newest', new Client2(who, newest), new Http2(...http), false),
  ask('client 2, stdio', new Client2(who), new Stdio2(program), false),
]);
process.stdin.destroy();
