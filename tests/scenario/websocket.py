#!/usr/bin/env python3
"""The WebSocket: tests/scenario/websocket.py --binary build/asan/src/atelier

What it does (subscribe, send, edit, stop, ping, resume, the end of a session, back-pressure), who may open it, and the rules of
RFC 6455: the cases of the Autobahn test suite's groups 1 to 7 and 9 (framing and lengths, pings, reserved bits, opcodes,
fragments, UTF-8, closing, large messages), by a client of our own that can break each rule."""

import argparse
import base64
import hashlib
import json
import os
import select
import shutil
import socket
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from client import Client, Connection, parse_frame  # noqa: E402
from provider import Answer, Provider, Step  # noqa: E402
from run import Template  # noqa: E402
from server import PATIENCE, Failed, Server  # noqa: E402

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(op, payload=b"", fin=True, rsv=0, mask=b"\x12\x34\x56\x78", length=None):
    n = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | op])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    if mask:
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if len(payload) < 200000 else masked(payload, mask)
    return head + (mask or b"") + payload


def masked(payload, mask):
    n = len(payload)
    key = (mask * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(n, "big")


class Socket:
    def __init__(self, port, headers, path="/ws", rcvbuf=None):
        self.c = Connection(port, timeout=PATIENCE, rcvbuf=rcvbuf)
        fields = {"Connection": "keep-alive, Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key": KEY}
        fields.update(headers)
        self.c.send("GET", path, {k: v for k, v in fields.items() if v is not None})
        self.status = self.c.head().status
        self.response = self.c.response
        self.events, self.code, self.n = [], None, 0

    def raw(self, data):
        try:
            self.c.sock.sendall(data)
        except OSError:
            pass  # an answer may be there

    def say(self, **command):
        self.raw(frame(TEXT, json.dumps(command).encode()))

    def take(self, n):
        while len(self.c.buf) < n:
            if not self.c._more():
                raise EOFError
        data, self.c.buf = self.c.buf[:n], self.c.buf[n:]
        return data

    def read(self):
        """One frame: opcode and payload."""
        a, b = self.take(2)
        if b & 0x80 or a & 0x70:
            raise Failed("a frame of the server is masked, or has reserved bits: %02x %02x" % (a, b))
        n = b & 0x7f
        if n == 126:
            n, = struct.unpack(">H", self.take(2))
        elif n == 127:
            n, = struct.unpack(">Q", self.take(8))
        if not a & 0x80:
            raise Failed("a frame of the server is a fragment")
        return a & 15, self.take(n)

    def next(self):
        """The next frame that is no text; texts become events. None at the end."""
        while True:
            try:
                op, data = self.read()
            except (EOFError, ConnectionError):
                return None
            if op != TEXT:
                return op, data
            for piece in data.decode("utf-8").split("\n\n")[:-1]:
                event = parse_frame(piece.encode())
                if event:
                    self.events.append(event)
            return TEXT, data

    def until(self, name, fits=lambda data: True, what=None):
        """The first event from here on of this name; earlier ones are used up."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            while self.n < len(self.events):
                e = self.events[self.n]
                self.n += 1
                if e.name == name and fits(e.json()):
                    return e.json()
            got = self.next()
            if got is None or got[0] == CLOSE:
                break
        raise Failed("no event %s (%s); there were %r" % (name, what, self.events[-8:]))

    def result(self, id_):
        return self.until("result", lambda d: d["id"] == id_, id_)

    def closed(self):
        """The code that the server closes with, and that it then ends the connection; None: it just ended."""
        code = None
        while True:
            got = self.next()
            if got is None:
                return code
            if got[0] == CLOSE:
                code = struct.unpack(">H", got[1][:2])[0] if len(got[1]) >= 2 else 1005
                self.raw(frame(CLOSE, got[1][:2]))

    def pong(self, payload, tries=10000):
        for _ in range(tries):
            got = self.next()
            if got is None:
                raise Failed("the connection ended before a pong")
            if got[0] == PONG:
                return got[1] == payload
            if got[0] == CLOSE:
                raise Failed("the server closed with %r" % got[1])


def expect(what, got, wanted):
    if got != wanted:
        raise Failed("%s: %r in place of %r" % (what, got, wanted))


# ---- the rules of RFC 6455 ----

def lives(s, what):
    s.raw(frame(PING, b"alive"))
    expect(what, s.pong(b"alive"), True)


def ping(n, id_=""):
    return json.dumps({"type": "ping", "id": id_, "x": "y" * n}).encode()


def rules(port, auth):
    """Autobahn's cases: those that go on, and those that end with a code."""
    count = 0

    def opened():
        s = Socket(port, auth)
        expect("status", s.status, 101)
        s.until("hello")
        return s

    def fine(name, *parts, pongs=1, chop=0):
        nonlocal count
        s = opened()
        data = b"".join(parts)
        for i in range(0, len(data), chop or len(data)):
            s.raw(data[i:i + (chop or len(data))])
        for _ in range(pongs):
            s.until("pong", what=name)
        lives(s, name)
        s.raw(frame(CLOSE, struct.pack(">H", 1000) + b"bye"))
        expect(name, s.closed(), 1000)
        count += 1

    def ends(name, code, *parts, chop=0):
        nonlocal count
        s = opened()
        data = b"".join(parts)
        for i in range(0, len(data), chop or len(data)):
            s.raw(data[i:i + (chop or len(data))])
        expect(name, s.closed(), code)
        count += 1

    # 1: lengths, in one piece and byte by byte
    base = len(ping(0, "a"))
    for n in (125, 126, 127, 128, 65535, 65536):
        fine("1 length %d" % n, frame(TEXT, ping(n - base, "a")))
    fine("1 byte by byte", frame(TEXT, ping(100, "a")), chop=1)
    ends("1 binary", 1003, frame(BINARY, b"\0\1"))
    s = opened()
    s.raw(frame(TEXT, b""))
    expect("1 empty text", s.until("result")["status"], 400)
    # 2: pings and pongs
    for payload in (b"", b"Hello", b"\0\xff\xfe" + b"x" * 122):
        s = opened()
        s.raw(frame(PING, payload))
        expect("2 ping", s.pong(payload), True)
        count += 1
    ends("2 ping of 126", 1002, frame(PING, b"x" * 126))
    fine("2 unasked pong", frame(PONG, b"x"), frame(TEXT, ping(1)))
    s = opened()
    for i in range(10):
        s.raw(frame(PING, b"%d" % i))
    expect("2 ten pings", s.pong(b"0"), True)
    fine("2 ping byte by byte", frame(PING, b"abc"), frame(TEXT, ping(1)), chop=1)
    # 3: reserved bits; 4: opcodes
    for rsv in range(1, 8):
        ends("3 rsv %d" % rsv, 1002, frame(TEXT, ping(1), rsv=rsv))
    ends("3 rsv of a ping", 1002, frame(PING, b"", rsv=4))
    for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        ends("4 opcode %d" % op, 1002, frame(op, b"x"))
    # masks, and lengths that are not the shortest
    ends("not masked", 1002, frame(TEXT, b"hello", mask=None))
    fine("masked by zeros", frame(TEXT, ping(1), mask=b"\0\0\0\0"))
    ends("length of 64 bits with its top bit", 1002, b"\x81\xff" + b"\xff" * 8 + b"1234")
    # 5: fragments
    text = ping(30)
    fine("5 two fragments", frame(TEXT, text[:10], fin=False), frame(0, text[10:]))
    fine("5 ping between", frame(TEXT, text[:10], fin=False), frame(PING, b"p"), frame(0, text[10:]))
    fine("5 many fragments, byte by byte", frame(TEXT, text[:1], fin=False),
         b"".join(frame(0, text[i:i + 1], fin=False) for i in range(1, len(text))), frame(0, b""), chop=1)
    fine("5 empty fragments", frame(TEXT, b"", fin=False), frame(0, b"", fin=False), frame(0, text))
    ends("5 fragmented ping", 1002, frame(PING, b"a", fin=False), frame(0, b"b"))
    ends("5 continuation of nothing", 1002, frame(0, b"x"))
    ends("5 unfinished continuation of nothing", 1002, frame(0, b"x", fin=False))
    ends("5 text within a text", 1002, frame(TEXT, b"a", fin=False), frame(TEXT, b"b"))
    # 6: UTF-8, whole, in fragments, at once where it is wrong
    for good in ("κόσμε", "\U0010ffff", "\u07ff\u0800\uffff\U00010000", "\ufeff"):
        text = json.dumps({"type": "ping", "id": "u", "x": good}, ensure_ascii=False).encode()
        fine("6 valid", frame(TEXT, text))
        fine("6 split anywhere", frame(TEXT, text[:1], fin=False),
             b"".join(frame(0, text[i:i + 1], fin=False) for i in range(1, len(text) - 1)), frame(0, text[-1:]))
    for bad in (b"\xce\xba\xed\xa0\x80edited", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xed\xbf\xbf",
                b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xfe", b"\xff", b"\x80", b"\xbf", b"\xce", b"\xe2\x82", b"\xf0\x9d\x84",
                b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"):
        ends("6 invalid %r" % bad, 1007, frame(TEXT, bad))
        ends("6 invalid in fragments %r" % bad, 1007, frame(TEXT, b"ok" + bad[:1], fin=False), frame(0, bad[1:]))
    ends("6 said at once", 1007, frame(TEXT, b"\xf4\x90\x80\x80", fin=False))
    # 7: closing
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        ends("7 code %d" % code, code, frame(CLOSE, struct.pack(">H", code)))
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
        ends("7 code %d" % code, 1002, frame(CLOSE, struct.pack(">H", code)))
    ends("7 no code", 1005, frame(CLOSE))
    ends("7 one byte", 1002, frame(CLOSE, b"\x03"))
    ends("7 reason of 123", 1000, frame(CLOSE, struct.pack(">H", 1000) + b"x" * 123))
    ends("7 reason of 124", 1002, frame(CLOSE, struct.pack(">H", 1000) + b"x" * 124))
    ends("7 reason no UTF-8", 1007, frame(CLOSE, struct.pack(">H", 1000) + b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80"))
    ends("7 nothing behind a close", 1000, frame(CLOSE, struct.pack(">H", 1000)), frame(PING, b"x"), frame(TEXT, ping(1)))
    # 9: large, and too large
    fine("9 a megabyte", frame(TEXT, ping(1 << 20)))
    fine("9 a megabyte in fragments", frame(TEXT, ping(1 << 20)[:65536], fin=False),
         b"".join(frame(0, ping(1 << 20)[i:i + 65536], fin=False) for i in range(65536, 1 << 20, 65536)),
         frame(0, ping(1 << 20)[1 << 20:]))
    ends("9 too large", 1009, frame(TEXT, b"x" * 100, length=5 << 20))
    ends("9 too large in fragments", 1009, frame(TEXT, b"x" * (3 << 20), fin=False), frame(0, b"x" * (3 << 20), fin=False))
    # frames that come in the same packet as the head
    c = Connection(port, timeout=PATIENCE)
    lines = ["GET /ws HTTP/1.1", "Host: 127.0.0.1:%d" % port, "Connection: Upgrade", "Upgrade: WebSocket",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + KEY] + ["%s: %s" % x for x in auth.items()]
    c.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + frame(PING, b"early"))
    expect("with the head", c.head().status, 101)
    s = Socket.__new__(Socket)
    s.c, s.events, s.n = c, [], 0
    expect("with the head", s.pong(b"early"), True)
    return count


# ---- who may open one ----

def doors(port, auth, cookie):
    accept = base64.b64encode(hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    s = Socket(port, auth)
    expect("accept", s.response.header("Sec-WebSocket-Accept"), accept)
    expect("upgrade", s.response.header("Upgrade"), "websocket")
    expect("no body", s.response.header("Transfer-Encoding"), None)
    expect("nobody", Socket(port, {}).status, 401)
    expect("wrong key", Socket(port, {"Authorization": "Bearer nonsense"}).status, 401)
    host = "127.0.0.1:%d" % port
    expect("own page", Socket(port, {"Cookie": cookie, "Origin": "http://" + host}).status, 101)
    expect("other page", Socket(port, {"Cookie": cookie, "Origin": "http://evil.example"}).status, 403)
    expect("other site", Socket(port, {"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}).status, 403)
    s = Socket(port, {**auth, "Sec-WebSocket-Version": "8"})
    expect("version", (s.status, s.response.header("Sec-WebSocket-Version")), (426, "13"))
    expect("no version", Socket(port, {**auth, "Sec-WebSocket-Version": None}).status, 426)
    expect("no upgrade", Socket(port, {**auth, "Upgrade": None}).status, 426)
    expect("short key", Socket(port, {**auth, "Sec-WebSocket-Key": "c2hvcnQ="}).status, 400)
    expect("a body", Socket(port, {**auth, "Content-Length": "5"}).status, 400)
    expect("a body in chunks", Socket(port, {**auth, "Transfer-Encoding": "chunked"}).status, 400)
    expect("no key", Socket(port, {**auth, "Sec-WebSocket-Key": None}).status, 400)
    expect("elsewhere", Socket(port, auth, "/api/v1/me").status, 426)


# ---- what it does ----

def behaviour(port, owner, stranger, auth, provider):
    c = owner.call("POST", "/api/v1/conversations", {"title": "Socket"})["id"]
    s = Socket(port, auth)
    expect("hello", "version" in s.until("hello"), True)
    provider.answers = [Answer([Step(0, ["text", "One "]), Step(0, ["wait", "more"]), Step(0, ["text", "two"]), Step(0, ["done"])])]
    s.say(type="send", id="1", conversation_id=c, turn={"content": "Hello"})
    r = s.result("1")
    expect("send", r["status"], 202)
    turn, question = r["body"]["turn_id"], r["body"]["user_message_id"]
    s.say(type="subscribe", id="2", turns=[turn + ":0"])
    expect("subscribe", s.result("2")["status"], 204)
    s.n = 0
    s.until("turn", lambda d: d["id"] == turn)
    s.until("text", lambda d: d["text"].startswith("One"))
    # A second one follows from a number on: nothing twice, nothing missing.
    seen = max(int(e.id) for e in s.events if e.id)
    again = Socket(port, auth)
    again.say(type="subscribe", turns=["%s:%d" % (turn, seen)])
    again.until("result")
    provider.signal("more")
    s.until("done")
    s.until("turn", lambda d: d.get("ended"))
    again.n = 0
    again.until("done")
    texts = lambda x: "".join(e.json()["text"] for e in x.events if e.name == "text")  # noqa: E731
    expect("whole", texts(s), "One two")
    expect("resumed", texts(again), "two")
    ids = [int(e.id) for e in s.events if e.id]
    expect("numbers", ids, list(range(1, len(ids) + 1)))
    # changes
    owner.call("PATCH", "/api/v1/conversations/" + c, {"pinned": True})
    s.until("change", lambda d: d["id"] == c and d["what"] == "updated")
    # edit, stop, ping, and what is refused
    provider.answers = [Answer([Step(0, ["text", "Long"]), Step(0, ["stall"])])]
    s.say(type="edit", id="3", conversation_id=c, message_id=question, content="Hello again")
    r = s.result("3")
    expect("edit", r["status"], 202)
    s.say(type="subscribe", id="4", turns=[r["body"]["turn_id"] + ":0"])
    s.until("text", lambda d: d["text"] == "Long")
    s.say(type="stop", id="5", turn_id=r["body"]["turn_id"])
    s.until("done", lambda d: d["state"] == "canceled")
    s.say(type="ping", id="6")
    expect("pong", s.until("pong")["id"], "6")
    for command, status, code in (
            ({"type": "send", "conversation_id": c, "turn": {"content": " "}}, 400, "invalid_request"),
            ({"type": "send", "conversation_id": "../../x", "turn": {"content": "x"}}, 400, "invalid_request"),
            ({"type": "send", "conversation_id": c, "turn": "x"}, 400, "invalid_request"),
            ({"type": "stop", "turn_id": "0000000000001"}, 404, "not_found"),
            ({"type": "subscribe", "turns": ["nonsense"]}, 400, "invalid_request"),
            ({"type": "sing"}, 400, "invalid_request"), ([1], 400, "invalid_request")):
        s.raw(frame(TEXT, json.dumps(command if isinstance(command, list) else {"id": "x", **command}).encode()))
        r = s.until("result")
        expect("refused %r" % command, (r["status"], r["body"]["error"]["code"]), (status, code))
    s.raw(frame(TEXT, b'{"type":'))
    expect("no JSON", s.until("result")["status"], 400)
    # another person's
    other = Socket(port, {"Authorization": "Bearer " + stranger})
    other.say(type="send", id="1", conversation_id=c, turn={"content": "Mine"})
    expect("stranger", other.result("1")["status"], 404)
    other.say(type="subscribe", id="2", turns=[turn + ":0"])
    expect("stranger", other.until("turn")["code"], "not_found")
    # a hundred commands at once: each has its answer
    s.raw(b"".join(frame(TEXT, ping(1, str(i))) for i in range(100)))
    expect("a hundred", sorted(int(s.until("pong")["id"]) for _ in range(100)), list(range(100)))


def endings(port, template, server):
    """Signed out, the connection ends within a second with 1008."""
    client = Client(port)
    r = client.request("POST", "/api/v1/auth/login", {"username": "bob", "password": template.vars["bob_password"]})
    bearer = r.json()["token"]
    s = Socket(port, {"Authorization": "Bearer " + bearer})
    s.until("hello")
    began = time.monotonic()
    Client(port, bearer=bearer).request("POST", "/api/v1/auth/logout", {})
    expect("signed out", s.closed(), 1008)
    if time.monotonic() - began > 1:
        raise Failed("the connection ended %.1f s after signing out" % (time.monotonic() - began))


def slow_reader(port, auth, owner, provider):
    """Who takes nothing holds nobody up, and costs a bounded memory."""
    c = owner.call("POST", "/api/v1/conversations", {"title": "Slow"})["id"]
    provider.answers = [Answer([Step(0, ["repeat", "x" * 1000, 1000, 3000]), Step(0, ["done"])])]
    turn = owner.call("POST", "/api/v1/conversations/%s/turns" % c, {"content": "Long"})["turn_id"]
    s = Socket(port, auth, rcvbuf=4096)
    s.say(type="subscribe", turns=[turn + ":0"])
    owner.request("GET", "/api/v1/turns/%s/events" % turn)  # to its end, with the other one not reading
    s.until("done")
    # Pings without end from somebody who does not take the pongs: no more of them are read, and the server goes on.
    s = Socket(port, auth, rcvbuf=4096)
    s.c.sock.setblocking(False)
    data = frame(PING, b"x" * 125) * 500
    sent = 0
    while select.select([], [s.c.sock], [], 1)[1] and sent < 400 * len(data):
        sent += s.c.sock.send(data)
    expect("taken without an end", sent < 400 * len(data), True)
    expect("still there", owner.request("GET", "/health/live").status, 200)


def unfinished(port, auth, stranger):
    """Messages that do not end take of the memory of all bodies no more than one person's share, and give it back."""
    begun = frame(TEXT, b"{", length=4000000)
    sockets = [Socket(port, auth) for _ in range(40)]
    for s in sockets:
        s.until("hello")
    for s in sockets:  # at once, before the first ones have had their time
        s.raw(begun)
    # The share is half of 256 MiB: 33 of them are within it, whichever these are.
    refused = set()
    while len(refused) < 7:
        ready, _, _ = select.select([s.c.sock for s in sockets if s not in refused], [], [], PATIENCE)
        if not ready:
            raise Failed("%d of 40 are beyond the share" % len(refused))
        for s in [s for s in sockets if s.c.sock in ready]:
            expect("beyond the share", s.closed(), 1013)
            refused.add(s)
    other = Socket(port, {"Authorization": "Bearer " + stranger})
    other.until("hello")
    other.raw(frame(TEXT, ping(1 << 20)))
    other.until("pong", what="another person")
    for s in sockets:
        s.c.close()
    again = Socket(port, auth)
    again.raw(frame(TEXT, ping(1 << 20)))
    again.until("pong", what="given back")


def run(binary, root):
    template, provider = Template(binary, root), Provider("ollama")
    provider.fallback = Answer([Step(0, ["text", "Yes"]), Step(0, ["done"])])
    data = os.path.join(root, "data")
    template.copy(data)
    server = Server(binary, data, provider.settings())
    auth = {"Authorization": "Bearer " + template.vars["admin_bearer"]}
    n = 0
    try:
        server.start()
        owner = Client(server.port, bearer=template.vars["admin_bearer"])
        doors(server.port, auth, "atelier_session=" + template.vars["admin_cookie"])
        behaviour(server.port, owner, template.vars["bob_bearer"], auth, provider)
        n = rules(server.port, auth)
        slow_reader(server.port, auth, owner, provider)
        unfinished(server.port, auth, template.vars["bob_bearer"])
        endings(server.port, template, server)
        last = Socket(server.port, auth)
        last.until("hello")
        server.stop()
        expect("at the server's end", last.closed(), 1001)
        server.check_log()
    except Failed as e:
        return "%s\n%s" % (e, "\n".join(server.log[-10:]))
    finally:
        server.destroy()
        provider.down()
    print("%d cases of RFC 6455" % n)
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--binary", required=True)
    a = ap.parse_args()
    root = tempfile.mkdtemp(prefix="atelier-websocket-")
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
