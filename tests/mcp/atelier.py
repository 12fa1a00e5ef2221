"""Atelier as an MCP server: by hand in both eras, and by the official clients of npm and PyPI, over HTTP and `atelier mcp`."""
import base64, contextlib, hashlib, html, http.client, http.server, json, os, re, shutil, socket, sqlite3, ssl, subprocess, sys, tempfile, threading, time, urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from patience import PATIENCE  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LOCALHOST = os.path.join(HERE, "localhost.pem")  # a key and a certificate of its own for that name
PASSWORD = "a password for tests"
META = "io.modelcontextprotocol/"


class Server:
    """The program with a data folder of its own, two people, a document and a prompt of the first. `trusts`: the certificates that it
    trusts in place of the system's, in a mount namespace of its own; two people alone."""

    def __init__(self, binary, trusts=None, **settings):
        self.data = tempfile.mkdtemp(prefix="atelier-mcp-")
        self.binary = binary
        self.env = {k: v for k, v in os.environ.items() if not re.match("ATELIER_|OLLAMA_|OPENAI_|ANTHROPIC_", k)}
        self.env.update({"ATELIER_DATA": self.data, "ATELIER_LISTEN": "127.0.0.1:0", "OLLAMA_HOST": "", "ATELIER_LIBRARIAN": "1", "ATELIER_RATE_PER_MINUTE": "100000", **settings})
        within = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", 'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"', trusts] if trusts else []
        self.p = subprocess.Popen([*within, binary, "serve"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.p.stdout:
            said.append(line)
            ready = re.search(r"is ready at (http://[^\s/]+)", line)
            if ready:
                break
        else:
            raise AssertionError("".join(said))
        threading.Thread(target=self.p.stdout.read, daemon=True).start()
        self.url, self.cookies = ready[1], {}
        self.key, self.other = self.person("ada", "admin"), self.person("bob", "user")
        if trusts:
            return  # documents are read behind walls of their own, which do not stand within those
        c = self.ask("POST", "/api/v1/collections", {"name": "Papers"})
        self.document = self.upload(c["id"], "cats.txt", "The cat Murr sleeps on the stove.\n\nDogs are not mentioned on this page of 123.")
        while self.ask("GET", "/api/v1/documents/" + self.document)["state"] != "ready":
            time.sleep(0.05)
        self.ask("POST", "/api/v1/prompts", {"name": "greet", "body": "Greet {{who}} in {{ language }}. {{unknown}}", "variables": [
            {"name": "who", "type": "text", "required": True, "choices": ["Adam"]}, {"name": "language", "type": "text", "default": "Latin"}]})
        self.ask("POST", "/api/v1/prompts", {"name": "tone", "body": "Be {{how}}.", "variables": [
            {"name": "how", "type": "choice", "choices": ["friendly", "Formal", "brief"], "required": True},
            {"name": "pace", "type": "choice", "choices": ["quick"]}]})
        self.ask("POST", "/api/v1/assistants", {"name": "Clerk", "description": "Files things"})

    def person(self, name, role):
        subprocess.run([self.binary, "user", "add", name, "--role", role], env=self.env, input=PASSWORD + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
        r, _, head = self.raw("POST", "/api/v1/auth/login", {"username": name, "password": PASSWORD})
        assert r == 200, r
        cookie = head["Set-Cookie"].split(";")[0]
        self.cookies[name] = cookie
        return self.raw("POST", "/api/v1/keys", {"name": "mcp", "scopes": ["api"]}, {"Cookie": cookie, "Origin": self.url})[1]["key"]

    def raw(self, method, path, body=None, headers=None, kind="application/json"):
        c = http.client.HTTPConnection(self.url[7:], timeout=PATIENCE)
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        c.request(method, path, data, {**({"Content-Type": kind} if body is not None else {}), **(headers or {})})
        r = c.getresponse()
        text = r.read()
        c.close()
        return r.status, json.loads(text) if text[:1] in (b"{", b"[") else text, r.headers

    def ask(self, method, path, body=None, kind="application/json"):
        status, answer, _ = self.raw(method, path, body, {"Authorization": "Bearer " + self.key}, kind)
        assert status < 300, (path, status, answer)
        return answer

    def upload(self, collection, name, text):
        body = '--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\nContent-Type: text/plain\r\n\r\n%s\r\n--x--\r\n' % (name, text)
        return self.ask("POST", "/api/v1/collections/%s/documents" % collection, body, kind="multipart/form-data; boundary=x")["id"]

    def mcp(self, message, key=None, **headers):
        return self.raw("POST", "/mcp", message, {"Authorization": "Bearer " + (key or self.key), **{k.replace("_", "-"): v for k, v in headers.items()}})[:2]

    def old(self, method, key=None, **params):
        status, answer = self.mcp({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, key, MCP_Protocol_Version="2025-11-25")
        assert status == 200 and answer["id"] == 1, (status, answer)
        return answer["result"] if "result" in answer else answer["error"]

    def call(self, name, key=None, **arguments):
        return self.old("tools/call", key, name=name, arguments=arguments)

    def __enter__(self):
        return self

    def __exit__(self, *how):
        self.p.terminate()
        assert self.p.wait(PATIENCE) == 0 or how[0]
        shutil.rmtree(self.data)


# What the conformance suite asks for by name, and what there is of it here.
FIXTURES = {
    "test_simple_text": ("current_time", {}),
    "test_error_handling": ("read_document", {"document_id": "none"}),
    "test_logging_tool": ("current_time", {}),
    "test_streaming_elicitation": ("list_documents", {}),
    "test_trigger_prompt_change": ("current_time", {}),
    "test_trigger_tool_change": ("current_time", {}),
}


def translated(s, headers, body):
    """A request of the suite as one for Atelier. Its header Mcp-Name goes with the name."""
    message = json.loads(body) if body else None
    params = message.get("params") if isinstance(message, dict) else None
    if not isinstance(params, dict):
        return headers, body
    given = {"Mcp-Name": None}
    if params.get("name") == "test_trigger_prompt_change":
        s.ask("POST", "/api/v1/prompts", {"name": "changed-%d" % time.monotonic_ns(), "body": "Changed."})
    if message.get("method") == "tools/call" and params.get("name") in FIXTURES:
        params["name"], params["arguments"] = FIXTURES[params["name"]]
        given["Mcp-Name"] = params["name"]
    elif params.get("uri") in ("test://static-text", "test://template/123/data"):
        params["uri"] = given["Mcp-Name"] = "atelier://documents/" + s.document
    if not given["Mcp-Name"]:
        return headers, body
    return {k: given["Mcp-Name"] if k.lower() == "mcp-name" else v for k, v in headers.items()}, json.dumps(message).encode()


def with_fixtures(text):
    """Its list of tools, with the names that the suite looks for."""
    if b'"tools"' not in text:
        return text
    o = json.loads(text)
    tools = o.get("result", {}).get("tools")
    for name, (own, _) in FIXTURES.items() if isinstance(tools, list) else ():
        tools += [{**t, "name": name} for t in tools if t["name"] == own]
    return json.dumps(o).encode()


@contextlib.contextmanager
def with_key(s):
    """An address for the conformance suite: it adds the key, since the suite knows of none, and gives its fixtures their names."""
    class Relay(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *a):
            pass

        def relay(self):
            drop = ("connection", "content-length", "transfer-encoding")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers, body = translated(s, dict(self.headers.items()), body)
            c = http.client.HTTPConnection(s.url[7:], timeout=PATIENCE)
            c.request(self.command, self.path, body or None, {
                **{k: v for k, v in headers.items() if k.lower() not in drop}, "Authorization": "Bearer " + s.key})
            r = c.getresponse()
            if r.headers["Content-Type"] == "text/event-stream":
                return self.stream(c, r)
            text = with_fixtures(r.read())
            c.close()
            self.send_response(r.status)
            for k, v in r.getheaders():
                if k.lower() not in drop:
                    self.send_header(k, v)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def stream(self, c, r):
            self.close_connection = True
            self.send_response(r.status)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for line in r:
                self.wfile.write(line)
            c.close()

        do_GET = do_POST = do_DELETE = relay

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay) as w:
        w.daemon_threads = True
        w.handle_error = lambda *a: None  # who leaves in the middle is no failure
        threading.Thread(target=w.serve_forever, daemon=True).start()
        yield "http://localhost:%d/mcp" % w.server_port
        w.shutdown()


def by_hand(s):
    """The old era, and what is the same in both."""
    r = s.old("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "t", "version": "1"})
    assert r["protocolVersion"] == "2025-06-18" and r["serverInfo"]["name"] == "atelier" and "tools" in r["capabilities"], r
    assert s.old("initialize", protocolVersion="1999-01-01", capabilities={}, clientInfo={"name": "t", "version": "1"})["protocolVersion"] == "2025-11-25"
    assert s.mcp({"jsonrpc": "2.0", "method": "notifications/initialized"}) == (202, b"")
    assert s.old("ping") == {}
    names = {t["name"]: t for t in s.old("tools/list")["tools"]}
    assert {"search_documents", "list_documents", "read_document", "find_in_documents", "list_assistants", "chat", "current_time"} <= set(names), names
    assert all(t["inputSchema"]["type"] == "object" and t["annotations"]["readOnlyHint"] for t in names.values())
    r = s.call("search_documents", query="where does the cat sleep")
    assert "Murr" in r["content"][0]["text"] and r["structuredContent"]["items"][0]["document_id"] == s.document, r
    assert "cats.txt" in s.call("list_documents")["content"][0]["text"]
    assert "stove" in s.call("read_document", document_id=s.document)["content"][0]["text"]
    assert "Dogs" in s.call("find_in_documents", text="dogs are")["content"][0]["text"]
    assert "Clerk: Files things" in s.call("list_assistants")["content"][0]["text"]
    r = s.call("chat", message="How do I add a document?", assistant="Clerk")
    assert not r.get("isError") and len(r["content"][0]["text"]) > 20, r
    # What the caller can mend is a result; what is no tool is an error.
    for name, arguments in (("search_documents", {}), ("read_document", {"document_id": "x"}), ("read_document", {"document_id": "0000000000001"}), ("chat", {"message": "x", "assistant": "Nobody"}), ("chat", {"message": "x", "model": "none"})):
        assert s.call(name, **arguments)["isError"], (name, arguments)
    assert s.old("tools/call", name="no-such")["code"] == -32602
    uri = s.old("resources/list")["resources"][0]["uri"]
    assert uri == "atelier://documents/" + s.document
    assert "stove" in s.old("resources/read", uri=uri)["contents"][0]["text"]
    assert s.old("resources/read", uri=uri + "?start=4")["contents"][0]["text"].startswith("cat Murr")
    for bad in ("atelier://documents/x", "file:///etc/passwd", uri + "x", uri + "?page=99", ""):
        r = s.old("resources/read", uri=bad)
        assert r["code"] == -32602 and r["data"] == {"uri": bad}, r
    assert s.old("resources/templates/list")["resourceTemplates"]
    p = next(p for p in s.old("prompts/list")["prompts"] if p["name"] == "greet")
    assert p["name"] == "greet" and p["arguments"] == [{"name": "who", "required": True}, {"name": "language"}], p
    assert s.old("prompts/get", name="greet", arguments={"who": "Ada"})["messages"][0]["content"]["text"] == "Greet Ada in Latin. {{unknown}}"
    # What begins like that of a choice; nothing of all else, and no other person's.
    complete = lambda prompt, name, value, key=None: s.old("completion/complete", key, ref={"type": "ref/prompt", "name": prompt}, argument={"name": name, "value": value})
    assert complete("tone", "how", "f")["completion"] == {"values": ["friendly", "Formal"], "total": 2, "hasMore": False}
    assert complete("tone", "how", "FRI")["completion"]["values"] == ["friendly"] and len(complete("tone", "how", "")["completion"]["values"]) == 3
    assert complete("tone", "how", "friendlyx")["completion"]["values"] == complete("tone", "no", "")["completion"]["values"] == complete("greet", "who", "A")["completion"]["values"] == []
    assert complete("no", "how", "")["code"] == complete("tone", "how", "", s.other)["code"] == -32602
    assert s.old("completion/complete", ref={"type": "ref/resource", "uri": "atelier://documents/{id}"}, argument={"name": "id", "value": ""})["completion"]["values"] == []
    for bad in ({}, {"ref": {"type": "ref/prompt", "name": "tone"}}, {"ref": {"type": "ref/no", "name": "tone"}, "argument": {"name": "a", "value": ""}},
                {"ref": "tone", "argument": {"name": "a", "value": ""}}, {"ref": {"type": "ref/prompt", "name": "tone"}, "argument": {"name": "how", "value": 7}}):
        assert s.old("completion/complete", **bad)["code"] == -32602, bad
    assert s.old("prompts/get", name="greet")["code"] == -32602 and s.old("prompts/get", name="no")["code"] == -32602
    # Of a choice only what there is; one that need not be made may be left out.
    tone = lambda **arguments: s.old("prompts/get", name="tone", arguments=arguments)
    assert tone(how="Formal")["messages"][0]["content"]["text"] == "Be Formal."
    assert tone(how="rude") == {"code": -32602, "message": 'The argument "how" must be one of: friendly, Formal, brief.'}, tone(how="rude")
    assert tone(how="formal")["code"] == tone(how="")["code"] == tone(how="Formal", pace="slow")["code"] == -32602


def others_see_nothing(s):
    assert s.old("resources/list", s.other)["resources"] == [] and s.old("prompts/list", s.other)["prompts"] == []
    assert s.old("resources/read", s.other, uri="atelier://documents/" + s.document)["code"] == -32602
    assert s.call("read_document", s.other, document_id=s.document)["isError"]
    assert "Nothing" in s.call("search_documents", s.other, query="cat")["content"][0]["text"]
    assert s.call("chat", s.other, message="x", assistant="Clerk")["isError"]
    assert s.raw("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"})[0] == 401
    assert s.mcp({"jsonrpc": "2.0", "id": 1, "method": "ping"}, Origin="http://evil.example")[0] == 403
    assert s.mcp({"jsonrpc": "2.0", "id": 1, "method": "ping"}, Origin=s.url)[0] == 200
    assert s.raw("GET", "/mcp", headers={"Authorization": "Bearer " + s.key})[0] == 405


def newest_era(s):
    def ask(method, meta=True, name=None, http=None, **params):
        m = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
        if meta:
            m["params"]["_meta"] = {META + "protocolVersion": meta if isinstance(meta, str) else "2026-07-28", META + "clientCapabilities": {}}
        headers = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": method, **({"Mcp_Name": name} if name else {}), **(http or {})}
        status, answer = s.mcp(m, **headers)
        return status, answer["result"] if "result" in answer else answer["error"]
    status, r = ask("server/discover")
    assert status == 200 and "2026-07-28" in r["supportedVersions"] and r["resultType"] == "complete" and r["ttlMs"] >= 0, r
    status, r = ask("tools/call", name="list_documents", http={"Mcp_Name": "list_documents"}, **{})
    assert (status, r["code"]) == (400, -32602), r
    status, r = s.mcp({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_documents", "_meta": {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": {}}}},
                      MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call", Mcp_Name="=?base64?bGlzdF9kb2N1bWVudHM=?=")
    assert status == 200 and r["result"]["resultType"] == "complete", r
    for headers, code, expect in (({"Mcp_Method": "tools/call"}, -32020, 400), ({"MCP_Protocol_Version": "2025-11-25"}, -32020, 400)):
        status, r = ask("tools/list", http=headers)
        assert (status, r["code"]) == (expect, code), r
    assert ask("tools/list", meta=False)[1]["code"] == -32602
    status, r = ask("tools/list", meta="2099-01-01", http={"MCP_Protocol_Version": "2099-01-01"})
    assert (status, r["code"]) == (400, -32022) and "2026-07-28" in r["data"]["supported"] and r["data"]["requested"] == "2099-01-01", r
    assert ask("no/such")[0] == 404 and ask("initialize")[0] == 404
    assert s.mcp({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, MCP_Protocol_Version="2099-01-01")[0] == 400


class Listening:
    """A client of the newest revision that has asked to be told of changes: what comes, one message after the other."""

    def __init__(self, s, key, wishes, n):
        self.c = http.client.HTTPConnection(s.url[7:], timeout=PATIENCE)
        body = {"jsonrpc": "2.0", "id": n, "method": "subscriptions/listen", "params": {
            "notifications": wishes, "_meta": {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": {}}}}
        self.c.request("POST", "/mcp", json.dumps(body), {"Authorization": "Bearer " + key, "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                                                          "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"})
        self.r = self.c.getresponse()
        assert self.r.status == 200 and self.r.headers["Content-Type"] == "text/event-stream", (self.r.status, self.r.read())

    def next(self):
        for line in self.r:
            if line.startswith(b"data: "):
                return json.loads(line[6:])


def told_of(method, n, **params):
    return {"jsonrpc": "2.0", "method": "notifications/" + method, "params": {"_meta": {META + "subscriptionId": n}, **params}}


def listening(s):
    """Granted is what there is of what was asked for; it is told to whom it concerns, by the id of who asked, and ends with a result."""
    for wishes in (None, [], {"promptsListChanged": "yes"}, {"resourceSubscriptions": [1]}, {"resourceSubscriptions": "x"}):
        status, r = s.mcp({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {
            "notifications": wishes, "_meta": {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": {}}}}, MCP_Protocol_Version="2026-07-28", Mcp_Method="subscriptions/listen")
        assert (status, r["error"]["code"]) == (400, -32602), (wishes, status, r)
    assert s.old("subscriptions/listen", notifications={"promptsListChanged": True})["code"] == -32601
    made = s.raw("POST", "/api/v1/keys", {"name": "listens", "scopes": ["api"]}, {"Cookie": s.cookies["bob"], "Origin": s.url})[1]
    every = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True, "resourceSubscriptions": ["atelier://documents/" + s.document]}
    all_, prompts, other = Listening(s, s.key, every, 7), Listening(s, s.key, {"promptsListChanged": True, "resourcesListChanged": False}, "p"), Listening(s, made["key"], {**every, "resourceSubscriptions": []}, 7)
    assert all_.next() == told_of("subscriptions/acknowledged", 7, notifications={"promptsListChanged": True, "resourcesListChanged": True})
    assert prompts.next() == told_of("subscriptions/acknowledged", "p", notifications={"promptsListChanged": True})
    assert other.next() == told_of("subscriptions/acknowledged", 7, notifications={"promptsListChanged": True, "resourcesListChanged": True})
    made_prompt = s.ask("POST", "/api/v1/prompts", {"name": "late", "body": "Late."})
    for x, n in ((all_, 7), (prompts, "p")):
        while x.next() != told_of("prompts/list_changed", n):
            pass
    c = s.ask("POST", "/api/v1/collections", {"name": "Late papers"})
    s.upload(c["id"], "late.txt", "It came late.")
    while all_.next() != told_of("resources/list_changed", 7):
        pass
    # Another person heard nothing of all that, but hears what becomes of a prompt that is shared with all.
    prompt = "/api/v1/prompts/" + made_prompt["id"]
    for change in (("PUT", prompt + "/grants", {"grants": [{"subject": "everyone", "verb": "use"}]}), ("PATCH", prompt, {"name": "later"}), ("DELETE", prompt)):
        assert s.raw(*change, headers={"Authorization": "Bearer " + s.key})[0] < 300, change
        assert other.next() == told_of("prompts/list_changed", 7), change
    s.raw("DELETE", "/api/v1/collections/" + c["id"], headers={"Authorization": "Bearer " + s.key})
    for _ in ("it has another name", "it is gone"):
        assert prompts.next() == told_of("prompts/list_changed", "p")
    # Who may not act any more is told no more.
    own = next(k for k in s.raw("GET", "/api/v1/keys", headers={"Cookie": s.cookies["bob"]})[1]["items"] if k["name"] == "listens")
    s.raw("DELETE", "/api/v1/keys/" + own["id"], headers={"Cookie": s.cookies["bob"], "Origin": s.url})
    assert other.next() == {"jsonrpc": "2.0", "id": 7, "result": {"resultType": "complete", "_meta": {META + "subscriptionId": 7}}} and other.next() is None
    for x in (all_, prompts):
        x.c.close()


def odd_messages(s):
    for body, code in (("{", -32700), ("[]", -32600), ("7", -32600), ('{"id":1}', -32600), ('{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600), ('{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600)):
        status, r = s.mcp(body)
        assert (status, r["error"]["code"]) == (400, code), (body, status, r)
    assert s.mcp('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[1]}')[1]["error"]["code"] == -32602
    assert s.mcp('{"jsonrpc":"2.0","id":1,"result":{}}')[0] == 202


def by_the_line(s):
    """`atelier mcp`: several at a time, in both eras, and what goes wrong."""
    env = {**s.env, "ATELIER_SERVER": s.url, "ATELIER_SERVER_KEY": s.key}
    ask = lambda n, method, **p: json.dumps({"jsonrpc": "2.0", "id": n, "method": method, "params": p}) + "\n"
    lines = [ask(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "1"}), '{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
             *(ask(n, "tools/call", name="list_documents", arguments={}) for n in range(2, 40)), "junk\n", ask(40, "no/such")]
    out = subprocess.run([s.binary, "mcp"], env=env, input="".join(lines), capture_output=True, text=True, timeout=PATIENCE)
    got = {o["id"]: o for o in map(json.loads, out.stdout.splitlines())}
    assert out.returncode == 0 and set(got) == {None, *range(1, 41)}, (out.stderr, sorted(map(str, got)))
    assert all("cats.txt" in got[n]["result"]["content"][0]["text"] for n in range(2, 40)) and got[40]["error"]["code"] == -32601
    listens_by_the_line(s, env)
    out = subprocess.run([s.binary, "mcp"], env={**env, "ATELIER_SERVER_KEY": "sk-no"}, input=ask(1, "ping"), capture_output=True, text=True, timeout=PATIENCE)
    assert json.loads(out.stdout)["error"]["message"], out
    assert subprocess.run([s.binary, "mcp"], env={**env, "ATELIER_SERVER_KEY": ""}, input="", capture_output=True, timeout=PATIENCE).returncode != 0


def listens_by_the_line(s, env):
    """Several that listen are told apart by their ids; one that is stopped makes room for another, and the end of the lines ends all."""
    meta = {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": {}}
    with subprocess.Popen([s.binary, "mcp"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        def send(method, n=None, **params):
            p.stdin.write(json.dumps({"jsonrpc": "2.0", **({"id": n} if n else {}), "method": method, "params": {"_meta": meta, **params}}) + "\n")
            p.stdin.flush()
        listen = lambda n: send("subscriptions/listen", n, notifications={"promptsListChanged": True})
        granted = lambda n: told_of("subscriptions/acknowledged", n, notifications={"promptsListChanged": True})
        came = lambda: json.loads(p.stdout.readline())
        for n in ("a", 2, 3, 4):
            listen(n)
            assert came() == granted(n)
        listen(5)
        assert came()["error"]["code"] == -32603
        send("notifications/cancelled", requestId="a")
        listen(6)
        assert came() == granted(6)
        made = s.ask("POST", "/api/v1/prompts", {"name": "later", "body": "Later."})
        told = [came() for _ in range(4)]
        assert all(told_of("prompts/list_changed", n) in told for n in (2, 3, 4, 6)), told
        p.stdin.close()
        assert p.wait(PATIENCE) == 0
    s.raw("DELETE", "/api/v1/prompts/" + made["id"], headers={"Authorization": "Bearer " + s.key})


# ---- servers of tools: rows, and what runs for them ----


def children():
    """Programs that run in the sandbox, by what they were called with."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open("/proc/%s/cmdline" % pid, "rb").read().split(b"\0")
        except OSError:
            continue
        if b"hostile.py" in b" ".join(words) and not words[0].endswith(b"bwrap"):
            found.append(int(pid))
    return found


def until(what, f):
    end = time.monotonic() + PATIENCE
    while not (v := f()):
        assert time.monotonic() < end, "this did not come: " + what
        time.sleep(0.05)
    return v


def servers_of_tools(s, here, web):
    hostile = lambda *habits, **more: {"command": "/usr/bin/python3", "args": ["-I", "-S", here + "/hostile.py", *habits], "read": [here], **more}
    refused = lambda body, key=None: s.raw("POST", "/api/v1/tool-servers", body, {"Authorization": "Bearer " + (key or s.key)})
    for config in ({}, {"command": "./x"}, {"command": "x", "args": "y"}, {"command": "x", "env": {"A": 1}}, {"command": "x", "read": ["relative"]}, {"command": "x", "timeout_s": 0}):
        assert refused({"name": "X", "kind": "mcp-stdio", "config": config})[0] == 400, config
    for config in ({}, {"url": "ftp://x"}, {"url": "http://a:b@x/"}, {"url": "http://x/", "headers": {"A": 1}}):
        assert refused({"name": "X", "kind": "mcp-http", "config": config})[0] == 400, config
    # What this program keeps is granted to nobody; who is no administrator grants nothing.
    for folder in (s.data, os.path.dirname(s.data), "/"):
        r = s.ask("POST", "/api/v1/tool-servers/test", {"kind": "mcp-stdio", "config": {"command": "true", "read": [folder]}})
        assert not r["ok"] and "data of Atelier" in json.dumps(r), r
    status, r, _ = s.raw("POST", "/api/v1/tool-servers/test", {"kind": "mcp-stdio", "config": hostile()}, {"Authorization": "Bearer " + s.other})
    assert status == 403 or not r["ok"], r
    made = s.ask("POST", "/api/v1/tool-servers", {"name": "Odd", "kind": "mcp-stdio", "config": hostile(), "secrets": {"env": {"TOKEN": "s3cret-token"}}})
    assert made["state"] == "ok" and [t["name"] for t in s.ask("GET", "/api/v1/tools")["items"] if t["source"] == made["id"]] == ["odd_tool-0", "odd_tool-1", "odd_tool-2"], made
    # A program that does not start says why, and what it wrote is there to be read, without its secrets.
    broken = s.ask("POST", "/api/v1/tool-servers", {"name": "Broken", "kind": "mcp-stdio", "config": hostile("crash"), "secrets": {"env": {"WORD": "no such database"}}})
    assert broken["state"] == "failed" and broken["error"], broken
    text = s.ask("GET", "/api/v1/tool-servers/%s/log" % broken["id"])["text"]
    assert "cannot start: [secret]" in text, text
    assert s.raw("GET", "/api/v1/tool-servers/%s/log" % broken["id"], headers={"Authorization": "Bearer " + s.other})[0] == 404
    many = [s.ask("POST", "/api/v1/tool-servers", {"name": "N%d" % i, "kind": "mcp-stdio", "config": hostile(idle_s=1), "enabled": False}) for i in range(3)]
    run = lambda name, **arguments: s.ask("POST", "/api/v1/tools/%s/run" % name, {"arguments": arguments})
    # One program for all calls of a person; its end when it is idle; and again when it is needed.
    until("one program", lambda: len(children()) == 1)
    s.ask("PATCH", "/api/v1/tool-servers/" + made["id"], {"config": hostile(idle_s=1)})
    until("its end", lambda: not children())
    assert run("odd_tool-0")["failed"]
    until("its end when idle", lambda: not children())
    r = s.ask("POST", "/api/v1/tool-servers/%s/refresh" % made["id"])
    assert r["state"] == "ok", r
    s.raw("DELETE", "/api/v1/tool-servers/" + made["id"], headers={"Authorization": "Bearer " + s.key})
    until("its end with its row", lambda: not children())
    # At an address.
    r = s.ask("POST", "/api/v1/tool-servers", {"name": "Web", "kind": "mcp-http", "config": {"url": web}})
    assert r["state"] == "ok", r
    r = run("web_echo", message="there")
    assert r["text"] == "Echo: there", r
    # Told that its list has changed, it is asked again.
    until("the late tools", lambda: any(t["name"] == "web_trigger-elicitation-request" for t in s.ask("GET", "/api/v1/tools")["items"]))
    r = run("web_get-tiny-image")
    assert r["files"][0]["media_type"] == "image/png", r


def signing_in(s, url):
    made = s.ask("POST", "/api/v1/tool-servers", {"name": "Guarded", "kind": "mcp-http", "per_user": True, "config": {"url": url}})
    path = "/api/v1/tool-servers/" + made["id"]
    assert made["state"] == "needs_login", made
    auth = lambda key: {"Authorization": "Bearer " + key}

    def come_back(at, key=s.key, **other):
        r = http.client.HTTPConnection(at.split("/")[2], timeout=PATIENCE)
        r.request("GET", at[at.index("/authorize"):])
        back = urllib.parse.urlsplit(r.getresponse().headers["Location"])
        q = urllib.parse.urlencode({**dict(urllib.parse.parse_qsl(back.query)), **other})
        return "%s?%s" % (back.path, q), s.raw("GET", "%s?%s" % (back.path, q), headers=auth(key))

    login = lambda: s.ask("POST", path + "/login")["url"]
    at = login()
    assert "code_challenge_method=S256" in at and "tools%20read" in at, at
    # Not for another person, not from another issuer, not with another state.
    assert s.raw("POST", path + "/login", headers=auth(s.other))[0] == 404
    assert come_back(login(), s.other)[1][0] == 400
    assert come_back(login(), iss="http://evil.example")[1][0] == 400
    assert come_back(login(), state="x" * 40)[1][0] == 400
    assert s.ask("GET", path)["state"] == "needs_login"
    again, (status, text, _) = come_back(at)
    assert status == 200 and b"signed in to Guarded" in text, text
    assert s.raw("GET", again, headers=auth(s.key))[0] == 400  # a code is good for once
    r = s.ask("GET", path)
    assert r["state"] == "ok" and r["secrets"] == ["oauth"], r
    # The token ends soon: it is renewed before each use, and told to nobody.
    for _ in range(3):
        r = s.ask("POST", "/api/v1/tools/guarded_who/run", {"arguments": {}})
        assert not r["failed"] and r["text"] == "with Bearer [secret]", r
    # One that asks nobody.
    assert "token-" not in json.dumps(s.ask("GET", path))


# ---- signing in to /mcp ----


def challenge_of(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def let_in(s, at, who="ada", answer="yes"):
    """What a browser does: the page, and a press on one of its buttons. Where it is sent then."""
    cookie = {"Cookie": s.cookies[who]} if who else {}
    status, page, head = s.raw("GET", at[len(s.url):], headers=cookie)
    if status == 303:
        return head["Location"]
    page = page.decode()
    assert status == 200, (status, page)
    form = re.search(r'action="(authorize\?ask=[^"]*answer=%s)"' % answer, page)
    if not form:
        return page
    status, said, head = s.raw("POST", "/oauth/" + html.unescape(form[1]), "", {**cookie, "Origin": s.url}, "application/x-www-form-urlencoded")
    assert status == 303, said
    return head["Location"]


def program_at(s, address):
    """A program whose id is an address signs in: what its person sees, and how."""
    q = {"client_id": address, "redirect_uri": "http://127.0.0.1:7777/cb", "response_type": "code", "code_challenge": challenge_of("v" * 50), "code_challenge_method": "S256"}
    at = "/oauth/authorize?" + urllib.parse.urlencode(q)
    assert b"Sign in first" in s.raw("GET", at)[1]  # nothing is asked for a stranger
    status, _, head = s.raw("GET", at, headers={"Cookie": s.cookies["ada"]})
    assert status == 303 and head["Location"].startswith("program?client_id="), (status, head)
    assert s.raw("GET", "/oauth/" + head["Location"])[0] == 401
    status, page, _ = s.raw("GET", "/oauth/" + head["Location"], headers={"Cookie": s.cookies["ada"]})
    return status, page.decode()


class Documents(http.server.ThreadingHTTPServer):
    """https://localhost, which has these documents: an object, bytes, or an address that is led to."""
    daemon_threads = True

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *a):
                pass

            def do_GET(self):
                what = self.server.all.get(self.path)
                body = what if isinstance(what, bytes) else json.dumps(what).encode()
                self.send_response(404 if what is None or self.path == "/none.json" else 302 if isinstance(what, str) else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if isinstance(what, str):
                    self.send_header("Location", what)
                self.end_headers()
                self.wfile.write(body)

        super().__init__(("127.0.0.1", 0), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(LOCALHOST)
        self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.all, self.url = {}, "https://localhost:%d" % self.server_port
        self.handle_error = lambda *a: None  # who does not trust it, or reads no further, is no failure
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def has(self, path, **more):
        """One of a program, with these members; None: without."""
        says = {"client_id": self.url + path, "client_name": "\u202eNice <i>Program", "redirect_uris": ["http://127.0.0.1:7777/cb"],
                "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none", **more}
        self.all[path] = {k: v for k, v in says.items() if v is not None}
        return self.url + path

    def __exit__(self, *how):
        self.shutdown()
        super().__exit__(*how)


def programs_by_document(s, web):
    """A program signs in by the document at its address; one that says something else of itself does not."""
    ok = web.has("/ok.json", more="x" * 60000)
    status, page = program_at(s, ok)
    assert status == 200 and "<bdi>https://localhost:%d</bdi>" % web.server_port in page and r"\u202eNice &#60;i&#62;Program" in page, (status, page)
    form = html.unescape(re.search(r'action="(authorize\?ask=[^"]*answer=yes)"', page)[1])
    _, _, head = s.raw("POST", "/oauth/" + form, "", {"Cookie": s.cookies["ada"], "Origin": s.url}, "application/x-www-form-urlencoded")
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(head["Location"]).query)["code"][0]
    token = lambda **q: s.raw("POST", "/oauth/token", urllib.parse.urlencode({"client_id": ok, **q}), kind="application/x-www-form-urlencoded")[:2]
    status, got = token(grant_type="authorization_code", code=code, redirect_uri="http://127.0.0.1:7777/cb", code_verifier="v" * 50)
    assert status == 200 and "no documents" in s.call("list_documents", got["access_token"])["content"][0]["text"], got
    assert token(grant_type="refresh_token", refresh_token=got["refresh_token"])[0] == 200
    # Each is refused for one thing alone.
    for path in ("/list.json", "/rubbish.json", "/none.json"):
        web.has(path)
    web.all.update({"/list.json": [web.all["/list.json"]], "/rubbish.json": json.dumps(web.all["/rubbish.json"]).encode() + b"{", "/led.json": web.has("/led_to.json", client_id=web.url + "/led.json")})
    others = [web.url + path for path in ("/list.json", "/rubbish.json", "/led.json", "/none.json")] + [web.has("/large.json", more="x" * 70000)]
    others += [web.has("/another.json", client_id=ok), web.has("/secret.json", client_secret="x"), web.has("/signs.json", token_endpoint_auth_method="private_key_jwt"),
               web.has("/nowhere.json", redirect_uris=None), web.has("/plain.json", redirect_uris=["http://evil.example/"]), web.has("/elsewhere.json", redirect_uris=["https://evil.example/cb"])]
    for address in others:
        assert program_at(s, address)[0] == 400, address


def programs_by_address(s):
    """A client_id that is an address (Client ID Metadata Documents): what is not reached on the way, and what is offered then."""
    offered = lambda: s.raw("GET", "/.well-known/oauth-authorization-server")[1]["client_id_metadata_document_supported"]
    assert offered() is True
    asked = socket.create_server(("127.0.0.1", 0))
    port = asked.getsockname()[1]
    for address in ("https://127.0.0.1:%d/me.json" % port, "https://[::1]:%d/me.json" % port, "https://localhost:%d/me.json" % port, "https://a@127.0.0.1:%d/me.json" % port,
                    "https://127.0.0.1:%d" % port, "https://127.0.0.1:%d/" % port, "https://127.0.0.1:%d/a/../b" % port, "https://127.0.0.1:%d/./b" % port, "https://127.0.0.1:%d/b#c" % port):
        status, page = program_at(s, address)
        assert status == 400 and "127.0.0.1" not in page, (address, status, page)
    asked.setblocking(False)
    try:
        raise AssertionError("this machine was asked: %r" % (asked.accept(),))
    except BlockingIOError:
        pass
    asked.close()
    assert offered() is True


def tokens_are_given_back(s):
    """RFC 7009: what a program holds ends when the program says so, and nobody else's does."""
    meta = s.raw("GET", "/.well-known/oauth-authorization-server")[1]
    assert meta["revocation_endpoint"] == s.url + "/oauth/revoke", meta
    back, verifier = "http://127.0.0.1:7777/cb", "v" * 50
    register = lambda: s.raw("POST", "/oauth/register", {"redirect_uris": [back], "client_name": "Giver", "grant_types": ["authorization_code", "refresh_token"]})[1]["client_id"]
    client, other = register(), register()
    form = lambda path, **q: s.raw("POST", path, urllib.parse.urlencode(q), kind="application/x-www-form-urlencoded")[:2]
    good = lambda key: s.raw("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"Authorization": "Bearer " + key, "Accept": "application/json, text/event-stream"})[0] != 401

    def sign_in():
        q = {"client_id": client, "redirect_uri": back, "response_type": "code", "code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(let_in(s, s.url + "/oauth/authorize?" + urllib.parse.urlencode(q))).query)["code"][0]
        return form("/oauth/token", grant_type="authorization_code", code=code, client_id=client, redirect_uri=back, code_verifier=verifier)[1]

    one, two = sign_in(), sign_in()
    assert form("/oauth/revoke")[0] == 400
    for q in ({"token": "x"}, {"token": spoiled(one["access_token"])}, {"token": one["refresh_token"]}, {"token": one["refresh_token"], "client_id": other}):
        assert form("/oauth/revoke", **q)[0] == 200
    assert good(one["access_token"]) and good(two["access_token"])
    assert form("/oauth/revoke", token=one["access_token"], token_type_hint="access_token")[0] == 200
    assert not good(one["access_token"]) and good(two["access_token"])
    assert form("/oauth/token", grant_type="refresh_token", refresh_token=one["refresh_token"], client_id=client)[1]["error"] == "invalid_grant"
    assert form("/oauth/revoke", token=two["refresh_token"], client_id=client)[0] == 200
    assert not good(two["access_token"])
    assert not [k for k in s.raw("GET", "/api/v1/keys", headers={"Cookie": s.cookies["ada"]})[1]["items"] if k["name"] == "Giver"]


def oauth_by_hand(s):
    """A program without a key: where it is sent, what its person is asked, what a code is worth, and to whom."""
    status, _, head = s.raw("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert status == 401 and head["WWW-Authenticate"] == 'Bearer resource_metadata="%s/.well-known/oauth-protected-resource/mcp", scope="api"' % s.url, head
    assert s.raw("GET", "/api/v1/me")[2]["WWW-Authenticate"] == "Bearer"
    # A token that is no good is told from none, and one that may do less from both (RFC 6750).
    weak = s.raw("POST", "/api/v1/keys", {"name": "weak", "scopes": ["gateway"]}, {"Cookie": s.cookies["ada"], "Origin": s.url})[1]["key"]
    for key, expected, error in (("sk-atelier-x", 401, "invalid_token"), (spoiled(s.key), 401, "invalid_token"), (weak, 403, "insufficient_scope")):
        status, _, head = s.raw("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"Authorization": "Bearer " + key})
        assert status == expected and head["WWW-Authenticate"].startswith('Bearer error="%s", resource_metadata="' % error), (key, status, head)
    assert "WWW-Authenticate" not in s.raw("GET", "/api/v1/me", headers={"Authorization": "Bearer " + weak})[2]
    assert "WWW-Authenticate" not in s.raw("POST", "/mcp", {}, {"Origin": "https://a.example", "Authorization": "Bearer " + s.key})[2]
    for path in ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"):
        r = s.raw("GET", path)[1]
        assert r["resource"] == s.url + "/mcp" and r["authorization_servers"] == [s.url], r
    meta = s.raw("GET", "/.well-known/oauth-authorization-server")[1]
    assert meta["issuer"] == s.url and meta["code_challenge_methods_supported"] == ["S256"], meta
    register = lambda **body: s.raw("POST", "/oauth/register", body)[:2]
    for uris in ([], None, "https://a.example/", ["http://a.example/cb"], ["javascript:alert(1)"], ["https://a.example/#x"], ["data:text/html,x"], ["https://"],
                 ["https://a.example/\r\nX: y"], ["https://a.example/<x>"], ["http://127.0.0.1.evil.example/"], ["http://localhost@evil.example/"], [7], ["https://a.example/"] * 11):
        status, r = register(redirect_uris=uris)
        assert (status, r["error"]) == (400, "invalid_redirect_uri"), (uris, r)
    assert register(redirect_uris=["https://a.example/"], token_endpoint_auth_method="client_secret_basic")[0] == 400
    assert s.raw("POST", "/oauth/register", "{", kind="application/json")[1]["error"] == "invalid_client_metadata"
    back, name = "http://127.0.0.1:7777/cb?x=1", "Tool <b>& \u00e9"
    status, r = register(redirect_uris=[back, "cursor://x/cb"], client_name=name)
    assert status == 201 and r["client_name"] == name and r["token_endpoint_auth_method"] == "none", r
    client, verifier = r["client_id"], "v" * 50
    other = register(redirect_uris=[back])[1]["client_id"]

    def at(**change):
        q = {"client_id": client, "redirect_uri": back, "response_type": "code", "code_challenge": challenge_of(verifier), "code_challenge_method": "S256",
             "state": "s&t=\u00fc", "scope": "api", "resource": s.url + "/mcp", **change}
        return s.url + "/oauth/authorize?" + urllib.parse.urlencode({k: v for k, v in q.items() if v is not None})

    # What is wrong with the program or its address stays here; with what is wrong with the rest, its person may go back, and is not sent.
    for wrong in ({"client_id": "x"}, {"client_id": spoiled(client)}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": back + "1"}, {"redirect_uri": "cursor://x/cb2"}, {"redirect_uri": None}):
        status, page, head = s.raw("GET", at(**wrong)[len(s.url):], headers={"Cookie": s.cookies["ada"]})
        assert status == 400 and "Location" not in head and b"evil" not in page, (wrong, status, page)
    for wrong, error in (({"response_type": "token"}, "unsupported_response_type"), ({"code_challenge": None}, "invalid_request"), ({"code_challenge_method": "plain"}, "invalid_request"),
                         ({"resource": "https://other.example/mcp"}, "invalid_target"), ({"resource": s.url + ".evil.example/mcp"}, "invalid_target")):
        status, page, head = s.raw("GET", at(**wrong)[len(s.url):], headers={"Cookie": s.cookies["ada"]})
        assert status == 400 and "Location" not in head, (wrong, status)
        q = urllib.parse.parse_qs(urllib.parse.urlsplit(html.unescape(re.search(r'href="([^"]*)"', page.decode())[1])).query)
        assert q["error"] == [error] and q["state"] == ["s&t=\u00fc"] and q["x"] == ["1"], (wrong, q)
    assert "Sign in first" in let_in(s, at(), None)
    page = s.raw("GET", at()[len(s.url):], headers={"Cookie": s.cookies["ada"]})
    assert "<h1><bdi>Tool &#60;b&#62;&#38; \u00e9</bdi></h1>" in page[1].decode() and "frame-ancestors 'none'" in page[2]["Content-Security-Policy"] and "form-action" not in page[2]["Content-Security-Policy"], page
    # A key is nobody at a browser: it lets no other program in.
    assert b"Sign in first" in s.raw("GET", at()[len(s.url):], headers={"Authorization": "Bearer " + s.key})[1]
    # What was asked of one is not answered by another, nor by a page of another site.
    form = html.unescape(re.search(r'action="([^"]*yes)"', page[1].decode())[1])
    press = lambda **headers: s.raw("POST", "/oauth/" + form, "", headers, "application/x-www-form-urlencoded")[0]
    assert press(Cookie=s.cookies["bob"], Origin=s.url) == 400
    assert press(Cookie=s.cookies["ada"], Origin="https://evil.example") == 403 and press(Origin=s.url) == 401
    assert press(Authorization="Bearer " + s.key) == 403
    q = urllib.parse.parse_qs(urllib.parse.urlsplit(let_in(s, at(), answer="no")).query)
    assert q["error"] == ["access_denied"] and q["iss"] == [s.url] and "code" not in q, q

    def code(**change):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(let_in(s, at(**change))).query)["code"][0]

    def token(code, **change):
        q = {"grant_type": "authorization_code", "code": code, "client_id": client, "redirect_uri": back, "code_verifier": verifier, "resource": s.url + "/mcp", **change}
        return s.raw("POST", "/oauth/token", urllib.parse.urlencode({k: v for k, v in q.items() if v is not None}), kind="application/x-www-form-urlencoded")[:2]

    one = code()
    for change, error in (({"code_verifier": "w" * 50}, "invalid_grant"), ({"code_verifier": None}, "invalid_grant"), ({"client_id": other}, "invalid_grant"), ({"client_id": None}, "invalid_grant"),
                          ({"redirect_uri": "cursor://x/cb"}, "invalid_grant"), ({"code": spoiled(one)}, "invalid_grant"), ({"code": client}, "invalid_grant"),
                          ({"grant_type": "password"}, "unsupported_grant_type"), ({"resource": "https://other.example/"}, "invalid_target")):
        status, r = token(**{"code": one, **change})
        assert (status, r["error"]) == (400, error), (change, r)
    status, r = token(one)
    assert status == 200 and r["token_type"] == "Bearer" and r["expires_in"] > 0 and r["scope"] == "api", r
    key = r["access_token"]
    assert "Murr" in s.call("search_documents", key, query="cat")["content"][0]["text"]
    # A code is good for once; two at the same time make one key.
    assert token(one)[1]["error"] == "invalid_grant"
    two, got = code(), []
    threads = [threading.Thread(target=lambda: got.append(token(two)[0])) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(got) == [200] + [400] * 5, got
    # It stands among the person's keys under the program's name, and ends there.
    mine = [k for k in s.raw("GET", "/api/v1/keys", headers={"Cookie": s.cookies["ada"]})[1]["items"] if k["name"] == name]
    assert len(mine) == 2 and mine[0]["scopes"] == ["api"] and mine[0]["expires_at"], mine
    for k in mine:
        assert s.raw("DELETE", "/api/v1/keys/" + k["id"], headers={"Cookie": s.cookies["ada"], "Origin": s.url})[0] == 204
    assert s.mcp({"jsonrpc": "2.0", "id": 1, "method": "ping"}, key)[0] == 401
    # On this machine the program may have another port each time; elsewhere nothing may differ.
    moved = back.replace("7777", "8888")
    assert token(code(redirect_uri=moved), redirect_uri=moved)[0] == 200
    assert "127.0.0.1:7777" in let_in(s, at(), answer="no")


def spoiled(sealed):
    """The same but for one character in the middle."""
    return sealed[:30] + ("A" if sealed[30] != "A" else "B") + sealed[31:]


def challenge_and(s, back, *, renews=True, name="Renewing"):
    """A program that has registered, with its first token: what it says at the token endpoint, and what it was told."""
    status, r = s.raw("POST", "/oauth/register", {"redirect_uris": [back], "client_name": name, "grant_types": ["authorization_code", "refresh_token"] if renews else ["authorization_code"]})[:2]
    assert status == 201 and ("refresh_token" in r["grant_types"]) == renews, r
    client, verifier = r["client_id"], "v" * 50
    at = s.url + "/oauth/authorize?" + urllib.parse.urlencode({"client_id": client, "redirect_uri": back, "response_type": "code", "code_challenge": challenge_of(verifier), "code_challenge_method": "S256"})

    def token(**q):
        return s.raw("POST", "/oauth/token", urllib.parse.urlencode({k: v for k, v in {"client_id": client, **q}.items() if v is not None}), kind="application/x-www-form-urlencoded")[:2]

    code = urllib.parse.parse_qs(urllib.parse.urlsplit(let_in(s, at)).query)["code"][0]
    status, first = token(grant_type="authorization_code", code=code, code_verifier=verifier)
    assert status == 200, first
    again = lambda: token(grant_type="authorization_code", code=code, code_verifier=verifier)
    return token, first, again


def keys_of(s, name):
    return [k for k in s.raw("GET", "/api/v1/keys", headers={"Cookie": s.cookies["ada"]})[1]["items"] if k["name"] == name]


class Feed:
    """The feed of changes, as a key has it open."""

    def __init__(self, s, key):
        self.c = http.client.HTTPConnection(s.url[7:], timeout=PATIENCE)
        self.c.request("GET", "/api/v1/events", headers={"Authorization": "Bearer " + key})
        self.r = self.c.getresponse()
        self.opened = self.r.status == 200 and self.has("event: hello")

    def has(self, word):
        """Whether a line with the word comes before the feed ends."""
        end = time.monotonic() + PATIENCE
        for line in self.r:
            if word in line.decode():
                return True
            assert time.monotonic() < end, "the feed goes on, without " + word
        return False


def opened_outlives_its_token(s, key, name):
    """Two feeds: of a token that ends in a moment, and of a key that ends altogether then. The first goes on, and is given."""
    other = s.raw("POST", "/api/v1/keys", {"name": "Ends", "scopes": ["api"]}, {"Cookie": s.cookies["ada"], "Origin": s.url})[1]["key"]
    for ahead in (1000, 4000, 16000):  # on a busy machine a moment may be over before both are open
        with sqlite3.connect(s.data + "/atelier.db") as db:
            at = int(time.time() * 1000) + ahead
            db.execute("UPDATE api_keys SET token_ends_at = ? WHERE name = ?", (at, name))
            db.execute("UPDATE api_keys SET expires_at = ? WHERE name = 'Ends'", (at,))
        feed, control = Feed(s, key), Feed(s, other)
        if feed.opened and control.opened:
            break
    assert not control.has("nothing has this"), "the feed of a key that has ended"
    assert s.mcp({"jsonrpc": "2.0", "id": 1, "method": "ping"}, key)[0] == 401
    made = s.ask("POST", "/api/v1/conversations", {"title": "Seen by the feed"})
    assert feed.has(made["id"]), "the feed has ended with its token"
    return feed


def renewal(s):
    """A token is changed for the next one, by whoever got it, once; who brings an old one ends it for all that have it."""
    ping = lambda key: s.mcp({"jsonrpc": "2.0", "id": 1, "method": "ping"}, key)[0]
    back, name = "http://127.0.0.1:7777/cb", "Renewing"
    _, once, _ = challenge_and(s, back, renews=False, name="Once")
    assert "refresh_token" not in once and once["expires_in"] == 90 * 86400, once
    token, first, code_again = challenge_and(s, back, name=name)
    assert first["expires_in"] == 3600 and first["refresh_token"], first
    renew = lambda t, **q: token(grant_type="refresh_token", refresh_token=t, **q)

    def minutes_pass():
        with sqlite3.connect(s.data + "/atelier.db") as db:
            db.execute("UPDATE api_keys SET token_ends_at = token_ends_at - 120000 WHERE name = ?", (name,))

    minutes_pass()
    for change, error in (({"client_id": None}, "invalid_grant"), ({"client_id": "x"}, "invalid_grant"), ({"resource": "https://other.example/mcp"}, "invalid_target")):
        status, r = renew(first["refresh_token"], **change)
        assert (status, r["error"]) == (400, error), (change, r)
    for wrong in ("", "x", first["access_token"], spoiled(first["refresh_token"])):
        status, r = renew(wrong)
        assert (status, r["error"]) == (400, "invalid_grant"), r
    # Several requests of a program find at once that its token has ended: all get the same next one.
    got = []
    threads = [threading.Thread(target=lambda: got.append(renew(first["refresh_token"]))) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(status == 200 for status, _ in got) and len({r["access_token"] for _, r in got}) == 1, got
    second = got[0][1]
    assert ping(first["access_token"]) == 401 and ping(second["access_token"]) == 200
    assert code_again()[1]["error"] == "invalid_grant" and len(keys_of(s, name)) == 1, "the code was worth a second key after the first was renewed"
    # A slower one, which found the old token ended, renews the next one, which others are using already: it stays.
    assert second["expires_in"] == 3540, second  # one that is told later, of the same token, holds as long
    assert renew(second["refresh_token"])[1]["access_token"] == second["access_token"] and ping(second["access_token"]) == 200
    assert renew(first["refresh_token"])[1]["access_token"] == second["access_token"]
    # It is one key among the person's, which goes on; its end moves.
    minutes_pass()
    # Two of those who were told it at once go on with what each was told, and stay together.
    third, beside = renew(second["refresh_token"])[1], renew(got[1][1]["refresh_token"])[1]
    assert third.get("access_token") and third["access_token"] == beside.get("access_token"), (third, beside)
    assert ping(third["access_token"]) == 200 and ping(second["access_token"]) == 401 and len(keys_of(s, name)) == 1
    # The token alone ends after an hour; the refresh token goes on, and so does what is open.
    feed = opened_outlives_its_token(s, third["access_token"], name)
    assert ping(third["access_token"]) == 401
    fourth = renew(third["refresh_token"])[1]
    assert ping(fourth["access_token"]) == 200
    # A refresh token that was used already is brought by a second holder: neither goes on, nor does what is open.
    status, r = renew(first["refresh_token"])
    assert (status, r["error"]) == (400, "invalid_grant"), r
    assert ping(fourth["access_token"]) == 401 and renew(fourth["refresh_token"])[1]["error"] == "invalid_grant" and keys_of(s, name) == []
    assert not feed.has("nothing has this"), "the feed of a stolen key"
    # What its person ends, ends; and what nobody may use any more is not renewed, and goes when the program signs in again.
    token, first, _ = challenge_and(s, back, name=name)
    with sqlite3.connect(s.data + "/atelier.db") as db:
        db.execute("UPDATE api_keys SET expires_at = 1 WHERE name = ?", (name,))
    assert token(grant_type="refresh_token", refresh_token=first["refresh_token"])[1]["error"] == "invalid_grant"
    ended = keys_of(s, name)
    token, first, _ = challenge_and(s, back, name=name)
    assert len(ended) == 1 and len(keys_of(s, name)) == 1 and keys_of(s, name)[0]["id"] != ended[0]["id"] and len(keys_of(s, "Once")) == 1
    assert s.raw("DELETE", "/api/v1/keys/" + keys_of(s, name)[0]["id"], headers={"Cookie": s.cookies["ada"], "Origin": s.url})[0] == 204
    assert token(grant_type="refresh_token", refresh_token=first["refresh_token"])[1]["error"] == "invalid_grant"


def pages_of_others(s):
    """Programs that run in a browser: what they need to sign in is for all, /mcp for pages of this machine, and nothing else."""
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type,mcp-protocol-version"}
    web, near, away = "https://inspector.example", "http://localhost:6274", "http://localhost.evil.example"
    for path in ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server", "/oauth/register", "/oauth/token"):
        status, _, head = s.raw("OPTIONS", path, headers={"Origin": web, **ask})
        assert status == 204 and head["Access-Control-Allow-Origin"] == web and "authorization" in head["Access-Control-Allow-Headers"], (path, status, head)
        assert "Access-Control-Allow-Credentials" not in head
    assert s.raw("GET", "/.well-known/oauth-authorization-server", headers={"Origin": web})[2]["Access-Control-Allow-Origin"] == web
    status, r, head = s.raw("POST", "/oauth/register", {"redirect_uris": ["https://inspector.example/cb"]}, {"Origin": web, "Sec-Fetch-Site": "cross-site"})
    assert status == 201 and head["Access-Control-Allow-Origin"] == web, r
    status, r, head = s.raw("POST", "/oauth/token", "grant_type=refresh_token&refresh_token=x", {"Origin": web, "Sec-Fetch-Site": "cross-site"}, "application/x-www-form-urlencoded")
    assert (status, r["error"]) == (400, "invalid_grant") and head["Access-Control-Allow-Origin"] == web, r
    status, _, head = s.raw("OPTIONS", "/mcp", headers={"Origin": near, **ask})
    assert status == 204 and head["Access-Control-Allow-Origin"] == near, head
    status, _, head = s.raw("POST", "/mcp", {}, {"Origin": near})
    assert status == 401 and "resource_metadata" in head["WWW-Authenticate"] and "www-authenticate" in head["Access-Control-Expose-Headers"], head
    status, r, head = s.raw("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}},
                            {"Origin": near, "Authorization": "Bearer " + s.key, "Sec-Fetch-Site": "cross-site"})
    assert status == 200 and head["Access-Control-Allow-Origin"] == near and head["Mcp-Session-Id"] and "mcp-session-id" in head["Access-Control-Expose-Headers"], r
    # Not with a session's cookie, which a page of another port of this machine would bring along; not from elsewhere; nothing else.
    assert s.raw("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"Origin": near, "Cookie": s.cookies["ada"]})[0] == 403
    for origin in (web, away, "null"):
        assert "Access-Control-Allow-Origin" not in s.raw("OPTIONS", "/mcp", headers={"Origin": origin, **ask})[2], origin
        assert s.raw("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"Origin": origin, "Authorization": "Bearer " + s.key})[0] == 403, origin
    for path in ("/oauth/authorize", "/api/v1/me", "/api/v1/keys"):
        assert "Access-Control-Allow-Origin" not in s.raw("OPTIONS", path, headers={"Origin": near, **ask})[2], path


def languages_of_the_page(s):
    """The page that asks speaks the browser's language, of six."""
    client = s.raw("POST", "/oauth/register", {"redirect_uris": ["https://a.example/"], "client_name": "Tool"})[1]["client_id"]
    at = "/oauth/authorize?" + urllib.parse.urlencode({"client_id": client, "response_type": "code", "code_challenge": challenge_of("v" * 50), "code_challenge_method": "S256"})
    for accept, lang, word in ((None, "en", "Do not allow"), ("de-AT,de;q=0.9,en;q=0.8", "de", "Nicht erlauben"), ("nl, fr;q=0.4 , es;q=0.9", "es", "No permitir"), ("fr", "fr", "Ne pas autoriser"),
                               ("ja-JP", "ja", "許可しない"), ("zh-Hans-CN,zh;q=0.9", "zh", "不允许"), ("xx,,;q=,q=1", "en", "Do not allow"), ("de;q=0, en;q=0.1", "en", "Do not allow")):
        _, page, head = s.raw("GET", at, headers={"Cookie": s.cookies["ada"], **({"Accept-Language": accept} if accept else {})})
        assert head["Content-Language"] == lang and '<html lang="%s">' % lang in page.decode() and word in page.decode(), (accept, page)


ALL = (oauth_by_hand, programs_by_address, tokens_are_given_back, renewal, pages_of_others, languages_of_the_page, by_hand, others_see_nothing, newest_era, listening, odd_messages, by_the_line)
