#!/usr/bin/env python3
"""What happens to answers and readers while PostgreSQL is away: it crashes, freezes, becomes a standby, or another process
writes to it. Nothing that was shown is lost, and /health says what is wrong.

	tests/scenario/outage.py --binary build/asan/src/atelier [NAME ...]
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.dirname(HERE))

from client import Client, Reader  # noqa: E402
from postgres import Postgres  # noqa: E402
from provider import Answer, Provider, Step  # noqa: E402
from server import Failed, Server  # noqa: E402

PASSWORD = "correct horse one"
SLOW = 1.0


def until(what, condition, seconds=20):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        try:
            got = condition()
        except (OSError, Failed):
            got = None
        if got:
            return got
        time.sleep(0.05)
    raise Failed("%s has not come within %d s" % (what, seconds * SLOW))


class Case:
    """A PostgreSQL of its own, a provider that ends its answer when told, and a server (or two)."""

    def __init__(self, binary, root):
        self.binary, self.root = binary, root
        self.pg = Postgres(durable=True, settings=["wal_level=replica", "max_wal_senders=4"]).start()
        self.provider = Provider("ollama")
        self.servers = []
        self.bearer = None

    def server(self, url=None):
        folder = os.path.join(self.root, "data%d" % len(self.servers))
        os.makedirs(folder, 0o700)
        s = Server(self.binary, folder, {"ATELIER_DATABASE": url or self.pg.url(), "ATELIER_MASTER_KEY": "ab" * 32})
        s.settings.update(self.provider.settings())
        self.servers.append(s)
        if len(self.servers) == 1:
            status, out = s.command(["user", "add", "admin", "--role", "admin"], PASSWORD + "\n")
            if status != 0:
                raise Failed("`user add` ended with %d: %s" % (status, out))
        s.start()
        if not self.bearer:
            self.bearer = Client(s.port).call("POST", "/api/v1/auth/login",
                                              {"username": "admin", "password": PASSWORD})["token"]
        return s

    def client(self, s):
        return Client(s.port, bearer=self.bearer)

    def turn(self, s, answer):
        """A conversation whose answer waits for the signal `go`; returns its id and the reader, at the first word."""
        self.provider.answers.append(answer)
        conversation = self.client(s).call("POST", "/api/v1/conversations", {})["id"]
        r = Reader()
        body = b'{"content":"Hello"}'
        threading.Thread(target=r.open, args=(s.port, "POST", "/api/v1/conversations/%s/turns" % conversation,
                                              self.client(s).headers({"Accept": "text/event-stream"}, body), body),
                         daemon=True).start()
        until("the first word", lambda: "first" in r.text)
        return conversation, r

    def message(self, s, conversation):
        return self.client(s).call("GET", "/api/v1/conversations/%s/messages" % conversation)["items"][-1]

    def health(self, s):
        return Client(s.port).request("GET", "/health/ready").status

    def end(self):
        for s in self.servers:
            s.destroy()
        self.provider.down()
        self.pg.destroy()


def waits():
    return Answer([Step(0, ["text", "first "]), Step(0, ["wait", "go"]), Step(0, ["text", "last"]), Step(0, ["done"])])


def crash(c):
    """It dies while an answer is written, and comes back."""
    s = c.server()
    conversation, r = c.turn(s, waits())
    c.pg.stop(signal.SIGQUIT)
    c.provider.signal("go")
    until("`storing`", lambda: any(e.name == "status" and "storing" in e.data for e in r.events))
    until("a word in /health", lambda: c.health(s) == 503, 30)
    c.pg.start()
    until("`done`", lambda: r.find("done"))
    m = c.message(s, conversation)
    if (m["state"], m["content"]) != ("complete", "first last"):
        raise Failed("the message is %r" % m)
    until("a healthy server", lambda: c.health(s) == 200)


def crash_of_both(c):
    """It dies, then the server too; the answer is in the journal, and stored at the next start."""
    s = c.server()
    conversation, r = c.turn(s, waits())
    c.pg.stop(signal.SIGQUIT)
    c.provider.signal("go")
    until("`storing`", lambda: any(e.name == "status" and "storing" in e.data for e in r.events))
    s.kill()
    c.pg.start()
    s.start()
    m = until("the end", lambda: (lambda x: x if x["state"] != "running" else None)(c.message(s, conversation)))
    if m["content"] != "first last":
        raise Failed("the message is %r" % m)


def frozen(c):
    """It stops saying anything: callers are told within a bound, and it goes on when it wakes."""
    s = c.server()
    c.client(s).call("POST", "/api/v1/conversations", {})
    c.pg.process.send_signal(signal.SIGSTOP)
    pids = c.pg.backends()
    for p in pids:
        os.kill(p, signal.SIGSTOP)
    began = time.monotonic()
    status = c.client(s).request("POST", "/api/v1/conversations", {}, timeout=120).status
    took = time.monotonic() - began
    if status != 503 or took > 60 * SLOW:
        raise Failed("status %d after %.0f s" % (status, took))
    for p in pids + [c.pg.process.pid]:
        os.kill(p, signal.SIGCONT)
    until("writing", lambda: c.client(s).request("POST", "/api/v1/conversations", {}).status == 201, 30)


def failover(c):
    """The first host becomes unreachable, the second is a standby, and then is promoted."""
    standby = c.pg.standby().start()
    try:
        both = "postgresql://atelier@%s,%s/postgres" % tuple(
            f.replace("/", "%2F") for f in (c.pg.folder, standby.folder))
        s = c.server(both)
        conversation, r = c.turn(s, waits())
        standby.caught_up(c.pg)
        c.pg.stop(signal.SIGQUIT)
        c.provider.signal("go")
        until("`storing`", lambda: any(e.name == "status" and "storing" in e.data for e in r.events))
        # Reading goes on with what there is, and /health has the reason.
        until("reading", lambda: c.client(s).request("GET", "/api/v1/conversations").status == 200)
        text = until("the reason", lambda: (lambda t: t if "standby" in t else None)(
            Client(s.port, bearer=c.bearer).request("GET", "/health").body.decode()), 30)
        if "secret" in text:
            raise Failed("a password is in /health")
        standby.call("pg_ctl", "promote", "-D", standby.data)
        until("`done`", lambda: r.find("done"), 30)
        m = c.message(s, conversation)
        if (m["state"], m["content"]) != ("complete", "first last"):
            raise Failed("the message is %r" % m)
    finally:
        standby.destroy()


def two(c):
    """Two processes: the one that starts leaves the other's running answers alone."""
    a = c.server()
    conversation, r = c.turn(a, waits())
    b = c.server()
    if c.message(b, conversation)["state"] != "running":
        raise Failed("the second server has ended the first one's answer")
    # What one changes, the other knows, also where it holds it in memory.
    me = c.client(a).call("GET", "/api/v1/me")
    c.client(a).call("POST", "/api/v1/providers", {"name": "lab", "kind": "ollama", "url": "http://127.0.0.1:9"})
    until("the provider", lambda: "lab" in str(c.client(b).call("GET", "/api/v1/models")))
    c.client(a).call("POST", "/api/v1/limits", {"subject": "everyone", "measure": "requests", "period": "day",
                                               "amount": 0})
    other = c.client(b).call("POST", "/api/v1/conversations", {})["id"]

    def refused():
        t = c.client(b).request("POST", "/api/v1/conversations/%s/turns" % other, {"content": "Hi"},
                                {"Accept": "text/event-stream"})
        return b"limit" in t.body
    until("the limit", refused)
    c.client(a).call("POST", "/api/v1/auth/logout")
    if c.client(b).request("GET", "/api/v1/me").status != 401:
        raise Failed("the session of %s goes on at the second server" % me)
    c.bearer = c.client(b).login("admin", PASSWORD)["token"]
    c.provider.signal("go")
    until("`done`", lambda: c.message(b, conversation)["state"] == "complete")
    m = c.message(b, conversation)
    if (m["state"], m["content"]) != ("complete", "first last"):
        raise Failed("the message is %r" % m)


CASES = [crash, crash_of_both, frozen, failover, two]


def main():
    global SLOW
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--binary", required=True)
    ap.add_argument("--slow", type=float, default=1.0)
    ap.add_argument("names", nargs="*")
    a = ap.parse_args()
    SLOW = a.slow
    passed = failed = 0
    for case in CASES:
        if a.names and case.__name__ not in a.names:
            continue
        root = tempfile.mkdtemp(prefix="atelier-outage-")
        c, began, problem = None, time.monotonic(), None
        try:
            c = Case(a.binary, root)
            case(c)
            for s in c.servers:
                s.stop()
        except Failed as e:
            problem = str(e)
        except Exception:
            problem = traceback.format_exc()
        finally:
            if c:
                c.end()
        for s in c.servers if c and not problem else []:
            try:
                s.check_log()
            except Failed as e:
                problem = str(e)
        passed, failed = passed + (problem is None), failed + (problem is not None)
        print("%s %s (%.1f s)%s" % ("FAILED" if problem else "ok", case.__name__, time.monotonic() - began,
                                    ": " + problem if problem else ""))
        for s in c.servers if c and problem else []:
            for line in s.log[-60:]:
                print("    | " + line[:300])
        sys.stdout.flush()
        shutil.rmtree(root, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
