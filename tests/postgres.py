#!/usr/bin/env python3
"""A PostgreSQL server for tests: on a unix socket of its own in a temporary folder, gone afterwards.

    tests/postgres.py COMMAND ...   runs the command with ATELIER_TEST_DATABASE set to its address
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse


def programs():
    """The folder of Debian's PostgreSQL, the newest; or where the path says."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    return found[-1] if found else os.path.dirname(shutil.which("postgres") or "/usr/bin/postgres")


class Postgres:
    """fsync is off unless asked for: what tests measure is what the program does."""

    def __init__(self, durable=False, settings=(), of=None):
        self.bin = programs()
        self.folder = tempfile.mkdtemp(prefix="atelier-pg-")
        self.data = os.path.join(self.folder, "data")
        self.process = None
        self.settings = ["listen_addresses=", "unix_socket_directories=" + self.folder, "max_connections=200",
                         "shared_buffers=32MB", "log_min_messages=fatal", "autovacuum=off"]
        if not durable:
            self.settings += ["fsync=off", "full_page_writes=off", "synchronous_commit=off"]
        self.settings += list(settings)
        # The server refuses to run as root.
        self.user = None
        if os.getuid() == 0:
            names = {p.pw_name for p in pwd.getpwall()}
            self.user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        os.chmod(self.folder, 0o755)
        if of:
            self.call("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-h", of.folder, "-U",
                      "atelier", "--no-sync")
            return
        self.call("initdb", "-D", self.data, "-U", "atelier", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync")

    def be_nobody(self):
        if self.user:
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)

    def call(self, name, *args):
        r = subprocess.run([os.path.join(self.bin, name), *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           preexec_fn=self.be_nobody, cwd=self.folder)
        if r.returncode != 0:
            raise RuntimeError("%s ended with %d: %s" % (name, r.returncode, r.stdout.decode()[-2000:]))
        return r.stdout.decode()

    def start(self):
        args = [os.path.join(self.bin, "postgres"), "-D", self.data]
        for s in self.settings:
            args += ["-c", s]
        self.process = subprocess.Popen(args, preexec_fn=self.be_nobody, cwd=self.folder, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.folder + "/log", "ab"))
        # After a crash it recovers first, which takes what the machine has left for it.
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            if subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder, "-t", "1"]).returncode == 0:
                return self
            time.sleep(0.02)
        raise RuntimeError("PostgreSQL does not start: " + open(self.folder + "/log").read()[-2000:])

    def stop(self, sig=signal.SIGINT):
        """SIGINT: ends sessions and closes; SIGQUIT: as a crash would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(120)

    def url(self, database="postgres", schema=None):
        query = {"host": self.folder, "user": "atelier"}
        if schema:
            query["options"] = "-csearch_path=" + schema
        return "postgresql:///%s?%s" % (database, urllib.parse.urlencode(query, quote_via=urllib.parse.quote))

    def sql(self, text, database="postgres", schema=None):
        return self.call("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database, schema),
                         "-c", text).strip()

    def standby(self):
        """Another server that follows this one."""
        return Postgres(durable=True, settings=self.settings[6:], of=self)

    def caught_up(self, primary):
        """Waits until this standby has what the other has written."""
        at = primary.sql("SELECT pg_current_wal_lsn()")
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if self.sql("SELECT pg_last_wal_replay_lsn() >= '%s'" % at) == "t":
                return
            time.sleep(0.05)
        raise RuntimeError("the standby stays behind")

    def backends(self):
        """Process ids of all that the server has started."""
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
            return [int(p) for p in f.read().split()]

    def destroy(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    server = Postgres()
    try:
        server.start()
        return subprocess.run(sys.argv[1:], env=dict(os.environ, ATELIER_TEST_DATABASE=server.url())).returncode
    finally:
        server.destroy()


if __name__ == "__main__":
    sys.exit(main())
