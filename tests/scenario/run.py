#!/usr/bin/env python3
"""Runs the scenarios: tests/scenario/run.py --binary build/asan/atelier [-j 2] [NAME ...]"""

import argparse
import glob
import itertools
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

sys.path.insert(0, os.path.dirname(HERE))

import script  # noqa: E402
from client import Client  # noqa: E402
from postgres import Postgres  # noqa: E402
from server import Failed, Server, copy_data  # noqa: E402

# What is about SQLite's file, or about a fault point or a stranger that PostgreSQL does not have.
SQLITE_ALONE = {"doctor_migrates_nothing", "newer_database", "data_folder_unusable", "second_server"}

USERS = (("admin", "admin", "correct horse one"), ("bob", "user", "correct horse two"))


def has_faults(binary):
    """Whether it has fault points (sys/fault.h): then it reads this variable."""
    with open(binary, "rb") as f:
        return b"ATELIER_FAULT_FILE" in f.read()


def needs_faults(path):
    with open(path, encoding="utf-8") as f:
        return re.search(r"^(fault\b|set .*\bATELIER_FAULT=)", f.read(), re.MULTILINE) is not None


def has_namespaces():
    """Whether a program can be put behind walls here, as sys/sandbox does it; containers often refuse."""
    try:
        return subprocess.run(["bwrap", "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "true"],
                              stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def needs_namespaces(path):
    with open(path, encoding="utf-8") as f:
        return "# Needs namespaces" in f.read()


class Template:
    """A data folder with two users who are signed in: made once by the program itself, copied for each scenario. On a
    PostgreSQL, its database is copied with it."""

    def __init__(self, binary, folder, postgres=None):
        self.folder, self.vars = os.path.join(folder, "template"), {}
        self.postgres, self.numbers = postgres, itertools.count(1)
        os.makedirs(self.folder, 0o700)
        server = Server(binary, self.folder)
        if postgres:
            postgres.sql("CREATE DATABASE template")
            server.settings["ATELIER_DATABASE"] = postgres.url("template")
        try:
            for name, role, password in USERS:
                status, out = server.command(["user", "add", name, "--role", role], password + "\n")
                if status != 0:
                    raise Failed("`user add %s` ended with %d: %s" % (name, status, out))
            server.start()
            for name, _, password in USERS:
                c = Client(server.port)
                r = c.request("POST", "/api/v1/auth/login", {"username": name, "password": password})
                if r.status != 200:
                    raise Failed("login answered %d: %r" % (r.status, r.body))
                self.vars[name + "_bearer"] = r.json()["token"]
                self.vars[name + "_cookie"] = r.header("Set-Cookie").split("=", 1)[1].split(";")[0]
                self.vars[name + "_password"] = password
            server.stop()
        except Failed as e:
            raise Failed("%s\n%s" % (e, "\n".join(server.log[-60:])))
        finally:
            server.destroy()

    def copy(self, to, server=None):
        copy_data(self.folder, to)
        if self.postgres:
            self.give_database(server, "template")

    def give_database(self, server, template="template0"):
        """A database of its own for a server, as the template has it or empty."""
        name = "s%d" % next(self.numbers)
        self.postgres.sql("CREATE DATABASE %s TEMPLATE %s" % (name, template))
        server.settings["ATELIER_DATABASE"] = self.postgres.url(name)
        server.postgres = (self.postgres, name)


def run_one(path, binary, template, root):
    """The problem in words, or None; and the log."""
    folder = tempfile.mkdtemp(prefix=os.path.basename(path)[:-4] + "-", dir=root)
    s = script.Scenario(binary, folder, template)
    problem = None
    try:
        s.run(script.read_file(path))
    except Failed as e:
        problem = str(e)
    except Exception:
        problem = traceback.format_exc()
    finally:
        s.finish()
    if problem is None:
        try:
            s.server.check_log()
        except Failed as e:
            problem = str(e)
    shutil.rmtree(folder, ignore_errors=True)
    return problem, s.server.log


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--binary", required=True)
    ap.add_argument("-j", type=int, default=2, help="scenarios at the same time")
    ap.add_argument("--slow", type=float, default=1.0, help="factor for bounds in milliseconds (sanitizers)")
    ap.add_argument("--times", type=int, default=1, help="runs of each scenario")
    ap.add_argument("--postgres", action="store_true", help="on a PostgreSQL that is started for it")
    ap.add_argument("--sample", type=int, default=1, help="only every Nth scenario")
    ap.add_argument("-v", action="store_true", help="print each scenario with its time")
    ap.add_argument("names", nargs="*", help="file names without .scn; all when none is given")
    a = ap.parse_args()
    script.set_slowness(a.slow)

    paths = sorted(glob.glob(os.path.join(HERE, "*.scn")))
    if a.names:
        paths = [p for p in paths if os.path.basename(p)[:-4] in [n.removesuffix(".scn") for n in a.names]]
    elif a.postgres:
        paths = [p for p in paths if os.path.basename(p)[:-4] not in SQLITE_ALONE]
    paths = paths[::a.sample]
    if not paths:
        sys.exit("no such scenario")
    skipped = [] if has_faults(a.binary) else [p for p in paths if needs_faults(p)]
    if skipped:
        print("skipped, since this binary has no fault points: " + ", ".join(os.path.basename(p)[:-4] for p in skipped))
        paths = [p for p in paths if p not in skipped]

    walled = [p for p in paths if needs_namespaces(p)]
    if walled and not has_namespaces():
        print("skipped, since namespaces are refused here: " + ", ".join(os.path.basename(p)[:-4] for p in walled))
        paths = [p for p in paths if p not in walled]

    root = tempfile.mkdtemp(prefix="atelier-scenario-")
    began, postgres = time.monotonic(), None
    passed, failed, mx, todo = [], [], threading.Lock(), queue.Queue()
    for _ in range(a.times):
        for p in paths:
            todo.put(p)
    try:
        try:
            postgres = Postgres().start() if a.postgres else None
            template = Template(a.binary, root, postgres)
        except Failed as e:
            print("the first start failed: %s" % e)
            print("0 passed, %d failed" % len(paths))
            return 1

        def work():
            while True:
                try:
                    path = todo.get_nowait()
                except queue.Empty:
                    return
                t0 = time.monotonic()
                problem, log = run_one(path, a.binary, template, root)
                name, took = os.path.basename(path)[:-4], time.monotonic() - t0
                with mx:
                    (failed if problem else passed).append(name)
                    if problem:
                        print("FAILED %s (%.1f s): %s" % (name, took, problem))
                        for line in log[-80:]:
                            print("    | " + line[:400])
                    elif a.v:
                        print("ok %s (%.1f s)" % (name, took))
                    sys.stdout.flush()

        threads = [threading.Thread(target=work) for _ in range(a.j)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        if postgres:
            postgres.destroy()
        shutil.rmtree(root, ignore_errors=True)
    print("scenarios: %.1f s" % (time.monotonic() - began))
    print("%d passed, %d failed" % (len(passed), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
