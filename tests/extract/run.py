#!/usr/bin/env python3
"""What is read of documents: each is made here and given to `atelier extract`; the text, its blocks and places, or the failure,
must be what the case says.    run.py BINARY [FILTER...]"""

import concurrent.futures
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOMS = ["text_cases", "hostile_cases", "office_cases", "pdf_cases", "same_cases"]


class Read:
    """What came out: text, blocks as (kind, level, text), places, warnings; or a failure."""

    def __init__(self, out):
        lines = [json.loads(line) for line in out.splitlines()]
        self.text = "".join(line["text"] for line in lines if line["type"] == "text")
        raw = self.text.encode()
        self.raw_blocks = [line for line in lines if line["type"] == "block"]
        self.blocks = [(b["kind"], b["level"], raw[b["start"]:b["end"]].decode()) for b in self.raw_blocks]
        self.places = [line for line in lines if line["type"] == "place"]
        self.states = [line["state"] for line in lines if line["type"] == "state"]
        self.warnings = [line["text"] for line in lines if line["type"] == "warning"]
        self.format = next((line["name"] for line in lines if line["type"] == "format"), None)
        self.title = next((line["text"] for line in lines if line["type"] == "title"), None)
        self.failure = next((line["failure"] for line in lines if line["type"] == "failure"), None)
        self.why = next((line["text"] for line in lines if line["type"] == "failure"), None)
        self.whole = bool(lines) and lines[-1]["type"] in ("end", "failure")
        check("boxes that the server takes", all(abs(v) <= 1e6 for b in self.raw_blocks for box in b.get("boxes", ()) for v in box[2:]))
        check("blocks in order", all(a["end"] <= b["start"] for a, b in zip(self.raw_blocks, self.raw_blocks[1:])))

    def kinds(self, kind):
        return [text for k, _, text in self.blocks if k == kind]


def check(what, good, found=None):
    if not good:
        raise AssertionError("%s%s" % (what, "" if found is None else ": %r" % (found,)))


def same(found, wanted):
    check("expected %r" % (wanted,), found == wanted, found)


class Case:
    def __init__(self, name, content, look, file="file", seconds=60):
        self.name, self.content, self.look, self.file, self.seconds = name, content, look, file, seconds

    def run(self, binary):
        with tempfile.TemporaryDirectory(prefix="extract-") as folder:
            path = os.path.join(folder, self.file)
            with open(path, "wb") as f:
                f.write(self.content() if callable(self.content) else self.content)
            done = subprocess.run([binary, "extract", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=self.seconds)
        check("a sanitizer", b"Sanitizer" not in done.stderr, done.stderr[-2000:])
        if done.returncode != 0:
            check("ended by itself", not re.search(rb"\bpanic|assert", done.stderr), done.stderr)
            self.look(Broken(done.stderr.decode()))
        else:
            self.look(Read(done.stdout.decode()))


class Broken:
    """The process ended without a word: a limit, or a crash."""

    def __init__(self, why):
        self.failure, self.why, self.text, self.blocks, self.format = "ended", why, "", [], None


def fails(failure, *words):
    """The look of a case that must fail so, with these words in its sentence."""
    def look(r):
        same(r.failure, failure)
        for word in words:
            check("the sentence has %r" % word, word in r.why, r.why)
    return look


def main():
    binary, filters = sys.argv[1], sys.argv[2:]
    cases = [c for room in ROOMS for c in importlib.import_module(room).cases()]
    cases = [c for c in cases if not filters or any(f in c.name for f in filters)]
    began, failed = time.time(), 0

    def one(case):
        start = time.time()
        try:
            case.run(binary)
        except (AssertionError, subprocess.TimeoutExpired, ValueError, KeyError, IndexError, AttributeError) as e:
            return "FAILED %s (%.1f s): %s: %s" % (case.name, time.time() - start, type(e).__name__, e)
        return None

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for said in pool.map(one, cases):
            if said:
                failed += 1
                print(said)
    print("%d passed, %d failed, %.1f s" % (len(cases) - failed, failed, time.time() - began))
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.modules["run"] = sys.modules["__main__"]
    sys.exit(main())
