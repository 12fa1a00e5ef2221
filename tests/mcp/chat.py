"""Atelier's chat with the official server-everything behind it: what a person sees and answers of its tools, and what the model gets.
The model server is the scripted one of tests/scenario; the program is the build with fault points, so that a question can expire."""
import contextlib, json, os, queue, shutil, subprocess, sys, tempfile, threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scenario"))

from client import Client, Reader  # noqa: E402
from provider import Answer, Provider, Step  # noqa: E402
from server import PATIENCE, Server  # noqa: E402

PASSWORD = "a password for tests"


class Chat:
    """The program, a scripted model, and a person who talks to it in one conversation."""

    def __init__(self, binary, **settings):
        self.data = tempfile.mkdtemp(prefix="atelier-chat-")
        self.model = Provider("openai")
        self.server = Server(binary, self.data + "/data", {**self.model.settings(), "ATELIER_TOOL_TIMEOUT_S": str(PATIENCE), **settings})
        os.mkdir(self.data + "/data", 0o700)
        status, said = self.server.command(["user", "add", "ada", "--role", "admin"], PASSWORD + "\n")
        assert status == 0, said
        self.server.start()
        self.c = Client(self.server.port)
        self.c.login("ada", PASSWORD)
        self.conversation = self.c.call("POST", "/api/v1/conversations", {})["id"]

    def connect(self, config, kind="mcp-http", **more):
        made = self.c.call("POST", "/api/v1/tool-servers", {"name": "Every", "kind": kind, "trusted": True, "config": config, **more})
        assert made["state"] == "ok", made
        return made["id"]

    def tools(self):
        return {t["name"]: t for t in self.c.call("GET", "/api/v1/tools")["items"] if t["name"].startswith("every_")}

    def late_tools(self):
        """Those that depend on what the client can do come after the list, and are told of."""
        r = Reader()
        r.numbered = False
        r.open(self.server.port, "GET", "/api/v1/events", self.c.headers({"Accept": "text/event-stream"}))
        try:
            while "every_trigger-url-elicitation" not in self.tools():
                n = len(r.events)
                r.wait("a change of the tools", lambda r: len(r.events) > n)
        finally:
            r.leave()
        return self.tools()

    def ask(self, *calls, then="Seen."):
        """A question whose answer calls these tools, `(name, arguments)`, and then says something."""
        steps = [Step(0, ["tool", "every_" + name, arguments]) for name, arguments in calls]
        with self.model.cv:
            self.model.answers += [Answer([*steps, Step(0, ["done", "tool_calls"])]), Answer([Step(0, ["text", then]), Step(0, ["done"])])]
        r = Reader()
        body = json.dumps({"content": "Do it.", "tools": True}).encode()
        r.open(self.server.port, "POST", "/api/v1/conversations/%s/turns" % self.conversation,
               self.c.headers({"Accept": "text/event-stream"}, body), body)
        assert r.response.status == 200, r.response.body
        return r

    def heard(self, r, name, n=1):
        r.wait("%d of %s" % (n, name), lambda r: sum(e.name == name for e in r.events) >= n)
        return [e.json() for e in r.events if e.name == name][n - 1]

    def done(self, r):
        r.wait_end(PATIENCE)
        r.check_ids()
        return r

    def given(self):
        """What the model got of the tools of its last call."""
        with self.model.cv:
            return [m["content"] for m in self.model.calls[-1]["messages"] if m["role"] == "tool"]

    def answer(self, r, question, status=200, **body):
        turn = r.events[0].json()["turn_id"]
        got = self.c.request("POST", "/api/v1/turns/%s/answers/%s" % (turn, question["id"]), body)
        assert got.status == status, (got.status, got.body)
        return got.json()

    def last_parts(self):
        return self.c.call("GET", "/api/v1/conversations/%s/messages" % self.conversation)["items"][-1]["parts"]

    def fault(self, spec):
        with open(self.server.data + ".fault.new", "w") as f:
            f.write(spec)
        os.replace(self.server.data + ".fault.new", self.server.data + ".fault")

    def close(self):
        self.server.stop()

    def destroy(self):
        self.server.destroy()
        self.model.down()
        shutil.rmtree(self.data, ignore_errors=True)


def questions(s):
    """The form of server-everything as a question of the chat: filled in, declined, cancelled, expired, stopped."""
    r = s.ask(("trigger-elicitation-request", {}))
    q = s.heard(r, "question")
    assert q["from"] == "Every" and "provide inputs" in q["message"] and q["expires_at"] > 0, q
    form = q["schema"]["properties"]
    assert q["schema"]["required"] == ["name"] and form["integer"]["default"] == 42, q
    assert form["titledMultipleSelectEnum"]["items"]["anyOf"][0] == {"const": "fish-1", "title": "Tuna"}, form
    assert form["legacyTitledEnum"]["enumNames"][0] == "Cats", form
    for content, field in (({}, "name"), ({"name": "Ada", "email": "no"}, "email"), ({"name": "Ada", "integer": 101}, "integer"),
                           ({"name": "Ada", "integer": 1.5}, "integer"), ({"name": "Ada", "number": -1}, "number"),
                           ({"name": "Ada", "homepage": "not one"}, "homepage"), ({"name": "Ada", "birthdate": "1815-13-01"}, "birthdate"),
                           ({"name": "Ada", "titledSingleSelectEnum": "Superman"}, "titledSingleSelectEnum"),
                           ({"name": "Ada", "titledMultipleSelectEnum": []}, "titledMultipleSelectEnum"),
                           ({"name": "Ada", "titledMultipleSelectEnum": ["fish-1", "fish-2", "fish-3", "fish-1"]}, "titledMultipleSelectEnum"),
                           ({"name": "Ada", "untitledMultipleSelectEnum": ["Guitar", "Kazoo"]}, "untitledMultipleSelectEnum"),
                           ({"name": "Ada", "untitledSingleSelectEnum": "Gunther"}, "untitledSingleSelectEnum"),
                           ({"name": "Ada", "legacyTitledEnum": "Cats"}, "legacyTitledEnum"), ({"name": "Ada", "check": "yes"}, "check")):
        assert s.answer(r, q, 400, action="accept", content=content)["error"]["field"] == "content." + field, content
    s.answer(r, q, action="accept", content={"name": "Ada", "check": True, "email": "ada@example.org", "homepage": "https://example.org/a", "birthdate": "1815-12-10",
                                             "titledMultipleSelectEnum": ["fish-2", "fish-3"], "titledSingleSelectEnum": "hero-2"})
    s.done(r)
    text = s.given()[-1]
    assert "- Name: Ada" in text and "1815-12-10" in text and "- Favorite Integer: 42" in text and "fish-3" in text and "hero-2" in text, text
    kept = s.last_parts()[0]["questions"]
    assert [x["action"] for x in kept] == ["accept"] and kept[0]["schema"] == q["schema"], kept
    for action, said in (("decline", "declined"), ("cancel", "cancelled")):
        r = s.ask(("trigger-elicitation-request", {}))
        s.answer(r, s.heard(r, "question"), action=action)
        s.done(r)
        assert said in s.given()[-1], s.given()
        assert s.last_parts()[0]["questions"][0]["action"] == action
    # Two that do something: one after the other, each with its own.
    r = s.ask(("trigger-elicitation-request", {}), ("trigger-elicitation-request", {}))
    one = s.heard(r, "question")
    s.answer(r, one, action="accept", content={"name": "First"})
    two = s.heard(r, "question", 3)  # the second is the first with its answer
    assert one["call_id"] != two["call_id"] and one["id"] != two["id"], (one, two)
    s.answer(r, one, 409, action="decline")
    s.answer(r, two, action="accept", content={"name": "Second"})
    s.done(r)
    of = {p["id"]: p["result"] for p in s.last_parts() if p["type"] == "tool_call"}
    assert "Name: First" in of[one["call_id"]] and "Name: Second" in of[two["call_id"]], of
    # Nobody answers in time: the server is told that it was cancelled, and the answer goes on.
    s.fault("question_time:EIO")
    r = s.ask(("trigger-elicitation-request", {}))
    q = s.heard(r, "question")
    s.done(r)
    s.fault("")
    assert s.heard(r, "question", 2)["action"] == "expired" and "cancelled" in s.given()[-1], s.given()
    s.answer(r, q, 409, action="decline")


def addresses(s):
    """A question that leads to an address, in both of its ways: asked in the middle of the call, and as what has to be done before it."""
    url = "https://example.org/sign-in"
    for action, said in (("accept", "accept"), ("decline", "decline"), ("cancel", "cancel")):
        r = s.ask(("trigger-url-elicitation", {"url": url, "message": "Sign in there."}))
        q = s.heard(r, "question")
        assert q["url"] == url and q["message"] == "Sign in there." and "schema" not in q, q
        s.answer(r, q, action=action)
        s.done(r)
        assert said in s.given()[-1].lower(), s.given()
    # The call fails with what has to be done first; done, it is made again by itself.
    r = s.ask(("trigger-url-elicitation", {"url": url + "/2", "errorPath": True}))
    q = s.heard(r, "question")
    assert q["url"] == "https://modelcontextprotocol.io", q
    s.answer(r, q, action="accept")
    q = s.heard(r, "question", 3)
    assert q["url"] == url + "/2", q
    s.answer(r, q, action="accept")
    s.done(r)
    assert "accept" in s.given()[-1].lower(), s.given()
    # Not done, the call comes to nothing, and the model is told why.
    r = s.ask(("trigger-url-elicitation", {"url": url + "/3", "errorPath": True}))
    s.answer(r, s.heard(r, "question"), action="decline")
    s.done(r)
    assert s.last_parts()[0]["failed"] and "declined" in s.given()[-1], s.given()


def results(s):
    """Progress, pictures, resources, links, data and failures, as the chat shows them and as they are after a reload."""
    # Told at most four times a second: the first at once, then what is newest.
    r = s.ask(("trigger-long-running-operation", {"duration": 1.2, "steps": 24}))
    s.done(r)
    told = [e.json() for e in r.events if e.name == "tool_progress"]
    steps = [p["progress"] for p in told]
    assert steps[0] == 1 and steps == sorted(set(steps)) and 2 <= len(steps) <= 8 and all(p["total"] == 24 for p in told), told
    assert "completed" in s.given()[-1], s.given()
    r = s.ask(("get-tiny-image", {}))
    s.done(r)
    f = s.last_parts()[0]["files"][0]
    assert f["media_type"] == "image/png" and r.find("tool_result").json()["files"] == [f], f
    got = s.c.request("GET", "/api/v1/files/" + f["id"])
    assert got.body[:8] == b"\x89PNG\r\n\x1a\n" and len(got.body) == f["size"] and got.header("Content-Type") == "image/png", got.headers
    assert "iVBOR" not in "".join(s.given()), "the bytes of a picture went to the model as text"
    r = s.ask(("get-resource-reference", {"resourceType": "Text", "resourceId": 7}), ("get-resource-reference", {"resourceType": "Blob", "resourceId": 8}),
              ("get-resource-links", {"count": 3}), ("get-structured-content", {"location": "Chicago"}),
              ("get-annotated-message", {"messageType": "error", "includeImage": True}), ("get-sum", {"a": "x", "b": 1}),
              ("gzip-file-as-resource", {"name": "a.gz", "data": "data:text/plain,hello", "outputType": "resource"}))
    s.done(r)
    text, blob, links, data, noted, wrong, zipped = s.given()[-7:]
    assert "Resource 7" in text and "demo://" in text, text
    parts = [p for p in s.last_parts() if p["type"] == "tool_call"]
    assert s.c.request("GET", "/api/v1/files/" + parts[1]["files"][0]["id"]).body.startswith(b"Resource 8"), parts[1]
    assert links.count("](") == 3, links
    assert parts[3]["structured"]["temperature"] and json.loads(data) == parts[3]["structured"], data
    assert "Error" in noted and parts[4]["files"][0]["media_type"] == "image/png", noted
    assert parts[5]["failed"] and "number" in wrong, wrong
    assert parts[6]["files"][0]["name"] == "a.gz" and s.c.request("GET", "/api/v1/files/" + parts[6]["files"][0]["id"]).body[:2] == b"\x1f\x8b", parts[6]


def what_it_may_not(s):
    """Its tools for a model of ours and for folders are not there, since Atelier does not say that it has them to give."""
    names = s.late_tools()
    assert "every_trigger-elicitation-request" in names and "every_get-tiny-image" in names, sorted(names)
    assert not [n for n in names if "sampling" in n or "roots" in n or "async" in n], sorted(names)
    # What it says of each counts: those that do something ask first. Here nobody is asked any more.
    asking = {n[6:] for n, t in names.items() if t["asks"]}
    assert {"trigger-elicitation-request", "gzip-file-as-resource"} <= asking and not {"echo", "get-tiny-image"} & asking, asking
    for n in asking:
        s.c.call("PATCH", "/api/v1/tools/every_" + n, {"asks": False, "for_all": True})


def stopped(s):
    """Stopped in the middle, the server is told, goes on for others, and is asked again."""
    r = s.ask(("trigger-long-running-operation", {"duration": 100, "steps": 1000}))
    s.heard(r, "tool_progress")
    s.c.call("POST", "/api/v1/turns/%s/cancel" % r.events[0].json()["turn_id"])
    s.done(r)
    assert r.find("tool_result").json()["failed"], r.summary()
    with s.model.cv:
        s.model.answers.clear()
    r = s.ask(("echo", {"message": "after"}))
    s.done(r)
    assert s.given()[-1] == "Echo: after", s.given()


ALL = (what_it_may_not, results, questions, addresses, stopped)


def progress_of_answers(s, clients):
    """Official clients of Atelier's own /mcp are told how far an answer of a model is, again and again, before they get it; one that they
    give up is ended at the model; what goes wrong after that is told in the stream. `clients`: command lines, and how many clients each of them is."""
    key = s.c.call("POST", "/api/v1/keys", {"name": "mcp", "scopes": ["api"]})["key"]
    n = sum(n for _, n in clients)
    with s.model.cv:
        s.model.answers += [Answer([Step(0, ["text", "One, "]), Step(0, ["wait", "go"]), Step(0, ["text", "two."]), Step(0, ["done"])]) for _ in range(2 * n)]
    started = [subprocess.Popen([*argv, "http://127.0.0.1:%d" % s.server.port, key, s.server.binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for argv, _ in clients]
    rows, lines = {}, queue.Queue()
    for p in started:
        threading.Thread(target=lambda p=p: ([lines.put(json.loads(line)) for line in p.stdout], lines.put(None)), daemon=True).start()
    with s.model.cv:
        assert s.model.cv.wait_for(lambda: len(s.model.calls) == 2 * n, PATIENCE), len(s.model.calls)
    for p in started:
        p.stdin.write("\n")
        p.stdin.close()
    with s.model.cv:
        assert s.model.cv.wait_for(lambda: len(s.model.closed_at) == n, PATIENCE), "%d of %d were ended" % (len(s.model.closed_at), n)
    ended, gave_up = 0, []
    while ended < len(started):
        row = lines.get(timeout=PATIENCE)
        if row is None:
            ended += 1
            continue
        if row.get("given_up"):
            gave_up.append(row)
            continue
        rows.setdefault(row["name"], []).append(row)
        if len(rows) == n and all(len(told) >= 2 for told in rows.values()):
            s.model.signal("go")
    for p in started:
        assert p.wait(PATIENCE) == 0
    assert len(rows) == len(gave_up) == n and all(row["given_up"] is True for row in gave_up), (rows, gave_up)
    assert len(s.model.closed_at) == n
    for name, told in rows.items():
        *notices, last = told
        assert last.get("said") == "One, two." and not last["failed"], (name, last)
        values = [x["progress"] for x in notices]
        assert len(values) >= 2 and values == sorted(set(values)) and values[0] > 0 and "bytes" in notices[-1]["message"], (name, notices)
    with s.model.cv:
        s.model.answers.append(Answer([Step(0, ["text", "One, "]), Step(0, ["wait", "broken"]), Step(0, ["cut"])]))
    r = Reader()
    r.numbered = False
    body = json.dumps({"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": {
        "name": "chat", "arguments": {"message": "Break."}, "_meta": {"progressToken": 7}}}).encode()
    r.open(s.server.port, "POST", "/mcp", {"Authorization": "Bearer " + key, "Content-Type": "application/json", "Content-Length": str(len(body)),
                                           "Accept": "application/json, text/event-stream"}, body)
    r.wait("a notice", lambda r: len(r.events) > 0)
    assert r.events[0].json()["params"]["progressToken"] == 7, r.events[0].json()
    s.model.signal("broken")
    r.wait_end(PATIENCE)
    last = r.events[-1].json()
    assert last["id"] == "x" and last["result"]["isError"] and last["result"]["content"][0]["text"], last
    answered_when_cancelled(s, key)


def answered_when_cancelled(s, key):
    """A client that ends its own call and waits for it all the same is told so as JSON-RPC says it, whole or as a stream: what
    is a failure of HTTP ends the whole connection of some."""
    head = {"Authorization": "Bearer " + key, "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Mcp-Session-Id": "one"}

    def post(o):
        r, body = Reader(), json.dumps({"jsonrpc": "2.0", **o}).encode()
        r.numbered = False
        r.open(s.server.port, "POST", "/mcp", {**head, "Content-Length": str(len(body))}, body)
        return r

    for meta in ({}, {"_meta": {"progressToken": 7}}):
        with s.model.cv:
            s.model.answers.append(Answer([Step(0, ["text", "One, "]), Step(0, ["wait", "never"])]))
            before = len(s.model.calls)
        came = queue.Queue()
        threading.Thread(target=lambda: came.put(post({"id": "y", "method": "tools/call", "params": {"name": "chat", "arguments": {"message": "Long."}, **meta}})), daemon=True).start()
        r = came.get(timeout=PATIENCE) if meta else None
        with s.model.cv:
            assert s.model.cv.wait_for(lambda: len(s.model.calls) > before, PATIENCE)
        assert post({"method": "notifications/cancelled", "params": {"requestId": "y"}}).response.status == 202
        r = r or came.get(timeout=PATIENCE)
        r.wait_end(PATIENCE)
        last = r.events[-1].json() if meta else json.loads(r.raw)
        assert r.response.status == 200 and last == {"jsonrpc": "2.0", "id": "y", "error": {"code": -32800, "message": "Request cancelled"}}, (r.response.status, last)


@contextlib.contextmanager
def chat(binary, **settings):
    s = Chat(binary, **settings)
    try:
        yield s
        s.close()
    except BaseException as e:
        s.destroy()
        raise AssertionError("%s\n%s" % (e, "\n".join(s.server.log[-80:]))) from e
    s.destroy()
