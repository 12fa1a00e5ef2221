#!/usr/bin/env python3
"""What the official conformance suite runs as a client: conformance_client.py URL. Does what its scenario waits for."""
import json, os, sys, threading

import run

run.client = os.environ["MCP_CLIENT"]
scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
version = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "")


def value_of(schema):
    """Something that fits."""
    if "const" in schema or schema.get("enum"):
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    return {"string": "text", "integer": 5, "number": 5, "boolean": True, "array": [], "null": None}.get(kind, {})


def arguments_of(tool):
    return {k: value_of(v) for k, v in tool["inputSchema"].get("properties", {}).items() if isinstance(v, dict)}


def call(c, name, arguments, schema):
    n = c.begin("call", name=name, arguments=arguments, schema=schema)
    while True:
        o = c.next(n)
        if "ask" in o:
            c.do("answer", of=n, said={"action": "accept", "content": {}})
        elif "ms" in o:
            return print(name, json.dumps(o))


with run.Client(url=sys.argv[-1], **({"era": "modern"} if version == "2026-07-28" else {"era": "legacy"} if version else {})) as c:
    listed = c.do("list", what="tools")
    print(json.dumps(listed))
    calls = context.get("toolCalls")
    tools = {t["name"]: t for t in listed.get("items", [])}
    for one in calls or []:
        call(c, one["name"], one.get("arguments", {}), tools.get(one["name"], {}).get("inputSchema"))
    for name, tool in {} if calls else tools.items():
        # One tool is to be given the schema of another, as the list had it.
        schema = {"schema": tools["json_schema_2020_12_tool"]["inputSchema"]} if name == "json_schema_echo" else {}
        call(c, name, {**arguments_of(tool), **schema}, tool["inputSchema"])
