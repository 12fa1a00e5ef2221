#!/usr/bin/env python3
"""Vector stores: the same walk with each kind, against a stand-in that has the shapes of the real one; pgvector is real, in PGlite
(tests/clients), and a PostgreSQL without it is refused.

vector_stores.py --binary PATH [KIND ...]   [--real KIND=URL]

What a store finds is what is found without one; what is deleted, moved or another's is never found, whatever the store still has; one
that is down leaves the words, with a notice; its key goes to its own address alone. `--real` walks with a store that runs somewhere
(chroma run --path FOLDER --port N), but for what a stand-in alone can tell.
"""

import argparse
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
from postgres import Postgres, programs  # noqa: E402
from provider import Provider  # noqa: E402
from server import PATIENCE, Failed, Server  # noqa: E402

PASSWORD, KEY = "found-by-meaning", "the-key-of-the-store"


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / (math.hypot(*a) * math.hypot(*b))


class StandIn:
    """A store over HTTP: collections of points, {id: (vector, payload)}. `answer(method, path, body)` gives status and JSON."""

    header = ""

    def __init__(self):
        self.collections, self.keys, self.port = {}, set(), 0
        self.refuses, self.refused = 0, set()  # how many more texts it is to refuse, from their first points on; and those
        self.up()

    def has_refused(self, text):
        if self.refuses and text not in self.refused:
            self.refuses -= 1
            self.refused.add(text)
        return text in self.refused

    def up(self):
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_all(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                key = self.headers.get(store.header)
                if not store.is_up:  # on a connection that was kept
                    self.close_connection = True
                    return
                store.keys.add(key)
                status, value = (401, {"error": "no"}) if key != KEY else store.answer(
                    self.command, self.path.split("?")[0], json.loads(body) if body else None)
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            do_GET = do_PUT = do_POST = do_DELETE = handle_all

            def log_message(self, *_):
                pass
        self.httpd = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.httpd.daemon_threads = True
        self.port, self.is_up = self.httpd.server_address[1], True
        threading.Thread(target=self.httpd.serve_forever, args=(0.01,), daemon=True).start()

    def down(self):
        self.is_up = False
        self.httpd.shutdown()
        self.httpd.server_close()

    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def texts(self):
        return {p["text"] for c in self.collections.values() for _, p in c["points"].values()}

    def nearest(self, c, query, texts, n):
        found = [(cosine(query, v), p) for v, p in c["points"].values() if p["text"] in texts]
        return sorted(found, key=lambda x: -x[0])[:n]


class Qdrant(StandIn):
    """As Qdrant 1.15 answers."""

    header = "api-key"

    def answer(self, method, path, body):
        if (method, path) == ("GET", "/collections"):
            return 200, {"result": {"collections": [{"name": n} for n in self.collections]}, "status": "ok", "time": 1e-05}
        name, _, verb = path[len("/collections/"):].partition("/")
        if (method, verb) == ("PUT", ""):
            if name in self.collections:
                return 409, {"status": {"error": "Wrong input: Collection `%s` already exists!" % name}, "time": 0.001}
            assert body["vectors"]["distance"] == "Cosine"
            self.collections[name] = {"points": {}, "size": body["vectors"]["size"], "indexed": None}
            return 200, {"result": True, "status": "ok", "time": 0.01}
        c = self.collections.get(name)
        if c is None:
            return 404, {"status": {"error": "Not found: Collection `%s` doesn't exist!" % name}, "time": 0.001}
        done = {"operation_id": 1, "status": "completed"}
        if (method, verb) == ("PUT", "index"):
            assert body == {"field_name": "text", "field_schema": "keyword"}
            c["indexed"] = "text"
        elif (method, verb) == ("PUT", "points"):
            if self.has_refused(body["points"][0]["payload"]["text"]):
                return 400, {"status": {"error": "Wrong input: Vector dimension error: expected dim: 3, got 2"}, "time": 0.001}
            for p in body["points"]:
                assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", p["id"]) and len(p["vector"]) == c["size"]
                c["points"][p["id"]] = (p["vector"], p["payload"])
        elif (method, verb) == ("POST", "points/delete"):
            text = body["filter"]["must"][0]["match"]["value"]
            c["points"] = {k: x for k, x in c["points"].items() if x[1]["text"] != text}
        elif (method, verb) == ("POST", "points/query"):
            texts = body["filter"]["must"][0]["match"]["any"]
            done = {"points": [{"id": "x", "version": 1, "score": s, "payload": p}
                               for s, p in self.nearest(c, body["query"], texts, body["limit"])]}
        else:
            return 404, {"status": {"error": "no such path"}}
        return 200, {"result": done, "status": "ok", "time": 0.001}


class Chroma(StandIn):
    """As Chroma 1.x answers."""

    header = "x-chroma-token"
    base = "/api/v2/tenants/default_tenant/databases/default_database/collections"

    def answer(self, method, path, body):
        if (method, path) == ("GET", self.base):
            return 200, [{"id": c["id"], "name": n} for n, c in self.collections.items()]
        if (method, path) == ("POST", self.base):
            assert body["get_or_create"] and body["configuration"]["hnsw"]["space"] == "cosine"
            c = self.collections.setdefault(body["name"], {"id": "0e4b5a%02x-1111-4222-8333-444455556666" % len(self.collections), "points": {}})
            return 200, {"id": c["id"], "name": body["name"], "dimension": None}
        one, _, verb = path[len(self.base) + 1:].partition("/")
        if method == "GET":
            c = self.collections.get(one)
            return (200, {"id": c["id"], "name": one}) if c else (404, {"error": "NotFoundError", "message": "Collection [%s] does not exist" % one})
        c = next(x for x in self.collections.values() if x["id"] == one)
        if verb == "upsert" and self.has_refused(body["metadatas"][0]["text"]):
            return 400, {"error": "InvalidArgumentError", "message": "Collection expecting embedding with dimension of 3, got 2"}
        if verb == "upsert":
            for i, vector, metadata in zip(body["ids"], body["embeddings"], body["metadatas"]):
                c["points"][i] = (vector, metadata)
            return 200, {}
        if verb == "delete":
            before = len(c["points"])
            c["points"] = {k: x for k, x in c["points"].items() if x[1]["text"] != body["where"]["text"]}
            return 200, {"deleted": before - len(c["points"])}
        found = self.nearest(c, body["query_embeddings"][0], body["where"]["text"]["$in"], body["n_results"])
        return 200, {"ids": [["%s-%d" % (p["text"], p["n"]) for _, p in found]], "embeddings": None, "documents": None, "uris": None,
                     "include": body["include"], "distances": [[1 - s for s, _ in found]], "metadatas": [[p for _, p in found]]}


class Pgvector:
    """A PostgreSQL with the extension, which lets everybody in."""

    def __init__(self):
        self.folder, self.port = tempfile.mkdtemp(prefix="atelier-pglite-"), 0
        self.up()

    def up(self):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "..", "clients", "pglite.mjs"), self.folder, str(self.port)],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def down(self):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def destroy(self):
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self):
        return "postgresql://postgres@127.0.0.1:%d/postgres" % self.port

    def sql(self, text):
        return subprocess.run([os.path.join(programs(), "psql"), "-XqAt", "-c", text, self.url() + "?sslmode=disable"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.split()

    def texts(self):
        tables = self.sql("SELECT tablename FROM pg_tables WHERE tablename LIKE 'atelier-%'")
        return {x for t in tables for x in self.sql('SELECT DISTINCT text_id FROM "%s"' % t)}


KINDS = {"qdrant": Qdrant, "chroma": Chroma, "pgvector": Pgvector}


class Client:
    def __init__(self, port, name):
        self.base = "http://127.0.0.1:%d" % port
        self.token = None
        self.token = self.call("POST", "/auth/login", {"username": name, "password": PASSWORD})["token"]

    def call(self, method, path, body=None, content="application/json", status=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": content, **({"Authorization": "Bearer " + self.token} if self.token else {})}
        q = urllib.request.Request(self.base + ("" if path == "/health" else "/api/v1") + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(q, timeout=PATIENCE) as r:
                got, got_status = json.loads(r.read() or b"null"), r.status
        except urllib.error.HTTPError as e:
            got, got_status = json.loads(e.read()), e.code
        if status is not None and got_status != status or status is None and got_status >= 300:
            raise Failed("%s %s: %d %s" % (method, path, got_status, got))
        return got

    def add(self, collection, name, text):
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n' % (name.encode(), text.encode())
        return self.call("POST", "/collections/%s/documents" % collection, body, "multipart/form-data; boundary=x")["id"]

    def search(self, query, collections, mode="vectors"):
        return self.call("POST", "/search", {"query": query, "collection_ids": collections, "mode": mode, "limit": 20})


def until(what, fn):
    end = time.monotonic() + PATIENCE
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed("waited in vain: " + what)
        time.sleep(0.02)


def expect(what, got, wanted):
    if got != wanted:
        raise Failed("%s: %r, not %r" % (what, got, wanted))


def hits(found):
    return [(h["document"], h["start"], round(h["ranks"]["meaning"], 4)) for h in found["items"]]


def all_ready(client, collection):
    return all(d["state"] == "ready" for d in client.call("GET", "/collections/%s/documents" % collection)["items"])


def copied(client, n):
    def look():
        s = client.call("GET", "/vector-store")
        return s if s["copied"] == s["texts"] == n else None
    return until("%d texts copied" % n, look)


def fill(admin):
    """Texts of several lengths, of which the vectors of the provider are made; a long one has several passages."""
    first, second = (admin.call("POST", "/collections", {"name": n})["id"] for n in ("First", "Second"))
    for i in range(6):
        admin.add(first, "%d.txt" % i, "Heron %d. " % i + "stands in the water. " * i)
    admin.add(first, "long.md", "\n\n".join("# Part %d\n\n%s" % (i, "A line about gulls and terns. " * (10 + i)) for i in range(12)))
    admin.add(second, "other.txt", "Kites circle over the field.")
    for k in (first, second):
        until("all is ready", lambda k=k: all_ready(admin, k))
    return first, second


def wrong_ones(kind, url):
    if kind == "pgvector":
        return (({"url": "postgresql://postgres@127.0.0.1:1/postgres", "key": KEY}, 409, "conflict"), ({}, 400, "invalid_request"),
                ({"url": "http://127.0.0.1:1", "key": KEY}, 400, "invalid_request"),
                ({"url": url.replace("@", ":secret@")}, 400, "invalid_request"),
                ({"url": url + "?service=other"}, 400, "invalid_request"))
    return (({"url": url, "key": "another"}, 409, "conflict"), ({"url": url + "/elsewhere", "key": KEY}, 409, "conflict"),
            ({"url": "http://127.0.0.1:1", "key": KEY}, 409, "conflict"), ({}, 400, "invalid_request"),
            ({"url": url.replace("http", "postgresql")}, 400, "invalid_request"), ({"url": url.replace("//", "//me@")}, 400, "invalid_request"))


def configure(admin, kind, url):
    """Another key, another kind of address and no store are refused; what is right is taken, and its key never told."""
    for body, status, code in wrong_ones(kind, url):
        got = admin.call("PUT", "/vector-store", {"kind": kind, **body}, status=status)
        expect("a store that is none", got["error"]["code"], code)
        if status == 409 and "vector store" not in got["error"]["message"]:
            raise Failed("a provider's words: " + got["error"]["message"])
    got = admin.call("PUT", "/vector-store", {"kind": kind, "url": url + "/", "key": KEY})
    expect("what is configured", (got["kind"], got["url"], got["has_key"]), (kind, url, True))
    if KEY in json.dumps(got):
        raise Failed("the key is told")


def others_and_moves(admin, bob, first, second, before):
    expect("what another finds", bob.call("POST", "/search", {"query": "heron", "mode": "vectors"})["items"], [])
    bob.call("POST", "/search", {"query": "heron", "collection_ids": [first]}, status=404)
    one = next(d for d in admin.call("GET", "/collections/%s/documents" % first)["items"] if d["name"] == "2.txt")
    admin.call("PATCH", "/documents/" + one["id"], {"collection_id": second})
    expect("what was moved, where it was", "2.txt" in [h[0] for h in hits(admin.search("heron", [first]))], False)
    expect("and where it is", "2.txt" in [h[0] for h in hits(admin.search("heron", [second]))], True)
    admin.call("DELETE", "/documents/" + one["id"])
    expect("what was deleted", "2.txt" in [h[0] for h in hits(admin.search("heron", [first, second]))], False)
    found = admin.call("POST", "/search", {"query": "heron", "document_ids": [before["items"][0]["document_id"]], "mode": "vectors"})
    expect("of one document", {h["document_id"] for h in found["items"]}, {before["items"][0]["document_id"]})


def down_and_up(admin, store, first):
    store.down()
    got = admin.search("heron", [first])
    expect("without the store", got["mode"], "fulltext")
    if "vector store" not in (got["notice"] or "") or not got["items"]:
        raise Failed("without the store: %s" % got)
    expect("by both", admin.search("heron", [first], "hybrid")["mode"], "fulltext")
    admin.add(first, "late.txt", "A heron that came late.")
    until("health tells it", lambda: any(f["name"] == "vector_store" for f in admin.call("GET", "/health")["failing"]))
    expect("its state", admin.call("GET", "/vector-store")["state"], "failing")
    store.up()
    admin.add(first, "later.txt", "A heron that came later still.")  # which has it looked at again
    copied(admin, 9)
    got = admin.search("heron", [first])
    expect("with it again", (got["mode"], got["notice"]), ("hybrid" if got["mode"] == "hybrid" else "vectors", None))
    expect("what came meanwhile", "late.txt" in [h[0] for h in hits(got)], True)
    until("health is well", lambda: not admin.call("GET", "/health")["failing"])


def one_refused(admin, store, second):
    """A text that the store will not have holds up no other one, is told of, and comes when the store has it after all."""
    n = admin.call("GET", "/vector-store")["copied"]
    store.refuses = 1
    admin.add(second, "refused.txt", "A heron that nobody wants.")
    until("a text that is refused", lambda: store.refused)
    admin.add(second, "behind.txt", "A heron behind the one that nobody wants.")
    until("the text behind it", lambda: admin.call("GET", "/vector-store")["copied"] == n + 1)
    until("health tells it", lambda: admin.call("GET", "/vector-store")["state"] == "failing")
    store.refused.clear()
    for name in ("refused.txt", "behind.txt"):
        one = next(d for d in admin.call("GET", "/collections/%s/documents" % second)["items"] if d["name"] == name)
        admin.call("DELETE", "/documents/" + one["id"])
    admin.add(second, "poke.txt", "A heron that has the store looked at again.")
    until("health is well", lambda: admin.call("GET", "/vector-store")["state"] == "ok")
    one = next(d for d in admin.call("GET", "/collections/%s/documents" % second)["items"] if d["name"] == "poke.txt")
    admin.call("DELETE", "/documents/" + one["id"])


class Hanging:
    """What lets everybody in as a PostgreSQL does, and then says nothing more: of a statement, or of how it ended."""

    def __init__(self, half):
        self.half = half
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    def url(self):
        return "postgresql://me@127.0.0.1:%d/db" % self.listener.getsockname()[1]

    def serve(self):
        kept = []
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            kept.append(c)
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        try:
            while c.recv(65536)[4:8] in (b"\x04\xd2\x16/", b"\x04\xd2\x160"):  # would it encrypt?
                c.sendall(b"N")
            c.sendall(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
            while c.recv(65536):
                if self.half:
                    c.sendall(b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04C\0\0\0\x08SET\0")
        except OSError:
            pass

    def down(self):
        self.listener.close()


def postgres_that_hangs(admin):
    for half in (False, True):
        store = Hanging(half)
        got = admin.call("PUT", "/vector-store", {"kind": "pgvector", "url": store.url()}, status=409)
        if "did not answer in time" not in got["error"]["message"]:
            raise Failed("a PostgreSQL that hangs: " + got["error"]["message"])
        store.down()


def postgres_without(admin):
    """A PostgreSQL that asks for a password and has no extension: each is told."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    pg = Postgres(settings=["listen_addresses=127.0.0.1", "port=%d" % port])
    with open(os.path.join(pg.data, "pg_hba.conf")) as f:
        rules = f.read()
    with open(os.path.join(pg.data, "pg_hba.conf"), "w") as f:
        f.write(re.sub(r"(?m)^(host +all +all +127\.0\.0\.1/32 +)trust$", r"\1scram-sha-256", rules))
    os.environ["PGPORT"] = str(port)
    try:
        pg.start()
        pg.sql("ALTER USER atelier PASSWORD '%s'" % KEY)
        url = "postgresql://atelier@127.0.0.1:%d/postgres" % port
        for key, wanted in ((None, "does not accept the key"), ("another", "does not accept the key"), (KEY, "has no extension")):
            got = admin.call("PUT", "/vector-store", {"kind": "pgvector", "url": url, **({"key": key} if key else {})}, status=409)
            if wanted not in got["error"]["message"]:
                raise Failed("a PostgreSQL without pgvector, with the key %s: %s" % (key, got["error"]["message"]))
    finally:
        del os.environ["PGPORT"]
        pg.destroy()


def key_stays(admin, kind, store):
    """At another address the key is not used, and a store that asks for one refuses."""
    other = KINDS[kind]()
    try:
        admin.call("PUT", "/vector-store", {"kind": kind, "url": "http://127.0.0.1:%d" % other.port}, status=409)
        expect("keys that another address was told", other.keys, {None})
        admin.call("PUT", "/vector-store", {"kind": kind, "url": "http://127.0.0.1:%d" % store.port, "name": "second"})
        expect("its own address", admin.call("GET", "/vector-store")["has_key"], True)
    finally:
        other.down()


def walk(binary, kind, real):
    provider, store = Provider("ollama", ("mock:1b", "mock-embed")), None if real else KINDS[kind]()
    url = real or store.url()
    with tempfile.TemporaryDirectory(prefix="atelier-stores-") as data:
        server = Server(binary, data, provider.settings())
        try:
            for name, role in (("ada", "admin"), ("bob", "user")):
                server.command(["user", "add", name, "--role", role], PASSWORD + "\n")
            server.start()
            admin, bob = Client(server.port, "ada"), Client(server.port, "bob")
            until("the models", lambda: admin.call("GET", "/models")["default"])
            first, second = fill(admin)
            before = admin.search("heron", [first])
            expect("the mode without a store", before["mode"], "vectors")
            if store:
                configure(admin, kind, url)
            else:
                admin.call("PUT", "/vector-store", {"kind": kind, "url": url})
            copied(admin, 8)
            expect("what a store finds", hits(admin.search("heron", [first])), hits(before))
            others_and_moves(admin, bob, first, second, before)
            if store:
                down_and_up(admin, store, first)
                server.stop()
                server.start()
                admin, bob = Client(server.port, "ada"), Client(server.port, "bob")
                until("what is gone is removed there", lambda: admin.call("GET", "/vector-store")["copied"] == 9 and len(store.texts()) == 9)
                until("the models", lambda: admin.call("GET", "/models")["default"])
                expect("after a restart", "late.txt" in [h[0] for h in hits(admin.search("heron", [first]))], True)
                if kind == "pgvector":
                    postgres_without(admin)
                    postgres_that_hangs(admin)
                else:
                    one_refused(admin, store, second)
                    key_stays(admin, kind, store)
                copied(admin, 9)
            admin.call("PUT", "/vector-store", {"kind": "embedded"})
            got = admin.search("heron", [first])
            expect("without a store again", (got["mode"], got["notice"], len(got["items"]) > 5), ("vectors", None, True))
            bob.call("GET", "/vector-store", status=403)
            server.stop()
        except Failed as e:
            print("FAILED with %s: %s" % (kind, e))
            print("\n".join(server.log[-20:]))
            return 1
        finally:
            server.destroy()
            provider.down()
            if store:
                getattr(store, "destroy", store.down)()
    return 0


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--binary", required=True)
    ap.add_argument("--real", action="append", default=[], metavar="KIND=URL")
    ap.add_argument("kinds", nargs="*")
    a = ap.parse_args()
    walks = [tuple(r.split("=", 1)) for r in a.real] or [(k, None) for k in a.kinds or KINDS]
    failed = sum(walk(a.binary, kind, real) for kind, real in walks)
    print("%d passed, %d failed" % (len(walks) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
