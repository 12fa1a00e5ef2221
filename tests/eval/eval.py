#!/usr/bin/env python3
"""Measures what is found: recall@10 and nDCG@10 of full text, vectors and both, on sets whose right passages are known; and of
books that are there as text, PDF, HTML and EPUB, for how many questions the best passage is of the same section as in the HTML.

eval.py BINARY [--embeddings URL --model NAME] [--set FOLDER] [--data FOLDER] [--no-faq] [--no-books]

The embeddings are the address of an Ollama with a real model; without one, full text alone is measured. Downloads packages by
apt-get; they are kept nowhere. A set of one's own: passages.jsonl {id, lang, text}, questions.jsonl {id, lang, text}, judged.tsv (question,
passage, grade). Exits with 1 when both together are worse than the better one alone on some set.
"""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
import sets  # noqa: E402
from server import Server  # noqa: E402

MODES = ("fulltext", "vectors", "hybrid")
WITHIN = 0.002  # of nDCG@10, that rounding and equal scores make


class Client:
    def __init__(self, server):
        self.base = "http://127.0.0.1:%d/api/v1" % server.port
        self.cookie = ""
        r = self.call("POST", "/auth/login", {"username": "eval", "password": "measured-by-day"}, whole=True)
        self.cookie = r.headers["Set-Cookie"].split(";")[0]

    def call(self, method, path, body=None, whole=False, headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        q = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json", "Cookie": self.cookie, **(headers or {})},
                                   method=method)
        r = urllib.request.urlopen(q, timeout=120)
        return r if whole else json.loads(r.read() or b"null")

    def add(self, collection, name, data):
        head = '--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % name
        return self.call("POST", "/collections/%s/documents" % collection, head.encode() + data + b"\r\n--x--\r\n",
                         headers={"Content-Type": "multipart/form-data; boundary=x"})["id"]

    def wait(self, collection):
        """Until everything has been read and embedded."""
        seen = ""
        while True:
            open_ = [s for s in ("queued", "reading", "embedding")
                     if self.call("GET", "/collections/%s/documents?state=%s&limit=1" % (collection, s))["items"]]
            if not open_:
                break
            if open_ != seen:
                print("  ...", ", ".join(open_), file=sys.stderr)
            seen = open_
            time.sleep(1)
        failed = self.call("GET", "/collections/%s/documents?state=failed" % collection)["items"]
        for d in failed:
            print("  failed:", d["name"], d["error"], file=sys.stderr)


def fill(client, name, files):
    k = client.call("POST", "/collections", {"name": name})["id"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda f: client.add(k, f[0], f[1].encode() if isinstance(f[1], str) else f[1]), sorted(files.items())))
    client.wait(k)
    return k


def ask(client, collection, text, mode):
    hits = client.call("POST", "/search", {"query": text, "collection_ids": [collection], "mode": mode, "limit": 100})["items"]
    return list(dict.fromkeys(h["document"] for h in hits))[:10]


def score(run, questions):
    recall = ndcg = 0
    for found, (_, _, right) in zip(run, questions):
        hits = [f in right for f in found]
        recall += sum(hits) / min(10, len(right))
        ndcg += sum(h / math.log2(i + 2) for i, h in enumerate(hits)) / sum(1 / math.log2(i + 2) for i in range(min(10, len(right))))
    return recall / len(questions), ndcg / len(questions)


def measure(client, name, s, modes):
    k = fill(client, name, s.files)
    rows = {}
    for mode in modes:
        with ThreadPoolExecutor(2) as pool:
            run = list(pool.map(lambda q: ask(client, k, q[0], mode), s.questions))
        rows[mode] = score(run, s.questions)
        print("| %s | %d | %d | %s | %.3f | %.3f |" % (name, len(s.files), len(s.questions), mode, *rows[mode]), flush=True)
    return rows


def ask_book(client, collection, book, title, mode):
    """The sections that are found, best first; None is a passage of none, as a list of contents has."""
    hits = client.call("POST", "/search", {"query": title, "collection_ids": [collection], "mode": mode, "limit": 10})["items"]
    return [book.section(h["text"]) for h in hits]


def score_book(run):
    """A section may have several passages: the first of them counts."""
    places = [found.index(n) if n in found else None for n, found in enumerate(run)]
    return (sum(p is not None for p in places) / len(run), sum(1 / math.log2(p + 2) for p in places if p is not None) / len(run))


def measure_book(client, name, book, modes):
    """Yields (title, its rows) for each kind."""
    best = {}  # by mode: what is found first in the HTML
    for kind in sorted(book.files, key=lambda k: not k.startswith("html")):
        ending = "zip" if "archive" in kind else kind
        k = fill(client, "%s, %s" % (name, kind), {"%s.%s" % (name, ending): book.files[kind]})
        rows = {}
        for mode in modes:
            with ThreadPoolExecutor(2) as pool:
                run = list(pool.map(lambda s: ask_book(client, k, book, s[0], mode), book.sections))
            first = [found[0] if found else None for found in run]
            same = sum(a == b for a, b in zip(first, best.setdefault(mode, first))) / len(first)
            rows[mode] = score_book(run)
            print("| %s, %s | | %d | %s | %.3f | %.3f | as in the HTML first: %.3f" % (name, kind, len(run), mode, *rows[mode], same), flush=True)
        yield "%s, %s" % (name, kind), rows


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("binary")
    ap.add_argument("--embeddings", default=os.environ.get("EVAL_EMBEDDINGS"))
    ap.add_argument("--model", default=os.environ.get("EVAL_MODEL"))
    ap.add_argument("--set", action="append", default=[])
    ap.add_argument("--no-faq", action="store_true")
    ap.add_argument("--no-books", action="store_true")
    ap.add_argument("--data", help="a data folder that is kept")
    a = ap.parse_args()
    data = a.data or tempfile.mkdtemp(prefix="atelier-eval-")
    settings = {"ATELIER_LOG_LEVEL": "warn", "ATELIER_DOCUMENT_QUOTA_MB": "4000"}
    if a.embeddings:
        settings["OLLAMA_HOST"] = a.embeddings
    server = Server(a.binary, data, settings)
    server.command(["user", "add", "eval", "--role", "admin"], "measured-by-day\n")
    server.start()
    worse = 0
    try:
        client = Client(server)
        if a.model:
            client.call("PUT", "/models/tasks", {"embedding": a.model})
        print("| set | passages | questions | by | recall@10 | nDCG@10 |\n|---|---|---|---|---|---|")
        every = {} if a.no_faq else sets.faq()
        for path in a.set:
            every.update(sets.folder(path))
        modes = MODES if a.embeddings else MODES[:1]
        found = [(name, measure(client, name, s, modes)) for name, s in every.items()]
        for name, book in ({} if a.no_books else sets.books()).items():
            found += measure_book(client, name, book, modes)
        for name, rows in found:
            if len(rows) == 3 and rows["hybrid"][1] < max(rows["fulltext"][1], rows["vectors"][1]) - WITHIN:
                print("WORSE together on " + name)
                worse += 1
        server.stop()
    finally:
        server.destroy()
        if not a.data:
            shutil.rmtree(data, ignore_errors=True)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
