"""A server of MCP that wants to know who asks, and who gives out its tokens: guarded.py, with PORT in the environment."""
import base64, hashlib, json, os, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = os.environ["PORT"]
BASE = "http://127.0.0.1:" + PORT
codes, tokens, refreshes, count = {}, set(), set(), [0]


def fresh(what):
    count[0] += 1
    return "%s-%d" % (what, count[0])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def give(self, status, o=None, **headers):
        body = json.dumps(o).encode() if o is not None else b""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        q = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/prm":
            self.give(200, {"resource": BASE + "/mcp", "authorization_servers": [BASE + "/as"], "scopes_supported": ["other"]})
        elif url.path == "/.well-known/oauth-authorization-server/as":
            self.give(200, {"issuer": BASE + "/as", "authorization_endpoint": BASE + "/authorize", "token_endpoint": BASE + "/token", "registration_endpoint": BASE + "/register",
                            "code_challenge_methods_supported": ["S256"], "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                            "authorization_response_iss_parameter_supported": True})
        elif url.path == "/authorize":
            wrong = [k for k, v in {"response_type": "code", "client_id": "a client", "code_challenge_method": "S256", "resource": BASE + "/mcp", "scope": "tools read"}.items() if q.get(k) != v]
            if wrong:
                return self.give(400, {"wrong": wrong, "got": q})
            code = fresh("code")
            codes[code] = q
            back = urllib.parse.urlencode({"code": code, "state": q["state"], "iss": BASE + "/as"})
            self.give(302, Location=q["redirect_uri"] + "?" + back)
        else:
            self.give(404 if url.path != "/mcp" else 405)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/register":
            asked = json.loads(body)
            assert asked["redirect_uris"] and asked["token_endpoint_auth_method"] == "client_secret_basic"
            return self.give(201, {"client_id": "a client", "client_secret": "s/e:c", "token_endpoint_auth_method": "client_secret_basic"})
        if self.path == "/token":
            return self.token(dict(urllib.parse.parse_qsl(body.decode())))
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in tokens:
            return self.give(401, {}, WWW_Authenticate='Bearer error="x", resource_metadata="%s/prm", scope="tools read"' % BASE)
        asked = json.loads(body)
        method = asked["method"]
        if "id" not in asked:
            return self.give(202)
        results = {"initialize": {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "g", "version": "1"}},
                   "tools/list": {"tools": [{"name": "who", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}]},
                   "tools/call": {"content": [{"type": "text", "text": "with " + self.headers["Authorization"]}]}}
        if method in results:
            return self.give(200, {"jsonrpc": "2.0", "id": asked["id"], "result": results[method]})
        self.give(400, {"no": method})

    def token(self, q):
        expected = "Basic " + base64.b64encode(b"a%20client:s%2Fe%3Ac").decode()
        if self.headers.get("Authorization") != expected or q.get("resource") != BASE + "/mcp":
            return self.give(401, {"error": "invalid_client"})
        if q["grant_type"] == "authorization_code":
            asked = codes.pop(q["code"], None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(q["code_verifier"].encode()).digest()).decode().rstrip("=")
            if not asked or asked["code_challenge"] != challenge or asked["redirect_uri"] != q["redirect_uri"]:
                return self.give(400, {"error": "invalid_grant"})
        elif q["refresh_token"] in refreshes:
            refreshes.remove(q["refresh_token"])  # each is good for once
        else:
            return self.give(400, {"error": "invalid_grant"})
        tokens.clear()
        token, refresh = fresh("token"), fresh("refresh")
        tokens.add(token)
        refreshes.add(refresh)
        self.give(200, {"access_token": token, "token_type": "Bearer", "expires_in": 30, "refresh_token": refresh})


ThreadingHTTPServer(("127.0.0.1", int(PORT)), Handler).serve_forever()
