// A server of the newest revision, made with the official SDK, whose tools change while it is used: changing.mjs [stdio], else with PORT.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

let grown = 0;
let changed = () => {};

const make = () => {
  const server = new McpServer({ name: 'changing', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  const say = (name) => server.registerTool(name, { description: 'Says its name.' }, async () => ({ content: [{ type: 'text', text: name }] }));
  server.registerTool('grow', { description: 'Has one tool more.' }, async () => {
    say(`grown-${++grown}`);
    changed();
    return { content: [{ type: 'text', text: 'grown' }] };
  });
  for (let i = 1; i <= grown; i++) say(`grown-${i}`);
  return server;
};

if (process.argv[2] === 'stdio') {
  serveStdio(make);
} else {
  const handler = createMcpHandler(make);
  changed = () => handler.notify.toolsChanged();
  createServer(async (request, response) => {
    const body = request.method === 'POST' ? Readable.toWeb(request) : undefined;
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = await handler.fetch(new Request(`http://${request.headers.host}${request.url}`, { method: request.method, headers: request.headers, body, duplex: 'half', signal: gone.signal }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    if (answer.body) Readable.fromWeb(answer.body).on('error', () => {}).pipe(response);
    else response.end();
  }).listen(Number(process.env.PORT), '127.0.0.1');
}
