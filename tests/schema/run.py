#!/usr/bin/env python3
"""The OpenAPI document against the program that serves it: schemathesis asks every address with valid and invalid
values, as an administrator and as a user, and compares status, type, headers and body with what the document says.

	tests/schema/run.py --binary build/atelier [--examples N] [--only REGEX]
"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "scenario"))

from provider import Answer, Provider, Step  # noqa: E402
from run import Template  # noqa: E402
from server import PATIENCE, Failed, Server  # noqa: E402

SETTINGS = {
    "ATELIER_HEARTBEAT_S": "1",              # an event stream says something soon
    "ATELIER_MAX_TURNS_PER_USER": "100000",
    "ATELIER_UPLOAD_QUOTA_MB": "1000000",    # nor uploads
    "ATELIER_LOGIN_ATTEMPTS": "1000",        # made-up logins are not throttled
}

# The patterns of long texts are compiled into gigabytes that are dropped again: kept, and in large pages, that takes a sixth less.
KEEPS_MEMORY = ("glibc.malloc.hugetlb=1:glibc.malloc.top_pad=67108864:glibc.malloc.trim_threshold=1073741824:"
                "glibc.malloc.mmap_threshold=1073741824")


class Models(Provider):
    """The one of the run, whose models stay whatever requests do to them."""

    def _manage(self, call, path, body):
        there = list(self.models)
        super()._manage(call, path, body)
        self.models = there


def ask(st, server, none, template, role, examples, report, only):
    """All phases as one user; the numbers of cases that passed and failed."""
    base = "http://127.0.0.1:%d" % server.port
    env = dict(os.environ, SCHEMATHESIS_HOOKS="hooks", PYTHONPATH=os.pathsep.join((HERE, os.path.dirname(HERE))), SCHEMA_BASE=base,
               SCHEMA_PROVIDER="http://127.0.0.1:%d" % none.port, NO_COLOR="1",
               SCHEMA_BEARER=template.vars[role + "_bearer"], GLIBC_TUNABLES=KEEPS_MEMORY,
               SCHEMA_LOGIN=json.dumps({"username": role, "password": template.vars[role + "_password"]}))
    done = subprocess.run(
        [st, "--config-file", os.path.join(HERE, "schemathesis.toml"), "run", base + "/api/v1/openapi.json",
         "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(examples),
         "--generation-deterministic", "--continue-on-failure", "--workers", "1", "--request-timeout", str(PATIENCE),
         *(["--include-path-regex", only] if only else []), "--suppress-health-check", "all", "--report", "junit", "--report-junit-path", report],
        env=env, cwd=os.path.dirname(report), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    text = done.stdout.decode("utf-8", "replace")
    cases = ElementTree.parse(report).getroot().iter("testcase")
    failed = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    total = sum(1 for _ in ElementTree.parse(report).getroot().iter("testcase"))
    if failed or done.returncode != 0:
        print(text)
    if done.returncode != 0 and not failed:
        failed = [None]
    generated = re.search(r"(\d+) generated", text)
    print("%s: %d operations, %s cases" % (role, total, generated.group(1) if generated else "no"))
    return total - len(failed), len(failed)


def still_in(server, token):
    """Whether the session of the run has lived to its end: without it each answer would be the same 401."""
    request = urllib.request.Request("http://127.0.0.1:%d/api/v1/me" % server.port, headers={"Authorization": "Bearer " + token})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def judge(a, st, template, role, root, provider, none):
    """A server of its own, asked as one user; the numbers of cases that passed and failed."""
    data = os.path.join(root, role)
    template.copy(data)
    server = Server(a.binary, data, dict(provider.settings(), **SETTINGS))
    try:
        server.start()
        passed, failed = ask(st, server, none, template, role, a.examples, os.path.join(root, role + ".xml"), a.only)
        if not still_in(server, template.vars[role + "_bearer"]):
            raise Failed("a request has ended the session of the run: what came behind it saw nothing")
        server.stop()
        server.check_log()
        return passed, failed
    except Failed as e:
        print("%s: %s\n%s" % (role, e, "\n".join(server.log[-40:])))
        return 0, 1
    finally:
        server.destroy()


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--binary", required=True)
    ap.add_argument("--examples", type=int, default=10, help="made-up requests for each operation")
    ap.add_argument("--only", help="a regular expression of addresses")
    a = ap.parse_args()
    st = subprocess.run([os.path.join(ROOT, "tools", "schemathesis")], stdout=subprocess.PIPE, check=True)
    st = st.stdout.decode().strip()
    root = tempfile.mkdtemp(prefix="atelier-schema-")
    began, passed, failed = time.monotonic(), 0, 0
    # The providers that requests make up are one without models: a model that nobody has is not found, not out of reach.
    provider, none = Models(models=("mock:1b", "mock-vision:1b", "mock-embed:1b")), Provider(models=())
    provider.fallback = Answer([Step(0, ["text", '"well"']), Step(0, ["done"])])
    try:
        template = Template(a.binary, root)
        # A process each, side by side: threads of one would share an interpreter lock, and Python 3.11 fails now and
        # then when two threads build syntax trees at once, as the maker of examples does.
        with concurrent.futures.ThreadPoolExecutor() as both:
            for good, bad in both.map(lambda role: judge(a, st, template, role, root, provider, none), ("admin", "bob")):
                passed, failed = passed + good, failed + bad
    finally:
        provider.down()
        none.down()
        shutil.rmtree(root, ignore_errors=True)
    print("schema: %.1f s" % (time.monotonic() - began))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
