"""A server at an address that does what a server may not: hostile_web.py, with PORT in the environment. What it does is said by the path."""
import http.server, json, os, socketserver, threading, time

sessions, made = set(), [0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def give(self, status, body=b"", kind="application/json", **headers):
        self.send_response(status)
        if body:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.give(405)

    def answer(self, asked, result, **headers):
        self.give(200, json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode(), **headers)

    def pieces(self, *pieces, end=True):
        """A stream whose pieces come one by one, cut anywhere; without an end it breaks off."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for p in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(p), p))
            self.wfile.flush()
        if end:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method, habit = asked.get("method"), self.path.strip("/")
        if habit == "locked":
            return self.give(401, b"{}", WWW_Authenticate='Bearer resource_metadata="http://127.0.0.1/x"')
        if habit == "page":
            return self.give(200, b"<html>Welcome</html>", "text/html")
        if habit == "broken":
            return self.give(500, b"oops", "text/plain")
        if method == "server/discover":
            return self.give(400, b"Bad Request: no session", "text/plain")
        if method == "initialize":
            made[0] += 1
            sessions.clear()
            sessions.add("s%d" % made[0])
            return self.answer(asked, {"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {"name": "w", "version": "1"}}, Mcp_Session_Id="s%d" % made[0])
        if self.headers["Mcp-Session-Id"] not in sessions:
            return self.give(404, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}')
        if "id" not in asked:
            return self.give(202)
        if method == "tools/list":
            return self.answer(asked, {"tools": []})
        name = asked["params"]["name"]
        result = lambda text: json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"content": [{"type": "text", "text": text}]}}).encode()
        if name == "forget":
            sessions.clear()
            self.answer(asked, {"content": [{"type": "text", "text": "forgotten"}]})
        elif name == "session":
            self.answer(asked, {"content": [{"type": "text", "text": self.headers["Mcp-Session-Id"]}]})
        elif name == "bytes":
            text = b": hello\r\nevent: message\r\nid: 7\r\ndata: " + result("h\u00e4") + b"\r\n\r\n"
            self.pieces(*(text[i:i + 1] for i in range(len(text))))
        elif name == "lines":  # an event of several lines, junk before and behind it
            self.pieces(b"data: {not json\n\ndata\n\n\n\nwhat: ever\nretry: x\n\n" + result("joined").replace(b'", "', b'",\ndata: "').replace(b"{", b"data: {", 1) + b"\n\ndata: []\n\n")
        elif name == "batch":
            self.pieces(b"data: [" + b'{"jsonrpc":"2.0","method":"notifications/x"},' + result("of a batch") + b"]\n\n")
        elif name == "cut":
            self.pieces(b"data: " + result("never")[:20], end=False)
        elif name == "silent":
            self.pieces(b": nothing comes\n\n")
        elif name == "huge":
            self.pieces(b"data: " + b"x" * (20 << 20) + b"\n\n")
        elif name == "accepted":
            self.give(202)
        elif name == "teapot":
            self.give(418, b"I am a teapot", "text/plain")
        elif name == "hang":
            time.sleep(1000)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
