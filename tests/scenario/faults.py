#!/usr/bin/env python3
"""Fails named fault points at their first passes, one run for each, and asks for the same every time: every failed
request says so in the envelope, the server lives on, ends regularly, and after a restart without the fault every event
that was shown is there. Needs a build with fault points.

	tests/scenario/faults.py --binary build/asan/src/atelier [--full]

Without --full it is a sample, the same each time, in which every fault point fails at least once.
"""

import argparse
import hashlib
import json
import os
import queue
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from client import Client, Reader  # noqa: E402
from provider import Answer, Provider, Step  # noqa: E402
from run import Template  # noqa: E402
from server import Failed, Server  # noqa: E402

FAULTS = (("db_write", "ENOSPC", 8), ("db_commit", "EIO", 8), ("db_write", "EBUSY", 8), ("journal_write", "ENOSPC", 8),
          ("journal_sync", "EIO", 2), ("journal_segment", "EROFS", 2), ("journal_reserve", "ENOSPC", 2),
          ("http_keep", "ENOMEM", 6), ("frames_chunk", "ENOMEM", 8), ("turn_prepare", "ENOMEM", 3), ("turn_store", "EBUSY", 3),
          ("provider_call", "EIO", 3), ("file_write", "ENOSPC", 6), ("file_sync", "EIO", 3))
# The same once the server is ready, at each so many-th pass: at steps of the database, and wherever memory is asked for. Of
# allocations each way that leads to one is a pass (src/fault_memory.c).
SPREAD = (("db_begin", "EIO", 3, 6), ("db_prepare", "EIO", 12, 24), ("db_step", "EIO", 20, 40), ("memory", "ENOMEM", 100, 100))
# Those without which nothing can be begun, and no answer ended, are not failed at every pass.
NEVER_ALWAYS = ("turn_prepare", "turn_store", "journal_segment")
# A journal that cannot be begun refuses the start, in words.
AT_START = ("journal_segment:EROFS:1", "journal_reserve:ENOSPC:1", "journal_reserve:ENOSPC")
SAMPLE, SEED = 32, 9

TUS = {"Tus-Resumable": "1.0.0"}
PARTS = [bytes([65 + i]) * 70000 for i in range(3)]
WHOLE = b"".join(PARTS)
DOCUMENT = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nGulls nest here.\r\n--x--\r\n'
with open(os.path.join(HERE, "..", "fuzz", "corpus", "image", "exif.png"), "rb") as picture:
    PICTURE = picture.read()


def all_runs():
    """One list for each fault: its passes and, where something is left to try, all of them."""
    return [["%s:%s:+%d/%d" % (name, error, n, step) for n in range(1, passes + 1)] for name, error, passes, step in SPREAD] + [["%s:%s:%d" % (name, error, n) for n in range(1, passes + 1)]
            + ([] if name in NEVER_ALWAYS else ["%s:%s" % (name, error)])
            for name, error, passes in FAULTS]


def sample(runs):
    """Some of the runs: one of each fault, and as many of the others as there is room for."""
    rng = random.Random(SEED)
    chosen = [rng.choice(of_one) for of_one in runs]
    others = [r for of_one in runs for r in of_one if r not in chosen]
    return chosen + rng.sample(others, max(0, SAMPLE - len(chosen)))


class Run:
    def __init__(self, binary, template, root, fault):
        self.folder = tempfile.mkdtemp(prefix="fault-", dir=root)
        self.provider = Provider()
        self.provider.fallback = Answer([Step(0, ["tokens", "6", "15"]), Step(0, ["done"])])
        data = os.path.join(self.folder, "data")
        template.copy(data)
        self.server = Server(binary, data, dict(self.provider.settings(), ATELIER_FAULT=fault))
        self.bearer = template.vars["admin_bearer"]
        self.fault = fault
        self.seen = []  # (conversation, reader)
        self.refused = 0
        self.files = {}  # what was taken: where it is
        self.no_memory = fault.startswith("memory:")  # what would be said may then be what there is no memory for

    def client(self):
        return Client(self.server.port, bearer=self.bearer)

    def ask(self, method, path, body):
        """The JSON of a success; None for a failure that is told as it must be."""
        try:
            r = self.client().request(method, path, body)
        except (Failed, OSError):
            if not self.no_memory or not self.server.alive():
                raise
            self.refused += 1
            return None
        if r.status < 300:
            return r.json()
        self.check_envelope(r)
        return None

    def check_envelope(self, r):
        self.refused += 1
        e = r.json().get("error", {})
        same = e.get("request_id") == r.header("X-Request-Id") or (self.no_memory and not r.header("X-Request-Id"))
        if r.status < 500 or not e.get("message") or not same:
            raise Failed("a failure of the machine is told as %d %r" % (r.status, r.body))
        if self.server.data in e["message"]:
            raise Failed("the message tells where the data is: " + e["message"])

    def turn(self, conversation, body):
        reader = Reader()
        path = "/api/v1/conversations/%s/turns" % conversation
        try:
            r = reader.open(self.server.port, "POST", path, self.client().headers({"Accept": "text/event-stream"}, body), body)
        except (Failed, OSError):
            if not self.no_memory or not self.server.alive():
                raise
            self.refused += 1
            return
        if r.status != 200:
            self.check_envelope(r)
            return
        reader.wait_end()
        reader.check_ids()
        if reader.events:
            self.seen.append((conversation, reader))

    def send(self, method, path, headers, body, want):
        """The answer of a success; None for a failure that is told as it must be."""
        r = self.client().request(method, path, body, headers)
        if r.status == want:
            return r
        self.check_envelope(r)
        return None

    def send_parts(self, at):
        """What is missing of an upload, as far as it goes; whether it is whole."""
        for _ in range(2 * len(PARTS)):
            there = int(self.client().request("HEAD", at, None, TUS).header("Upload-Offset"))
            if there == len(WHOLE):
                return True
            # The end of the part that `there` is in: one that was cut off is gone on with.
            end = next(sum(map(len, PARTS[:i])) for i in range(1, len(PARTS) + 1) if there < sum(map(len, PARTS[:i])))
            self.send("PATCH", at, dict(TUS, **{"Upload-Offset": str(there), "Content-Type": "application/offset+octet-stream"}),
                      WHOLE[there:end], 204)
        return False

    def use_files(self):
        """An upload in parts that becomes a document, and a picture; each again until it is taken or never will be."""
        upload = self.client().request("POST", "/api/v1/uploads", b"", dict(TUS, **{"Upload-Length": str(len(WHOLE))}))
        self.upload, self.collection = upload.header("Location"), self.client().call("POST", "/api/v1/collections", {"name": "Files"})["id"]
        self.finish_files(3)

    def finish_files(self, tries):
        for _ in range(tries):
            if not self.files.get("document") and self.send_parts(self.upload):
                r = self.send("POST", "/api/v1/collections/%s/documents" % self.collection, {}, json.dumps(
                    {"upload_id": self.upload.split("/")[-1], "name": "whole.txt"}).encode(), 202)
                self.files["document"] = r and "/api/v1/documents/%s/file" % r.json()["id"]
            if not self.files.get("picture"):
                r = self.send("POST", "/api/v1/images", {"Content-Type": "image/png"}, PICTURE, 201)
                self.files["picture"] = r and "/api/v1/images/" + r.json()["id"]

    def look_at_files(self):
        """After the restart: what was taken is there, what was not can be taken now, and nothing lies about."""
        taken = dict(self.files)
        self.finish_files(1)
        if taken.get("document") and self.client().request("GET", taken["document"]).body != WHOLE:
            raise Failed("the file of a document is not what was sent")
        for what, path in self.files.items():
            if not path or self.client().request("GET", path).status != 200:
                raise Failed("there is no %s, %s before the restart" % (what, "taken" if taken.get(what) else "refused"))
        for folder, _, names in os.walk(os.path.join(self.server.data, "blobs")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    if hashlib.sha256(f.read()).hexdigest() != name:
                        raise Failed("a file is left that is not whole: " + name)

    def use(self):
        made = [self.ask("POST", "/api/v1/conversations", {"title": "c%d" % i}) for i in range(3)]
        for c in filter(None, made):
            self.turn(c["id"], b'{"content":"Count."}')
        if "+" in self.fault:
            self.use_more()
            self.use_rooms()
        if self.fault.startswith("file_"):
            self.use_files()
        if not self.server.alive():
            raise Failed("the server is gone")
        for _ in range(20):  # of these, too, some may fail
            self.poke("GET", "/health/live", None)
        if self.client().request("GET", "/health/live").status != 200:
            raise Failed("the server is not well")
        return [c for c in made if c]

    def use_more(self):
        """The ways that a turn does not go; each twice, since what failed the first time has to work later."""
        chat = {"model": "mock:1b", "messages": [{"role": "user", "content": "Hi"}]}
        for _ in range(2):
            for method, path, body in (
                    ("GET", "/api/v1/models", None), ("GET", "/api/v1/providers", None), ("GET", "/api/v1/usage", None),
                    ("GET", "/api/v1/conversations?q=c", None), ("GET", "/api/v1/openapi.json", None), ("GET", "/", None),
                    ("POST", "/v1/chat/completions", chat), ("POST", "/v1/messages", dict(chat, max_tokens=9)),
                    ("POST", "/v1/responses", {"model": "mock:1b", "input": "Hi"}), ("POST", "/ollama/api/chat", chat),
                    ("POST", "/v1/chat/completions", dict(chat, stream=True)),
                    ("POST", "/api/v1/keys", {"name": "k"}), ("POST", "/api/v1/providers/test", {"kind": "ollama", "url": "http://127.0.0.1:1"}),
                    ("POST", "/api/v1/auth/login", {"username": "nobody", "password": "wrong"})):
                self.poke(method, path, body)

    def use_rooms(self):
        """Tools that ask, documents and programs of others; each twice, too."""
        self.poke("PATCH", "/api/v1/tools/calculator", {"asks": True})
        for n in range(2):
            self.use_tools()
            place = self.poke("POST", "/api/v1/collections", {"name": "Room %d" % n})
            if "id" in place:
                self.poke("POST", "/api/v1/collections/%s/documents" % place["id"], DOCUMENT,
                          {"Content-Type": "multipart/form-data; boundary=x"})
            for method, path, body in (
                    ("POST", "/api/v1/search", {"query": "gulls"}), ("GET", "/api/v1/documents", None),
                    ("POST", "/api/v1/tools/current_time/run", {"arguments": {}}), ("GET", "/api/v1/tools", None),
                    ("POST", "/api/v1/tool-servers", {"name": "T%d" % n, "kind": "http", "config": {
                        "tools": [{"name": "t", "url": "http://127.0.0.1:1/x"}]}}), ("POST", "/api/v1/tools/t%d_t/run" % n, {}),
                    ("POST", "/api/v1/tool-servers/test", {"kind": "mcp-http", "config": {"url": "http://127.0.0.1:1/x"}}),
                    ("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
                    ("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                        "name": "search_documents", "arguments": {"query": "gulls"}}}),
                    ("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                        "name": "chat", "arguments": {"message": "Hi"}}}),
                    ("POST", "/api/v1/assistants", {"name": "A%d" % n, "model": "mock:1b"}),
                    ("POST", "/api/v1/chat/generate", {"model": "mock:1b", "messages": [{"role": "user", "content": "Hi"}]}),
                    ("POST", "/api/v1/memories", {"text": "M%d" % n})):
                self.poke(method, path, body)

    def use_tools(self):
        """A turn that calls two tools, one of which asks; as far as the faults let it come."""
        self.provider.answers[:] = [Answer([Step(0, ["tool", "calculator", {"expression": "6*7"}]),
                                            Step(0, ["tool", "current_time", {}]), Step(0, ["done"])])]
        chat = self.poke("POST", "/api/v1/conversations", {"title": "tools"})
        turn = self.poke("POST", "/api/v1/conversations/%s/turns" % chat["id"], {"content": "Count.", "tools": True}) if "id" in chat else {}
        for _ in range(200 if "turn_id" in turn else 0):
            state = self.poke("GET", "/api/v1/turns/" + turn["turn_id"], None).get("state", "running")
            if state != "running":
                break
            time.sleep(0.02)
        self.provider.answers[:] = []  # that nothing has come for
        items = self.poke("GET", "/api/v1/conversations/%s/messages" % chat["id"], None).get("items", []) if "id" in chat else []
        for part in [p for m in items for p in m.get("parts") or [] if p.get("approval")]:
            self.poke("POST", "/api/v1/turns/%s/approvals/%s" % (turn["turn_id"], part["id"]), {"decision": "once"})

    def poke(self, method, path, body, headers=None):
        """Whatever it answers, the server goes on. The JSON of the answer, or nothing."""
        try:
            return json.loads(self.client().request(method, path, body, headers).body)
        except ValueError:
            return {}
        except (Failed, OSError):
            if not self.server.alive():
                raise Failed("the server is gone, by %s %s" % (method, path))
            return {}

    def look_again(self, made):
        for c in made:
            if self.client().request("GET", "/api/v1/conversations/" + c["id"]).status != 200:
                raise Failed("a conversation that was promised is gone")
        for conversation, reader in self.seen:
            again = Reader()
            items = self.client().call("GET", "/api/v1/conversations/%s/messages" % conversation)["items"]
            # A turn whose very first write failed shows nothing but its error.
            turn = items[-1]["turn_id"]
            if reader.events[0].name == "start" and reader.events[0].json()["turn_id"] != turn:
                raise Failed("the turn of the last message is %s" % turn)
            again.open(self.server.port, "GET", "/api/v1/turns/%s/events" % turn, self.client().headers())
            if again.response.status != 200:
                raise Failed("a turn that was shown is gone: %d" % again.response.status)
            again.wait_end()
            # How it ended may have become known only after the readers were cut off; what was shown stays as it was.
            shown = [(e.id, e.name, e.data) for e in reader.events if e.name not in ("error", "done")]
            there = [(e.id, e.name, e.data) for e in again.events]
            if there[:len(shown)] != shown:
                raise Failed("shown was %s, there is %s" % (reader.summary(), again.summary()))
            if items[-1]["content"] != again.text:
                raise Failed("the message is %r, the events say %r" % (items[-1]["content"], again.text))
            if items[-1]["state"] == "running":
                raise Failed("the answer is running for ever")
        self.turn(self.client().call("POST", "/api/v1/conversations", {})["id"], b'{"content":"Count."}')
        last = self.seen[-1][1]
        if last.text != "t1 t2 t3 t4 t5 t6 ":
            raise Failed("after the restart an answer is %s" % last.summary())

    def refuse_start(self):
        try:
            self.server.start()
        except Failed:
            if self.server.wait_exit() == 1 and self.server.log[-1].startswith("atelier: The "):
                return
            raise
        raise Failed("the server starts without a journal")

    def run(self):
        made = []
        if self.fault in AT_START:
            self.refuse_start()
        else:
            self.server.start()
            made = self.use()
            self.server.stop()
        self.server.settings["ATELIER_FAULT"] = ""
        self.server.start()
        self.look_again(made)
        if self.files:
            self.look_at_files()
        self.server.stop()

    def finish(self):
        self.server.destroy()
        self.provider.down()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--binary", required=True)
    ap.add_argument("-j", type=int, default=2)
    ap.add_argument("-v", action="store_true")
    ap.add_argument("--full", action="store_true", help="every fault at every pass: some minutes")
    ap.add_argument("faults", nargs="*", help="such as db_commit:EIO:3; the sample when none is given")
    a = ap.parse_args()
    root = tempfile.mkdtemp(prefix="atelier-faults-")
    began = time.monotonic()
    passed, failed, mx, todo = [], [], threading.Lock(), queue.Queue()
    runs = all_runs()
    for fault in a.faults or (sum(runs, []) if a.full else sample(runs)):
        todo.put(fault)
    try:
        template = Template(a.binary, root)

        def work():
            while True:
                try:
                    fault = todo.get_nowait()
                except queue.Empty:
                    return
                r, problem = Run(a.binary, template, root, fault), None
                try:
                    r.run()
                except (Failed, OSError) as e:
                    problem = e
                except Exception:
                    problem = traceback.format_exc()
                finally:
                    r.finish()
                with mx:
                    (failed if problem else passed).append(fault)
                    if problem:
                        print("FAILED %s: %s" % (fault, problem))
                        for line in r.server.log[-150:]:
                            print("    | " + line[:300])
                    elif a.v:
                        print("ok %s: %d refused, %d answers" % (fault, r.refused, len(r.seen)))
                    sys.stdout.flush()

        threads = [threading.Thread(target=work) for _ in range(a.j)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print("faults: %.1f s" % (time.monotonic() - began))
    print("%d passed, %d failed" % (len(passed), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
