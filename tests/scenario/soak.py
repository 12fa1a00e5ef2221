#!/usr/bin/env python3
"""Mixed use by several people for a while, on one of the databases, with stops and kills of the server between: nothing that
was shown is lost, no sanitizer says a word, and memory does not grow from run to run.

	tests/scenario/soak.py --binary build/asan/src/atelier --minutes 20
	tests/scenario/soak.py --binary build/tsan/src/atelier --minutes 20 --postgres
"""

import argparse
import base64
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.dirname(HERE))

from client import Client, Connection, Reader  # noqa: E402
from postgres import Postgres  # noqa: E402
from provider import Answer, Provider, Step  # noqa: E402
from server import PATIENCE, Failed, Server  # noqa: E402

PASSWORD = "correct horse one"
WORDS = "river stone paper lantern orchard window marble thunder copper meadow harbour violet".split()


def until_idle(c, turn):
    """The turn as it ended; it may be storing still."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        t = c.call("GET", "/api/v1/turns/" + turn)
        if t["state"] != "running":
            return t
        time.sleep(0.05)
    raise Failed("the turn %s does not end" % turn)


class Person:
    """One who does now this, now that; what was shown to them is compared with what is kept."""

    def __init__(self, soak, name):
        self.soak, self.name = soak, name
        self.rng = random.Random("%s %s" % (soak.seed, name))
        self.bearer = None
        self.shown = []  # (turn, event texts) of answers that were followed
        self.done = {}
        self.actions = [f for n, f in sorted(vars(Person).items()) if n.startswith("do_")]

    def client(self):
        return Client(self.soak.server.port, bearer=self.bearer)

    def own_name(self):
        """Nothing else's, not even that of something that a killed server left behind."""
        return "%s %d" % (self.words(2), self.rng.randrange(10 ** 9))

    def words(self, n):
        return " ".join(self.rng.choice(WORDS) for _ in range(n))

    def one_of(self, path):
        items = self.client().call("GET", path)["items"]
        return self.rng.choice(items) if items else None

    def follow(self, conversation, body):
        c, r = self.client(), Reader()
        r.keep_raw = False
        body = json.dumps(body).encode()
        r.open(c.port, "POST", "/api/v1/conversations/%s/turns" % conversation,
               c.headers({"Accept": "text/event-stream"}, body), body)
        if r.response.status in (409, 429):
            return  # an answer is being written there, or too many are
        if r.response.status != 200:
            raise Failed("a question is answered %d: %r" % (r.response.status, r.response.body[:200]))
        try:
            self.read(c, r)
        finally:
            if r.events:
                self.shown.append((r.events[0].json()["turn_id"], [(e.id, e.name, e.data) for e in r.events]))

    def read(self, c, r):
        r.wait("its beginning", lambda x: x.events)
        turn = r.events[0].json()["turn_id"]
        what = self.rng.random()
        if what < 0.2:
            r.leave()
            c.call("GET", "/api/v1/turns/" + turn)
        elif what < 0.3:
            c.call("POST", "/api/v1/turns/%s/cancel" % turn)
            r.wait_end()
        elif what < 0.4:  # leaves, and follows on from there
            r.leave()
            known = r.last_id
            r.open(c.port, "GET", "/api/v1/turns/%s/events?after=%d" % (turn, known),
                   c.headers({"Accept": "text/event-stream"}))
            if r.response.status == 200:
                r.wait_end()
        else:
            r.wait_end()
        r.check_ids()

    def do_ask(self):
        conversation = self.client().call("POST", "/api/v1/conversations", {})["id"]
        for _ in range(self.rng.randint(1, 3)):
            self.follow(conversation, {"content": self.words(self.rng.randint(1, 200))})

    def do_go_on(self):
        v = self.one_of("/api/v1/conversations?limit=20")
        if v:
            self.follow(v["id"], {"content": self.words(5)})

    def do_branch(self):
        v = self.one_of("/api/v1/conversations?limit=20")
        items = v and self.client().call("GET", "/api/v1/conversations/%s/messages" % v["id"])["items"]
        answers = [m for m in items or [] if m["role"] == "assistant" and m["state"] != "running"]
        if answers:
            self.follow(v["id"], {"regenerate": self.rng.choice(answers)["id"]})

    def do_compare(self):
        v = self.client().call("POST", "/api/v1/conversations", {})["id"]
        self.client().request("POST", "/api/v1/conversations/%s/turns" % v,
                              {"content": self.words(3), "models": ["mock:1b", "mock:2b"]})

    def do_queue(self):
        v = self.one_of("/api/v1/conversations?limit=20")
        if v:
            self.client().request("POST", "/api/v1/conversations/%s/turns" % v["id"],
                                  {"content": self.words(2), "queue": True})

    def do_search(self):
        c = self.client()
        c.call("GET", "/api/v1/search?q=" + self.rng.choice(WORDS))
        c.call("GET", "/api/v1/conversations?limit=50")
        c.call("GET", "/api/v1/bootstrap")

    def do_order(self):
        c, v = self.client(), self.one_of("/api/v1/conversations?limit=50")
        if v:
            c.request("PATCH", "/api/v1/conversations/" + v["id"],
                      {"pinned": self.rng.random() < 0.3, "title": self.words(3), "tags": [self.rng.choice(WORDS)]})
        folder = c.call("POST", "/api/v1/folders", {"name": self.own_name()})["id"]
        if v:
            c.request("PATCH", "/api/v1/conversations/" + v["id"], {"folder_id": folder})
        c.request("DELETE", "/api/v1/folders/" + folder)

    def do_delete(self):
        v = self.one_of("/api/v1/conversations?limit=50")
        if v and self.rng.random() < 0.3:
            self.client().request("DELETE", "/api/v1/conversations/" + v["id"])

    def do_assistant(self):
        c = self.client()
        a = c.call("POST", "/api/v1/assistants", {"name": self.own_name(), "instructions": self.words(20)})["id"]
        c.request("PATCH", "/api/v1/assistants/" + a, {"description": self.words(9)})
        c.request("DELETE", "/api/v1/assistants/" + a)

    def do_document(self):
        c = self.client()
        v = self.one_of("/api/v1/collections") or c.call("POST", "/api/v1/collections", {"name": self.words(2)})
        text = "# %s\n\n%s\n" % (self.words(2), "\n\n".join(self.words(60) for _ in range(20)))
        upload = c.request("POST", "/api/v1/uploads", b"", {
            "Tus-Resumable": "1.0.0", "Upload-Length": str(len(text)), "Content-Type": "-",
            "Upload-Metadata": "filename " + base64.b64encode(b"notes.md").decode()})
        where = upload.header("Location")
        if upload.status != 201 or not where:
            raise Failed("an upload is answered %d: %r" % (upload.status, upload.body[:200]))
        where = "/api/" + where.split("/api/", 1)[1]
        c.request("PATCH", where, text.encode(), {"Tus-Resumable": "1.0.0", "Upload-Offset": "0",
                                                  "Content-Type": "application/offset+octet-stream"})
        c.request("POST", "/api/v1/collections/%s/documents" % v["id"],
                  {"upload_id": where.rsplit("/", 1)[1], "name": self.words(2) + ".md"})
        c.request("POST", "/api/v1/search", {"query": self.words(3), "collection_ids": [v["id"]], "limit": 5})

    def do_gateway(self):
        c = self.client()
        body = json.dumps({"model": "mock:1b", "stream": self.rng.random() < 0.5,
                           "messages": [{"role": "user", "content": self.words(9)}]}).encode()
        conn = Connection(c.port)
        conn.send("POST", "/v1/chat/completions",
                  {"Authorization": "Bearer " + self.soak.key, "Content-Type": "application/json"}, body)
        conn.head()
        if self.rng.random() < 0.2:
            conn.close(reset=True)
        else:
            conn.finish()

    def do_watch(self):
        c, r = self.client(), Reader()
        r.numbered = r.keep_raw = False
        r.open(c.port, "GET", "/api/v1/changes", c.headers({"Accept": "text/event-stream"}))
        time.sleep(self.rng.random())
        r.leave(reset=self.rng.random() < 0.5)

    def do_sign_in(self):
        c = Client(self.soak.server.port)
        c.login(self.name, PASSWORD)
        self.bearer = c.bearer

    def check_shown(self):
        """What was shown of some answers is what is there; of the others it was compared before."""
        for turn, events in self.shown:
            c, r = self.client(), Reader()
            r.keep_raw = False
            r.open(c.port, "GET", "/api/v1/turns/%s/events?after=0" % turn, c.headers({"Accept": "text/event-stream"}))
            if r.response.status == 404:
                continue  # its conversation was deleted
            r.wait_end()
            now = [(e.id, e.name, e.data) for e in r.events]
            if now[:len(events)] != events:
                raise Failed("of the turn %s was shown %r, there is %r" % (turn, events[-3:], now[-3:]))
            if not now or now[-1][1] != "done":
                raise Failed("the turn %s has no end: %r" % (turn, now[-3:]))
            until_idle(c, turn)
            self.soak.counts["compared"] = self.soak.counts.get("compared", 0) + 1
        self.shown = []

    def run(self, stop):
        while not stop.is_set():
            f = self.rng.choice(self.actions)
            try:
                f(self)
                self.done[f.__name__[3:]] = self.done.get(f.__name__[3:], 0) + 1
            except (Failed, OSError, ValueError, IndexError) as e:
                # What a stop cuts off is no fault, nor is what it left half read; anything else is.
                if not stop.is_set() and not self.soak.stopping:
                    self.soak.fail("%s, %s: %s" % (self.name, f.__name__[3:], e))
                    return


class Soak:
    def __init__(self, a, folder):
        self.a, self.seed = a, a.seed
        self.counts, self.failures, self.stopping = {}, [], False
        self.mx = threading.Lock()
        self.postgres = Postgres().start() if a.postgres else None
        self.provider = Provider(models=("mock:1b", "mock:2b"))
        self.provider.fallback = Answer([Step(0, ["tokens", "40", "2", "1"]), Step(0, ["done"])])
        self.server = Server(a.binary, os.path.join(folder, "data"), self.provider.settings())
        if self.postgres:
            self.server.settings["ATELIER_DATABASE"] = self.postgres.url()
        os.makedirs(self.server.data, 0o700)
        self.people = [Person(self, "person%d" % i) for i in range(a.people)]
        self.rng = random.Random(a.seed)
        self.key = None
        self.memory = []

    def fail(self, what):
        with self.mx:
            self.failures.append(what)

    def command(self, *args):
        status, out = self.server.command(list(args), PASSWORD + "\n")
        if status != 0:
            raise Failed("%r ended with %d: %s" % (args, status, out))

    def begin(self):
        for p in self.people:
            self.command("user", "add", p.name, "--role", "user")
        self.server.start()
        for p in self.people:
            p.do_sign_in()
        c = self.people[0].client()
        self.key = c.call("POST", "/api/v1/keys", {"name": "soak", "scopes": ["gateway"]})["key"]

    def resident(self):
        with open("/proc/%d/status" % self.server.proc.pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024

    def use(self, seconds):
        stop = threading.Event()
        threads = [threading.Thread(target=p.run, args=(stop,)) for p in self.people]
        for t in threads:
            t.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.failures and self.server.alive():
            stop.wait(0.2)
        if not self.server.alive():
            self.fail("the server has ended by itself")
            self.stopping = True
            stop.set()
        elif self.rng.random() < 0.5:  # in the middle of it all
            self.stopping = True
            stop.set()
            self.server.kill()
            self.counts["kills"] = self.counts.get("kills", 0) + 1
        else:
            stop.set()
        for t in threads:
            t.join(PATIENCE)
        if self.server.proc:
            self.memory.append(self.resident())
            self.server.stop()
            self.counts["stops"] = self.counts.get("stops", 0) + 1
        self.stopping = False

    def run(self):
        self.begin()
        end = time.monotonic() + self.a.minutes * 60
        while time.monotonic() < end and not self.failures:
            self.use(min(self.a.round, max(1, end - time.monotonic())))
            if self.failures:
                break
            self.server.check_log()
            self.server.start()
            for p in self.people:
                p.check_shown()
        self.server.stop()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--binary", required=True)
    ap.add_argument("--minutes", type=float, default=20)
    ap.add_argument("--round", type=float, default=60, help="seconds from one stop or kill to the next")
    ap.add_argument("--people", type=int, default=6)
    ap.add_argument("--postgres", action="store_true")
    ap.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    a = ap.parse_args()
    folder = tempfile.mkdtemp(prefix="atelier-soak-")
    s = None
    try:
        s = Soak(a, folder)
        s.run()
    except (Failed, OSError):
        traceback.print_exc()
        if s:
            s.fail("see above")
    finally:
        if s:
            s.server.destroy()
            s.provider.down()
            if s.postgres:
                s.postgres.destroy()
        shutil.rmtree(folder, ignore_errors=True)
    for what in s.failures if s else ["it did not begin"]:
        print("FAILED (seed %d): %s" % (a.seed, what))
    if s and s.failures:
        for line in s.server.log[-120:]:
            print("    | " + line[:400])
    done = {}
    for p in s.people if s else []:
        for k, n in p.done.items():
            done[k] = done.get(k, 0) + n
    print("soak: %g minutes, %d people, %s, seed %d" % (a.minutes, a.people, "PostgreSQL" if a.postgres else "SQLite", a.seed))
    print("  " + ", ".join("%s %d" % x for x in sorted(done.items())))
    print("  " + ", ".join("%s %d" % x for x in sorted(s.counts.items() if s else [])))
    if s and s.memory:
        print("  resident before each stop: " + " ".join("%.0f" % m for m in s.memory) + " MB")
    bad = len(s.failures) if s else 1
    print("%d passed, %d failed" % (not bad, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
