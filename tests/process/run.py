#!/usr/bin/env python3
"""The program as a process: its data folder, its lock, its disk, its log, its signals, its addresses.

	tests/process/run.py --binary build/atelier [WORD ...]     words choose cases by a part of their name

Each case gets an empty folder and starts its own servers on free ports of 127.0.0.1.
"""
import argparse, base64, contextlib, hashlib, http.client, http.server, json, os, re, select, shutil, signal, socket, sqlite3, ssl, struct, subprocess, sys, tempfile, threading, time, traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from patience import PATIENCE  # noqa: E402

CASES = []
SERVERS = []
binary = None


def case(f):
    CASES.append(f)
    return f


def until(what, f):
    """Waits for f() to be true, and returns what it gave."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        v = f()
        if v:
            return v
        time.sleep(0.02)
    raise AssertionError("this did not come: " + what)


class Server:
    def __init__(self, folder, *flags, listen="127.0.0.1:0", env=None, stderr=None, prefix=()):
        self.folder, self.out = folder, folder + ".out"
        self.err = folder + ".err"
        self.stderr = stderr
        words = [*prefix, binary, "serve", "--data", folder, *(["--listen", listen] if listen else []), *flags]
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("ATELIER_", "OLLAMA_", "OPENAI_", "ANTHROPIC_"))}
        variables.update({"OLLAMA_HOST": "", "ATELIER_LIBRARIAN": "1", **(env or {})})
        with open(self.out, "wb") as out, open(self.err, "ab") as err:
            self.p = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=stderr or err, env=variables)
        SERVERS.append(self.p)

    def log(self):
        return open(self.err, encoding="utf-8", errors="replace").read() + open(self.out).read()

    def ready(self):
        def look():
            text = open(self.out).read()
            if self.p.poll() is not None:
                raise AssertionError("the server ended: " + self.log())
            return "is ready at" in text and text
        self.said = until("a server that is ready", look)
        url = self.said.split("is ready at ")[1].split()[0]
        if url.startswith("http") and ":" in url[6:]:
            self.port = int(url.rsplit(":", 1)[1].rstrip("/,"))
        if "/#/setup/" in self.said:
            self.code = self.said.split("/#/setup/")[1].split()[0]
        return self

    def refused(self, *words):
        """It must end with a failure and say so."""
        assert self.p.wait(PATIENCE) != 0, "it started"
        text = self.log()
        for w in words:
            assert w in text, "%r is not in: %s" % (w, text)

    def call(self, method, path, body=None, token=None, timeout=PATIENCE):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Authorization": "Bearer " + token} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        c.request(method, path, json.dumps(body) if body is not None else None, headers)
        r = c.getresponse()
        data = r.read()
        c.close()
        self.headers = r.headers
        return r.status, json.loads(data) if data[:1] in (b"{", b"[") else data

    def admin(self):
        status, v = self.call("POST", "/api/v1/setup", {"code": self.code, "username": "ada", "password": "a long enough password"})
        assert status in (200, 201), v
        return v["token"]

    def stop(self, sig=signal.SIGTERM):
        if self.p.poll() is None:
            self.p.send_signal(sig)
        return self.p.wait(PATIENCE)


# ---- the data folder ----


@case
def an_empty_database_is_no_new_installation(d):
    Server(d + "/data").ready().stop()
    open(d + "/data/atelier.db", "w").close()
    Server(d + "/data").refused("empty", "master.key", "backup")
    os.remove(d + "/data/atelier.db")
    Server(d + "/data").refused("missing", "master.key", "backup")
    assert not os.path.exists(d + "/data/atelier.db")
    r = subprocess.run([binary, "user", "add", "eve", "--data", d + "/data"], input=b"a long enough password\n", capture_output=True)
    assert r.returncode != 0 and b"missing" in r.stderr, r
    os.rename(d + "/data/master.key", d + "/away")
    shutil.rmtree(d + "/data/journal", ignore_errors=True)
    assert Server(d + "/data").ready().stop() == 0


@case
def a_foreign_database_is_left_alone(d):
    os.mkdir(d + "/data", 0o700)
    db = sqlite3.connect(d + "/data/atelier.db")
    db.execute("CREATE TABLE songs (x)")
    db.commit()
    db.close()
    before = open(d + "/data/atelier.db", "rb").read()
    Server(d + "/data").refused("not one of Atelier")
    assert open(d + "/data/atelier.db", "rb").read() == before
    with open(d + "/data/atelier.db", "wb") as f:
        f.write(os.urandom(100000))
    Server(d + "/data").refused("is not a database of Atelier")


@case
def no_symbolic_link_is_followed(d):
    for name in ("atelier.db", "master.key", "lock", "journal", "atelier.db-wal", "uploads", "blobs", "blobs/ab", "workspaces",
                 "workspaces/0s9v8vwftarhj"):
        folder = d + "/" + name.replace("/", "-")
        os.makedirs(os.path.dirname(folder + "/" + name), 0o700)
        os.symlink(d + "/elsewhere", folder + "/" + name)
        Server(folder).refused(name, "symbolic link")
        assert not os.path.exists(d + "/elsewhere")


@case
def a_folder_that_others_may_read_is_closed(d):
    Server(d + "/data").ready().stop()
    os.chmod(d + "/data", 0o755)
    os.chmod(d + "/data/atelier.db", 0o644)
    s = Server(d + "/data").ready()
    assert "closed" in s.log()
    assert os.stat(d + "/data").st_mode & 0o777 == 0o700
    assert os.stat(d + "/data/atelier.db").st_mode & 0o777 == 0o600
    s.stop()


@case
def one_server_even_without_its_lock_file(d):
    s = Server(d + "/data").ready()
    os.remove(d + "/data/lock")
    Server(d + "/data").refused("in use by another Atelier")
    os.rename(d + "/data", d + "/moved")  # the same folder under another name
    Server(d + "/moved").refused("in use by another Atelier")
    os.rename(d + "/moved", d + "/data")
    assert s.stop() == 0
    assert Server(d + "/data").ready().stop() == 0


NOTICED_S = 2  # the server looks each second


def waits(s):
    """Of each thread of the server: for how many seconds in all it was ready, and had no processor."""
    waited = {}
    for task in os.listdir("/proc/%d/task" % s.p.pid):
        try:
            with open("/proc/%d/task/%s/schedstat" % (s.p.pid, task)) as f:
                waited[task] = int(f.read().split()[1]) / 1e9
        except OSError:
            pass  # it ended meanwhile
    return waited


def starved(before, after):
    """For how long that thread waited meanwhile that waited longest."""
    return max((waited - before.get(task, 0) for task, waited in after.items()), default=0)


def in_time(s, what, f):
    """It must be so within NOTICED_S, and what this machine had no time for us or for the server meanwhile."""
    began, at, late, before = time.monotonic(), [time.monotonic()], [0.0], waits(s)

    def look():
        v, now = f(), time.monotonic()
        late[0] += max(0, now - at[0] - 0.05)
        at[0] = now
        return v
    until(what, look)
    assert at[0] - began - max(late[0], starved(before, waits(s))) < NOTICED_S, "%s: only after %.1f s" % (what, at[0] - began)


def status(s):
    code, v = s.call("GET", "/health/ready")
    return v["status"] if code == 503 else "ok" if code == 200 else code


@case
def a_deleted_folder_is_noticed(d):
    s = Server(d + "/data").ready()
    token = s.admin()
    assert status(s) == "ok"
    shutil.rmtree(d + "/data")
    in_time(s, "not ready", lambda: status(s) == "data folder gone")
    code, v = s.call("POST", "/api/v1/conversations", {}, token)
    assert code == 507, (code, v)
    assert s.log().count("error health") == 1, s.log()
    s.stop()


@case
def a_deleted_folder_ends_the_answers(d):
    """Their events would go into a file that nobody finds any more."""
    sys.path.insert(0, os.path.join(HERE, "../scenario"))
    from provider import Answer, Provider, Step
    provider = Provider()
    provider.fallback = Answer([Step(0, ["text", "first "]), Step(0, ["stall"])])
    s = Server(d + "/data", env=provider.settings()).ready()
    token = s.admin()
    until("models", lambda: b"mock:1b" in json.dumps(s.call("GET", "/api/v1/models", token=token)[1]).encode())
    at = s.call("POST", "/api/v1/conversations", {"model": "mock:1b"}, token)[1]["id"]
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=PATIENCE)
    c.request("POST", "/api/v1/conversations/%s/turns" % at, json.dumps({"content": "Hi"}),
              {"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": "text/event-stream"})
    r, seen = c.getresponse(), b""
    while b"first" not in seen:
        seen += r.read1(65536)
    shutil.rmtree(d + "/data")
    seen += r.read()  # until it ends
    assert b"storage_full" in seen and b"event: done" in seen, seen
    status, v = s.call("POST", "/api/v1/conversations/%s/turns" % at, {"content": "Again"}, token)
    assert status in (409, 503, 507), (status, v)
    c.close()
    assert s.stop() == 0
    provider.down()


@case
def a_replaced_database_is_noticed(d):
    s = Server(d + "/data").ready()
    os.rename(d + "/data/atelier.db", d + "/kept")
    shutil.copy(d + "/kept", d + "/data/atelier.db")
    in_time(s, "not ready", lambda: status(s) == "data folder gone")
    os.rename(d + "/kept", d + "/data/atelier.db")
    until("ready again", lambda: status(s) == "ok")
    s.stop()


def cut(folder):
    os.truncate(folder + "/atelier.db-wal", os.path.getsize(folder + "/atelier.db-wal") // 2)


@case
def a_log_that_was_cut_is_told_by_the_next_start(d):
    """What a killed server had stored there is gone; one that nobody touched is all there."""
    ways = {None: lambda f: None, "cut short": cut, "removed": lambda f: os.remove(f + "/atelier.db-wal")}
    for n, (word, take) in enumerate(ways.items()):
        s = Server(d + "/data%d" % n).ready()
        token = s.admin()
        s.stop()  # all is in the database
        s = Server(s.folder).ready()
        assert s.call("POST", "/api/v1/conversations", {"title": "last"}, token)[0] == 201
        s.stop(signal.SIGKILL)
        take(s.folder)
        s = Server(s.folder).ready()
        told = [p["text"] for p in s.call("GET", "/health", token=token)[1]["failing"] if p["name"] == "database_log"]
        assert (word in told[0] and "pages of what was stored last are lost" in told[0]) if word else not told, (word, told)
        kept = [p["title"] for p in s.call("GET", "/api/v1/conversations", token=token)[1]["items"]]
        assert kept == ([] if word else ["last"]), (word, kept)
        s.stop()


@case
def what_is_taken_away_is_noticed(d):
    """Whatever would be found by no start: nothing is written into it any more."""
    ways = {"folder renamed": lambda f: os.rename(f, f + "2"), "another folder": lambda f: (os.rename(f, f + "2"), os.mkdir(f, 0o700)),
            "database": lambda f: os.remove(f + "/atelier.db"), "its log": lambda f: os.remove(f + "/atelier.db-wal"),
            "the index of its log": lambda f: os.remove(f + "/atelier.db-shm"), "the end of its log": cut}
    servers = [Server(d + "/data%d" % n) for n in range(len(ways))]
    tokens = [s.ready().admin() for s in servers]
    for s, token, (what, take) in zip(servers, tokens, ways.items()):
        assert status(s) == "ok"
        take(s.folder)
        in_time(s, "not ready, without: " + what, lambda: status(s) == "data folder gone")
        code, v = s.call("POST", "/api/v1/conversations", {}, token)
        assert code == 507, (what, code, v)
        s.stop()


@case
def an_index_that_was_cut_ends_the_server_in_words(d):
    """It is mapped, by SQLite too: there is no going on, but the log says why, and nothing is lost."""
    if b"__asan_init" in open(binary, "rb").read():
        return "left out: a sanitizer has that signal for itself"
    s = Server(d + "/data").ready()
    token = s.admin()
    assert s.call("POST", "/api/v1/conversations", {"title": "last"}, token)[0] == 201
    os.truncate(s.folder + "/atelier.db-shm", 0)
    try:
        s.call("POST", "/api/v1/conversations", {"title": "cut"}, token)
    except OSError:
        pass  # it ends before it answers
    assert s.p.wait(PATIENCE) == -signal.SIGBUS
    assert s.log().count("a file that is mapped into memory was cut short") == 1, s.log()
    s = Server(s.folder).ready()
    kept = [p["title"] for p in s.call("GET", "/api/v1/conversations", token=token)[1]["items"]]
    assert kept == ["last"], kept
    s.stop()


@case
def the_key_taken_away_is_noticed(d):
    """Without it no stored key can be opened after the next start; what is asked meanwhile goes on."""
    s = Server(d + "/data").ready()
    token, key = s.admin(), d + "/data/master.key"
    was = open(key, "rb").read()

    def put(data):
        with open(os.open(key + ".2", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
            f.write(data)
        os.rename(key + ".2", key)  # at once: half a key is something else to tell of
    for what, take in {"deleted": lambda: os.remove(key), "replaced": lambda: put(os.urandom(32))}.items():
        before = s.log().count("error health")
        assert status(s) == "ok", what
        take()
        in_time(s, "not ready, key " + what, lambda: status(s) == "data folder gone")
        until("the line of the log", lambda: s.log().count("error health") == before + 1)  # its thread writes it when it can
        assert "master.key" in s.log(), s.log()
        assert s.call("POST", "/api/v1/conversations", {}, token)[0] == 201
        put(was)
        until("ready again", lambda: status(s) == "ok")
    s.stop()
    with_setting = Server(d + "/other", env={"ATELIER_MASTER_KEY": "ab" * 32}).ready()
    assert status(with_setting) == "ok" and not os.path.exists(d + "/other/master.key")
    with_setting.stop()


@case
def a_start_without_the_key_makes_no_other_beside_stored_ones(d):
    s = Server(d + "/data").ready()
    token, key = s.admin(), d + "/data/master.key"
    s.stop()
    os.remove(key)  # it has sealed nothing
    s = Server(d + "/data").ready()
    until("a line of the log", lambda: s.log().count("master.key is made") == 2)
    lab = {"name": "lab", "kind": "openai", "url": "http://127.0.0.1:9/v1", "key": "sk-of-the-lab"}
    assert s.call("POST", "/api/v1/providers", lab, token)[0] == 201
    s.stop()
    was = open(key, "rb").read()
    os.remove(key)
    Server(d + "/data").refused("master.key is missing", "1 stored keys", "backup", "head -c 32")
    assert not os.path.exists(key)
    write(key, os.urandom(32))  # what is done when it is lost
    s = Server(d + "/data").ready()
    until("a line of the log", lambda: "lab: The stored key cannot be opened" in s.log())
    s.stop()
    write(key, was)
    said = len(s.log())
    s = Server(d + "/data").ready()
    items = s.call("GET", "/api/v1/providers", token=token)[1]["items"]
    assert "cannot be opened" not in json.dumps(items), items
    assert "cannot be opened" not in s.log()[said:]
    s.stop()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


@case
def a_damaged_database_is_noticed(d):
    s = Server(d + "/data").ready()
    s.admin()
    with open(d + "/data/atelier.db", "r+b") as f:
        f.write(b"Z" * 4096)
    until("not ready", lambda: status(s) == "database damaged")
    s.stop()


@case
def damage_is_told_as_soon_as_it_is_met(d):
    s = Server(d + "/data").ready()
    token = s.admin()
    s.stop()
    with contextlib.closing(sqlite3.connect(d + "/data/atelier.db")) as db:
        roots = [r[0] for r in db.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'sessions'")]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    with open(d + "/data/atelier.db", "r+b") as f:
        for page in roots:
            f.seek((page - 1) * size)
            f.write(os.urandom(size))
    s = Server(d + "/data").ready()
    assert s.call("GET", "/api/v1/me", token=token)[0] == 500
    assert status(s) == "database damaged", status(s)
    s.stop()


@case
def a_limit_on_files_is_no_end_and_no_damage(d):
    """Beyond it the system sends a signal that ends a program, unless it asked for an error."""
    s = Server(d + "/data", prefix=("prlimit", "--fsize=%d:" % (2 << 20))).ready()
    token = s.admin()
    text = "x" * 40000

    def refused():
        code, v = s.call("POST", "/api/v1/prompts", {"name": "p%d" % time.monotonic_ns(), "body": text}, token)
        assert code in (201, 507), (code, v)
        return code == 507
    until("a file that may not grow", refused)
    until("not ready", lambda: status(s) == "database cannot be reached or written")
    subprocess.run(["prlimit", "--pid", str(s.p.pid), "--fsize=unlimited:"], check=True)
    assert not refused()
    until("ready again", lambda: status(s) == "ok")
    s.stop()
    for words in (["db", "copy", "--from", d + "/data", "--to", d + "/copy"], ["user", "add", "eve", "--data", d + "/data"]):
        r = subprocess.run(["prlimit", "--fsize=20000", binary, *words], input=b"a long enough password\n", capture_output=True)
        assert r.returncode == 1 and b"atelier.db" in r.stderr and b"(ulimit -f" in r.stderr, (words, r)


@case
def a_copy_makes_the_folder_that_it_goes_to(d):
    """A path where nothing is yet is a data folder, as the help says, and what is copied there can be served."""
    s = Server(d + "/data").ready()
    token = s.admin()
    s.stop()
    for words, code in ((["--from", d + "/none", "--to", d + "/left/alone"], 1), (["--from", d + "/data", "--to", d + "/new/data"], 0)):
        r = subprocess.run([binary, "db", "copy", *words], capture_output=True)
        assert r.returncode == code, (words, r)
    assert not os.path.exists(d + "/left")
    assert os.stat(d + "/new/data").st_mode & 0o777 == 0o700 and os.path.isfile(d + "/new/data/atelier.db")
    shutil.copy(d + "/data/master.key", d + "/new/data/master.key")
    s = Server(d + "/new/data").ready()
    assert s.call("GET", "/api/v1/me", token=token)[0] == 200
    s.stop()
    r = subprocess.run([binary, "db", "copy", "--from", d + "/new/data", "--to", d + "/file.db"], capture_output=True)
    assert r.returncode == 0 and os.path.isfile(d + "/file.db"), r


MOUNT = 'mount -t tmpfs -o size=%dm tmpfs "$0" && exec "$@"'


def mounting(d, script):
    """What begins a command that has a small file system of its own at d/disk; None where this user may not make one."""
    os.makedirs(d + "/disk", exist_ok=True)
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    prefix = ("unshare", *user, "--mount", "sh", "-c", script, d + "/disk")
    return prefix if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0 else None


def on_a_small_disk(d, prefix):
    """A server whose folder is there. What it says stands outside; the disk is reached through /proc/PID/root: `s.disk`."""
    s = Server.__new__(Server)
    s.folder, s.out, s.err = d + "/disk/data", d + "/out", d + "/err"
    with open(s.out, "wb") as out, open(s.err, "wb") as err:
        s.p = subprocess.Popen([*prefix, binary, "serve", "--data", s.folder, "--listen", "127.0.0.1:0"], stdout=out, stderr=err,
                               env=dict(os.environ, OLLAMA_HOST=""))
    SERVERS.append(s.p)
    s.ready()
    s.disk = "/proc/%d/root%s/disk" % (s.p.pid, d)
    return s


def fill(path):
    with open(path, "wb", buffering=0) as f:
        try:
            while f.write(b"\0" * 4096):
                pass
        except OSError:
            pass


@case
def a_full_disk_has_its_name(d):
    """On a small file system of its own, where this user may make one."""
    script = MOUNT % 8
    prefix = mounting(d, script)
    if not prefix:
        return "skipped: no file system can be mounted here"
    folder = d + "/disk/data"
    s = on_a_small_disk(d, prefix)
    s.admin()
    assert status(s) == "ok", status(s)
    inside = s.disk + "/fill"
    fill(inside)
    until("not ready", lambda: status(s) in ("disk full or read-only", "journal cannot be written"))
    os.remove(inside)
    until("ready again", lambda: status(s) == "ok")
    s.stop()
    # A start on a full one, without a database and with one.
    for before in ('mkdir "$0/data" && chmod 700 "$0/data"',
                   'echo "a long password" | "$1" user add zoe --role admin --data "$0/data" >/dev/null && echo 12345 > "$0/data/lock"'):
        filled = script.replace("exec", before + ' && dd if=/dev/zero of="$0/fill" bs=4k 2>/dev/null; exec')
        r = subprocess.run([*prefix[:-3], "-c", filled, d + "/disk", binary, "serve", "--data", folder, "--listen", "127.0.0.1:0"],
                           capture_output=True, timeout=PATIENCE)
        assert r.returncode != 0 and b"The disk is full" in r.stderr and b"/disk/data" in r.stderr, r


@case
def an_upload_goes_on_after_a_full_disk(d):
    """What fits is kept and told, the rest is sent when there is room; of a part with a checksum nothing is kept."""
    prefix = mounting(d, MOUNT % 24)
    if not prefix:
        return "skipped: no file system can be mounted here"
    s = on_a_small_disk(d, prefix)
    token = s.admin()
    data = os.urandom(12 << 20)

    def ask(method, path, headers, body=b""):
        c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=PATIENCE)
        c.request(method, path, body, {"Authorization": "Bearer " + token, "Tus-Resumable": "1.0.0", **headers})
        r = c.getresponse()
        r.text = r.read()
        c.close()
        return r

    def part(offset, body, **more):
        r = ask("PATCH", at, {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset), **more}, body)
        return r.status, r.text

    def offset():
        return int(ask("HEAD", at, {}).getheader("Upload-Offset"))

    r = ask("POST", "/api/v1/uploads", {"Upload-Length": str(len(data))})
    assert r.status == 201, r.text
    at = r.getheader("Location")
    assert part(0, data[:4 << 20])[0] == 204
    fill(s.disk + "/fill")
    with open(s.disk + "/fill", "r+b") as f:
        f.truncate(os.path.getsize(s.disk + "/fill") - (1 << 20))  # a megabyte is left
    code, text = part(4 << 20, data[4 << 20:8 << 20], **{"Upload-Checksum": "sha256 " + base64.b64encode(hashlib.sha256(data[4 << 20:8 << 20]).digest()).decode()})
    assert code == 507 and b"storage_full" in text and d.encode() not in text, (code, text)
    assert offset() == 4 << 20, "%d bytes of a part with a checksum are kept" % (offset() - (4 << 20))
    code, text = part(4 << 20, data[4 << 20:8 << 20])
    assert code == 507 and b"storage_full" in text, (code, text)
    n = offset()
    assert 4 << 20 <= n < 8 << 20, n
    os.remove(s.disk + "/fill")
    until("room again", lambda: status(s) == "ok")
    assert part(n, data[n:8 << 20])[0] == 204
    assert part(8 << 20, data[8 << 20:])[0] == 204
    with open("%s/data/uploads/%s.part" % (s.disk, at.split("/")[-1]), "rb") as f:
        assert f.read() == data, "the file has other bytes"
    fill(s.disk + "/fill")
    r = ask("POST", "/api/v1/uploads", {"Upload-Length": "100"})
    assert r.status in (201, 507), (r.status, r.text)
    s.stop()


@case
def a_journal_that_is_gone_has_its_name(d):
    s = Server(d + "/data").ready()
    token = s.admin()
    shutil.rmtree(d + "/data/journal")
    id_ = s.call("POST", "/api/v1/conversations", {}, token)[1]["id"]
    failing = lambda: {f["name"]: f["text"] for f in s.call("GET", "/health", token=token)[1]["failing"]}
    assert s.call("POST", "/api/v1/conversations/%s/turns" % id_, {"content": "Hi"}, token)[0] in (202, 507)
    said = until("the journal's failure", lambda: failing().get("journal"))
    assert "/data/journal is not there" in said, said
    journal = s.call("GET", "/health", token=token)[1]["journal"]
    assert journal["status"] == "failing" and "/data/journal is not there" in journal["error"], journal
    assert s.log().count("the next file of the journal cannot be made") <= 1, s.log()  # and not once a second
    os.mkdir(d + "/data/journal", 0o700)
    until("ready again", lambda: status(s) == "ok")
    s.stop()


# ---- what others write ----


class Ollama(http.server.BaseHTTPRequestHandler):
    """A model server whose answer is `text`."""

    text = ""

    def log_message(self, *a):
        pass

    def answer(self, *lines):
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer({"models": [{"name": "m", "model": "m"}], "version": "0.5.0"})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/api/chat":
            return self.answer({"capabilities": ["completion"]})
        self.answer({"model": "m", "message": {"role": "assistant", "content": self.text}, "done": False},
                    {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"})


@case
def a_model_never_steers_the_terminal(d):
    Ollama.text = "red: \x1b[31m title: \x1b]0;x\x07 c1: \x9b31m back: \x08 turned: \u202eabc\nline\ttab gr\xfc\xdf"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ollama)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        env = dict(os.environ, OLLAMA_HOST="127.0.0.1:%d" % server.server_port, HOME=d)
        r = subprocess.run([binary, "chat", "-m", "m", "Hi"], env=env, capture_output=True, timeout=PATIENCE)
        said = r.stdout.decode()
        assert r.returncode == 0, r
        assert not set(said) & set("\x1b\x07\x08\x9b\u202e"), said
        assert "red: \\x1b[31m" in said and "\\u009b31m" in said and "\\u202eabc\nline\ttab gr\xfc\xdf" in said, said
    finally:
        server.shutdown()


@case
def a_document_or_a_name_never_steers_the_terminal(d):
    """Whatever is printed that others wrote: the same for all commands."""
    steers = set("\x1b\x07\x08\x7f\x9b\u202e\u2066\u2069\u2028")
    text = "red \x9b31m \x7f \u2066\u202e\u200fabc\u200e\u2069 line\u2028z \U0001f600 " + ("\n\n" + "gr\xfc\xdf \u4e2d" * 20) * 1500
    with open(d + "/a.txt", "w") as f:
        f.write(text)
    r = subprocess.run([binary, "extract", d + "/a.txt"], capture_output=True, timeout=PATIENCE)
    said = r.stdout.decode()  # in pieces that end anywhere
    marks = set("\u200e\u200f")  # belong to the text, and are escaped where it is shown
    assert r.returncode == 0 and not set(said) & (steers | marks) and "\\u200fabc\\u200e" in said, (r.stderr, said[:500])
    read = "".join(json.loads(line).get("text", "") for line in said.splitlines())
    assert "\u200fabc\u200e" in read and not set(read) & steers and "\U0001f600" in read and read.count("gr\xfc\xdf \u4e2d") == 30000, read[:300]
    for words in (["extract", d + "/no\x1b]0;x\x07.txt"], ["no\x1b[31m\nsuch"], ["serve", "--no\x1b[31m\u202e=1"],
                  ["user", "add", "bob", "--role", "\x1b[31m\u2066"], ["openapi", "a\u200bb\x1b"]):
        r = subprocess.run([binary, *words], capture_output=True, timeout=PATIENCE)
        said = (r.stdout + r.stderr).decode("utf-8", "surrogateescape")
        assert r.returncode != 0 and said.count("\n") == 1 and not set(said[:-1]) & (steers | {"\n"}), (words, said)
    s = Server(d + "/data").ready()
    key = s.call("POST", "/api/v1/keys", {"name": "k", "scopes": ["api"]}, s.admin())[1]["key"]
    os.mkdir(d + "/folder")
    for name in ("evil\x1b[31m.txt", "turned\u202etxt.exe", "two\nok  lines.txt", "zero\u200bwidth.bin", "no utf-8 \udcff.txt"):
        open(os.path.join(d, "folder", name), "wb").close()  # which cannot be brought, and is told by its name
    r = subprocess.run([binary, "collection", "add", "Shelf", d + "/folder"], capture_output=True, timeout=PATIENCE,
                       env=dict(os.environ, ATELIER_SERVER="http://127.0.0.1:%d" % s.port, ATELIER_SERVER_KEY=key))
    said = (r.stdout + r.stderr).decode("utf-8", "surrogateescape")
    assert not set(said) & (steers | {"\u200b", "\udcff"}), said
    assert len(said.splitlines()) == 6 and said.count("The file is empty.") == 5, said
    s.stop()


# ---- one person among others ----


@case
def one_who_changes_passwords_keeps_nobody_of_their_address_out(d):
    """In an office all have one address; who sends many stands in line behind their own."""
    s = Server(d + "/data").ready()
    token, answers = s.admin(), []

    def change():
        try:
            for _ in range(4):
                wanted = {"current_password": "wrong", "new_password": "another long one"}
                answers.append(s.call("POST", "/api/v1/me/password", wanted, token)[0])
        except OSError:
            pass  # the server has ended
    threads = [threading.Thread(target=change) for _ in range(16)]
    for t in threads:
        t.start()
    # Thirty are served at once; the others, with seconds in all, one by one.
    until("those that are served at once", lambda: len(answers) >= 30)
    status, v = s.call("POST", "/api/v1/auth/login", {"username": "zoe", "password": "a long enough password"})
    before = len(answers)
    assert status == 401 and before < 46, "a login waited behind %d: %r" % (before - 30, v)
    s.stop()
    for t in threads:
        t.join()


# ---- the database in other hands ----


@case
def reads_go_on_while_another_program_holds_the_database(d):
    s = Server(d + "/data").ready()
    token = s.admin()
    db = sqlite3.connect(d + "/data/atelier.db", isolation_level=None)
    # A session that is due to be noted as used.
    db.execute("UPDATE sessions SET last_seen_at = last_seen_at - 7200000")
    db.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    for _ in range(20):
        assert s.call("GET", "/api/v1/conversations", token=token)[0] == 200
    assert time.monotonic() - began < 4, "reads waited for the writer"
    code, v = s.call("POST", "/api/v1/conversations", {}, token)
    assert code == 503 and s.headers["Retry-After"], (code, v)
    until("not ready", lambda: status(s) == "database held by another program")
    began = time.monotonic()
    code, _ = s.call("POST", "/api/v1/conversations", {}, token)
    assert code == 503 and time.monotonic() - began < 4
    db.execute("ROLLBACK")
    until("ready again", lambda: status(s) == "ok")
    assert s.call("POST", "/api/v1/conversations", {}, token)[0] == 201
    until("the use of the session is noted", lambda: db.execute("SELECT count(*) FROM sessions WHERE last_seen_at > (SELECT max(created_at) FROM sessions) - 3600000").fetchone()[0])
    s.stop()


def is_held(path):
    """Whether another program has the lock for writing at this moment."""
    db = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
        return False
    except sqlite3.OperationalError:
        return True
    finally:
        db.close()


# Stops within its statement, as often as it is told to go on.
HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
def step():
    print("step", flush=True)
    if not sys.stdin.readline():
        sys.exit(1)
if sys.argv[2] == "VACUUM":
    db.set_progress_handler(step, 300)
db.execute(sys.argv[2])
step()
db.execute("ROLLBACK")
"""


@case
def reads_go_on_in_the_middle_of_a_vacuum(d):
    """And of a transaction that wants the file for itself. Each sort of read, by a session that is due to be noted as used."""
    for what in ("VACUUM", "BEGIN EXCLUSIVE"):
        folder = d + "/" + what.split()[0]
        s = Server(folder).ready()
        token = s.admin()
        at = s.call("POST", "/api/v1/conversations", {}, token)[1]["id"]
        key = s.call("POST", "/api/v1/keys", {"name": "k"}, token)[1]["key"]
        sqlite3.connect(folder + "/atelier.db", isolation_level=None).execute("UPDATE sessions SET last_seen_at = last_seen_at - 7200000")
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, folder + "/atelier.db", what], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        while holder.stdout.readline() and not is_held(folder + "/atelier.db"):
            holder.stdin.write(b"\n")
            holder.stdin.flush()
        assert holder.poll() is None, "it ended without holding the database"
        began = time.monotonic()
        for path, who in (("conversations", token), ("conversations/" + at, token), ("conversations/%s/messages" % at, token),
                          ("me", token), ("models", token), ("search?q=word", token), ("usage", token)):
            status, v = s.call("GET", "/api/v1/" + path, token=who)
            assert status == 200, (what, path, status, v)
        assert s.call("GET", "/v1/models", token=key)[0] == 200
        assert time.monotonic() - began < 4, "%s: reads waited for the writer, %.1f s" % (what, time.monotonic() - began)
        assert is_held(folder + "/atelier.db")
        holder.kill()
        holder.wait()
        until("writes go on", lambda: s.call("POST", "/api/v1/conversations", {}, token)[0] == 201)
        assert s.stop() == 0


# ---- what a token costs ----


class Stepwise(Ollama):
    """Writes a token whenever `step` is released, and ends the answer after `tokens` of them."""

    step, tokens = threading.Semaphore(0), 0
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        if self.path != "/api/chat":
            return Ollama.do_POST(self)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(self.tokens + 1):
            if not self.step.acquire(timeout=PATIENCE):
                return
            line = {"model": "m", "message": {"role": "assistant", "content": " word" if i < self.tokens else ""}, "done": i == self.tokens}
            data = json.dumps(line).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) + (b"0\r\n\r\n" if line["done"] else b""))


def sleeps(pid):
    """How often the loop has gone to sleep, and all other threads together."""
    loop = others = 0
    for task in os.listdir("/proc/%d/task" % pid):
        at = "/proc/%d/task/%s/" % (pid, task)
        n = int(re.search(r"voluntary_ctxt_switches:\s+(\d+)", open(at + "status").read()).group(1))
        if open(at + "comm").read().strip() == "loop":
            loop += n
        else:
            others += n
    return loop, others


def segments(connection):
    """How many segments with data a connection has received."""
    return struct.unpack_from("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 152)[0]


@case
def a_token_wakes_the_loop_and_nobody_else(d):
    """Counted, since a busy machine changes times and not this: one sleep of the loop for a token, and one segment for it."""
    Stepwise.tokens = n = 400
    provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stepwise)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    s = Server(d + "/data", env={"OLLAMA_HOST": "127.0.0.1:%d" % provider.server_port, "ATELIER_AUTO_TITLE": "false"}).ready()
    token = s.admin()
    until("the model", lambda: b'"m"' in json.dumps(s.call("GET", "/api/v1/models", token=token)[1]).encode())
    at = s.call("POST", "/api/v1/conversations", {"model": "m"}, token)[1]["id"]
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=PATIENCE)
    c.request("POST", "/api/v1/conversations/%s/turns" % at, json.dumps({"content": "Hi"}),
              {"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": "text/event-stream"})
    r, seen = c.getresponse(), b""
    connection = r.fp.raw._sock
    for i in range(n):
        if i == 20:  # what begins an answer is over
            loop, others = sleeps(s.p.pid)
            began = segments(connection)
        Stepwise.step.release()
        while seen.count(b"event: text") <= i:
            seen += r.read1(65536)
    loop, others = (after - before for after, before in zip(sleeps(s.p.pid), (loop, others)))
    assert segments(connection) - began == n - 20, segments(connection) - began
    assert loop < (n - 20) * 1.2, "%d sleeps of the loop for %d tokens" % (loop, n - 20)
    assert others < (n - 20) / 2, "%d sleeps of other threads for %d tokens" % (others, n - 20)
    began = segments(connection)
    Stepwise.step.release()
    seen += r.read()
    assert b"event: done" in seen, seen[-500:]
    assert segments(connection) - began == 1, "the end of an answer took %d segments" % (segments(connection) - began)
    c.close()
    s.stop()
    provider.shutdown()


# ---- providers ----


@case
def the_first_request_after_a_start_waits_for_its_model(d):
    """It has waited at the port since before anybody looked which models there are, and is answered by one."""
    Stepwise.tokens = 1
    provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stepwise)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    env = {"OLLAMA_HOST": "127.0.0.1:%d" % provider.server_port}
    s = Server(d + "/data", env=env).ready()
    port = s.port
    key = s.call("POST", "/api/v1/keys", {"name": "k"}, s.admin())[1]["key"]
    for _ in range(3):
        s.stop()
        s = Server(d + "/data", listen="127.0.0.1:%d" % port, env=env)
        s.port = port
        for _ in range(2):
            Stepwise.step.release()

        def asked():
            try:
                return s.call("POST", "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}, key)
            except ConnectionRefusedError:
                return None
        status, v = until("a port", asked)
        assert status == 200, v
        s.ready()
    s.stop()
    provider.shutdown()


@case
def nobody_is_locked_out_by_a_provider_that_never_answers(d):
    """Forty look at it at a time, whose list of models is for ever on its way; everybody else is served meanwhile."""
    silent = socket.create_server(("127.0.0.1", 0), backlog=128)  # takes connections, and says nothing
    s = Server(d + "/data", env={"OPENAI_BASE_URL": "http://127.0.0.1:%d/v1" % silent.getsockname()[1], "OPENAI_API_KEY": "sk-x"}).ready()
    token = s.admin()
    subprocess.run([binary, "user", "add", "bob", "--data", d + "/data"], input=b"a longer password yet\n", capture_output=True, check=True)
    bob = s.call("POST", "/api/v1/auth/login", {"username": "bob", "password": "a longer password yet"})[1]["token"]
    held, served_meanwhile = [], False
    for _ in range(40):
        c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=PATIENCE)
        c.request("POST", "/api/v1/models/refresh", "{}", {"Authorization": "Bearer " + bob, "Content-Type": "application/json"})
        held.append(c)
    for _ in range(3):
        assert s.call("POST", "/api/v1/auth/login", {"username": "ada", "password": "a long enough password"})[0] == 200
        assert s.call("GET", "/api/v1/conversations", token=token)[0] == 200
        ready, _, _ = select.select([c.sock for c in held], [], [], 0)
        served_meanwhile |= len(ready) < len(held)
    assert served_meanwhile, "nobody waited for the provider while the others were served"
    # A word that they may not all wait is an answer, and so is what was known already; who waits has none.
    answered = {c.getresponse().status for c in held if c.sock in ready}
    assert answered <= {200, 429, 503}, answered
    for c in held:
        c.close()
    silent.close()
    assert s.stop() == 0


# ---- log and signals ----


@case
def a_log_that_nobody_reads_stops_nobody(d):
    r, w = os.pipe()
    s = Server(d + "/data", stderr=w)
    os.close(w)
    s.ready()
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=PATIENCE)
    for _ in range(4000):  # a line each
        c.request("GET", "/api/v1/me")
        c.getresponse().read()
    _, v = s.call("GET", "/metrics")
    assert b"atelier_log_lines_lost_total 0\n" not in v
    assert s.stop() == 0
    os.close(r)


@case
def signals_that_end_nothing(d):
    s = Server(d + "/data").ready()
    for sig in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
        s.p.send_signal(sig)
        if sig != signal.SIGPIPE:
            until("a word about it", lambda: sig.name in s.log())
    assert s.call("GET", "/health/live")[0] == 200
    assert s.stop() == 0


@case
def nothing_is_printed_into_the_data(d):
    """Started with its standard files closed, a program would have the first files that it opens in their places."""
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-", "<&- 2>&-"):
        address = "127.0.0.1:%d" % free_port()
        s = Server(d + "/data" + str(len(SERVERS)), listen=address, prefix=("sh", "-c", 'exec "$@" ' + closed, "sh"))
        until("an answer with " + closed, lambda: port_answers(address))
        for n, what in enumerate(("<&-", ">&-", "2>&-")):
            file = os.readlink("/proc/%d/fd/%d" % (s.p.pid, n))
            assert (file == "/dev/null" if what in closed.split() else not file.startswith(s.folder + "/")), (closed, n, file)
        assert open(s.folder + "/lock").read().strip() == str(s.p.pid), open(s.folder + "/lock").read()
        assert s.stop() == 0


# ---- addresses ----


def port_answers(address):
    try:
        return get("http://" + address) == 200
    except OSError:
        return False


def get(address, path="/health/live", ca=None):
    """The status of a GET at "http://host:port", "https://..." or "unix:PATH"; None: nobody answers."""
    family = socket.AF_UNIX if address.startswith("unix:") else socket.AF_INET6 if "[" in address else socket.AF_INET
    if family == socket.AF_UNIX:
        to = address[5:]
    else:
        host, _, port = address.split("://")[1].rpartition(":")
        to = (host.strip("[]"), int(port))
    try:
        s = socket.socket(family)
        s.settimeout(PATIENCE)
        s.connect(to)
        if address.startswith("https:"):
            context = ssl.create_default_context(cafile=ca)
            s = context.wrap_socket(s, server_hostname="localhost")
        s.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path.encode())
        data = b""
        while piece := s.recv(65536):
            data += piece
        get.serial = s.getpeercert()["serialNumber"] if address.startswith("https:") else None
        return int(data.split()[1])
    except OSError:
        return None
    finally:
        s.close()


def addresses(s):
    first = s.said.split("is ready at ")[1].split()[0]
    return [first] + [line.split("and at ")[1] for line in s.said.splitlines() if line.startswith("  and at ")]


@case
def several_addresses(d):
    s = Server(d + "/data", "--listen", "unix:%s/sock" % d, listen="localhost:0 127.0.0.2:0").ready()
    found = addresses(s)
    assert len(found) >= 3 and "unix:%s/sock" % d in found, found
    for a in found:
        assert get(a) == 200, a
    assert os.stat(d + "/sock").st_mode & 0o777 == 0o660
    Server(d + "/other", listen="unix:%s/sock" % d).refused("in use by another program")
    s.stop()
    assert not os.path.exists(d + "/sock")
    # What a killed server left is replaced.
    s = Server(d + "/data", listen="unix:%s/sock" % d).ready()
    s.p.kill()
    s.p.wait()
    assert os.path.exists(d + "/sock")
    s = Server(d + "/data", listen="unix:%s/sock" % d).ready()
    assert get("unix:%s/sock" % d) == 200
    s.stop()


@case
def sockets_of_systemd(d):
    l = socket.socket()
    l.bind(("127.0.0.1", 0))
    l.listen()
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(d + "/notify")
    notify.settimeout(PATIENCE)
    # What systemd does between fork and exec.
    script = "import os,sys; os.dup2(%d, 3); os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[1], sys.argv[1:])" % l.fileno()
    variables = dict(os.environ, LISTEN_FDS="1", NOTIFY_SOCKET=d + "/notify", OLLAMA_HOST="")
    s = Server.__new__(Server)
    s.out, s.err = d + "/out", d + "/err"
    with open(s.out, "wb") as out, open(s.err, "wb") as err:
        s.p = subprocess.Popen([sys.executable, "-c", script, binary, "serve", "--data", d + "/data"], pass_fds=[l.fileno()],
                               stdout=out, stderr=err, env=variables)
    SERVERS.append(s.p)
    s.ready()
    assert addresses(s) == ["http://127.0.0.1:%d" % l.getsockname()[1]], s.said
    assert notify.recv(100) == b"READY=1"
    assert get(addresses(s)[0]) == 200
    s.stop()
    assert notify.recv(100) == b"STOPPING=1"
    l.close()


def make_certificate(d, name, days=90):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "%s/%s.key" % (d, name),
                    "-out", "%s/%s.pem" % (d, name)], check=True, capture_output=True)


@case
def https_and_a_new_certificate(d):
    make_certificate(d, "one")
    make_certificate(d, "two", 5)
    shutil.copy(d + "/one.pem", d + "/cert.pem")
    shutil.copy(d + "/one.key", d + "/cert.key")
    flags = ("--tls-cert", d + "/cert.pem", "--tls-key", d + "/cert.key")
    Server(d + "/data", *flags[:2]).refused("tls_key is missing")
    Server(d + "/data", "--tls-cert", d + "/two.pem", *flags[2:]).refused("does not belong")
    s = Server(d + "/data", *flags, listen="127.0.0.1:0 http://127.0.0.2:0").ready()
    secure, plain = addresses(s)
    assert secure.startswith("https://") and plain.startswith("http://"), s.said
    assert get(secure, ca=d + "/one.pem") == 200
    # Of localhost, other ports are other programs'.
    for name, said in (("localhost", False), ("chat.example.test", True)):
        c = http.client.HTTPConnection(name)
        c.sock = ssl._create_unverified_context().wrap_socket(socket.create_connection(secure[8:].split(":"), PATIENCE))
        c.request("GET", "/")
        assert ("Strict-Transport-Security" in c.getresponse().headers) == said, name
        c.close()
    get(secure, ca=d + "/one.pem")
    first = get.serial
    assert get(plain) == 200
    assert get("http://" + secure[8:]) != 200, "plain bytes on the https port"
    # One that does not fit its key is not taken.
    shutil.copy(d + "/two.pem", d + "/cert.pem")
    s.p.send_signal(signal.SIGHUP)
    until("a word about it", lambda: "the certificate in use stays" in s.log())
    assert get(secure, ca=d + "/one.pem") == 200
    # Nor is anything that would be waited at: the server goes on hearing signals.
    os.remove(d + "/cert.key")
    os.mkfifo(d + "/cert.key")
    s.p.send_signal(signal.SIGHUP)
    until("a word about a pipe", lambda: "cert.key is no file" in s.log())
    Server(d + "/other", *flags).refused("cert.key is no file")
    os.remove(d + "/cert.key")
    # A connection that is open goes on over the change.
    context = ssl.create_default_context(cafile=d + "/one.pem")
    host, port = secure[8:].split(":")
    c = context.wrap_socket(socket.create_connection((host, int(port)), PATIENCE), server_hostname="localhost")
    shutil.copy(d + "/two.key", d + "/cert.key")
    s.p.send_signal(signal.SIGHUP)
    until("a word about it", lambda: "was loaded anew" in s.log())
    assert "ends in" in s.log(), "it ends soon, and nobody says so"
    c.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert c.recv(65536).startswith(b"HTTP/1.1 200")
    c.close()
    assert get(secure, ca=d + "/two.pem") == 200 and get.serial != first
    assert s.stop() == 0


@case
def keys_that_others_may_read_are_told(d):
    make_certificate(d, "cert")
    with open(d + "/conf", "w") as f:
        f.write("provider.far.kind = openai\nprovider.far.url = http://127.0.0.1:1/v1\nprovider.far.key = sk-secret\n")
    flags = ("--tls-cert", d + "/cert.pem", "--tls-key", d + "/cert.key", "--config", d + "/conf", "--no-librarian")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ATELIER_")}
    for mode, told in ((0o644, True), (0o640, False)):
        for name in ("cert.key", "conf"):
            os.chmod("%s/%s" % (d, name), mode)
        r = subprocess.run([binary, "doctor", "--data", d + "/data", "--listen", "127.0.0.1:0", *flags], capture_output=True, text=True,
                           env=clean)
        s = Server(d + "/open%d" % told, *flags).ready()
        if told:
            until("two words", lambda: s.log().lower().count("others on this machine") == 2)
        assert s.stop() == 0
        for what in ("others on this machine may read the key %s/cert.key" % d, "others on this machine may read %s/conf" % d):
            assert (what in r.stdout.lower()) == told, r.stdout
            assert (what in s.log().lower()) == told, s.log()
        assert "sk-secret" not in r.stdout + s.log()


@case
def the_doctor_knows_a_wrong_address(d):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ATELIER_")}
    r = subprocess.run([binary, "doctor", "--data", d + "/data"], capture_output=True, text=True, env={**clean, "ATELIER_LISTEN": "9"})
    assert r.returncode == 1 and 'fail  port         "9" is not an address to listen on' in r.stdout, r.stdout


# ---- a proxy in front ----


def lines_of_the_manual():
    """The lines for nginx as the manual has them, those of a path included: outside of `server`, and inside."""
    manual = open(os.path.join(HERE, "../../docs/manual/07-running-a-server.md"), encoding="utf-8").read()
    outside = re.search(r"`(map \$http_upgrade [^`]+)`", manual).group(1) + "\n"
    whole = manual.split("    location / {\n")[1].split("    }\n")[0]
    below = manual.split("    location /atelier/ {\n")[1].split("        # and the other lines")[0]
    return outside, "location /atelier/ {\n%s%s}\n" % (below, "".join(x + "\n" for x in whole.splitlines() if "proxy_pass " not in x))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    """One process, so that nothing of it outlives its end."""

    def __init__(self, d, port):
        self.d, self.port = d, free_port()
        make_certificate(d, "nginx")
        outside, location = lines_of_the_manual()
        with open(d + "/nginx.conf", "w") as f:
            f.write("user root;\n" if os.geteuid() == 0 else "")  # its files are in our folder
            f.write("daemon off; master_process off; pid %(d)s/nginx.pid; error_log stderr;\nevents {}\nhttp {\n"
                    "access_log off; client_body_temp_path %(d)s/b; proxy_temp_path %(d)s/p; fastcgi_temp_path %(d)s/f;\n"
                    "uwsgi_temp_path %(d)s/u; scgi_temp_path %(d)s/s;\n%(outside)sserver { listen 127.0.0.1:%(port)d ssl;\n"
                    "ssl_certificate %(d)s/nginx.pem; ssl_certificate_key %(d)s/nginx.key;\n%(location)s} }\n"
                    % {"d": d, "port": self.port, "outside": outside, "location": location.replace(":8420", ":%d" % port)})
        with open(d + "/nginx.err", "wb") as err:
            p = subprocess.Popen([shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-c", d + "/nginx.conf"],
                                 stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        SERVERS.append(p)
        self.host = "chat.example.test:%d" % self.port
        until("nginx", lambda: self.ask("GET", "/atelier/health/live") or p.poll() is not None)
        assert p.poll() is None, open(d + "/nginx.err").read()

    def open(self, method, path, body=None, **headers):
        """The connection and its answer, whose body is not read."""
        try:
            plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        except ConnectionRefusedError:
            return None, None
        c = http.client.HTTPConnection(self.host)
        c.sock = ssl._create_unverified_context().wrap_socket(plain)
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        c.request(method, path, body, {"Host": self.host, **headers})
        return c, c.getresponse()

    def ask(self, method, path, body=None, **headers):
        c, r = self.open(method, path, body, **headers)
        if r is not None:
            r.data = r.read()
            c.close()
        return r


@case
def below_a_path_of_nginx(d):
    """As the manual says it: the page, its cookie, streams as they come, and large files."""
    sys.path.insert(0, os.path.join(HERE, "../scenario"))
    from provider import Answer, Provider, Step
    provider, port = Provider(), free_port()
    n = Nginx(d, port)
    env = {**provider.settings(), "ATELIER_PUBLIC_URL": "https://%s/atelier" % n.host, "ATELIER_TRUST_PROXY": "1"}
    s = Server(d + "/data", env=env, listen="127.0.0.1:%d" % port).ready()
    page = n.ask("GET", "/atelier/")
    assert page.status == 200 and b"<html" in page.data, page.status
    assert page.headers["Strict-Transport-Security"].startswith("max-age="), page.headers
    assert n.ask("GET", "/atelier").headers["Location"].endswith("/atelier/")
    parts = set(re.findall(r'(?:src|href)="([^"#:]+)"', page.data.decode()))
    assert any(x.endswith(".js") for x in parts), parts
    for x in parts:
        assert not x.startswith("/"), "%s leads out of the path" % x
        assert n.ask("GET", "/atelier/" + x).status == 200, x
    # Signed in by the cookie, as a page of this address would be.
    ours = {"Origin": "https://" + n.host, "X_Atelier_Base": "/atelier/"}
    r = n.ask("POST", "/atelier/api/v1/setup", {"code": s.code, "username": "ada", "password": "a long enough password"}, **ours)
    assert r.status in (200, 201), r.data
    cookies = r.headers.get_all("Set-Cookie")
    assert all("Path=/atelier;" in c and "; Secure" in c for c in cookies), cookies
    ours["Cookie"] = "; ".join(c.split(";")[0] for c in cookies)
    # A stream link leads to the path, and what is written comes at once.
    provider.fallback = Answer([Step(0, ["text", "first "]), Step(0, ["wait", "seen"]), Step(0, ["text", "last"]), Step(0, ["done"])])
    until("models", lambda: b"mock:1b" in n.ask("GET", "/atelier/api/v1/models", **ours).data)
    r = n.ask("POST", "/atelier/api/v1/conversations", {"model": "mock:1b"}, **ours)
    assert r.status == 201, r.data
    r = n.ask("POST", "/atelier/api/v1/conversations/%s/turns" % json.loads(r.data)["id"], {"content": "Hi"}, **ours)
    link = json.loads(r.data)["stream_url"]
    assert r.status == 202 and link.startswith("/atelier/"), r.data
    c, r = n.open("GET", link)
    assert r.status == 200, r.status
    seen = b""
    while b"first" not in seen:
        seen += r.read1(65536)
    assert b"event: done" not in seen
    provider.signal("seen")
    seen += r.read()
    assert b"last" in seen and b"event: done" in seen
    c.close()
    # Parts of a file.
    data = os.urandom(9 << 20)
    r = n.ask("POST", "/atelier/api/v1/uploads", Upload_Length=str(len(data)), Tus_Resumable="1.0.0", **ours)
    at = r.headers["Location"]
    assert r.status == 201 and at.startswith("/atelier/"), (r.status, at)
    for offset in range(0, len(data), 8 << 20):
        r = n.ask("PATCH", at, data[offset:offset + (8 << 20)], Upload_Offset=str(offset), Tus_Resumable="1.0.0",
                  Content_Type="application/offset+octet-stream", **ours)
        assert r.status == 204, (r.status, r.data)
    assert n.ask("HEAD", at, Tus_Resumable="1.0.0", **ours).headers["Upload-Offset"] == str(len(data))
    assert n.ask("POST", "/atelier/api/v1/auth/logout", **ours).status in (200, 204)
    # Past the proxy, by plain http, nobody is told to come by https.
    assert s.call("GET", "/health/live")[0] == 200 and "Strict-Transport-Security" not in s.headers
    assert s.stop() == 0
    provider.down()


def without_library(d, name):
    """The environment of a machine on which this library is damaged."""
    os.mkdir(d + ".lib")
    open(d + ".lib/" + name, "w").close()
    return {"LD_LIBRARY_PATH": d + ".lib"}


@case
def a_start_loads_no_library_that_it_does_not_use(d):
    needed = subprocess.run(["readelf", "-d", binary], capture_output=True, text=True, check=True).stdout
    for word in ("libcurl", "libpq", "libglib"):
        assert word not in needed, "%s is loaded at the start, and the libraries that it needs" % word
    s = Server(d).ready()
    maps = open("/proc/%d/maps" % s.p.pid).read()
    for word in ("libcurl", "libpq", "libldap", "libgnutls", "libkrb5"):
        assert word not in maps, "%s is loaded, although nothing has used it" % word
    s.stop()


@case
def a_library_that_is_missing_has_its_name(d):
    env = without_library(d, "libpq.so.5")
    Server(d, "--database", "postgresql://127.0.0.1:1/none", env=env).refused("libpq.so.5", "package libpq5")
    open(d + ".lib/libcurl.so.4", "w").close()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ATELIER_")}
    r = subprocess.run([binary, "doctor", "--data", d], capture_output=True, text=True, env={**clean, **env})
    assert r.returncode != 0 and re.search("fail  libraries .*libcurl.so.4.*package libcurl4", r.stdout), r.stdout
    s = Server(d, env={**env, "OLLAMA_HOST": "https://localhost:1"}).ready()
    token = s.admin()

    def told():
        status, v = s.call("GET", "/health", token=token)
        return status == 200 and "libcurl.so.4" in json.dumps(v)
    until("a word about libcurl in /health", told)
    status, v = s.call("GET", "/api/v1/models", token=token)
    assert "lacks a library" in json.dumps(v), v
    os.unlink(d + ".lib/libcurl.so.4")  # it is installed
    assert s.call("POST", "/api/v1/models/refresh", token=token)[0] < 300
    until("no such word any more", lambda: not told())
    s.stop()


@case
def secrets_do_not_stand_in_the_list_of_processes(d):
    for flag in ("--openai-api-key", "--anthropic-api-key", "--master-key"):
        r = subprocess.run([binary, "doctor", flag, "sk-secret"], capture_output=True)
        assert r.returncode != 0 and b"configuration file" in r.stderr and b"sk-secret" not in r.stderr, r


def resident_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % pid).read()).group(1)) / 1024


def dumped_memory(pid):
    """What a core dump would have of the process: what can be written to and is not left out."""
    parts, at = [], None
    with open("/proc/%d/smaps" % pid) as f, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in f:
            first = line.split()[0]
            if "-" in first and not first.endswith(":"):
                at = None if line.split()[1][:2] != "rw" else [int(x, 16) for x in first.split("-")]
            elif first == "VmFlags:" and at and "dd" not in line.split():
                mem.seek(at[0])
                try:
                    parts.append(mem.read(at[1] - at[0]))
                except OSError:
                    pass
    return b"".join(parts)


@case
def secrets_do_not_stand_in_a_dump(d):
    """Not even where dumps are allowed: those that live long stand on pages of their own, others are overwritten."""
    if b"__asan_init" in open(binary, "rb").read():
        return "not with a sanitizer, which keeps what is freed"
    flags = ("--core-dumps",)
    key, env_key, master = "sk-stored-0123456789", "sk-variable-0123456789", os.urandom(32)
    env = {"OPENAI_API_KEY": env_key, "OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "ATELIER_MASTER_KEY": master.hex()}
    s = Server(d + "/data", *flags, env=env).ready()
    token = s.admin()
    s.call("POST", "/api/v1/providers", {"name": "lab", "kind": "openai", "url": "http://127.0.0.1:1/v1", "key": key}, token)
    assert s.call("GET", "/api/v1/providers", token=token)[0] == 200
    for i in range(50):  # what others ask for afterwards stands where it was
        s.call("GET", "/health/live")
    secrets = {"stored key": key.encode(), "key of a variable": env_key.encode(), "master key": master,
               "master key in hexadecimal": master.hex().encode(), "session": token.encode(), "password": b"a long enough password"}

    def clean():
        memory = dumped_memory(s.p.pid)
        assert b"/health/live" in memory and len(memory) > 1 << 20
        return not [name for name in secrets if secrets[name] in memory]
    until("a memory without secrets, when nobody is asked", clean)
    s.stop()


@case
def memory_is_given_back(d):
    """After a burst of requests that become many small pieces in memory."""
    if b"__asan_init" in open(binary, "rb").read():
        return "not with a sanitizer, which keeps what is freed"
    s = Server(d + "/data").ready()
    token = s.admin()
    key = s.call("POST", "/api/v1/keys", {"name": "g"}, token)[1]["key"]
    message = {"role": "user", "content": "abcdefghij"}
    before, burst = resident_mb(s.p.pid), []

    def ask():
        burst.append(s.call("POST", "/v1/chat/completions", {"model": "librarian", "messages": [message] * 28000}, key)[0])
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert burst == [200] * 8, burst
    peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/%d/status" % s.p.pid).read()).group(1)) / 1024
    assert peak > before + 50, "that was no burst: %d MB" % peak
    until("the memory, back from %d MB" % peak, lambda: resident_mb(s.p.pid) < before + 16)
    s.stop()


@case
def half_handshakes_take_little(d):
    """Strangers who open and say nothing, or a part, or their whole first word of TLS, and then no more."""
    if b"__asan_init" in open(binary, "rb").read():
        return "not with a sanitizer, whose memory is another"
    make_certificate(d, "one")
    context = ssl.create_default_context(cafile=d + "/one.pem")
    client = ssl._create_unverified_context().wrap_bio(ssl.MemoryBIO(), out := ssl.MemoryBIO())
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello, count, took = out.read(), 300, {}

    def good(s):
        """Behind all that came before it."""
        c = context.wrap_socket(socket.create_connection(("127.0.0.1", s.port), PATIENCE), server_hostname="localhost")
        c.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert c.recv(65536).startswith(b"HTTP/1.1 200")
        c.close()
    for what, said in {"nothing": b"", "a byte": hello[:1], "a part": hello[:-1], "all": hello}.items():
        s = Server(d + "/" + what, "--tls-cert", d + "/one.pem", "--tls-key", d + "/one.key", "--max-connections-per-address", "2000").ready()
        good(s)
        before, held = resident_mb(s.p.pid), []
        for _ in range(count):
            held.append(socket.create_connection(("127.0.0.1", s.port), PATIENCE))
            held[-1].sendall(said)
        if what == "all":  # each is answered
            assert all(c.recv(1) == b"\x16" for c in held)
        good(s)
        took[what] = (resident_mb(s.p.pid) - before) * 1024 / count
        for c in held:
            c.close()
        # One that comes byte by byte is a whole one in the end.
        c = socket.create_connection(("127.0.0.1", s.port), PATIENCE)
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hello:
            c.sendall(bytes([byte]))
        assert c.recv(1) == b"\x16"
        c.close()
        s.stop()
    whole = took.pop("all")  # OpenSSL has begun: its own buffer, keys and what it sent
    assert max(took.values()) < 20 and whole < 56, "KB each: %s, all of it: %d" % (took, whole)


@case
def silent_after_a_handshake_takes_little(d):
    """A thousand strangers who open TLS, by either version, and then say nothing."""
    if b"__asan_init" in open(binary, "rb").read():
        return "not with a sanitizer, whose memory is another"
    make_certificate(d, "one")
    context = ssl._create_unverified_context()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.maximum_version = version
        s = Server(d + "/" + version.name, "--tls-cert", d + "/one.pem", "--tls-key", d + "/one.key",
                   "--max-connections-per-address", "2000").ready()
        held = [context.wrap_socket(socket.create_connection(("127.0.0.1", s.port), PATIENCE)) for _ in range(1000)]
        last = context.wrap_socket(socket.create_connection(("127.0.0.1", s.port), PATIENCE))
        last.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert last.recv(65536).startswith(b"HTTP/1.1 200")
        assert resident_mb(s.p.pid) < 48, "%d MB" % resident_mb(s.p.pid)  # 31, of which 17 are the server's own
        for c in [*held, last]:
            c.close()
        s.stop()


# ---- the binary ----


def is_hardened(data):
    assert data[:4] == b"\x7fELF" and data[4] == 2
    kind, = struct.unpack_from("<H", data, 16)
    offset, = struct.unpack_from("<Q", data, 32)
    size, n = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", data, offset + i * size) for i in range(n)]
    by_type = {h[0]: h for h in headers}
    assert kind == 3, "not position independent"
    assert 0x6474E552 in by_type, "no RELRO"
    assert not by_type[0x6474E551][1] & 1, "an executable stack"
    dynamic = by_type[2]
    entries = dict(struct.unpack_from("<QQ", data, dynamic[2] + i) for i in range(0, dynamic[5], 16))
    assert entries.get(30, 0) & 8 or entries.get(0x6FFFFFFB, 0) & 1, "not bound at the start"


@case
def the_binary_is_hardened(d):
    data = open(binary, "rb").read()
    is_hardened(data)
    # What reads documents is a program within it.
    programs = [m.start() for m in re.finditer(b"\x7fELF\x02\x01\x01", data)][1:]
    assert programs, "there is no reader in it"
    for at in programs:
        is_hardened(data[at:])


@case
def the_server_loads_nothing_that_reads_documents(d):
    s = Server(d + "/data").ready()
    loaded = {os.path.basename(line.split()[-1]).split(".so")[0] for line in open("/proc/%d/maps" % s.p.pid) if ".so" in line}
    assert "libsqlite3" in loaded, loaded
    foreign = {"libxml2", "libicuuc", "libicudata", "libzip", "libuchardet", "libgmime-3", "libgio-2", "libmd4c", "libstdc++"} & loaded
    assert not foreign, "these are only for the reader: %s" % ", ".join(sorted(foreign))


def main():
    global binary
    p = argparse.ArgumentParser()
    p.add_argument("--binary", default="build/atelier")
    p.add_argument("words", nargs="*")
    a = p.parse_args()
    binary = os.path.abspath(a.binary)
    passed = failed = 0
    for f in CASES:
        if a.words and not any(w in f.__name__ for w in a.words):
            continue
        d = tempfile.mkdtemp(prefix="atelier-process-")
        try:
            note = f(d)
            passed += 1
            if note:
                print("%s: %s" % (f.__name__, note))
        except Exception:
            failed += 1
            print("FAILED", f.__name__)
            traceback.print_exc(file=sys.stdout)
        finally:
            for s in SERVERS:
                if s.poll() is None:
                    s.kill()
            SERVERS.clear()
            shutil.rmtree(d, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
