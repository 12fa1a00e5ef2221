"""The official client of PyPI asks for an answer that takes a while: client_progress.py URL KEY. Writes a line of JSON for each notice, and for
the answer."""
import asyncio, json, os, sys, traceback

import httpx2
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from patience import PATIENCE  # noqa: E402

url, key = sys.argv[1:3]
NAME = "mcp (PyPI)"


def say(**o):
    print(json.dumps({"name": NAME, **o}), flush=True)


async def told(progress, total, message):
    say(progress=progress, message=message)


async def ask():
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer " + key}, timeout=PATIENCE) as h:
        async with streamable_http_client(url + "/mcp", http_client=h) as streams:
            async with ClientSession(streams[0], streams[1]) as s:
                await s.initialize()
                r = await s.call_tool("chat", {"message": "Take your time."}, progress_callback=told)
                say(said=r.content[0].text, failed=r.is_error)


try:
    asyncio.run(ask())
except BaseException:
    say(error=traceback.format_exc())
