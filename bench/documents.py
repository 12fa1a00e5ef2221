#!/usr/bin/env python3
"""What documents cost: bench/documents.py ATELIER PASSAGES [--case NAME]... [--quick] [--embeddings URL --model NAME]

Cases: `vectors` (the search among vectors by itself, on made ones, and on real ones with --embeddings, an Ollama with a real
model), `ingest` (20,000 passages beside people who chat), `hybrid` (questions over HTTP among 100,000 passages in ten collections,
one of which is asked; the peers sqlite-vec and FTS5 in the same run), `start` (the first searches after a start, and after a document
was deleted, in one collection of 100,000 passages), `many` (10,000 documents: listed, paged, deleted; the start).
PASSAGES is the program of passages.c. Exits with 3 with --strict when a bar is missed. Installs nothing; the peers come from npm
by bench/peers.sh and are left out, with a word, where that does not work.
"""

import argparse
import array
import glob
import http.client
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "tests", "scenario"), os.path.join(HERE, "..", "tests", "eval")]
import sets  # noqa: E402
from server import Server  # noqa: E402

DIMS, WORDS, VOCABULARY = 768, 75, 50000
COLLECTIONS = 10
EACH, BOOK = 100, 1000  # passages of a document, and of a long one
QUIET_S = 6
INGESTS = 3  # medians, and the p99 of all chats together: one has too few of them
SLOW_PEOPLE = 6
missed = []


def say(*words):
    print(*words, flush=True)


def bar(name, value, most, unit, aim=None):
    held = value <= most
    say("  BAR %-46s %9.2f %-9s at most %g%s: %s" % (name, value, unit, most, " (aim %g)" % aim if aim else "",
                                                     "held" if held else "MISSED"))
    if not held:
        missed.append(name)


def least(name, value, at_least, unit):
    held = value >= at_least
    say("  BAR %-46s %9.3f %-9s at least %g: %s" % (name, value, unit, at_least, "held" if held else "MISSED"))
    if not held:
        missed.append(name)


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


# ---- what is made ----

class Texts:
    """Passages of 75 words, of 50,000 that are as common as words are. A passage begins with its number, by which the provider
    knows its vector."""

    def __init__(self):
        r = random.Random(7)
        letters = "aeioulnrstdkm"
        self.words = list(dict.fromkeys("".join(r.choices(letters, k=r.randint(4, 9))) for _ in range(VOCABULARY * 2)))[:VOCABULARY]
        self.weights, total = [], 0.0
        for i in range(len(self.words)):
            total += 1 / (i + 2.7)
            self.weights.append(total)
        self.random = r

    def some(self, n):
        return " ".join(self.random.choices(self.words, cum_weights=self.weights, k=n))

    def document(self, first, passages):
        return "\n\n".join("n%d %s." % (first + i, self.some(WORDS)) for i in range(passages)).encode()

    def question(self):
        """Six words, none of the commonest, which no question is about."""
        return " ".join(self.words[int(40 * (len(self.words) / 40) ** self.random.random())] for _ in range(6))


class Client:
    def __init__(self, port, token=None):
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.token = token

    def call(self, method, path, body=None, kind="application/json", accept=None):
        head = {"Content-Type": kind, **({"Authorization": "Bearer " + self.token} if self.token else {}),
                **({"Accept": accept} if accept else {})}
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        try:
            self.conn.request(method, "/api/v1" + path, data, head)
            r = self.conn.getresponse()
        except http.client.RemoteDisconnected:  # nothing was asked on it for a while
            self.conn.close()
            self.conn.request(method, "/api/v1" + path, data, head)
            r = self.conn.getresponse()
        got = r.read()
        if r.status >= 300:
            raise RuntimeError("%s %s: %d %s" % (method, path, r.status, got[:200]))
        return got if accept else json.loads(got or b"null")

    def add(self, collection, name, data):
        head = '--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % name
        return self.call("POST", "/collections/%s/documents" % collection, head.encode() + data + b"\r\n--x--\r\n",
                         "multipart/form-data; boundary=x")["id"]

    def open_documents(self, collection, states):
        return any(self.call("GET", "/collections/%s/documents?state=%s&limit=1" % (collection, s))["items"] for s in states)

    def wait(self, collections, states=("queued", "reading", "embedding")):
        while any(self.open_documents(k, states) for k in collections):
            time.sleep(0.05)
        for k in collections:
            for d in self.call("GET", "/collections/%s/documents?state=failed" % k)["items"]:
                raise RuntimeError("%s: %s" % (d["name"], d["error"]))


class House:
    """A server with an empty folder, and the provider."""

    def __init__(self, atelier, passages):
        self.folder = tempfile.mkdtemp(prefix="atelier-bench-")
        self.provider = subprocess.Popen([passages, "serve"], stdout=subprocess.PIPE)
        port = int(self.provider.stdout.readline())
        self.server = Server(atelier, os.path.join(self.folder, "data"), {
            "ATELIER_LOG_LEVEL": "warn", "ATELIER_DOCUMENT_QUOTA_MB": "4000", "OLLAMA_HOST": "http://127.0.0.1:%d" % port})
        self.server.command(["user", "add", "bench", "--role", "admin"], "measured-by-day\n")
        self.start()

    def start(self):
        self.server.start()
        self.start_client()

    def start_client(self):
        self.client = Client(self.server.port)
        self.client.token = self.client.call("POST", "/auth/login", {"username": "bench", "password": "measured-by-day"})["token"]
        end = time.monotonic() + 60
        while self.client.call("GET", "/models")["default"] != "bench:1b":
            if time.monotonic() > end:
                raise RuntimeError("the provider's models do not appear")
            time.sleep(0.02)

    def another(self):
        return Client(self.server.port, self.client.token)

    def collection(self, name):
        return self.client.call("POST", "/collections", {"name": name})["id"]

    def cpu(self):
        """Seconds that the server has used."""
        with open("/proc/%d/stat" % self.server.proc.pid) as f:
            return sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:13]) / 100

    def memory(self):
        """Of the indexes, bytes."""
        r = urllib.request.Request("http://127.0.0.1:%d/health" % self.server.port, headers={"Authorization": "Bearer " + self.client.token})
        return json.load(urllib.request.urlopen(r))["documents"]["index_bytes"]

    def close(self):
        self.server.destroy()
        self.provider.terminate()
        self.provider.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- the cases ----

def scan(a, name, path, n, dims):
    p = subprocess.run([a.passages, "scan", path, str(n), str(dims), str(EACH)], stdout=subprocess.PIPE, text=True, check=True)
    got = {line.split()[0]: [float(x) for x in line.split()[1:]] for line in p.stdout.splitlines()}
    say("  %s, %d x %d: a tenth p50 %.2f ms, p99 %.2f ms; all p50 %.2f ms, p99 %.2f ms" % (name, n, dims, *got["tenth"][:2], *got["all"][:2]))
    bar("%s: one of ten collections, p50" % name, got["tenth"][0], 5, "ms")
    bar("%s: all, p50" % name, got["all"][0], 5, "ms")
    least("%s: recall@10 against exact search" % name, got["all"][2], 0.99, "")
    bar("%s: memory a dimension" % name, got["bytes"][0], 1 + 64 / dims, "bytes")


def real_vectors(a, path, n):
    """Sections of the Debian FAQ by a real model, and mixtures of two of them until there are enough."""
    texts = list(sets.faq()["faq, ten languages"].files.values())
    rows = []
    for at in range(0, len(texts), 16):
        body = json.dumps({"model": a.model, "input": [t[:1000] for t in texts[at:at + 16]]}).encode()
        q = urllib.request.Request(a.embeddings + "/api/embed", body, {"Content-Type": "application/json"})
        rows += json.load(urllib.request.urlopen(q, timeout=300))["embeddings"]
    r, dims = random.Random(5), len(rows[0])
    with open(path, "wb") as f:
        for i in range(n + 200):
            x = rows[i] if i < len(rows) else None
            if x is None:
                left, right, w = r.choice(rows), r.choice(rows), r.uniform(0.2, 0.8)
                x = [w * p + (1 - w) * q for p, q in zip(left, right)]
            array.array("f", x).tofile(f)
    return dims


def case_vectors(a):
    n = 20000 if a.quick else 100000
    path = os.path.join(a.folder, "vectors.f32")
    subprocess.run([a.passages, "write", str(n), path], check=True)
    scan(a, "made vectors", path, n, DIMS)
    if a.embeddings:
        dims = real_vectors(a, path, n)
        scan(a, "real vectors", path, n, dims)


def chat(c, model):
    """Milliseconds until an answer is whole."""
    conversation = c.call("POST", "/conversations", {})["id"]
    start = time.monotonic()
    c.call("POST", "/conversations/%s/turns" % conversation, {"content": "Say something", "model": model}, accept="text/event-stream")
    return (time.monotonic() - start) * 1000


class People:
    """Who chat, one question after the other, in a process of their own: what else is asked here holds nobody up."""

    def __init__(self, house, model="bench:1b"):
        self.ended = multiprocessing.Event()
        self.got, self.to = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=self.talk, args=(house.another(), model), daemon=True)
        self.process.start()
        self.to.close()  # so that its end is heard

    def talk(self, client, model):
        took = []
        while not self.ended.is_set():
            took.append(chat(client, model))
            time.sleep(0.005)
        self.to.send(took[1:])  # this process had just been born

    def end(self):
        self.ended.set()
        took = self.got.recv()
        self.process.join()
        return took


class Crowd:
    """One with a model that answers at once, which is the most that can be asked; and some with one that takes its time, as models do."""

    def __init__(self, house):
        self.one, self.slow = People(house), [People(house, "bench:slow") for _ in range(SLOW_PEOPLE)]

    def end(self):
        return self.one.end(), [ms for p in self.slow for ms in p.end()]


def make(texts, collections, passages, each):
    """Documents for `fill`: their collection, their number, what they say."""
    return [(k, n, texts.document(n, each)) for i, k in enumerate(collections) for n in range(i * passages, (i + 1) * passages, each)]


def fill(house, made):
    """Adds the documents; returns when all have been sent, which is while they are read."""
    clients = [house.another() for _ in range(4)]

    def send(w):
        for i in range(w, len(made), len(clients)):
            clients[w].add(made[i][0], "%d.txt" % made[i][1], made[i][2])
    start = time.monotonic()
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(send, range(len(clients))))
    return start


def ingest(house, k, made):
    """Seconds until all was found by words, and until all was embedded; of processor time; what chats took meanwhile."""
    before = house.cpu()
    crowd = Crowd(house)
    start = fill(house, made)
    house.client.wait([k], ("queued", "reading"))
    read = time.monotonic() - start
    house.client.wait([k])
    whole = time.monotonic() - start
    return read, whole, house.cpu() - before, *crowd.end()


def case_ingest(a, house, texts):
    passages = 4000 if a.quick else 20000
    warm = Crowd(house)
    time.sleep(2)
    warm.end()
    crowd = Crowd(house)
    time.sleep(QUIET_S)
    quiet, quiet_slow = crowd.end()
    where = [house.collection("Read beside chats %d" % i) for i in range(INGESTS)]
    made = make(texts, where, passages, BOOK)
    runs = []
    for k in where:
        runs.append(ingest(house, k, [m for m in made if m[0] == k]))
        house.client.call("DELETE", "/collections/%s" % k)
    read, whole, cpu = (statistics.median(r[i] for r in runs) for i in range(3))
    busy, busy_slow = ([ms for r in runs for ms in r[i]] for i in (3, 4))
    say("  %d passages, %d times: found by words after %.2f s, embedded after %.2f s, %.0f us of processor time each with the chats; chats p50 "
        "%.1f ms, quiet %.1f ms" % (passages, INGESTS, read, whole, cpu / passages * 1e6, percentile(busy, 50), percentile(quiet, 50)))
    least("passages found by their words", passages / read, 5000, "a second")
    least("passages embedded", passages / whole, 5000, "a second")
    for what, before, now in (("a model that answers at once", quiet, busy), ("one that needs 100 ms", quiet_slow, busy_slow)):
        bar("chat p99 beside it, %s (quiet %.1f ms)" % (what, percentile(before, 99)), percentile(now, 99), 1.5 * percentile(before, 99), "ms")


def ask(c, texts, n, collections, mode):
    took, found = [], 0
    for i in range(n + 20):
        body = {"query": texts.question(), "collection_ids": collections, "mode": mode, "limit": 10}
        start = time.monotonic()
        got = c.call("POST", "/search", body)
        if i >= 20:
            took.append((time.monotonic() - start) * 1000)
            found += len(got["items"])
    if got["mode"] != mode or not found:
        raise RuntimeError("asked for %s, searched by %s" % (mode, got["mode"]))
    return took


def peers(a, n):
    """sqlite-vec and FTS5 on the same passages, in this run."""
    found = glob.glob(os.path.join(HERE, "..", "build", "peers", "sqlite-vec", "node_modules", "sqlite-vec-*", "vec0.so"))
    if not found:
        say("  Note: sqlite-vec is not there (bench/peers.sh); no peers.")
        return
    texts, passages, questions = Texts(), os.path.join(a.folder, "passages.txt"), os.path.join(a.folder, "questions.txt")
    with open(passages, "w") as f:
        f.writelines("n%d %s.\n" % (i, texts.some(WORDS)) for i in range(n))
    with open(questions, "w") as f:
        f.writelines(texts.question() + "\n" for _ in range(50))
    subprocess.run([a.passages, "peers", found[0], passages, questions, str(n)], check=True)


def passages_there(c):
    """In all collections: those of `ingest` are in memory, too."""
    total = 0
    for k in c.call("GET", "/collections")["items"]:
        cursor = ""
        while cursor is not None:
            got = c.call("GET", "/collections/%s/documents?limit=100%s" % (k["id"], "&cursor=" + cursor if cursor else ""))
            total += sum(d["passages"] for d in got["items"])
            cursor = got.get("next")
    return total


def timed(c, method, path, body=None):
    start = time.monotonic()
    got = c.call(method, path, body)
    return (time.monotonic() - start) * 1000, got


def until_whole(c, texts, collections):
    """Searches until one says of nothing that it is missing (collections []: all): how long each took, and when the last one came, in milliseconds."""
    took, begun = [], time.monotonic()
    while True:
        ms, got = timed(c, "POST", "/search", {"query": texts.question(), "collection_ids": collections})
        took.append(ms)
        if got["notice"] is None:
            return took, (time.monotonic() - begun) * 1000


def case_hybrid(a, house, texts):
    passages = 20000 if a.quick else 100000
    each = passages // COLLECTIONS
    all_ = [house.collection("Collection %d" % i) for i in range(COLLECTIONS)]
    start = fill(house, make(texts, all_, each, EACH))
    house.client.wait(all_)
    say("  %d passages in %d collections after %.1f s" % (passages, COLLECTIONS, time.monotonic() - start))
    house.server.stop()
    house.start()
    c = house.another()
    took, whole = until_whole(c, texts, all_)
    say("  after a start the first search takes %.2f s, and all was searched after %.2f s" % (took[0] / 1000, whole / 1000))
    until_whole(c, texts, [])  # of `ingest`, too: what is counted is all in memory
    bar("memory of a passage beside its %d numbers" % DIMS, house.memory() / passages_there(house.client) - DIMS, 64, "bytes")
    for mode, where, name in (("hybrid", all_[3:4], "hybrid, one of ten"), ("hybrid", all_, "hybrid, all"),
                              ("fulltext", all_[3:4], "full text, one of ten"), ("fulltext", all_, "full text, all"),
                              ("vectors", all_[3:4], "vectors, one of ten")):
        before = house.cpu()
        took = ask(c, texts, 100 if a.quick else 300, where, mode)
        say("  %-24s p50 %6.2f ms   p99 %6.2f ms   processor %5.2f ms" % (
            name, percentile(took, 50), percentile(took, 99), (house.cpu() - before) * 1000 / (len(took) + 20)))
        if name == "hybrid, one of ten":
            bar("hybrid over HTTP, p50", percentile(took, 50), 10, "ms", 4)
            bar("hybrid over HTTP, p99", percentile(took, 99), 30, "ms")
        elif mode == "fulltext":
            bar("%s, six words, p50" % name, percentile(took, 50), 3, "ms", 1)
    peers(a, passages)


def case_start(a, house, texts):
    passages = 20000 if a.quick else 100000
    k = house.collection("One")
    fill(house, make(texts, [k], passages, EACH))
    house.client.wait([k])
    house.server.stop()
    house.start()
    took, whole = until_whole(house.another(), texts, [k])
    say("  after a start: %d searches until all was searched, %.0f ms; the first %.0f ms" % (len(took), whole, took[0]))
    bar("the slowest search after a start", max(took), 400, "ms")
    gone = house.client.call("GET", "/collections/%s/documents?limit=1" % k)["items"][0]["id"]
    house.client.call("DELETE", "/documents/" + gone)
    took, whole = until_whole(house.another(), texts, [k])
    say("  after a document was deleted: %d searches, the first %.0f ms" % (len(took), took[0]))
    bar("the first search after a deletion", took[0], 100, "ms")


def case_many(a, house, texts):
    """10,000 documents that have one text, in a collection beside a small one."""
    n = 2000 if a.quick else 10000
    many, few = house.collection("Many"), house.collection("Few")
    body = texts.document(10 ** 7, 2)
    house.client.add(few, "first.txt", body)
    house.client.wait([few])
    clients = [house.another() for _ in range(4)]

    def send(w):
        for i in range(w, n, len(clients)):
            clients[w].add(many, "%05d.txt" % i, body)
    start = time.monotonic()
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(send, range(len(clients))))
    house.client.wait([many])
    say("  %d documents after %.1f s" % (n, time.monotonic() - start))
    house.server.stop()
    start = time.monotonic()
    house.server.start()
    started = (time.monotonic() - start) * 1000
    house.start_client()
    c = house.another()
    took = [timed(c, "GET", "/collections/%s/documents?limit=100" % many)[0] for _ in range(20)]
    pages, after, slowest = 0, None, 0.0
    while pages == 0 or after:
        ms, got = timed(c, "GET", "/collections/%s/documents?limit=100%s" % (many, "&cursor=" + after if after else ""))
        after, pages, slowest = got.get("next"), pages + 1, max(slowest, ms)
    bar("start until it serves", started, 50, "ms")
    bar("first page of the list, p50", percentile(took, 50), 20, "ms")
    bar("slowest of %d pages" % pages, slowest, 100, "ms")
    bar("list of collections, with counts", timed(c, "GET", "/collections")[0], 50, "ms")
    bar("find by name in all", timed(c, "GET", "/documents?search=0777")[0], 100, "ms")
    bar("delete of the collection", timed(c, "DELETE", "/collections/" + many)[0], 1000, "ms")


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("atelier")
    ap.add_argument("passages")
    ap.add_argument("--case", action="append", choices=["vectors", "ingest", "hybrid", "start", "many"])
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--strict", action="store_true")
    ap.add_argument("--embeddings")
    ap.add_argument("--model")
    a = ap.parse_args()
    a.folder = tempfile.mkdtemp(prefix="atelier-bench-")
    cases = a.case or ["vectors", "ingest", "hybrid", "start", "many"]
    house = None
    try:
        if "vectors" in cases:
            say("vectors:")
            case_vectors(a)
        texts = Texts()
        for name, run in (("ingest", case_ingest), ("hybrid", case_hybrid), ("start", case_start), ("many", case_many)):
            if name in cases:
                say("%s:" % name)
                house = house or House(a.atelier, a.passages)
                run(a, house, texts)
    finally:
        if house:
            house.close()
        shutil.rmtree(a.folder, ignore_errors=True)
    return 3 if a.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
