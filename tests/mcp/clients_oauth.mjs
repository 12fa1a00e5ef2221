// The official clients of npm sign in to Atelier: clients_oauth.mjs URL COOKIE DATABASE. The person's browser is played. Writes a line of JSON for each.
import { execFileSync } from 'node:child_process';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';

const [url, cookie, data] = process.argv.slice(2);
const address = new URL(url + '/mcp');
const back = 'http://127.0.0.1:33418/callback';

// The page that asks, and a press on "Allow": the code, as the program would get it.
async function letIn(at) {
  const page = await (await fetch(at, { headers: { Cookie: cookie } })).text();
  const form = /action="(authorize\?ask=[^"]*answer=yes)"/.exec(page)[1].replaceAll('&amp;', '&');
  const r = await fetch(`${url}/oauth/${form}`, { method: 'POST', headers: { Cookie: cookie, Origin: url }, redirect: 'manual' });
  return new URL(r.headers.get('location')).searchParams;
}

function provider() {
  const kept = {};
  return {
    kept,
    get redirectUrl() { return back; },
    get clientMetadata() {
      return { client_name: 'Official client', redirect_uris: [back], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' };
    },
    state: () => 'some-state',
    clientInformation: () => kept.client,
    saveClientInformation: (c) => void (kept.client = c),
    tokens: () => kept.tokens,
    saveTokens: (t) => void (kept.tokens = t),
    redirectToAuthorization: (u) => void (kept.asked = u),
    saveCodeVerifier: (v) => void (kept.verifier = v),
    codeVerifier: () => kept.verifier,
  };
}

const who = { name: 'tests', version: '1' };
const all = {
  'sdk 1': [() => new Client1(who), Http1],
  'client 2': [() => new Client2(who), Http2],
  'client 2, newest': [() => new Client2(who, { versionNegotiation: { mode: 'auto' } }), Http2],
};

for (const [name, [client, Http]] of Object.entries(all)) {
  const row = { name };
  try {
    const authProvider = provider();
    const first = new Http(address, { authProvider });
    try {
      await client().connect(first);
      row.error = 'it was let in without signing in';
    } catch (e) {
      if (!authProvider.kept.asked) throw e;
    }
    const said = await letIn(authProvider.kept.asked);
    row.state = said.get('state');
    await first.finishAuth(said.get('code'), said.get('iss') ?? undefined);
    const c = client();
    await c.connect(new Http(address, { authProvider }));
    row.found = (await c.callTool({ name: 'search_documents', arguments: { query: 'cat' } })).content[0].text;
    // Long sessions: many calls, one of them given up.
    for (let i = 0; i < 30; i++) await c.callTool({ name: 'list_documents', arguments: {} });
    const gone = AbortSignal.abort();
    await c.callTool({ name: 'list_documents', arguments: {} }, ...(Http === Http1 ? [undefined] : []), { signal: gone }).then(() => (row.error = 'a call that was given up has ended well'), () => {});
    row.after = (await c.listTools()).tools.length;
    await c.close();
    // What was saved is enough to come back.
    const again = client();
    await again.connect(new Http(address, { authProvider }));
    row.again = (await again.listTools()).tools.length;
    // Its token ends: several calls at once find so, and it is renewed without asking anybody.
    authProvider.kept.asked = undefined;
    const before = authProvider.kept.tokens.access_token;
    execFileSync('python3', ['-c', 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute("UPDATE api_keys SET token_ends_at = 1 WHERE token_ends_at IS NOT NULL")', data]);
    const lists = await Promise.all([0, 1, 2].map(() => again.callTool({ name: 'list_documents', arguments: {} })));
    row.renewed = [lists.length, authProvider.kept.asked === undefined, authProvider.kept.tokens.access_token !== before];
    await again.close();
  } catch (e) {
    row.error = String(e.stack ?? e);
  }
  console.log(JSON.stringify(row));
}
