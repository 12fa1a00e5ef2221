#!/usr/bin/env python3
"""The MCP client with real servers and hostile ones.

	tests/mcp/run.py --build build/asan --binary build/atelier [WORD ...]     words choose cases by a part of their name

Each case starts tests/mcp/client.c with a server of its own in the sandbox, or at an address. Where no sandbox can be made the
cases that need one are left out, loudly.
"""
import argparse, concurrent.futures, json, os, queue, socket, subprocess, sys, tempfile, threading, time, traceback

import atelier
import chat
from chat import PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MODULES = os.path.join(HERE, "node_modules")
CASES = []


def case(f):
    CASES.append(f)
    return f


def without_sandbox(f):
    """One that needs no program behind the walls."""
    f.without_sandbox = True
    return f


class Client:
    """tests/mcp/client.c: what is asked gets a number, and what comes is kept by it."""

    def __init__(self, *words, reads=(), writes=None, **flags):
        argv = [client]
        for r in reads:
            argv += ["--read", r]
        if writes:
            argv += ["--write", writes]
        for name, value in flags.items():
            argv += ["--" + name, str(value)]
        argv += (["--"] if words and "url" not in flags else []) + list(words)
        self.p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", errors="surrogatepass")
        self.n, self.queues, self.changed = 0, {}, queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.p.stdout:
            o = json.loads(line)
            (self.changed if "changed" in o else self.queues[o["id"]]).put(o)
        for q in list(self.queues.values()):
            q.put(None)

    def begin(self, op, **more):
        self.n += 1
        self.queues[self.n] = queue.Queue()
        self.p.stdin.write(json.dumps({"id": self.n, "op": op, **more}) + "\n")
        self.p.stdin.flush()
        return self.n

    def next(self, n):
        o = self.queues[n].get(timeout=PATIENCE)
        assert o is not None, "the client has ended"
        return o

    def end(self, n):
        """The last line of one, and those before it."""
        before = []
        while True:
            o = self.next(n)
            if "ms" in o or "idle" in o:
                return o, before
            before.append(o)

    def do(self, op, **more):
        return self.end(self.begin(op, **more))[0]

    def call(self, name, **arguments):
        return self.do("call", name=name, arguments=arguments)

    def text(self, name, **arguments):
        r = self.call(name, **arguments)
        assert r.get("failed") is False, r
        return r["text"]

    def __enter__(self):
        return self

    def __exit__(self, *how):
        self.p.stdin.close()
        if how[0] is not None:
            self.p.kill()
        r = self.p.wait(PATIENCE)
        assert how[0] is not None or r == 0, "the client ended with %d" % r


def node_server(name, *words, **flags):
    reads = [MODULES, *([NODE_FOLDER] if not NODE.startswith("/usr/bin/") else []), *flags.pop("reads", ())]
    return Client(NODE, os.path.join(MODULES, "@modelcontextprotocol", "server-" + name, "dist", "index.js"), *words, reads=reads, **flags)


def hostile(*habits, **flags):
    return Client("/usr/bin/python3", "-I", "-S", os.path.join(HERE, "hostile.py"), *habits, reads=[HERE], **flags)


# ---- real servers over stdio ----


def everything(c):
    names = {t["name"] for t in c.do("list", what="tools")["items"]}
    while "trigger-elicitation-request" not in names:  # those that depend on the client come later, and are told
        assert c.changed.get(timeout=PATIENCE)
        names = {t["name"] for t in c.do("list", what="tools")["items"]}
    assert {"echo", "get-sum"} <= names, names
    assert c.text("echo", message="h\u00e4llo \U0001f600\n\u2028") == "Echo: h\u00e4llo \U0001f600\n\u2028"
    r = c.call("get-structured-content", location="New York")
    assert r["structured"]["temperature"] and json.loads(r["text"]) == r["structured"], r
    r = c.call("get-tiny-image")
    assert r["files"] == [{"name": "file-1.png", "media_type": "image/png", "size": r["files"][0]["size"]}] and r["files"][0]["size"] > 1000, r
    assert "](" in c.text("get-resource-links", count=2)
    r, before = c.end(c.begin("call", name="trigger-long-running-operation", arguments={"duration": 0.3, "steps": 3}))
    assert [p["progress"] for p in before] == [1, 2, 3] and before[0]["total"] == 3, before
    r = c.call("no-such-tool")
    assert r["failed"] and "no-such-tool" in r["text"], r
    r = c.call("get-sum", a="x")
    assert r["failed"], r
    # Cancelled: told to the server, which goes on with the others.
    n, other = c.begin("call", name="trigger-long-running-operation", arguments={"duration": 100, "steps": 1000}), c.begin("call", name="echo", arguments={"message": "beside"})
    c.next(n)
    c.do("cancel", of=n)
    r, _ = c.end(n)
    assert r["code"] == -125 and r["ms"] < 60000, r
    assert c.end(other)[0]["text"] == "Echo: beside"
    # A question, answered by another thread than the one that asks; and refused.
    for said, expect in (({"action": "accept", "content": {"name": "Ada", "color": "red"}}, "Ada"), ({"action": "decline"}, "decline")):
        n = c.begin("call", name="trigger-elicitation-request", arguments={})
        o = c.next(n)
        assert "name" in o["schema"]["properties"] and o["from"] == "test", o
        c.do("answer", of=n, said=said)
        r, _ = c.end(n)
        assert expect in r["text"], r
    # Resources and prompts.
    assert len(c.do("list", what="resources")["items"]) > 3
    assert len(c.do("list", what="resourceTemplates")["items"]) >= 1
    uri = c.do("list", what="resources")["items"][0]["uri"]
    assert c.do("request", method="resources/read", params={"uri": uri})["result"]["contents"][0]["uri"] == uri
    assert len(c.do("list", what="prompts")["items"]) >= 3
    r = c.do("request", method="prompts/get", params={"name": "args-prompt", "arguments": {"city": "Bonn"}})
    assert "Bonn" in json.dumps(r), r
    return c.do("about")["about"]


@case
def everything_over_stdio():
    with node_server("everything", "stdio") as c:
        about = everything(c)
        assert about["protocolVersion"] == "2025-11-25", about
        assert "STDIO" in c.do("errors")["errors"]
        # Closed, it starts again when it is asked again.
        c.do("close")
        assert c.text("echo", message="again") == "Echo: again"


@case
def filesystem_in_its_folder():
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o777)
        open(os.path.join(folder, "a.txt"), "w").write("one\n")
        with node_server("filesystem", folder, writes=folder) as c:
            assert "a.txt" in c.text("list_directory", path=folder)
            c.text("write_file", path=folder + "/b.txt", content="two")
            assert open(folder + "/b.txt").read() == "two"
            assert c.call("read_text_file", path="/etc/passwd")["failed"]


@case
def memory_keeps():
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o777)
        with node_server("memory", writes=folder, env="MEMORY_FILE_PATH=%s/m.json" % folder) as c:
            c.text("create_entities", entities=[{"name": "Ada", "entityType": "person", "observations": ["counts"]}])
            c.do("close")
            assert "counts" in c.text("search_nodes", query="Ada")


@case
def python_server_in_both_eras():
    for era, version in ((None, "2026-07-28"), ("legacy", "2025-11-25")):
        with Client("/usr/bin/python3", "-m", "mcp_server_time", reads=[PACKAGES], env="PYTHONPATH=" + PACKAGES, **({"era": era} if era else {})) as c:
            assert {t["name"] for t in c.do("list", what="tools")["items"]} == {"get_current_time", "convert_time"}
            assert "Tokyo" in c.text("get_current_time", timezone="Asia/Tokyo")
            assert c.call("get_current_time", timezone="No/Where")["failed"]
            assert c.do("about")["about"]["protocolVersion"] == version


# ---- over HTTP ----


class Web:
    """A server at an address, outside of the sandbox."""

    def __init__(self, *argv, **env):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.p = subprocess.Popen(argv, env={**os.environ, "PORT": str(self.port), **env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
                break
            except OSError:
                assert self.p.poll() is None, self.p.stderr.read()
                time.sleep(0.05)
        threading.Thread(target=self.p.stderr.read, daemon=True).start()
        self.url = "http://127.0.0.1:%d/mcp" % self.port

    def __enter__(self):
        return self

    def __exit__(self, *how):
        self.p.kill()
        self.p.wait()


def everything_at_an_address():
    return Web(NODE, os.path.join(MODULES, "@modelcontextprotocol/server-everything/dist/index.js"), "streamableHttp")


@case
@without_sandbox
def everything_over_http():
    with everything_at_an_address() as w:
        with Client(url=w.url) as c:
            about = everything(c)
            assert about["protocolVersion"] == "2025-11-25", about


def changes(c):
    """A server of the newest revision tells of its tools only who has asked for that."""
    names = lambda: {t["name"] for t in c.do("list", what="tools")["items"]}
    assert names() == {"grow"}, names()
    assert c.do("about")["about"]["protocolVersion"] == "2026-07-28"
    for n in (1, 2):
        while not c.changed.empty():  # what was told before counts no more
            c.changed.get()
        assert c.text("grow") == "grown"
        assert c.changed.get(timeout=PATIENCE)
        while "grown-%d" % n not in names():
            assert c.changed.get(timeout=PATIENCE)
        assert c.text("grown-%d" % n) == "grown-%d" % n


@case
def changing_over_stdio():
    with Client(NODE, HERE + "/changing.mjs", "stdio", reads=[HERE, *([NODE_FOLDER] if not NODE.startswith("/usr/bin/") else [])]) as c:
        changes(c)


@case
@without_sandbox
def changing_over_http():
    with Web(NODE, HERE + "/changing.mjs") as w, Client(url=w.url) as c:
        changes(c)


@case
@without_sandbox
def nobody_at_the_address():
    with Client(url="http://127.0.0.1:9/mcp") as c:
        r = c.do("list", what="tools")
        assert r["code"] == -5015 and "127.0.0.1:9" in r["error"], r


# ---- hostile ones ----


@case
@without_sandbox
def hostile_at_an_address():
    with Web(sys.executable, HERE + "/hostile_web.py") as w:
        base = w.url[:-4]
        for path, code, words in (("/locked", -5001, "sign in"), ("/page", None, ""), ("/broken", None, "500")):
            with Client(url=base + path, timeout=5000) as c:
                r = c.do("list", what="tools")
                assert r["code"] < 0 and (code is None or r["code"] == code) and words in r["error"], (path, r)
        with Client(url=base + "/x", timeout=3000) as c:
            assert c.text("bytes") == "h\u00e4" and c.text("lines") == "joined" and c.text("batch") == "of a batch"
            for name in ("cut", "silent", "huge", "accepted", "teapot"):
                r = c.call(name)
                assert r["failed"] and r["text"], r
            first = c.text("session")
            # A session that is over is begun anew, and what was asked is asked again.
            assert c.text("forget") == "forgotten"
            assert c.text("session") != first
            n = c.begin("call", name="hang", arguments={})
            assert c.text("bytes") == "h\u00e4"
            c.do("cancel", of=n)
            r, _ = c.end(n)
            assert r["code"] == -125, r


@case
def hostile_lines():
    with hostile("banner") as c:
        assert [t["name"] for t in c.do("list", what="tools")["items"]] == ["tool-0", "tool-1", "tool-2"]
        assert c.text("wrong-id") == "yours"
        r, before = c.end(c.begin("call", name="progress"))
        assert r["text"] == "done" and [p["progress"] for p in before] == [0, 1, 2], (r, before)
        r = c.call("odd")
        assert r["text"].startswith("rest") and "3 more parts" in r["text"], r
        assert c.call("empty")["failed"]
        assert c.text("asks-for-much") == "s0:-32601 sampling/createMessage s1:-32601 roots/list s2:ok s3:-32601 no/such"
        r = c.call("no-such")
        assert r["failed"] and "Unknown tool: no-such" in r["text"], r


@case
def hostile_sizes():
    with hostile() as c:
        assert len(c.text("huge", bytes=5 << 20)) == 5 << 20
        r = c.call("huge", bytes=50 << 20)
        assert not r["failed"] and r["text"].startswith("xxx") and r["text"].endswith("the rest is cut.]"), r["text"][-200:]
        assert 30000 < len(r["text"]) < 40000 and "larger than 16 MB" in r["text"]
        assert c.text("wrong-id") == "yours"
    with hostile(timeout=1500) as c:
        assert c.call("deep")["failed"]
    with hostile("pages") as c:
        assert "more pages" in c.do("list", what="tools")["error"]


@case
def hostile_ends():
    with hostile() as c:
        n = c.begin("call", name="never", arguments={})
        r = c.call("die")
        assert r["failed"] and "status 7" in r["text"] and "out of luck" in r["text"], r
        assert c.end(n)[0]["failed"]
        assert "out of luck" in c.do("errors")["errors"]
        # Not again at once.
        r = c.call("wrong-id")
        assert r.get("text") == "yours" or "started again" in r["text"], r
    with hostile("crash") as c:
        r = c.do("list", what="tools")
        assert "no such database" in r["error"], r
        r = c.do("list", what="tools")
        assert "started again in" in r["error"], r
    with hostile("impatient") as c: # it leaves when the first word is not the old one
        assert len(c.do("list", what="tools")["items"]) == 3
    with Client("/usr/bin/no-such-program") as c:
        assert "no-such-program" in c.do("list", what="tools")["error"]


@case
def hostile_silence():
    with hostile(timeout=4000) as c:  # which its start must be within, too
        assert c.text("wrong-id") == "yours"
        r = c.call("never")
        assert r["failed"] and "4.0 seconds" in r["text"], r
    with hostile() as c:
        n = c.begin("call", name="hang", arguments={})
        other = c.begin("call", name="never", arguments={})
        c.do("cancel", of=n)
        r, _ = c.end(n)
        assert r["code"] == -125, r
        c.do("cancel", of=other)
        assert c.end(other)[0]["code"] == -125
        # It answers nothing any more, so that it was ended; the next call has another one.
        assert c.text("wrong-id") == "yours"


def alive(mark):
    """How many processes have this among their words."""
    n = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            n += mark.encode() in open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
        except OSError:
            pass
    return n


def await_three(mark):
    """A process that has just begun has no words yet."""
    end = time.monotonic() + PATIENCE
    while alive(mark) != 3:
        assert time.monotonic() < end, alive(mark)


@case
def stopped_calls_end_their_program():
    """What a stopped call has begun dies with its program, though that goes on to answer; who asks it something else is let finish."""
    mark = f"1000.{os.getpid()}"
    with hostile("aside", "stubborn", f"mark={mark}") as c:
        n = c.begin("call", name="work", arguments={})
        assert c.text("wrong-id") == "yours"
        await_three(mark)
        c.do("cancel", of=n)
        assert c.end(n)[0]["code"] == -125
        assert alive(mark) == 0, alive(mark)
        n = c.begin("call", name="work", arguments={})
        await_three(mark)
        other = c.begin("call", name="hold", arguments={})
        end = time.monotonic() + PATIENCE
        while c.text("holding") != "1":
            assert time.monotonic() < end
        c.do("cancel", of=n)
        assert c.end(n)[0]["code"] == -125
        await_three(mark)
        assert c.text("release") == "released"
        assert c.end(other)[0]["text"] == "held"
        assert c.text("wrong-id") == "yours"
        assert alive(mark) == 0, alive(mark)


@case
def hostile_to_the_end():
    with hostile("stubborn", "forks", "flood") as c:
        assert c.text("wrong-id") == "yours"
        began = time.monotonic()
        c.do("close")
        assert time.monotonic() - began < 3, time.monotonic() - began
        assert c.text("wrong-id") == "yours"


@case
def nothing_of_ours_is_seen():
    os.environ["ATELIER_TEST_SECRET"] = "key"
    with hostile() as c:
        r = json.loads(c.text("where"))
        assert "ATELIER_TEST_SECRET" not in r["env"] and set(r["env"]) <= {"PATH", "HOME", "LANG", "PWD", "LC_CTYPE"}, r
        assert "root" not in r["files"] and "home" not in r["files"], r


# ---- Atelier as a server ----


@case
@without_sandbox
def atelier_as_a_server():
    with atelier.Server(BINARY) as s:
        for f in atelier.ALL:
            f(s)
        for argv in ([NODE, HERE + "/clients.mjs"], [os.path.join(PYTHON, "bin/python"), HERE + "/client.py"]):
            out = subprocess.run([*argv, s.url, s.key, BINARY], capture_output=True, text=True, timeout=PATIENCE * 3)
            rows = [json.loads(line) for line in out.stdout.splitlines()]
            assert len(rows) >= 2, out.stderr
            for row in rows:
                assert "error" not in row, row["name"] + ": " + row["error"]
                assert "chat" in row["tools"] and "Murr" in row["found"] and "stove" in row["read"] and row["prompt"].startswith("Greet Ada") and row["said"] > 20, row
                assert "newest" not in row["name"] or (row["version"] == "2026-07-28" and row["honored"] == {"promptsListChanged": True}), row


@case
@without_sandbox
def clients_sign_in():
    with atelier.Server(BINARY) as s:
        for argv, n in (([NODE, HERE + "/clients_oauth.mjs"], 3), ([os.path.join(PYTHON, "bin/python"), HERE + "/client_oauth.py"], 1)):
            out = subprocess.run([*argv, s.url, s.cookies["ada"], s.data + "/atelier.db"], capture_output=True, text=True, timeout=PATIENCE * 3)
            rows = [json.loads(line) for line in out.stdout.splitlines()]
            assert len(rows) == n, out.stderr
            for row in rows:
                assert "error" not in row, row["name"] + ": " + row["error"]
                assert "Murr" in row["found"] and row["again"] > 5 and row.get("state", "some-state") == "some-state" and row.get("asked", [1, 0]) == [1, 0], row
                assert row.get("renewed", [3, True, True]) == [3, True, True], row


@case
@without_sandbox
def signing_in():
    with atelier.Server(BINARY) as s, Web(sys.executable, HERE + "/guarded.py") as w:
        atelier.signing_in(s, w.url)


@case
def programs_by_document():
    with atelier.Documents() as web, atelier.Server(BINARY, trusts=atelier.LOCALHOST, ATELIER_TOOL_NETWORKS="127.0.0.0/8 ::1/128") as s:
        atelier.programs_by_document(s, web)


@case
def servers_of_tools():
    with atelier.Server(BINARY) as s, everything_at_an_address() as w:
        atelier.servers_of_tools(s, HERE, w.url)


# ---- server-everything behind a chat ----


@case
@without_sandbox
def everything_in_a_chat():
    with everything_at_an_address() as w, chat.chat(ASAN) as s:
        s.connect({"url": w.url})
        for f in chat.ALL:
            f(s)


@case
@without_sandbox
def progress_of_answers():
    with chat.chat(ASAN, ATELIER_HEARTBEAT_S="1") as s:
        chat.progress_of_answers(s, [([NODE, HERE + "/clients_progress.mjs"], 3), ([os.path.join(PYTHON, "bin/python"), HERE + "/client_progress.py"], 1)])


@case
def everything_in_a_chat_over_stdio():
    folders = [MODULES, *([NODE_FOLDER] if not NODE.startswith("/usr/bin/") else [])]
    with chat.chat(ASAN) as s:
        s.connect({"command": NODE, "args": [os.path.join(MODULES, "@modelcontextprotocol/server-everything/dist/index.js"), "stdio"], "read": folders}, "mcp-stdio")
        for f in chat.ALL:
            f(s)


# ---- the official conformance suite: what it requires of a client ----

REQUIRED = {
    "2025-11-25": ("initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry", "json-schema-2020-12-preservation"),
    "2026-07-28": ("tools_call", "request-metadata", "sep-2322-client-request-state", "http-standard-headers", "http-custom-headers", "http-invalid-tool-headers",
                   "json-schema-ref-no-deref", "json-schema-2020-12-preservation"),
}


def conformance_of(revision):
    suite = os.path.join(MODULES, "@modelcontextprotocol/conformance/dist/index.js")
    command = "%s %s/conformance_client.py" % (sys.executable, HERE)
    for scenario in REQUIRED[revision]:
        out = subprocess.run([os.path.join(MODULES, ".bin/node"), suite, "client", "--command", command, "--scenario", scenario, "--spec-version", revision, "--timeout", str(PATIENCE * 1000)],
                             env={**os.environ, "MCP_CLIENT": client}, capture_output=True, text=True, timeout=PATIENCE * 3, stdin=subprocess.DEVNULL)
        assert out.returncode == 0 and "OVERALL: PASSED" in out.stdout + out.stderr, scenario + "\n" + out.stdout + out.stderr


@case
@without_sandbox
def conformance_2025_11_25():
    conformance_of("2025-11-25")


@case
@without_sandbox
def conformance_2026_07_28():
    conformance_of("2026-07-28")


# ---- and of one that signs in: Atelier as a whole, since a person comes back to it ----

SIGNED_IN = ("basic-cimd", "metadata-default", "metadata-var1", "metadata-var2", "metadata-var3", "scope-from-www-authenticate", "scope-from-scopes-supported",
             "scope-omitted-when-undefined", "scope-step-up", "scope-retry-limit", "token-endpoint-auth-basic", "token-endpoint-auth-post",
             "token-endpoint-auth-none", "pre-registration", "resource-mismatch", "offline-access-scope", "offline-access-not-supported",
             "authorization-server-migration", "iss-supported", "iss-not-advertised", "iss-supported-missing", "iss-wrong-issuer", "iss-unexpected",
             "iss-normalized", "metadata-issuer-mismatch")
SIGNED_IN_2025 = ("basic-cimd", "metadata-default", "metadata-var1", "metadata-var2", "metadata-var3", "scope-from-www-authenticate",
                  "scope-from-scopes-supported", "scope-omitted-when-undefined", "scope-step-up", "scope-retry-limit", "token-endpoint-auth-basic",
                  "token-endpoint-auth-post", "token-endpoint-auth-none", "pre-registration")
# Each takes a start of Node: these are what differs most; ALL=1 runs all of them.
OF_THEM = ("metadata-var3", "scope-step-up", "token-endpoint-auth-post", "pre-registration", "resource-mismatch", "iss-wrong-issuer")
OF_THEM_2025 = ("metadata-var2", "scope-step-up", "token-endpoint-auth-basic")


def signing_in_of(revision, scenarios):
    suite = os.path.join(MODULES, "@modelcontextprotocol/conformance/dist/index.js")
    command = "%s %s/conformance_auth.py" % (sys.executable, HERE)
    with atelier.Server(BINARY) as s, concurrent.futures.ThreadPoolExecutor(2) as pool:
        def one(name):
            out = subprocess.run([os.path.join(MODULES, ".bin/node"), suite, "client", "--command", command, "--scenario", "auth/" + name, "--spec-version",
                                  revision, "--timeout", str(PATIENCE * 1000)], env={**os.environ, "ATELIER_URL": s.url, "ATELIER_KEY": s.key}, capture_output=True, text=True,
                                 timeout=PATIENCE * 3, stdin=subprocess.DEVNULL)
            return name, "OVERALL: PASSED" in out.stdout + out.stderr, out.stdout + out.stderr
        for name, well, said in pool.map(one, scenarios):
            assert well, name + "\n" + said


@case
@without_sandbox
def conformance_signing_in():
    signing_in_of("2026-07-28", SIGNED_IN if os.environ.get("ALL") else OF_THEM)


@case
@without_sandbox
def conformance_signing_in_2025():
    signing_in_of("2025-11-25", SIGNED_IN_2025 if os.environ.get("ALL") else OF_THEM_2025)


# ---- the same suite against Atelier: all that a revision requires of a server, but what stands in conformance-REVISION.yml ----


def served(revision):
    suite = os.path.join(MODULES, "@modelcontextprotocol/conformance/dist/index.js")
    with atelier.Server(BINARY) as s, atelier.with_key(s) as url, tempfile.TemporaryDirectory() as d:
        s.ask("POST", "/api/v1/prompts", {"name": "test_simple_prompt", "body": "This is a simple prompt for testing."})
        s.ask("POST", "/api/v1/prompts", {"name": "test_prompt_with_arguments", "body": "Prompt with arguments: arg1='{{arg1}}', arg2='{{arg2}}'", "variables": [
            {"name": n, "type": "text", "required": True} for n in ("arg1", "arg2")]})
        out = subprocess.run([os.path.join(MODULES, ".bin/node"), suite, "server", "--url", url, "--requirements", revision, "--expected-failures",
                              "%s/conformance-%s.yml" % (HERE, revision)], cwd=d, capture_output=True, text=True, timeout=PATIENCE * 3, stdin=subprocess.DEVNULL)
    assert out.returncode == 0 and "\u2713 tools-list: " in out.stdout, out.stdout + out.stderr


@case
@without_sandbox
def conformance_as_a_server():
    for revision in REQUIRED:
        served(revision)


# ---- all of them ----


def python_packages():
    """An environment of the system's Python, which is what the sandbox has, made when it is not there or the list has changed."""
    at, wanted = PYTHON, open(os.path.join(HERE, "requirements.txt")).read()
    stamp = os.path.join(at, "made-of.txt")
    if not os.path.exists(stamp) or open(stamp).read() != wanted:
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", at], check=True)
        subprocess.run([at + "/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", os.path.join(HERE, "requirements.txt")], check=True)
        open(stamp, "w").write(wanted)
    return next(os.path.join(d, "site-packages") for d, folders, _ in os.walk(at) if "site-packages" in folders)


def run(f):
    began = time.monotonic()
    try:
        f()
        return f.__name__, None, time.monotonic() - began
    except Exception:
        return f.__name__, traceback.format_exc(), time.monotonic() - began


def main():
    global client, NODE, NODE_FOLDER, PYTHON, PACKAGES, BINARY, ASAN
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--binary", required=True)
    p.add_argument("words", nargs="*")
    a = p.parse_args()
    BINARY, PYTHON = os.path.abspath(a.binary), os.path.join(ROOT, "build/mcp-python")
    client = os.path.abspath(os.path.join(a.build, "tests/mcp/mcp_client"))
    ASAN = os.path.abspath(os.path.join(a.build, "src/atelier"))
    NODE = os.path.realpath(subprocess.check_output(["which", "node"], text=True).strip())
    NODE_FOLDER = os.path.dirname(os.path.dirname(NODE))
    PACKAGES = python_packages()
    walls = subprocess.check_output([client, "--walls"], text=True).strip()
    if walls != "all":
        print("SKIPPED: what runs programs in the sandbox. " + walls)
        CASES[:] = [f for f in CASES if hasattr(f, "without_sandbox")]
    chosen = [f for f in CASES if not a.words or any(w in f.__name__ for w in a.words)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for name, error, took in pool.map(run, chosen):
            print("%-4s %s (%.1f s)" % ("ok" if not error else "FAIL", name, took))
            if error:
                failed += 1
                print(error)
    print("%d passed, %d failed" % (len(chosen) - failed, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
