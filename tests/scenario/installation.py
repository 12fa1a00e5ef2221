"""One or several servers on a PostgreSQL of their own, with a scripted provider; and the frame in which such cases run."""

import argparse
import os
import shutil
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
from server import PATIENCE, Failed, Server  # noqa: E402

PASSWORD = "correct horse one"
SLOW = 1.0


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            got = condition()
        except (OSError, Failed):
            got = None
        if got:
            return got
        time.sleep(0.05)
    raise Failed("%s has not come within %d s" % (what, PATIENCE))


def waits():
    """An answer of two words; the second one when it is told to go."""
    return Answer([Step(0, ["text", "first "]), Step(0, ["wait", "go"]), Step(0, ["text", "last"]), Step(0, ["done"])])


class Installation:
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

    def turn(self, s, answer, client=None):
        """A conversation whose answer waits for the signal `go`; returns its id and the reader, at the first word."""
        client = client or self.client(s)
        self.provider.answers.append(answer)
        conversation = client.call("POST", "/api/v1/conversations", {})["id"]
        r = Reader()
        body = b'{"content":"Hello"}'
        threading.Thread(target=r.open, args=(s.port, "POST", "/api/v1/conversations/%s/turns" % conversation,
                                              client.headers({"Accept": "text/event-stream"}, body), body),
                         daemon=True).start()
        until("the first word", lambda: "first" in r.text)
        return conversation, r

    def message(self, s, conversation, client=None):
        client = client or self.client(s)
        return client.call("GET", "/api/v1/conversations/%s/messages" % conversation)["items"][-1]

    def health(self, s):
        return Client(s.port).request("GET", "/health/ready").status

    def end(self):
        for s in self.servers:
            s.destroy()
        self.provider.down()
        self.pg.destroy()


def run_one(case, binary):
    """The problem in words, or None; and the servers."""
    root = tempfile.mkdtemp(prefix="atelier-%s-" % case.__name__)
    c = problem = None
    try:
        c = Installation(binary, root)
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
    servers = c.servers if c else []
    for s in [] if problem else servers:
        try:
            s.check_log()
        except Failed as e:
            problem = str(e)
    shutil.rmtree(root, ignore_errors=True)
    return problem, servers


def main(cases, about):
    global SLOW
    ap = argparse.ArgumentParser(description=about)
    ap.add_argument("--binary", required=True)
    ap.add_argument("--slow", type=float, default=1.0, help="factor for bounds (sanitizers)")
    ap.add_argument("names", nargs="*", help="cases; all when none is given")
    a = ap.parse_args()
    SLOW = a.slow
    passed = failed = 0
    for case in cases:
        if a.names and case.__name__ not in a.names:
            continue
        began = time.monotonic()
        problem, servers = run_one(case, a.binary)
        passed, failed = passed + (problem is None), failed + (problem is not None)
        print("%s %s (%.1f s)%s" % ("FAILED" if problem else "ok", case.__name__, time.monotonic() - began,
                                    ": " + problem if problem else ""))
        for s in servers if problem else []:
            for line in s.log[-60:]:
                print("    | " + line[:300])
        sys.stdout.flush()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0
