"""The official client of PyPI asks for an answer that takes a while, and for one that it gives up once something comes on the standard input:
client_progress.py URL KEY. Writes a line of JSON for each notice, for the answer, and for what was given up."""
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
                given_up = asyncio.create_task(s.call_tool("chat", {"message": "Take your time."}))
                waits = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
                waits.add_done_callback(lambda _: given_up.cancel())
                r = await s.call_tool("chat", {"message": "Take your time."}, progress_callback=told)
                say(said=r.content[0].text, failed=r.is_error)
                await asyncio.wait([given_up])
                say(given_up=given_up.cancelled())


try:
    asyncio.run(ask())
except BaseException:
    say(error=traceback.format_exc())
