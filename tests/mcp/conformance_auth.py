#!/usr/bin/env python3
"""What the official conformance suite runs as a client that signs in: conformance_auth.py URL. Atelier (ATELIER_URL, ATELIER_KEY) is
the client: a tool server is added, signed in to where it asks for that, its tools are called, and again where more is wanted."""
import http.client, json, os, sys, urllib.parse, urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from patience import PATIENCE  # noqa: E402

HERE, KEY, URL = os.environ["ATELIER_URL"], os.environ["ATELIER_KEY"], sys.argv[-1]
context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
LOGINS = 3


def ask(method, path, body=None):
    c = http.client.HTTPConnection(HERE[7:], timeout=PATIENCE)
    c.request(method, path, None if body is None else json.dumps(body), {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"})
    r = c.getresponse()
    text = r.read()
    c.close()
    value = json.loads(text) if text[:1] in (b"{", b"[") else text.decode()
    print(method, path, r.status, value if r.status >= 300 else "", flush=True)
    return r.status, value


def sign_in(path):
    status, value = ask("POST", path + "/login")
    if status != 200:
        return False
    at = urllib.parse.urlsplit(value["url"])
    c = http.client.HTTPConnection(at.netloc, timeout=PATIENCE)
    c.request("GET", at.path + "?" + at.query)
    back = urllib.parse.urlsplit(c.getresponse().headers["Location"])
    c.close()
    return ask("GET", back.path + "?" + back.query)[0] == 200


config = {"url": URL}
if context.get("client_id"):
    config["client_id"] = context["client_id"]
if os.environ.get("MCP_CONFORMANCE_SCENARIO", "").endswith("basic-cimd"):  # the one that the suite publishes
    config["client_id"] = "https://conformance-test.local/client-metadata.json"
secrets = {"client_secret": context["client_secret"]} if context.get("client_secret") else None
name = "S" + URL.split(":")[-1].split("/")[0]
status, server = ask("POST", "/api/v1/tool-servers", {"name": name, "kind": "mcp-http", "config": config, **({"secrets": secrets} if secrets else {})})
path = "/api/v1/tool-servers/" + server["id"]
well = False
for _ in range(LOGINS):
    state = ask("GET", path)[1]
    print(state["state"], state["error"])
    if state["state"] == "needs_login" and not sign_in(path):
        break
    state = ask("GET", path)[1]
    if state["state"] != "ok":
        continue
    outcomes = [ask("POST", "/api/v1/tools/%s_%s/run" % (name.lower(), t["name"]), {"arguments": {}})[1] for t in state["tools"]]
    print(outcomes)
    well = not any(o.get("failed", True) for o in outcomes)
    if well:
        break
sys.exit(0 if well else 1)
