"""A scripted model server on a free port of 127.0.0.1. It speaks Ollama's or OpenAI's shapes, and what a script says
beyond them: delays, single bytes, cuts, silence, other statuses."""

import base64
import hashlib
import json
import re
import socket
import threading
import time
from urllib.parse import unquote

from mcp import Mcp
import sockets
from server import PATIENCE, Failed

STAMP = "2026-01-01T00:00:00Z"
OPENAPI = {
    "openapi": "3.1.0", "info": {"title": "Pets", "version": "7"}, "servers": [{"url": "/web/echo"}],
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "parameters": {"page": {"name": "page", "in": "query", "schema": {"type": ["integer", "null"]}}},
        "schemas": {"Pet": {"type": "object", "required": ["name", "id"], "properties": {
            "id": {"type": "integer", "readOnly": True}, "name": {"type": "string"}, "tag": {"type": "string"},
            "parent": {"$ref": "#/components/schemas/Pet"}}}}},
    "paths": {
        "/pets": {
            "parameters": [{"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                           {"name": "session", "in": "cookie", "schema": {"type": "string"}}],
            "get": {"operationId": "list/pets", "summary": "List pets", "tags": ["pets"], "parameters": [
                {"$ref": "#/components/parameters/page"},
                {"name": "tags", "in": "query", "explode": False, "schema": {"type": "array", "items": {"type": "string"}}},
                {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object"}}]},
            "post": {"operationId": "addPet", "parameters": [{"name": "tag", "in": "query", "schema": {"type": "string"}}],
                     "requestBody": {"required": True, "content": {
                         "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}},
        "/pets/{petId}": {
            "parameters": [{"name": "petId", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"operationId": "list_pets"}, "delete": {"deprecated": True},
            "put": {"requestBody": {"required": True, "content": {"multipart/mixed": {"schema": {}}}}},
            "patch": {"requestBody": {"content": {"application/merge-patch+json": {"schema": {"oneOf": [{}, {}]}}}}}}}}

PAGE = """<!doctype html><html><head><title>Otters &amp; rivers</title><script>steal()</script><style>p{}</style></head><body>
<nav><a href="/a">Home</a> <a href="/b">Shop</a></nav><header>Sign in</header>
<article><h1>Otters</h1><p>The otter lives by rivers, eats fish and sleeps in a <a href="holt.html">holt</a>.
It is active at night, and its fur is dense and dry below the surface.
It hunts in the <a href=" /rivers/Gro\u00dfe Au.html?a=1&amp;b=2#banks ">Au</a>, and is no <a href="mailto:o@otters.test">pet</a>.</p><ul><li>weight: 9 kg</li><li>length: 1 m</li></ul>
<table><tr><th>Year</th><th>Count</th></tr><tr><td>2024</td><td>31</td></tr></table></article>
<aside>Buy now!</aside><footer>Imprint</footer></body></html>"""


class Gone(Exception):
    """The other side closed the connection."""


class Step:
    """One line of an answer's script."""

    def __init__(self, line, words):
        self.line, self.name, self.args = line, words[0], words[1:]


class Answer:
    def __init__(self, steps=()):
        self.steps = list(steps)


class Provider:
    def __init__(self, kind="ollama", models=("mock:1b",)):
        self.kind, self.models = kind, list(models)
        self.cv = threading.Condition()
        self.answers = []       # scripts for the next calls, in order
        self.fallback = None    # script for calls beyond them
        self.pulls = []         # scripts for the next pulls, in order
        self.pulled = []        # bodies of the pulls
        self.managed = []       # "PATH BODY" of copies, deletes, loads and unloads
        self.loaded = set()     # models in memory
        self.calls = []         # bodies of the chat calls, in order
        self.problems = []      # what an answer's own expectations found
        self.signals = set()
        self.mcp = Mcp()
        self.closed_at = []     # times at which the other side ended a call
        self.ended = 0          # calls whose script has run to its end
        self.port = 0
        self._listener = None
        self._conns = set()
        self.up()

    # ---- life ----

    def up(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", self.port))
        s.listen(256)
        self.port = s.getsockname()[1]
        self._listener = s
        threading.Thread(target=self._accept, args=(s,), daemon=True).start()

    def down(self):
        """As if the process died: nobody listens, open connections are reset."""
        s, self._listener = self._listener, None
        if s is not None:
            sockets.end(s)
        with self.cv:
            conns = list(self._conns)
        for c in conns:
            sockets.end(c, reset=True)

    def settings(self):
        url = "http://127.0.0.1:%d" % self.port
        if self.kind == "ollama":
            return {"OLLAMA_HOST": url}
        if self.kind == "anthropic":
            return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sk-ant-test-secret"}
        return {"OPENAI_BASE_URL": url + "/v1", "OPENAI_API_KEY": "sk-test-secret"}

    def signal(self, name):
        with self.cv:
            self.signals.add(name)
            self.cv.notify_all()

    def wait(self, what, condition):
        end = time.monotonic() + PATIENCE
        with self.cv:
            while not condition():
                if time.monotonic() > end:
                    raise Failed("%s did not happen within %g s" % (what, PATIENCE))
                self.cv.wait(0.2)

    # ---- connections ----

    def _accept(self, listener):
        while True:
            try:
                c, _ = listener.accept()
            except OSError:
                sockets.close(listener)
                return
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.cv:
                self._conns.add(c)
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        buf = b""
        try:
            while True:
                while b"\r\n\r\n" not in buf:
                    data = c.recv(65536)
                    if not data:
                        return
                    buf += data
                head, buf = buf.split(b"\r\n\r\n", 1)
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ", 2)
                headers = {}
                for k, v in (x.split(":", 1) for x in lines[1:]):
                    headers.setdefault(k.strip().lower(), []).append(v.strip())
                headers = {k: " and ".join(v) for k, v in headers.items()}
                n = int(headers.get("content-length", "0"))
                while len(buf) < n:
                    data = c.recv(65536)
                    if not data:
                        return
                    buf += data
                body, buf = buf[:n], buf[n:]
                self._answer(Call(self, c, method, path, headers, body))
        except (OSError, Gone):
            pass
        finally:
            with self.cv:
                self._conns.discard(c)
            sockets.close(c)

    def _answer(self, call):
        path = re.sub(r"^/v1", "", call.path)
        web = re.fullmatch(r"/web/(\w+)(.*)", call.path)
        if web:
            return call.web(web[1], web[2])
        path = path.split("?")[0]
        call.path = call.path.split("?")[0]
        picture = re.fullmatch(r"/picture/(\d+)/(\d+)", path)
        if path in ("/api/chat", "/chat/completions", "/completions", "/messages"):
            self._chat(call)
        elif picture:
            time.sleep(int(picture[2]) / 1000)
            call.picture(int(picture[1]))
        elif path == "/messages/count_tokens":
            if b"Count slowly" in call.body:
                time.sleep(2.5)
            call.json(200, {"input_tokens": 42})
        elif path == "/chat/completions/input_tokens" and "old" in call.parsed()["model"]:
            call.json(404, {"error": {"message": "no such path", "type": "not_found_error"}})
        elif path == "/chat/completions/input_tokens":
            if b"Count slowly" in call.body:
                time.sleep(2.5)
            words = sum(len(str(m["content"]).split()) for m in call.parsed()["messages"])
            call.json(200, {"input_tokens": words})
        elif path == "/models" and self.kind == "anthropic":
            call.json(200, {"data": [{"type": "model", "id": m, "display_name": m, "created_at": STAMP,
                                      "max_input_tokens": 200000, "max_tokens": 4096} for m in self.models],
                            "has_more": False})
        elif path == "/api/tags":
            call.json(200, {"models": [self._ollama_model(m) for m in self.models]})
        elif path == "/models":
            call.json(200, {"object": "list", "data": [
                {"id": m, "object": "model", "created": 1, "owned_by": "llamacpp" if "llama" in m else "test",
                 **({"meta": {"n_ctx": 600, "n_ctx_train": 32768}} if "llama" in m else {})} for m in self.models]})
        elif path == "/api/show":
            name = str((call.parsed() or {}).get("model"))
            able = ["embedding"] if "embed" in name else ["completion"]
            able += ["vision", "tools", "thinking"] if "vision" in name else []
            call.json(200, {"details": self._ollama_model("x")["details"], "capabilities": able,
                            "model_info": {"general.architecture": "mock", "mock.context_length": 8192}})
        elif path == "/api/version":
            call.json(200, {"version": "0.32.15"})
        elif path == "/api/ps":
            call.json(200, {"models": [dict(self._ollama_model(m), size_vram=1234567, context_length=8192,
                                            expires_at=STAMP) for m in sorted(self.loaded)]})
        elif path == "/api/pull":
            with self.cv:
                self.pulled.append(call.parsed())
            self._script(call, self.pulls, [Step(0, ["line", {"status": "pulling manifest"}]), Step(0, ["pulled"])])
        elif path == "/embeddings" or (path == "/api/embed" and call.parsed().get("input")):
            self._embed(call, call.parsed()["input"])
        elif path == "/rerank" and self.kind == "openai":
            self._rerank(call, call.parsed())
        elif path == "/api/generate" and call.parsed().get("prompt"):
            self._chat(call)
        elif path in ("/api/generate", "/api/embed", "/api/copy", "/api/delete"):
            self._manage(call, path, call.parsed())
        else:
            call.json(404, {"error": "no such path"})

    @staticmethod
    def _ollama_model(name):
        return {"name": name, "model": name, "modified_at": STAMP, "size": 1234567,
                "digest": hashlib.sha256(name.encode()).hexdigest(),
                "details": {"parent_model": "", "format": "gguf", "family": "mock", "families": ["mock"],
                            "parameter_size": "1.2B", "quantization_level": "Q4_K_M"}}

    @staticmethod
    def _rerank(call, q):
        """The shortest text first, the best two of them alone, by scores that are no shares; "broken" in the model's name: refused."""
        if "broken" in q["model"]:
            call.json(500, {"error": {"message": "out of order"}})
            return
        order = sorted(range(len(q["documents"])), key=lambda i: len(q["documents"][i]))[:2]
        call.json(200, {"id": "r1", "results": [{"index": i, "relevance_score": -3.5 - n, "document": {"text": q["documents"][i]}}
                                                for n, i in enumerate(order)], "usage": {"total_tokens": 9}})

    def _embed(self, call, inputs):
        """For each text its length, 3 and 4. "Embed later" waits for `go embed`, "Embed badly" is refused before `go mended`, and
        "Embed small" has only two numbers, as have those that come with it."""
        if any("Embed later" in t for t in inputs):
            self.signal("embedding")
            self.wait("`go embed`", lambda: "embed" in self.signals)
        if any("Embed badly" in t for t in inputs) and "mended" not in self.signals:
            call.json(400, {"error": "no vector of that"})
            return
        size = 2 if any("Embed small" in t for t in inputs) else 3
        vectors = [[float(len(t)), 3.0, 4.0][:size] for t in ([inputs] if isinstance(inputs, str) else inputs)]
        with self.cv:
            self.managed.append("POST %s %s" % (call.path, json.dumps(call.parsed(), sort_keys=True)))
        if self.kind == "ollama":
            call.json(200, {"model": "mock:1b", "embeddings": vectors, "prompt_eval_count": 5})
            return
        call.json(200, {"object": "list", "model": "mock:1b", "usage": {"prompt_tokens": 5, "total_tokens": 5},
                        "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]})

    def _manage(self, call, path, body):
        """What Ollama does to its models: all at once, and its lists show it."""
        name = body.get("model") or body.get("source")
        with self.cv:
            self.managed.append("%s %s %s" % (call.method, path, json.dumps(body, sort_keys=True)))
            known = name in self.models
            if known and path == "/api/copy":
                self.models = [m for m in self.models if m != body["destination"]] + [body["destination"]]
            elif known and path == "/api/delete":
                self.models.remove(name)
                self.loaded.discard(name)
            elif known and body.get("keep_alive") == 0:
                self.loaded.discard(name)
            elif known:
                self.loaded.add(name)
            self.cv.notify_all()
        if not known:
            call.json(404, {"error": "model '%s' not found" % name})
        elif path in ("/api/copy", "/api/delete"):
            call.empty(200)
        else:
            call.json(200, {"model": name, "created_at": STAMP, "response": "", "done": True,
                            "done_reason": "unload" if body.get("keep_alive") == 0 else "load"})

    def _chat(self, call):
        with self.cv:
            self.calls.append(call.parsed())
        self._script(call, self.answers, [Step(0, ["text", "ok"]), Step(0, ["done"])], self.fallback)

    def _script(self, call, queue, otherwise, fallback=None):
        with self.cv:
            answer = queue.pop(0) if queue else fallback
            self.cv.notify_all()
        if answer is None:
            answer = Answer(otherwise)
        try:
            call.run(answer)
        except (OSError, Gone):
            with self.cv:
                self.closed_at.append(time.monotonic())
                self.cv.notify_all()
            raise Gone()
        finally:
            with self.cv:
                self.ended += 1
                self.cv.notify_all()


class Call:
    """One request to the provider and its answer."""

    def __init__(self, provider, sock, method, path, headers, body):
        self.provider, self.sock, self.method, self.path = provider, sock, method, path
        self.headers, self.body = headers, body
        self.status, self.extra = 200, []
        self.begun = False
        self.byte_by_byte = False
        self.eol = "\n"
        self.blocks, self.open_block, self.tools = 0, None, 0

    def parsed(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def json(self, status, value):
        body = json.dumps(value).encode()
        self.sock.sendall(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                          % (status, len(body)) + body)

    def web(self, name, rest):
        """What is no model: /web/echo says what it was asked, /web/to?URL leads on, /web/page/... is a page, /web/size/N so many bytes of text,
        /web/openapi describes /web/echo, /web/locked?{HEADERS} too, to whoever shows just these of authorization and x-key, /web/hang never ends, /web/mcp is a server of MCP that asks (mcp.py)."""
        if name == "to":
            self.sock.sendall(b"HTTP/1.1 302 X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % rest[1:].encode())
        elif name == "hang":
            self.do_reached("hang")
            while self.sock.recv(1):
                pass
        elif name == "page":
            body = PAGE.encode()
            self.sock.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        elif name == "mcp":
            self.provider.mcp.handle(self)
        elif name == "size":
            line = b"0123456789abcde\n"
            left = int(rest[1:])
            self.sock.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % left)
            while left > 0:
                self.sock.sendall((line * 4096)[:left])
                left -= len(line) * 4096
        elif name == "openapi":
            self.json(200, OPENAPI)
        elif name == "locked":
            shown = {k: v for k, v in self.headers.items() if k in ("authorization", "x-key")}
            self.json(200, OPENAPI) if shown == json.loads(unquote(rest[1:])) else self.json(401, {})
        else:
            self.json(200 if name == "echo" else int(name), {
                "method": self.method, "path": rest, "body": self.body.decode(),
                "headers": {k: v for k, v in self.headers.items() if k.startswith("x-") or k in ("authorization", "content-type", "cookie")},
                "accept": self.headers.get("accept")})

    def picture(self, status):
        """What is at /picture/STATUS/MS: a PNG of one pixel, after that time."""
        body = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
        self.sock.sendall(b"HTTP/1.1 %d X\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
                          % (status, len(body)) + body)

    def empty(self, status):
        self.sock.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)

    # ---- writing ----

    def begin(self):
        if self.begun:
            return
        self.begun = True
        kind = "application/x-ndjson" if self.provider.kind == "ollama" else "text/event-stream"
        if self.status != 200:
            kind = "application/json"
        head = ["HTTP/1.1 %d X" % self.status, "Content-Type: " + kind, "Transfer-Encoding: chunked"] + self.extra
        self.sock.sendall(("\r\n".join(head) + "\r\n\r\n").encode())

    def write(self, data):
        self.begin()
        if not data:
            return
        pieces = [data[i:i + 1] for i in range(len(data))] if self.byte_by_byte else [data]
        for p in pieces:
            self.sock.sendall(b"%x\r\n" % len(p) + p + b"\r\n")

    def line(self, value, eol=None):
        text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
        eol = self.eol if eol is None else eol
        if self.provider.kind == "ollama":
            self.write((text + eol).encode())
        elif self.provider.kind == "anthropic":
            name = value.get("type", "message") if isinstance(value, dict) else "message"
            self.write(("event: " + name + eol + "data: " + text + eol + eol).encode())
        else:
            self.write(("data: " + text + eol + eol).encode())

    def block(self, kind, **more):
        """Anthropic: the events before a piece of this kind: the message's start, the end of another block, this one's start."""
        if self.blocks == 0:
            self.line({"type": "message_start", "message": {
                "id": "msg_1", "type": "message", "role": "assistant", "model": "mock:1b", "content": [],
                "stop_reason": None, "stop_sequence": None, "usage": {
                    "input_tokens": 4, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 5,
                    "output_tokens": 1}}})
        if self.open_block == kind and not more:
            return self.blocks - 1
        self.close_block()
        self.line({"type": "content_block_start", "index": self.blocks,
                   "content_block": dict({"type": kind}, **(more or {kind: ""}))})
        self.open_block = kind
        self.blocks += 1
        return self.blocks - 1

    def close_block(self):
        if self.open_block:
            self.line({"type": "content_block_stop", "index": self.blocks - 1})
        self.open_block = None

    def delta(self, field, text):
        if self.provider.kind == "anthropic":
            kind = {"content": "text", "thinking": "thinking"}[field]
            at = self.block(kind)
            self.line({"type": "content_block_delta", "index": at, "delta": {"type": kind + "_delta", kind: text}})
        elif self.provider.kind == "ollama":
            plain = {"response": "", "response" if field == "content" else field: text}
            said = plain if self.path == "/api/generate" else {"message": {"role": "assistant", "content": "", field: text}}
            self.line({"model": "mock:1b", "created_at": STAMP, **said, "done": False})
        else:
            name = {"content": "content", "thinking": "reasoning_content"}[field]
            self.line({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "mock:1b",
                       "choices": [{"index": 0, "delta": {name: text}, "finish_reason": None}]})

    def last(self, reason="stop", eol=None):
        if self.provider.kind == "anthropic":
            self.block("text") if self.blocks == 0 else None
            self.close_block()
            words = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
            self.line({"type": "message_delta",
                       "delta": {"stop_reason": words.get(reason, reason), "stop_sequence": None},
                       "usage": {"output_tokens": 7, "input_tokens": None}})
            self.line({"type": "message_stop"}, eol)
            return
        if self.provider.kind == "ollama":
            said = {"response": ""} if self.path == "/api/generate" else {"message": {"role": "assistant", "content": ""}}
            self.line({"model": "mock:1b", "created_at": STAMP, **said,
                       "done_reason": reason, "done": True, "total_duration": 5000000, "load_duration": 1000000,
                       "prompt_eval_count": 11, "prompt_eval_duration": 1000000, "eval_count": 7,
                       "eval_duration": 3000000}, eol)
            return
        self.line({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "mock:1b",
                   "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        self.line({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "mock:1b", "choices": [],
                   "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}})
        self.line("[DONE]", eol)

    def end(self):
        self.begin()
        self.sock.sendall(b"0\r\n\r\n")

    # ---- the script ----

    def run(self, answer):
        for step in answer.steps:
            verb = getattr(self, "do_" + step.name.replace("-", "_"), None)
            if verb is None:
                raise Failed("line %d: the provider does not know %r" % (step.line, step.name))
            try:
                if verb(*step.args) is False:
                    return
            except Failed as e:
                with self.provider.cv:
                    self.provider.problems.append("line %d: %s" % (step.line, e))
        self.end()

    def do_status(self, code):
        self.status = int(code)

    def do_header(self, name, value):
        self.extra.append("%s %s" % (name if name.endswith(":") else name + ":", value))

    def do_body(self, text):
        self.write((text if isinstance(text, str) else json.dumps(text)).encode())

    def do_text(self, text):
        self.delta("content", text)

    def do_thinking(self, text):
        self.delta("thinking", text)

    def do_tokens(self, n, every="0", first="1"):
        for i in range(int(first), int(first) + int(n)):
            self.delta("content", "t%d " % i)
            if float(every):
                time.sleep(float(every) / 1000)

    def do_thoughts(self, n):
        """Reasoning that is to be given back, in small pieces."""
        for i in range(int(n)):
            if self.provider.kind == "anthropic":
                self.delta("thinking", "t%d " % i)
            else:
                piece = {"type": "reasoning.text", "text": "t%d " % i, "format": "x", "index": 0}
                self.line({"choices": [{"index": 0, "delta": {"reasoning_details": [piece]}}]})

    def do_stamps(self, n, every):
        """Tokens that say when they were sent."""
        for _ in range(int(n)):
            self.delta("content", "<%.6f> " % time.monotonic())
            time.sleep(float(every) / 1000)

    def do_repeat(self, text, size, times):
        for _ in range(int(times)):
            self.delta("content", (text * int(size))[:int(size)])

    def do_count(self, text, n):
        """Numbered lines, a hundred in a piece."""
        for i in range(0, int(n), 100):
            self.delta("content", "".join("%s %d\n" % (text, k) for k in range(i, i + 100)))

    def do_done(self, reason="stop", how=None):
        self.last(reason, "" if how == "unterminated" else None)

    def do_tool(self, name, arguments, how="pieces"):
        """A call of a tool: in Ollama's shape whole, in the others in pieces."""
        text, n = json.dumps(arguments), self.tools
        self.tools += 1
        cut = len(text) // 2
        if self.provider.kind == "ollama":
            self.line({"model": "mock:1b", "created_at": STAMP, "done": False, "message": {
                "role": "assistant", "content": "", "tool_calls": [
                    {"function": {"index": n, "name": name, "arguments": arguments}}]}})
        elif self.provider.kind == "anthropic":
            at = self.block("tool_use", id="toolu_%d" % n, name=name, input={})
            for piece in (text[:cut], text[cut:]):
                self.line({"type": "content_block_delta", "index": at,
                           "delta": {"type": "input_json_delta", "partial_json": piece}})
        else:
            first = {"index": n, "id": "call_t%d" % n, "type": "function",
                     "function": {"name": name, "arguments": text if how == "whole" else text[:cut]}}
            for call in [first] + ([] if how == "whole" else [{"index": n, "function": {"arguments": text[cut:]}}]):
                self.line({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "mock:1b",
                           "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]})

    def do_repeat_tool(self, name, text, times):
        """A call whose arguments say the same, each time in a piece of its own, and do not end."""
        pieces = ['{"text": "'] + [text] * int(times)
        if self.provider.kind == "anthropic":
            at = self.block("tool_use", id="toolu_%d" % self.tools, name=name, input={})
            for piece in pieces:
                self.line({"type": "content_block_delta", "index": at,
                           "delta": {"type": "input_json_delta", "partial_json": piece}})
        else:
            call = {"id": "call_t%d" % self.tools, "type": "function"}
            for piece in pieces:
                self.line({"choices": [{"index": 0, "finish_reason": None, "delta": {"tool_calls": [
                    dict(call, index=self.tools, function={"name": name, "arguments": piece})]}}]})
                call, name = {}, None
        self.tools += 1

    def do_error(self, text, kind="api_error"):
        if self.provider.kind == "ollama":
            self.line({"error": text})
        elif self.provider.kind == "anthropic":
            self.line({"type": "error", "error": {"type": kind, "message": text}})
        else:
            self.line({"error": {"message": text, "type": "server_error", "code": None}})

    def do_raw(self, data):
        self.write(data if isinstance(data, bytes) else data.encode())

    def do_bare(self, data):
        self.begun = True
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def do_repeat_raw(self, text, size):
        data = (text * 65536).encode()[:65536]
        for _ in range(int(size) // 65536):
            self.write(data)

    def do_layer(self, digest, completed, total):
        """One line of a pull's progress."""
        line = {"status": "pulling " + digest[:12], "digest": "sha256:" + digest, "total": int(total)}
        if int(completed):
            line["completed"] = int(completed)  # Ollama leaves it out while it is 0
        self.line(line)

    def do_pulled(self):
        """The end of a pull: the model is there."""
        name = self.parsed()["model"]
        with self.provider.cv:
            if name not in self.provider.models:
                self.provider.models.append(name)
        self.line({"status": "success"})

    def do_line(self, value):
        self.line(value)

    def do_split(self):
        self.byte_by_byte = True

    def do_crlf(self):
        self.eol = "\r\n"

    def do_head(self):
        self.begin()

    def do_delay(self, ms):
        time.sleep(float(ms) / 1000)

    def do_reached(self, name):
        self.provider.signal(name)

    def do_wait(self, name):
        """Until the client's side says so, or the connection is closed."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with self.provider.cv:
                if name in self.provider.signals:
                    return
            self.peek(0.005)
        raise Failed("nobody said %r" % name)

    def do_stall(self):
        """Says nothing more until the other side closes."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.peek(0.5)
        raise Failed("the connection was not closed")

    def do_stalled_for(self, ms):
        time.sleep(float(ms) / 1000)

    def peek(self, seconds):
        self.sock.settimeout(seconds)
        try:
            if self.sock.recv(1, socket.MSG_PEEK) == b"":
                raise Gone()
            time.sleep(seconds)  # bytes wait: a pipelined request; do not spin
        except socket.timeout:
            pass
        finally:
            try:
                self.sock.settimeout(None)
            except OSError:
                pass

    def do_cut(self):
        """Resets the connection in the middle."""
        sockets.end(self.sock, reset=True)
        return False

    def do_close(self):
        """Closes the connection in an orderly way but without the body's end."""
        self.begin()
        self.sock.shutdown(socket.SHUT_WR)
        sockets.close(self.sock)
        return False

    def do_die(self):
        """The whole provider is gone."""
        self.provider.down()
        return False

    def do_expect(self, path, value):
        got = lookup(self.parsed(), path)
        if not same(got, value):
            raise Failed("the provider was asked with %s = %r instead of %r" % (path, got, value))

    def do_expect_header(self, name, value):
        if self.headers.get(name.lower()) != value:
            raise Failed("the provider was asked with header %s: %r" % (name, self.headers.get(name.lower())))


def lookup(value, path):
    """`items.0.content` within JSON; `items.#` is the number of items."""
    for key in path.split(".") if path != "." else []:
        if key == "#":
            value = len(value)
        elif isinstance(value, list) and re.fullmatch(r"-?\d+", key):
            i = int(key)
            if not -len(value) <= i < len(value):
                raise Failed("there is no %s in %s" % (path, json.dumps(value)[:300]))
            value = value[i]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            raise Failed("there is no %s in %s" % (path, json.dumps(value)[:300]))
    return value


def same(got, want):
    if isinstance(want, re.Pattern):
        return want.search(got if isinstance(got, str) else json.dumps(got)) is not None
    if isinstance(want, str) and not isinstance(got, str):
        return json.dumps(got) == want  # a bare word: null, true, 7
    return got == want and isinstance(got, bool) == isinstance(want, bool)
