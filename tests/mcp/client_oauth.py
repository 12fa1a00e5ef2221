"""The official client of PyPI signs in to Atelier: client_oauth.py URL COOKIE DATABASE. The person's browser is played. Writes a line of JSON."""
import asyncio, html, json, re, sqlite3, sys, traceback, urllib.parse

import httpx2
from mcp import ClientSession
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

url, cookie, data = sys.argv[1:]
BACK = "http://127.0.0.1:33419/callback"


class Storage:
    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Person:
    """Opens the page that asks, and presses "Allow"."""

    opened = 0

    async def open(self, at):
        self.opened += 1
        async with httpx2.AsyncClient(headers={"Cookie": cookie}) as h:
            form = re.search(r'action="(authorize\?ask=[^"]*answer=yes)"', (await h.get(at)).text)[1]
            r = await h.post(url + "/oauth/" + html.unescape(form), headers={"Origin": url})
            self.said = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(r.headers["location"]).query))

    async def come_back(self):
        return AuthorizationCodeResult(code=self.said["code"], state=self.said.get("state"), iss=self.said.get("iss"))


async def use(storage, ends=False):
    person = Person()
    auth = OAuthClientProvider(url + "/mcp", OAuthClientMetadata(client_name="Official client", redirect_uris=[BACK], token_endpoint_auth_method="none"),
                               storage, person.open, person.come_back)
    async with httpx2.AsyncClient(auth=auth) as h:
        async with streamable_http_client(url + "/mcp", http_client=h) as streams:
            async with ClientSession(streams[0], streams[1]) as s:
                await s.initialize()
                for _ in range(30):
                    await s.call_tool("list_documents", {})
                if ends:  # by its own clock, and by Atelier's
                    before = storage.tokens.access_token
                    auth.context.token_expiry_time = 1
                    with sqlite3.connect(data) as db:
                        db.execute("UPDATE api_keys SET token_ends_at = 1 WHERE token_ends_at IS NOT NULL")
                    await s.call_tool("list_documents", {})
                    assert storage.tokens.access_token != before, "it was not renewed"
                return (await s.call_tool("search_documents", {"query": "cat"})).content[0].text, person.opened


try:
    kept = Storage()
    found, asked = asyncio.run(use(kept, ends=True))
    again, asked_again = asyncio.run(use(kept))
    print(json.dumps({"name": "mcp (PyPI)", "found": found, "again": len(again), "asked": [asked, asked_again]}))
except BaseException:
    print(json.dumps({"name": "mcp (PyPI)", "error": traceback.format_exc()}))
