"""A server of MCP over Streamable HTTP (2025-11-25) whose tools ask the person: `ask` with a form, `visit` with an address. What they are
answered comes back as their result. Who shows a key is offered `tell`, which says it aloud: in a notice of its progress, a question and its result."""

import json
import threading

import sockets
from server import PATIENCE

FORM = {"type": "object", "required": ["name", "age"], "properties": {
    "name": {"type": "string", "title": "Name", "minLength": 2},
    "age": {"type": "integer", "minimum": 0, "maximum": 150},
    "mail": {"type": "string", "format": "email"},
    "born": {"type": "string", "format": "date"},
    "color": {"type": "string", "enum": ["red", "blue"], "default": "blue"},
    "pets": {"type": "array", "maxItems": 2, "items": {"anyOf": [{"const": "cat", "title": "Cat"}, {"const": "dog"}]}},
    "sure": {"type": "boolean"}}}
QUESTIONS = {
    "ask": {"mode": "form", "message": "Who are you?", "requestedSchema": FORM},
    "visit": {"mode": "url", "message": "Sign in there.", "url": "https://example.org/sign-in", "elicitationId": "e1"},
}


class Mcp:
    def __init__(self):
        self.cv = threading.Condition()
        self.said = {}
        self.n = 0

    def handle(self, call):
        """One request over HTTP."""
        message = call.parsed() or {}
        method, id_ = message.get("method"), message.get("id")
        if call.method == "GET":
            self.hold(call)
        elif call.method != "POST":
            call.empty(405)
        elif call.headers.get("content-type") != "application/json" or call.headers.get("accept") != "application/json, text/event-stream":
            call.empty(415)
        elif method is None:
            with self.cv:
                self.said[id_] = message.get("result", {})
                self.cv.notify_all()
            call.empty(202)
        elif id_ is None:
            call.empty(202)
        elif method == "initialize":
            self.reply(call, id_, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "asker", "version": "1"}})
        elif method == "tools/list":
            tools = [{"name": n, "description": "Asks.", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}} for n in QUESTIONS]
            if "authorization" in call.headers:
                key = call.headers["authorization"].split()[-1]
                tools.append({**tools[0], "name": "tell", "inputSchema": {"type": "object", "properties": {
                    "default": {"type": "string", "default": key, "enum": [key, "other"]},
                    "properties": {"type": "string", "description": "It is %s." % key, "default": key, "enum": [key, "other"]}}}})
            self.reply(call, id_, {"tools": tools})
        elif method == "tools/call" and message["params"]["name"] == "tell":
            self.tell(call, id_, message["params"]["_meta"]["progressToken"])
        elif method == "tools/call":
            self.ask(call, id_, QUESTIONS[message["params"]["name"]])
        else:
            call.json(200, {"jsonrpc": "2.0", "id": id_, "error": {"code": -32601, "message": "Method not found"}})

    def reply(self, call, id_, result):
        call.json(200, {"jsonrpc": "2.0", "id": id_, "result": result})

    def tell(self, call, id_, token):
        key = call.headers["authorization"].split()[-1]
        words = "It is %s." % key
        self.begin(call)
        self.event(call, {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 1, "total": 2, "message": words}})
        self.question(call, id_, {"mode": "form", "message": words, "requestedSchema": {"type": "object", "properties": {
            "key": {"type": "string", "title": words, "description": words, "default": key, "enum": [key, "other"]}}}})

    def begin(self, call):
        call.sock.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")

    def ask(self, call, id_, question):
        self.begin(call)
        self.question(call, id_, question)

    def question(self, call, id_, question):
        with self.cv:
            self.n += 1
            mine = "q%d" % self.n
        self.event(call, {"jsonrpc": "2.0", "id": mine, "method": "elicitation/create", "params": question})
        with self.cv:
            self.cv.wait_for(lambda: mine in self.said, PATIENCE)
            said = self.said.get(mine)
        self.event(call, {"jsonrpc": "2.0", "id": id_, "result": {"content": [{"type": "text", "text": json.dumps(said, sort_keys=True)}]}})
        sockets.close(call.sock)

    def hold(self, call):
        """Has nothing to tell, for as long as anybody listens."""
        call.sock.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n")
        while call.sock.recv(4096):
            pass
        raise ConnectionResetError

    def event(self, call, message):
        call.sock.sendall(b"data: " + json.dumps(message).encode() + b"\n\n")
