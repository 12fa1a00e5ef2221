"""The official client of PyPI with Atelier as its server: client.py URL KEY BINARY. Writes a line of JSON for each way."""
import asyncio, json, os, sys, traceback

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

url, key, binary = sys.argv[1:]


async def use(streams):
    async with ClientSession(streams[0], streams[1]) as s:
        await s.initialize()
        return {"tools": [t.name for t in (await s.list_tools()).tools], "found": (await s.call_tool("search_documents", {"query": "cat"})).content[0].text,
                "read": (await s.read_resource((await s.list_resources()).resources[0].uri)).contents[0].text,
                "prompt": (await s.get_prompt("greet", {"who": "Ada"})).messages[0].content.text,
                "said": len((await s.call_tool("chat", {"message": "How do I add a document?"})).content[0].text)}


async def over_http():
    import httpx2
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer " + key}) as h:
        async with streamable_http_client(url + "/mcp", http_client=h) as streams:
            return await use(streams)


async def over_stdio():
    async with stdio_client(StdioServerParameters(command=binary, args=["mcp"], env={**os.environ, "ATELIER_SERVER": url, "ATELIER_SERVER_KEY": key})) as streams:
        return await use(streams)


for name, way in (("mcp (PyPI), HTTP", over_http), ("mcp (PyPI), stdio", over_stdio)):
    try:
        print(json.dumps({"name": name, **asyncio.run(way())}))
    except BaseException:
        print(json.dumps({"name": name, "error": traceback.format_exc()}))
