"""The client's end: plain HTTP/1.1 over a socket, so that a scenario decides when it reads, stops and leaves."""

import json
import socket
import threading
import time

import sockets
from server import PATIENCE, Failed


class Response:
    def __init__(self, status, reason, headers, body=b""):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    def header(self, name):
        for k, v in self.headers:
            if k.lower() == name.lower():
                return v
        return None

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failed("the answer is no JSON (status %d): %r" % (self.status, self.body[:300]))


class Connection:
    """One connection with one request on it."""

    def __init__(self, port, timeout=PATIENCE, rcvbuf=None):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = port
        self.buf = b""
        self.closed = False

    def send(self, method, path, headers=None, body=None):
        names = {k.lower() for k in (headers or {})}
        lines = ["%s %s HTTP/1.1" % (method, path)]
        if "host" not in names:
            lines.append("Host: 127.0.0.1:%d" % self.port)
        for k, v in (headers or {}).items():
            lines.append("%s: %s" % (k, v))
        if body is not None and "content-length" not in names:
            lines.append("Content-Length: %d" % len(body))
        head = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
        try:
            self.sock.sendall(head + (body or b""))
        except OSError:
            pass  # an answer may be there although the server has stopped reading the request

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            return False
        self.buf += data
        return True

    def head(self):
        while b"\r\n\r\n" not in self.buf:
            try:
                more = self._more()
            except socket.timeout:
                raise Failed("no answer came in time")
            except OSError as e:
                raise Failed("the connection broke before an answer: %s" % e)
            if not more:
                raise Failed("the server closed the connection without an answer")
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ", 2)
        headers = [tuple(x.strip() for x in line.split(":", 1)) for line in lines[1:]]
        self.response = Response(int(parts[1]), parts[2] if len(parts) > 2 else "", headers)
        return self.response

    def pieces(self):
        """Yields the body's bytes as they come. Ends at the regular end; raises Failed at an irregular one."""
        r = self.response
        if (r.header("Transfer-Encoding") or "").lower() == "chunked":
            while True:
                while b"\r\n" not in self.buf:
                    if not self._more():
                        raise Failed("cut")
                size, self.buf = self.buf.split(b"\r\n", 1)
                n = int(size.split(b";")[0], 16)
                while len(self.buf) < n + 2:
                    if not self._more():
                        raise Failed("cut")
                data, self.buf = self.buf[:n], self.buf[n + 2:]
                if n == 0:
                    return
                yield data
        length = r.header("Content-Length")
        left = int(length) if length is not None else None
        if r.status in (204, 304):
            return
        while left is None or left > 0:
            if not self.buf and not self._more():
                if left is None:
                    return
                raise Failed("cut")
            data, self.buf = (self.buf, b"") if left is None else (self.buf[:left], self.buf[left:])
            if left is not None:
                left -= len(data)
            yield data

    def finish(self):
        try:
            self.response.body = b"".join(self.pieces())
        except socket.timeout:
            raise Failed("the answer did not end in time")
        self.close()
        return self.response

    def close(self, reset=False):
        """By the thread that reads it."""
        self.closed = True
        sockets.end(self.sock, reset)
        sockets.close(self.sock)


class Event:
    __slots__ = ("id", "name", "data", "at")

    def __init__(self, id, name, data):
        self.id, self.name, self.data, self.at = id, name, data, time.monotonic()

    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return "%s %s %s" % (self.id, self.name, self.data)


def parse_frame(frame):
    """One SSE frame (without its empty line) as an Event, or None for a comment."""
    id = name = None
    data = []
    for line in frame.decode("utf-8").split("\n"):
        if not line or line.startswith(":"):
            continue
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "id":
            id = int(value)
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return None if name is None and not data else Event(id, name or "message", "\n".join(data))


class Reader:
    """Follows an event stream on a thread of its own and keeps everything it got, over reconnections too."""

    def __init__(self):
        self.cv = threading.Condition()
        self.events = []
        self.kinds = {"text": [], "reasoning": []}
        self.n_joined = 0     # events that are in `kinds`
        self.raw = bytearray()  # bytes of the present connection
        self.comments = 0
        self.ended = None     # None while open, "end" for a regular end, "cut", "left"
        self.response = None
        self.conn = None
        self.thread = None
        self.numbered = True
        self.keep_raw = True

    def open(self, port, method, path, headers, body=None, paused=False, timeout=PATIENCE):
        """Sends the request and takes the head; a status other than 200 is an answer like any other."""
        self.ended, self.raw = None, bytearray()
        self.conn = Connection(port, timeout, rcvbuf=4096 if paused else None)
        self.conn.send(method, path, headers, body)
        try:
            self.response = self.conn.head()
        except (Failed, OSError):
            with self.cv:
                self.ended = "cut"
                self.cv.notify_all()
            raise
        if self.response.status != 200:
            self.conn.finish()
            self.ended = "end"
        elif not paused:
            self.go_on()
        return self.response

    def go_on(self):
        self.thread = threading.Thread(target=self._run, args=(self.conn,), daemon=True)
        self.thread.start()

    def _run(self, conn):
        rest, how = b"", "end"
        try:
            for piece in conn.pieces():
                rest += piece
                *frames, rest = rest.split(b"\n\n")
                events = [parse_frame(f) for f in frames]
                with self.cv:
                    if self.keep_raw:
                        self.raw += piece
                    self.comments += sum(e is None for e in events)
                    self.events += [e for e in events if e is not None]
                    self.cv.notify_all()
        except (Failed, OSError, ValueError):
            how = "cut"
        with self.cv:
            if conn is self.conn and self.ended is None:
                self.ended = "left" if conn.closed else how
                self.ended_at = time.monotonic()
            self.cv.notify_all()
        conn.close()

    def leave(self, reset=False):
        with self.cv:
            self.ended = "left"
        self.conn.closed = True
        sockets.end(self.conn.sock, reset)
        if self.thread:
            self.thread.join(PATIENCE)
        sockets.close(self.conn.sock)

    def wait(self, what, condition, timeout=PATIENCE):
        end = time.monotonic() + timeout
        with self.cv:
            while not condition(self):
                if self.ended is not None:
                    raise Failed("the stream ended (%s) before %s; it had: %s" % (self.ended, what, self.summary()))
                if time.monotonic() > end:
                    raise Failed("no %s within %g s; the stream had: %s" % (what, timeout, self.summary()))
                self.cv.wait(0.2)

    def wait_end(self, timeout=PATIENCE):
        end = time.monotonic() + timeout
        with self.cv:
            while self.ended is None:
                if time.monotonic() > end:
                    raise Failed("the stream did not end within %g s; it had: %s" % (timeout, self.summary()))
                self.cv.wait(0.2)

    def joined(self, name):
        """The answer's own text or reasoning as it stands after the events, which may move it."""
        kinds = self.kinds
        for e in self.events[self.n_joined:]:
            data = e.json() if e.name in kinds or e.name == "moved" else {"parent": ""}
            if "parent" in data:
                pass
            elif e.name in kinds:
                kinds[e.name].append(data["text"])
            else:
                to = data["to"]
                other = "text" if to == "reasoning" else "reasoning"
                kinds[to] += kinds[other]
                kinds[other] = []
            self.n_joined += 1
        kinds[name] = ["".join(kinds[name])]
        return kinds[name][0]

    @property
    def text(self):
        return self.joined("text")

    @property
    def last_id(self):
        return max((e.id for e in self.events if e.id is not None), default=0)

    def find(self, name):
        return next((e for e in reversed(self.events) if e.name == name), None)

    def summary(self):
        names = ["%s:%s" % (e.id, e.name) for e in self.events]
        if len(names) > 12:
            names = names[:5] + ["... (%d)" % (len(names) - 10)] + names[-5:]
        return " ".join(names) or "nothing"

    def check_ids(self, first=1):
        """Numbers go up by one, whatever connections they came by."""
        if not self.numbered:
            return
        for want, e in enumerate(self.events, first):
            if e.id != want:
                raise Failed("event %r has number %s where %d was due: %s" % (e.name, e.id, want, self.summary()))
            e.json()


class Client:
    """Somebody signed in (or nobody): sends requests with their credential."""

    def __init__(self, port, bearer=None, cookie=None):
        self.port, self.bearer, self.cookie = port, bearer, cookie

    def headers(self, extra=None, body=None):
        h = {}
        if self.bearer:
            h["Authorization"] = "Bearer " + self.bearer
        if self.cookie:
            h["Cookie"] = "atelier_session=" + self.cookie
        if body is not None:
            h["Content-Type"] = "application/json"
        for k, v in (extra or {}).items():
            for old in [x for x in h if x.lower() == k.lower()]:
                del h[old]
            if v != "-":
                h[k] = v
        return h

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        c = Connection(self.port, timeout)
        c.send(method, path, self.headers(headers, body), body)
        r = c.head()
        if method == "HEAD":
            c.close()
            return r
        return c.finish()

    def call(self, method, path, body=None, want=None):
        """As request(), for callers that only want the JSON of a success."""
        r = self.request(method, path, body)
        if r.status >= 300 or (want and r.status != want):
            raise Failed("%s %s answered %d: %r" % (method, path, r.status, r.body[:300]))
        return r.json() if r.body else None

    def login(self, name, password):
        r = self.call("POST", "/api/v1/auth/login", {"username": name, "password": password})
        self.bearer = r["token"]
        return r
