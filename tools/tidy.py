#!/usr/bin/env python3
"""clang-tidy over the files of src/, as many at a time as there are processors: tools/tidy.py BUILD_DIR [FILE ...]

A file is looked at again only when it, .clang-tidy, or any header of src/ has changed since it was found clean; the
stamps of clean files stand in BUILD_DIR/tidy."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import source

# Findings that were looked at and are wrong. The analyzer sees one file: it does not know that err_set() and its kin in
# other files return negative numbers only, and so believes in successes that set no result; nor does it follow a list
# whose members know the pointer that leads to them, or that a count stays with its array. Here by file and check, so that new code is looked at anew.
WRONG = {
    ("src/api/conversations_api.c", "clang-analyzer-core.uninitialized.Branch"),
    ("src/api/gateway/responses_request.c", "clang-analyzer-core.NullDereference"),
    ("src/api/messages_api.c", "clang-analyzer-core.CallAndMessage"),
    ("src/http/listen.c", "clang-analyzer-unix.Malloc"),
    ("src/http/shared.c", "clang-analyzer-unix.Malloc"),
}
# The analyzer walks through hundreds of megabytes of small things: in large pages it takes a fifth less of a processor. What
# another C library, or a kernel without such pages, does not know does nothing.
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.top_pad=%d:glibc.malloc.trim_threshold=%d:"
               "glibc.malloc.mmap_threshold=%d" % (64 << 20, 1 << 30, 1 << 30)}
FINDING = re.compile(r"^(\S+?):\d+:\d+: (?:error|warning): .* \[([\w.-]+)(?:,[^\]]*)?\]$")


def findings(out):
    """clang-tidy's output without what is known to be wrong, cut into one text for each finding."""
    texts, keep = [], False
    for line in out.splitlines():
        m = FINDING.match(line)
        if m:
            # Paths come relative to the build folder, or to ours, or absolute.
            keep = ("src/" + m.group(1).rpartition("src/")[2], m.group(2)) not in WRONG
            if keep:
                texts.append(line)
        elif re.match(r"\S+:\d+:\d+: error: ", line):
            keep = True  # of the compiler
            texts.append(line)
        elif keep:
            texts[-1] += "\n" + line
    return texts


def digest(*parts):
    h = hashlib.sha256()
    for p in parts:
        h.update(p)
        h.update(b"\0")
    return h.hexdigest()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    only = [str(pathlib.Path(p).resolve()) for p in sys.argv[2:]]
    stamps = build / "tidy"
    stamps.mkdir(exist_ok=True)
    common = [(source.ROOT / ".clang-tidy").read_bytes()]
    common += [p.read_bytes() for p in source.c_files("src", suffixes=(".h",))]
    common += [repr(sorted(WRONG)).encode()]
    jobs = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if not path.is_relative_to(source.ROOT / "src") or (only and str(path) not in only) or not path.is_file():
            continue
        jobs.append((path, stamps / digest(path.read_bytes(), entry["command"].encode(), *common)))

    # The long ones first, so that no processor ends with one.
    jobs.sort(key=lambda job: -job[0].stat().st_size)

    def one(job):
        path, stamp = job
        if stamp.exists():
            return None
        p = subprocess.run(["clang-tidy", "-p", str(build), "--quiet", str(path)], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, env=dict(os.environ, **LARGE_PAGES))
        texts = findings(p.stdout.decode("utf-8", "replace"))
        if not texts and p.returncode != 0 and not p.stdout.strip():
            texts = [p.stderr.decode("utf-8", "replace").strip() or "clang-tidy failed on %s" % path]
        if not texts:
            stamp.touch()
            return None
        return "\n".join(texts)

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for text in pool.map(one, jobs):
            if text:
                bad += 1
                print(text)
    print("clang-tidy: %d files, %d with findings" % (len(jobs), bad))
    sys.exit(1 if bad or not jobs else 0)


if __name__ == "__main__":
    main()
