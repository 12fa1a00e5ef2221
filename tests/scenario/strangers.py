#!/usr/bin/env python3
"""Another person's things: tests/scenario/strangers.py --binary build/asan/src/atelier

One person makes one of everything that is theirs. Another walks over every address of the OpenAPI document that names a
thing, with each id of the first one's, and with a body that the document allows: all of them answer 404, as for a thing
that is not there (403 where the address is for administrators), and nothing has changed afterwards. The walk is made
from the document, so a new resource is in it from its first day.

Then secrets are planted where tool servers and providers have them, a tool that says them all aloud is used, and everything that can be
looked at is looked at by both, by people's hands and by the document: none of it has one."""

import argparse
import base64
import json
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from client import Client  # noqa: E402
from provider import Answer, Provider, Step  # noqa: E402
from run import Template  # noqa: E402
from server import Failed, Server  # noqa: E402

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
NOBODYS = "0000000000001"
# What the document says by rules between fields, which a sample does not look at.
BODIES = {"createTurn": {"content": "Mine now?"}}


def sample(schema, schemas, an_id):
    """The smallest value that the schema allows."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].split("/")[-1]], schemas, an_id)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return sample(schema[word][0], schemas, an_id)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "string":
        return an_id if "{12}" in schema.get("pattern", "") else "x" * max(1, schema.get("minLength", 1))
    if kind == "object":
        return {k: sample(schema["properties"][k], schemas, an_id) for k in schema.get("required", [])}
    return {"integer": max(1, schema.get("minimum", 1)), "number": 1, "boolean": True, "array": []}[kind]


def body_of(operation, schemas, an_id):
    """A body that the document allows, and its type where that is not JSON."""
    if operation["operationId"] in BODIES:
        return BODIES[operation["operationId"]], None
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        return sample(content["application/json"]["schema"], schemas, an_id), None
    return (b"x", next(iter(content))) if content else (None, None)


def ask(client, method, path, operation, schemas, an_id):
    """The status of a request with all that the document says it must have."""
    body, kind = body_of(operation, schemas, an_id)
    headers = {p["name"]: str(sample(p["schema"], schemas, an_id))
               for p in operation.get("parameters", []) if p["in"] == "header" and p.get("required")}
    if kind:
        headers["Content-Type"] = kind
    return client.request(method.upper(), path, body, headers).status


def summarised(client):
    """A conversation of which the model takes so little that its beginning is summarised; the summary."""
    c = client.call("POST", "/api/v1/conversations", {"context": "summarise", "parameters": {"context_tokens": 2048}})["id"]
    for _ in range(6):
        started = client.call("POST", "/api/v1/conversations/%s/turns" % c, {"content": "word " * 400})
        client.request("GET", "/api/v1/turns/%s/events" % started["turn_id"])  # to its end
    return client.call("GET", "/api/v1/conversations/%s/summary" % c)["id"]


def make(client):
    """One of everything, by kind; and where each can be looked at."""
    c = client.call("POST", "/api/v1/conversations", {"title": "Mine"})["id"]
    started = client.call("POST", "/api/v1/conversations/%s/turns" % c, {"content": "Secret?"})
    client.request("GET", "/api/v1/turns/%s/events" % started["turn_id"])  # to its end
    bin_ = client.call("POST", "/api/v1/conversations", {"title": "Deleted"})["id"]
    busy = client.call("POST", "/api/v1/conversations", {"title": "Busy"})["id"]
    client.call("POST", "/api/v1/conversations/%s/turns" % busy, {"content": "Never ends"})
    waiting = client.call("POST", "/api/v1/conversations/%s/turns" % busy, {"content": "Waits", "queue": True})
    client.call("DELETE", "/api/v1/conversations/" + bin_)
    client.call("POST", "/api/v1/keys", {"name": "Mine"})
    collection = client.call("POST", "/api/v1/collections", {"name": "Mine"})["id"]
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nMine.\r\n--x--\r\n'
    document = json.loads(client.request("POST", "/api/v1/collections/%s/documents" % collection, form, {
        "Content-Type": "multipart/form-data; boundary=x"}).body)["id"]
    while client.call("GET", "/api/v1/documents/" + document)["state"] != "ready":
        pass
    return {
        "collections": collection,
        "documents": document,
        "conversations": c,
        "messages": started["message_id"],
        "turns": started["turn_id"],
        "queued": waiting["queued_id"],
        "folders": client.call("POST", "/api/v1/folders", {"name": "Mine"})["id"],
        "assistants": client.call("POST", "/api/v1/assistants", {"name": "Mine"})["id"],
        "prompts": client.call("POST", "/api/v1/prompts", {"name": "mine", "body": "Mine"})["id"],
        "tool-servers": client.call("POST", "/api/v1/tool-servers", {"name": "Mine", "kind": "http", "config": {
            "tools": [{"name": "t", "url": "http://127.0.0.1/t"}]}})["id"],
        "memories": client.call("POST", "/api/v1/memories", {"text": "Mine"})["id"],
        "keys": client.call("GET", "/api/v1/keys")["items"][0]["id"],
        "summaries": summarised(client),
        "bin": bin_,
        "uploads": client.request("POST", "/api/v1/uploads", None, {
            "Tus-Resumable": "1.0.0", "Upload-Length": "5"}).header("Location").split("/")[-1],
        "images": json.loads(client.request("POST", "/api/v1/images", PNG, {"Content-Type": "image/png"}).body)["id"],
    }


def seen(client, things):
    looks = ["/api/v1/%s/%s" % (kind, id_) for kind, id_ in things.items() if kind not in ("bin", "keys", "images", "uploads")]
    looks += ["/api/v1/keys", "/api/v1/conversations?state=deleted", "/api/v1/folders", "/api/v1/assistants",
              "/api/v1/conversations/%s/messages" % things["conversations"],
              "/api/v1/assistants/%s/grants" % things["assistants"]]
    return {path: client.call("GET", path) for path in looks}


def check(client, method, path, operation, schemas, id_):
    what = "%s %s" % (method.upper(), path.replace("{id}", id_))
    status = ask(client, method, path.replace("{id}", id_), operation, schemas, id_)
    if status == 403:
        status = 404 if ask(client, method, path.replace("{id}", NOBODYS), operation, schemas, id_) == 403 else 403
    if status != 404:
        raise Failed("%s answered a stranger %d" % (what, status))


def walk(owner, stranger):
    things = make(owner)
    before = seen(owner, things)
    doc = stranger.call("GET", "/api/v1/openapi.json")
    schemas, n = doc["components"]["schemas"], 0
    for path, operations in doc["paths"].items():
        if "{id}" not in path:
            continue
        for method, operation in operations.items():
            if method == "parameters":
                continue
            for id_ in things.values():
                check(stranger, method, path, operation, schemas, id_)
                n += 1
    for path, was in before.items():
        if owner.call("GET", path) != was:
            raise Failed("%s has changed" % path)
    upload = owner.request("HEAD", "/api/v1/uploads/" + things["uploads"], None, {"Tus-Resumable": "1.0.0"})
    if upload.header("Upload-Offset") != "0":
        raise Failed("the upload has changed")
    return n


# ---- secrets ----

SECRET = "planted-secret-"
FUNCTION = "import os, sys\ndef show():\n  'Shows.'\n  print(dict(os.environ)); print(dict(os.environ), file=sys.stderr)\n  open('all.txt', 'w').write(repr(dict(os.environ)))\n  return dict(os.environ)\n"


def plant(owner, provider):
    """Servers of each kind that can be had here with a secret in each place of theirs, a provider with a key, and a turn that uses them."""
    url, made = "http://127.0.0.1:%d" % provider.port, []
    for n, (kind, config, secrets) in enumerate((
            ("http", {"auth": {"type": "bearer"}, "tools": [{"name": "echo", "url": url + "/web/echo"}]}, {"token": SECRET + "bearer"}),
            ("http", {"auth": {"type": "header", "name": "X-Own"}, "tools": [{"name": "echo", "url": url + "/web/echo"}]}, {"token": SECRET + "header"}),
            ("openapi", {"url": url + "/web/openapi", "auth": {"type": "header", "name": "X-Key"}, "operations": ["GET /pets"]}, {"token": SECRET + "openapi"}),
            ("python", {"source": FUNCTION}, {"env": {"KEY": SECRET + "python"}}),
            ("mcp-http", {"url": url + "/web/mcp", "headers": {}}, {"headers": {"X-Secret": SECRET + "mcp"}}))):
        made.append(owner.call("POST", "/api/v1/tool-servers", {"name": "S%d" % n, "kind": kind, "trusted": True, "config": config, "secrets": secrets})["id"])
    owner.call("POST", "/api/v1/providers", {"name": "planted", "kind": "openai", "url": url + "/v1", "key": SECRET + "provider"})
    names = [t["name"] for t in owner.call("GET", "/api/v1/tools")["items"] if t["source"] in made and not t["name"].endswith(("ask", "visit"))]
    if len(names) < 4:
        raise Failed("too few tools came of the servers: %r" % names)
    for name in names:
        owner.call("PATCH", "/api/v1/tools/" + name, {"asks": False, "for_all": True})
    with provider.cv:
        provider.answers = [Answer([*(Step(0, ["tool", name, {}]) for name in names), Step(0, ["done", "tool_calls"])]), provider.fallback]
    c = owner.call("POST", "/api/v1/conversations", {"title": "Secrets", "model": "vision:1b"})["id"]
    turn = owner.call("POST", "/api/v1/conversations/%s/turns" % c, {"content": "Show them.", "tools": names})
    owner.request("GET", "/api/v1/turns/%s/events" % turn["turn_id"])  # to its end
    message = owner.call("GET", "/api/v1/conversations/%s/messages" % c)["items"][-1]
    calls = [p for p in message["parts"] if p["type"] == "tool_call"]
    if len(calls) != len(names) or not any("[secret]" in (p["result"] or "") for p in calls):
        raise Failed("the tools have not said what they were given: %r" % message)
    files = [f["id"] for p in calls for f in p.get("files") or []]
    return {"tool-servers": made, "conversations": [c], "turns": [turn["turn_id"]], "messages": [message["id"]], "files": files, "tools": names,
            "calls": [p["id"] for p in calls], "providers": ["planted"]}


def looks(doc, things):
    """Every address that is only read, with every id that could stand there."""
    ids = [i for of in things.values() for i in of]
    for path, operations in doc["paths"].items():
        if "get" not in operations or path.endswith("/events") and "{" not in path:
            continue
        names = [x for x in path.split("/") if x.startswith("{")]
        if len(names) == 0:
            yield path
        elif len(names) == 1:
            yield from (path.replace(names[0], i) for i in ids)
        else:
            yield from (path.replace(names[0], t).replace(names[1], k) for t in things["turns"] for k in things["calls"])


def secrets(owner, stranger, provider):
    things, n = plant(owner, provider), 0
    doc = owner.call("GET", "/api/v1/openapi.json")
    for who, client in (("the owner", owner), ("a stranger", stranger)):
        for path in looks(doc, things):
            r = client.request("GET", path)
            n += 1
            if SECRET.encode() in r.body or SECRET in repr(r.headers):
                raise Failed("GET %s shows %s a secret: %r" % (path, who, r.body[:300]))
        for id_ in things["tool-servers"]:
            for method, path, body in (("POST", "/refresh", None), ("PATCH", "", {"name": "Renamed " + id_[-4:]}), ("GET", "/log", None)):
                r = client.request(method, "/api/v1/tool-servers/%s%s" % (id_, path), body)
                n += 1
                if SECRET.encode() in r.body:
                    raise Failed("%s of a tool server shows %s a secret: %r" % (path or method, who, r.body[:300]))
    for id_ in things["files"]:
        if stranger.request("GET", "/api/v1/files/" + id_).status != 404:
            raise Failed("a stranger is given what a tool made")
    with provider.cv:
        if any(SECRET in json.dumps(body) for body in provider.calls):
            raise Failed("the model was told a secret")
    return n


def run(binary, root):
    template, provider = Template(binary, root), Provider("ollama", ("mock:1b", "vision:1b"))
    provider.fallback = Answer([Step(0, ["text", "Yes"]), Step(0, ["done"])])
    provider.answers = [provider.fallback, Answer([Step(0, ["text", "Yes"]), Step(0, ["stall"])])]
    data = os.path.join(root, "data")
    template.copy(data)
    server = Server(binary, data, {**provider.settings(), "ATELIER_RATE_PER_MINUTE": "1000000", "ATELIER_AUTO_TITLE": "0"})
    n = 0
    try:
        server.start()
        n = walk(Client(server.port, bearer=template.vars["admin_bearer"]),
                 Client(server.port, bearer=template.vars["bob_bearer"]))
        told = secrets(Client(server.port, bearer=template.vars["admin_bearer"]), Client(server.port, bearer=template.vars["bob_bearer"]), provider)
        server.stop()
        if any(SECRET in line for line in server.log):
            raise Failed("a secret is in the log")
        server.check_log()
    except Failed as e:
        return "%s\n%s" % (e, "\n".join(server.log[-10:]))
    finally:
        server.destroy()
        provider.down()
    if n < 200:
        return "only %d requests were made: the document names nothing by id" % n
    print("%d requests, and %d for secrets" % (n, told))
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--binary", required=True)
    a = ap.parse_args()
    root = tempfile.mkdtemp(prefix="atelier-strangers-")
    try:
        problem = run(a.binary, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    if problem:
        print("FAILED %s" % problem)
    print("%d passed, %d failed" % (problem is None, problem is not None))
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
