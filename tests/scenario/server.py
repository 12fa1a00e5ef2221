"""The program under test: one process, its data folder, its log, and the line that tells where it serves."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from patience import PATIENCE  # noqa: E402

READY = re.compile(r"is ready at (https?)://([0-9.\[\]:]+):(\d+)")
SETUP = re.compile(r"/setup/([A-Za-z0-9_-]+)")
SANITIZER = re.compile(
    r"ERROR: (Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|: runtime error: "
    r"|Sanitizer:DEADLYSIGNAL|Assertion .* failed")


class Failed(Exception):
    """What a scenario finds to be other than it must be."""


def sanitizer_env():
    here = os.path.dirname(os.path.abspath(__file__))
    return {
        "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:handle_abort=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "LSAN_OPTIONS": "suppressions=%s:print_suppressions=0" % os.path.join(here, "lsan.supp"),
        "TSAN_OPTIONS": "exitcode=66:handle_abort=1:halt_on_error=0:second_deadlock_stack=1:suppressions=%s"
                        % os.path.join(here, "tsan.supp"),
    }


def base_env():
    """No setting of the caller's shell may reach the program."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("ATELIER_", "OLLAMA_", "OPENAI_", "ANTHROPIC_", "XDG_")) and "proxy" not in k.lower()}
    env.update(sanitizer_env())
    env.update({"TZ": "UTC", "LC_ALL": "C.UTF-8"})
    return env


class Server:
    def __init__(self, binary, data, settings=None):
        self.binary = os.path.abspath(binary)
        self.data = data
        self.settings = {
            "ATELIER_LISTEN": "127.0.0.1:0", "ATELIER_LOG_LEVEL": "info", "ATELIER_AUTO_TITLE": "0",
            "OLLAMA_HOST": "", "ATELIER_RETRY_BASE_MS": "1", "ATELIER_RATE_PER_MINUTE": "1000000",
            "ATELIER_MAX_TURNS_PER_USER": "100", "ATELIER_WARM_UP": "0",
        }
        self.settings.update(settings or {})
        self.postgres = None  # (where, name): its database is there and no file
        self.files = None   # the limit of open files, for the next start
        self.proc = None
        self.port = None
        self.setup_code = None
        self.log = []       # all lines of both outputs, of all runs
        self._mx = threading.Condition()
        self._readers = []
        self._run_log = 0   # where the log of the present run begins

    def env(self):
        env = base_env()
        env.update(self.settings)
        env["ATELIER_DATA"] = env.get("ATELIER_DATA", self.data)
        env["ATELIER_FAULT_FILE"] = self.data + ".fault"
        return env

    def command(self, args, stdin=""):
        """Runs one command of the program, such as `user add`; its own process, on the same data folder."""
        p = subprocess.run([self.binary] + args, input=stdin.encode("utf-8", "surrogateescape"), env=self.env(),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
        out = p.stdout.decode("utf-8", "replace")
        with self._mx:
            self.log += ["$ atelier " + " ".join(args)] + out.splitlines()
        return p.returncode, out

    def interrupted(self, args, text):
        """The same, which gets SIGINT when it has written `text`."""
        p = subprocess.Popen([self.binary] + args, env=self.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        timer = threading.Timer(PATIENCE, p.kill)
        timer.start()
        out = b""
        while text.encode() not in out:
            piece = p.stdout.read1(65536)
            if not piece:
                break
            out += piece
        p.send_signal(signal.SIGINT)
        out += p.stdout.read()
        timer.cancel()
        with self._mx:
            self.log += ["$ atelier " + " ".join(args)] + out.decode("utf-8", "replace").splitlines()
        return p.wait(), out.decode("utf-8", "replace")

    def spawn(self):
        self.port = None
        with self._mx:
            self._run_log = len(self.log)
        limit = ["prlimit", "--nofile=%d:%d" % (self.files, self.files)] if self.files else []
        self.proc = subprocess.Popen(limit + [self.binary, "serve"], env=self.env(), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._readers = [threading.Thread(target=self._read, args=(f, self.proc), daemon=True)
                         for f in (self.proc.stdout, self.proc.stderr)]
        for t in self._readers:
            t.start()

    def start(self):
        self.spawn()
        end = time.monotonic() + PATIENCE
        with self._mx:
            while self.port is None:
                if self.proc.poll() is not None and not any(t.is_alive() for t in self._readers):
                    raise Failed("the server ended at start with status %s" % self.proc.returncode)
                if time.monotonic() > end:
                    raise Failed("the server did not say where it is ready within %d s" % PATIENCE)
                self._mx.wait(0.05)

    def _read(self, f, proc):
        for raw in f:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            with self._mx:
                self.log.append(line)
                m = READY.search(line)
                if m and proc is self.proc:
                    self.port = int(m.group(3))
                m = SETUP.search(line)
                if m:
                    self.setup_code = m.group(1)
                self._mx.notify_all()
        f.close()

    def wait_exit(self):
        try:
            self.proc.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # The stacks of a process that hangs at its end are worth having; then it must go.
            self.proc.send_signal(signal.SIGABRT)
            try:
                self.proc.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
            raise Failed("the server did not end within %d s" % PATIENCE)
        finally:
            for t in self._readers:
                t.join(PATIENCE)
        status = self.proc.returncode
        self.proc = None
        return status

    def logged(self, want, timeout=PATIENCE):
        """Whether a line of the log is like `want`; what was written a moment ago is still on its way here."""
        with self._mx:
            return self._mx.wait_for(lambda: any(want.search(x) for x in self.log), timeout)

    def run_lines(self):
        """Lines of the present run."""
        with self._mx:
            return self.log[self._run_log:]

    def stop(self):
        """A regular end: SIGTERM, status 0, nothing said by a sanitizer."""
        if self.proc is None:
            return
        self.proc.send_signal(signal.SIGTERM)
        status = self.wait_exit()
        self.check_log()
        if status != 0:
            raise Failed("the server ended with status %d" % status)

    def kill(self):
        if self.proc is not None:
            self.proc.kill()
            self.wait_exit()

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def check_log(self):
        with self._mx:
            for line in self.log:
                if SANITIZER.search(line):
                    raise Failed("a sanitizer or an assertion spoke: " + line.strip())

    def destroy(self):
        self.kill()

    def database(self):
        for name in sorted(os.listdir(self.data)):
            if name.endswith((".db", ".sqlite", ".sqlite3")):
                return os.path.join(self.data, name)
        raise Failed("there is no database in " + self.data)


def copy_data(src, dst):
    shutil.copytree(src, dst, symlinks=True)
