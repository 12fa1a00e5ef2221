#!/usr/bin/env python3
"""Documents are brought while the server is killed: none lost that was acknowledged, none half, none twice.

kill_documents.py --binary PATH [--rounds N] [--seed N]

Each round three clients bring files one after the other, each with a word of its own, until SIGKILL at a random moment; the next round
goes on with the same data folder. Now and then a file is brought that is there already. At the end every document that was
acknowledged is ready, is found by its word exactly once, and has its file; and nothing else is there but what was on its way.
"""

import argparse
import json
import os
import random
import sqlite3
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import PATIENCE, Failed, Server  # noqa: E402

PASSWORD = "killed-in-the-middle"


class Client:
    def __init__(self, port, cookie=None):
        self.base, self.cookie = "http://127.0.0.1:%d/api/v1" % port, cookie

    def call(self, method, path, body=None, content="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": content}
        if self.cookie:
            headers["Cookie"] = self.cookie
        q = urllib.request.Request(self.base + path, data, headers, method=method)
        with urllib.request.urlopen(q, timeout=PATIENCE) as r:
            if not self.cookie and r.headers["Set-Cookie"]:
                self.cookie = r.headers["Set-Cookie"].split(";")[0]
            return json.loads(r.read() or b"null")


def word_of(n):
    """A word of its own for each file, which no stemmer makes into another's."""
    return "zq" + "".join("bcdfghjklm"[int(c)] for c in "%06d" % n)


def text_of(n):
    lines = ["# Chapter of %s" % word_of(n)]
    lines += ["Line %d of a text that has several passages, so that it can be cut in two. " % i * 6 for i in range(12)]
    return "\n\n".join(lines).encode()


class Bringers:
    """What was acknowledged (id -> number), and what was on its way when the server went."""

    def __init__(self):
        self.known, self.sent, self.mx, self.next = {}, set(), threading.Lock(), 0

    def one(self, client, collection, again):
        with self.mx:
            number = again if again is not None else self.next
            self.next += again is None
            self.sent.add(number)
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%d.md"\r\n\r\n%s\r\n--x--\r\n' % (number, text_of(number))
        made = client.call("POST", "/collections/%s/documents" % collection, body, "multipart/form-data; boundary=x")
        with self.mx:
            self.known[made["id"]] = number

    def until_gone(self, client, collection, rng):
        try:
            while True:
                with self.mx:
                    again = rng.choice(sorted(self.known.values())) if self.known and rng.random() < 0.1 else None
                self.one(client, collection, again)
        except (OSError, urllib.error.URLError, ValueError):
            pass  # the server is gone


def round_of(server, bringers, collection, cookie, rng):
    server.start()
    clients = [threading.Thread(target=bringers.until_gone, args=(Client(server.port, cookie), collection, random.Random(rng.random())))
               for _ in range(3)]
    for t in clients:
        t.start()
    before = len(bringers.known)
    end = time.monotonic() + PATIENCE
    while len(bringers.known) < before + 2 and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(rng.random() * 0.25)  # the moment is what is tried
    server.kill()
    for t in clients:
        t.join(PATIENCE)


def settle(client, collection):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not any(client.call("GET", "/collections/%s/documents?state=%s&limit=1" % (collection, s))["items"]
                   for s in ("queued", "reading", "embedding")):
            return
        time.sleep(0.1)
    raise Failed("documents are still being read long after the last start")


def every(client, collection):
    items, cursor = [], ""
    while cursor is not None:
        page = client.call("GET", "/collections/%s/documents?limit=500%s" % (collection, cursor and "&cursor=" + cursor))
        items += page["items"]
        cursor = page["next"]
    return items


def check(client, bringers, collection):
    there = {d["id"]: d for d in every(client, collection)}
    lost = set(bringers.known) - set(there)
    if lost:
        raise Failed("%d acknowledged documents are gone" % len(lost))
    of_number = {}
    for d in there.values():
        if d["state"] != "ready" or not d["searchable"]:
            raise Failed("%s is %s: %s" % (d["name"], d["state"], d["error"]))
        of_number.setdefault(int(d["name"].split(".")[0]), []).append(d["id"])
    if set(of_number) - bringers.sent:
        raise Failed("documents that nobody has brought")
    for number, ids in of_number.items():
        hits = client.call("POST", "/search", {"query": word_of(number), "collection_ids": [collection], "limit": 100})["items"]
        found = sorted({h["document_id"] for h in hits})
        if found != sorted(ids):
            raise Failed("the word of %d finds %s instead of %s" % (number, found, sorted(ids)))
        if len({(h["document_id"], h["start"]) for h in hits}) != len(hits):
            raise Failed("a passage of %d is there twice" % number)
    return len(there)


def check_store(server):
    """Texts that are half are not shown, and each file that a document has is there."""
    with sqlite3.connect("file:%s?mode=ro" % server.database(), uri=True) as db:
        bad = db.execute("SELECT count(*) FROM documents d JOIN texts t ON t.id = d.text_id WHERE t.ready = 0 OR t.passages <>"
                         " (SELECT count(*) FROM passages p WHERE p.text_id = t.id)").fetchone()[0]
        twice = db.execute("SELECT count(*) FROM (SELECT hash, recipe FROM texts WHERE ready = 1 GROUP BY 1, 2 HAVING count(*) > 1)").fetchone()[0]
        hashes = [h for (h,) in db.execute("SELECT DISTINCT b.hash FROM documents d JOIN blobs b ON b.id = d.blob_id")]
    if bad or twice:
        raise Failed("%d documents with half a text, %d texts twice" % (bad, twice))
    for h in hashes:
        if not os.path.exists(os.path.join(server.data, "blobs", h[:2], h)):
            raise Failed("the file of a document is gone: " + h)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--binary", required=True)
    ap.add_argument("--rounds", type=int, default=50)
    ap.add_argument("--seed", type=int, default=None)
    a = ap.parse_args()
    seed = a.seed if a.seed is not None else random.randrange(1 << 30)
    rng, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="atelier-kill-documents-") as data:
        server, bringers = Server(a.binary, data, {"ATELIER_LOG_LEVEL": "warn"}), Bringers()
        try:
            server.command(["user", "add", "ada", "--role", "admin"], PASSWORD + "\n")
            server.start()
            client = Client(server.port)
            client.call("POST", "/auth/login", {"username": "ada", "password": PASSWORD})
            collection = client.call("POST", "/collections", {"name": "Killed"})["id"]
            server.stop()
            for _ in range(a.rounds):
                round_of(server, bringers, collection, client.cookie, rng)
            server.start()
            client = Client(server.port, client.cookie)
            settle(client, collection)
            n = check(client, bringers, collection)
            check_store(server)
            server.stop()
        except Failed as e:
            print("FAILED with --seed %d: %s" % (seed, e))
            print("\n".join(server.log[-20:]))
            return 1
        finally:
            server.destroy()
    print("documents: %d kills, %d documents, %.0f s" % (a.rounds, n, time.monotonic() - began))
    print("%d passed, 0 failed" % a.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
