"""The language of the .scn files: reads a file into steps and carries them out. README.md has the words."""

import ast
import glob
import json
import os
import re
import select
import socket
import sqlite3
import time

from client import Client, Connection, Reader
from provider import Answer, Call, Provider, Step, lookup, same
from server import PATIENCE, Failed, Server

HERE = os.path.dirname(os.path.abspath(__file__))
BARE = re.compile(r"\S+")


def words(text, line):
    """Splits a line: bare words, "JSON strings", {JSON}, [JSON], b"bytes" and /patterns/."""
    out, i, decoder = [], 0, json.JSONDecoder()
    while i < len(text):
        if text[i].isspace():
            i += 1
            continue
        if text[i] == "#" and (i == 0 or text[i - 1].isspace()):
            break
        try:
            if text[i] in '"{[':
                value, i = decoder.raw_decode(text, i)
            elif text.startswith('b"', i):
                m = re.compile(r'b"(?:[^"\\]|\\.)*"').match(text, i)
                value, i = ast.literal_eval(m.group(0)), m.end()
            elif text[i] == "/" and (m := re.compile(r"/((?:[^/\\\s]|\\.| (?=.*/))*)/(?=\s|$)").match(text, i)):
                value, i = re.compile(m.group(1).replace("\\/", "/")), m.end()
            else:
                m = BARE.match(text, i)
                value, i = m.group(0), m.end()
        except (ValueError, AttributeError, SyntaxError) as e:
            raise Failed("line %d cannot be read: %s" % (line, e))
        out.append(value)
    return out


class Command:
    def __init__(self, line, text):
        self.line, self.text, self.block = line, text, []


def read_file(path):
    """Commands at the margin, each with the indented lines below it."""
    commands = []
    with open(path, encoding="utf-8") as f:
        for n, raw in enumerate(f, 1):
            text = raw.rstrip()
            if not text.strip() or text.lstrip().startswith("#"):
                continue
            if text[0].isspace():
                if not commands:
                    raise Failed("line %d is indented below nothing" % n)
                commands[-1].block.append((n, text.strip()))
            else:
                commands.append(Command(n, text))
    return commands


def show(value):
    text = value.pattern if isinstance(value, re.Pattern) else json.dumps(value, ensure_ascii=False)
    return text if len(text) < 400 else text[:400] + "..."


def holds(value, path, want):
    try:
        return same(lookup(value, path), want)
    except Failed:
        return False


class Scenario:
    """One run of one file."""

    def __init__(self, binary, folder, template):
        self.folder, self.template, self.beside = folder, template, None
        self.data = os.path.join(folder, "data")
        self.server = Server(binary, self.data)
        self.providers = {}
        self.readers = {}
        self.crowd = []
        self.waiting = {}
        self.vars = dict(template.vars) if template else {}
        self.vars["dir"] = folder
        self.vars["tests"] = os.path.dirname(HERE)
        self.who, self.by = "admin", "bearer"
        self.response = None
        self.output, self.exit = "", None
        self.started = False
        self.marks = {}

    # ---- frame ----

    def run(self, commands):
        for c in commands:
            try:
                self.one(c)
            except Failed as e:
                raise Failed("line %d: %s\n    %s" % (c.line, e, c.text[:300]))
            except OSError as e:
                raise Failed("line %d: %s\n    %s" % (c.line, e, c.text[:300]))
        for name, r in self.readers.items():
            if not r.response or r.response.status == 200:
                try:
                    r.check_ids(getattr(r, "first", 1))
                except Failed as e:
                    raise Failed("reader %s: %s" % (name, e))
        for r in self.readers.values():
            if r.ended is None and r.conn:
                r.leave()
        self.server.stop()
        self.server.check_log()
        for p in self.providers.values():
            if p.problems:
                raise Failed(p.problems[0])

    def finish(self):
        """After the run, however it went: nothing stays behind."""
        while self.crowd:
            self.crowd.pop().close()
        self.server.destroy()
        for p in self.providers.values():
            p.down()

    def one(self, c):
        w = words(self.fill(c.text), c.line)
        head = w[0]
        if head in ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"):
            return self.request(head, w[1], w[2] if len(w) > 2 else None, self.header_lines(c))
        verb = getattr(self, "cmd_" + head, None)
        if verb is None:
            raise Failed("there is no command %r" % head)
        verb(c, *w[1:])

    def fill(self, text):
        def value(m):
            name = m.group(1)
            if name not in self.vars:
                raise Failed("$%s is not set" % name)
            return str(self.vars[name])
        return re.sub(r"\$([a-z_][a-z0-9_]*)", value, text)

    def header_lines(self, c):
        out = {}
        for _, text in c.block:
            name, _, value = self.fill(text).partition(":")
            out[name.strip()] = value.strip()
        return out

    def provider(self, name="main"):
        if name not in self.providers:
            if name != "main":
                raise Failed("there is no provider %r" % name)
            self.cmd_provider(None, "ollama")
        return self.providers[name]

    def reader(self, name):
        if name not in self.readers:
            raise Failed("there is no reader %r" % name)
        return self.readers[name]

    def client(self):
        self.need_server()
        if self.who == "nobody":
            return Client(self.server.port)
        token = self.vars.get(self.who + "_" + self.by)
        if token is None:
            raise Failed("%s is not signed in" % self.who)
        return Client(self.server.port, **{self.by: token})

    # ---- the server ----

    def need_server(self):
        if self.server.alive():
            return
        if self.started:
            raise Failed("the server is not running")
        self.cmd_start(None)

    def prepare(self):
        if not os.path.isdir(self.data):
            if self.template:
                self.template.copy(self.data, self.server)
            else:
                os.makedirs(self.data, 0o700)
                if self.beside and self.beside.postgres:
                    self.beside.give_database(self.server)

    def cmd_fresh(self, c):
        """Begin with an empty data folder, without any user."""
        self.beside, self.template = self.template, None

    def cmd_fault(self, c, spec=""):
        path = self.server.data + ".fault"
        with open(path + ".new", "w") as f:
            f.write(spec)
        os.replace(path + ".new", path)

    def cmd_set(self, c, *pairs):
        for p in pairs:
            k, _, v = p.partition("=")
            self.server.settings[k] = v

    def cmd_files(self, c, n):
        """How many files the next start may have open."""
        self.server.files = int(n)

    def cmd_crowd(self, c, n, *how):
        """So many more connections that stay: each with a request that was answered, or `silent`. 0: they all leave."""
        self.need_server()
        for _ in range(int(n)):
            s = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
            self.crowd.append(s)
            if how != ("silent",):
                s.sendall(b"GET /health/live HTTP/1.1\r\nHost: crowd\r\n\r\n")
                if not s.recv(4096).startswith(b"HTTP/1.1 200 "):
                    raise Failed("one of the crowd was not answered")
        while int(n) == 0 and self.crowd:
            self.crowd.pop().close()

    def cmd_start(self, c, *how):
        self.prepare()
        self.started = True
        if not self.providers:
            self.provider()
        self.server.spawn() if how[:1] == ("fails",) else self.server.start()
        self.vars["port"] = self.server.port
        if how[:1] == ("fails",):
            status = self.server.wait_exit()
            lines = [x for x in self.server.run_lines() if x.strip()]
            if status == 0 or status < 0 or status in (66, 99):
                raise Failed("the start ended with status %d" % status)
            if len(lines) != 1 or not how[1].search(lines[0]):
                raise Failed("the start failed with other lines than one of /%s/: %r" % (how[1].pattern, lines))
            return
        if self.server.setup_code:
            self.vars["setup_code"] = self.server.setup_code

    def cmd_stop(self, c):
        self.server.stop()

    def cmd_kill9(self, c):
        self.server.kill()
        self.server.check_log()

    def cmd_tear_journal(self, c):
        """The last bytes that were written to the newest journal file never reached the disk."""
        files = sorted(os.path.join(d, f) for d, _, names in os.walk(self.data) for f in names if f.endswith(".journal"))
        if not files:
            raise Failed("there is no journal in the data folder")
        with open(files[-1], "r+b") as f:
            written = f.read().rstrip(b"\0")
            f.truncate(len(written) - 3)

    def cmd_restart(self, c):
        self.server.stop()
        self.cmd_start(c)

    def cmd_run(self, c, *args):
        """A command of the program: run user add bob < "password"."""
        self.prepare()
        args, stdin = list(args), ""
        if "<" in args:
            i = args.index("<")
            stdin, args = "".join(args[i + 1:]), args[:i]
        self.exit, self.output = self.server.command(args, stdin)

    def cmd_store(self, c, path, n):
        """So many files without a byte in the data folder, with a number behind this path."""
        os.makedirs(os.path.join(self.data, os.path.dirname(path)))
        for i in range(int(n)):
            open(os.path.join(self.data, path + str(i)), "x").close()

    def cmd_interrupt(self, c, text, *args):
        """A command that gets Ctrl+C when it has written this text: interrupt "Half" chat "Hi"."""
        self.prepare()
        self.exit, self.output = self.server.interrupted(list(args), text)

    def cmd_sql(self, c, statement, *rest):
        """On the data folder's database; `sql "SELECT ..." = [[...]]` compares the rows."""
        self.prepare()
        if self.server.postgres:
            return self.sql_postgres(statement, *rest)
        db = sqlite3.connect(self.server.database(), timeout=PATIENCE)
        try:
            rows = [list(r) for r in db.execute(statement).fetchall()]
            db.commit()
        except sqlite3.Error as e:
            raise Failed(str(e))
        finally:
            db.close()
        if rest and rows != rest[1]:
            raise Failed("the rows are %s" % show(rows))

    def sql_postgres(self, statement, *rest):
        """The same there: psql prints a truth value as t or f."""
        postgres, name = self.server.postgres
        rows = [line.split("|") for line in postgres.sql(statement, name).splitlines()]
        shown = {None: "", True: "t", False: "f", 1: "1", 0: "0"}
        want = [[shown.get(v, str(v)) for v in row] for row in rest[1]] if rest else rows
        if [["1" if v == "t" else "0" if v == "f" else v for v in row] for row in rows] != want:
            raise Failed("the rows are %s" % show(rows))

    # ---- the provider ----

    def cmd_provider(self, c, kind, *more):
        """`provider ollama|openai|anthropic|none [NAME] [MODEL ...]`"""
        if kind == "none":
            self.providers["none"] = Provider()
            self.providers["none"].down()
            return
        name = more[0] if more else "main"
        p = Provider(kind, more[1:] or ("mock:1b",))
        self.providers[name] = p
        self.server.settings.update(p.settings())
        self.vars[name + "_port"] = p.port

    def cmd_serve(self, c, kind, name, *models):
        """A model server that the settings do not know; $NAME_port is its port."""
        p = Provider(kind, models or ("mock:1b",))
        self.providers[name] = p
        self.vars[name + "_port"] = p.port

    def cmd_conf(self, c):
        """The lines below become the data folder's atelier.conf."""
        self.prepare()
        with open(os.path.join(self.data, "atelier.conf"), "w") as f:
            f.write("".join(self.fill(text) + "\n" for _, text in c.block))

    def cmd_answer(self, c, name="main", *how):
        """Queues a script for the next call; `answer main always` for all that follow; `answer main pull`."""
        p = self.provider(name)
        steps = []
        for n, text in c.block:
            step = words(self.fill(text), n)
            if getattr(Call, "do_" + step[0].replace("-", "_"), None) is None:
                raise Failed("line %d: the provider does not know %r" % (n, step[0]))
            steps.append(Step(n, step))
        if "pull" in how:
            p.pulls.append(Answer(steps))
        elif how:
            p.fallback = Answer(steps)
        else:
            p.answers.append(Answer(steps))

    def cmd_down(self, c, name="main"):
        self.provider(name).down()

    def cmd_up(self, c, name="main"):
        self.provider(name).up()

    def cmd_go(self, c, signal, name="main"):
        self.provider(name).signal(signal)

    def cmd_await(self, c, what, name="main"):
        """Until the provider's script has said `reached WHAT`; `await idle`: until no call is open."""
        p = self.provider(name)
        if what == "idle":
            p.wait("an end of all calls", lambda: p.ended == len(p.calls))
        elif what == "closed":
            p.wait("a closed call", lambda: p.closed_at)
        else:
            p.wait("%r of the provider" % what, lambda: what in p.signals)

    # ---- who asks ----

    def cmd_as(self, c, who, *by):
        self.who, self.by = who, by[1] if by else "bearer"

    def cmd_login(self, c, name, password=None):
        """Signs in and keeps both credentials as $NAME_bearer and $NAME_cookie."""
        self.need_server()
        password = self.vars[name + "_password"] if password is None else password
        self.who = "nobody"
        self.request("POST", "/api/v1/auth/login", {"username": name, "password": password}, {})
        if self.response.status == 200:
            self.take_session(name)

    def take_session(self, name):
        self.vars[name + "_bearer"] = self.response.json()["token"]
        m = re.match(r"atelier_session=([^;]+)", self.response.header("Set-Cookie") or "")
        if not m:
            raise Failed("the login set no cookie")
        self.vars[name + "_cookie"] = m.group(1)
        self.who, self.by = name, "bearer"

    def cmd_session(self, c, name):
        """Takes the session out of the last answer (of a setup)."""
        self.take_session(name)

    # ---- requests ----

    def request(self, method, path, body, headers):
        self.response = self.client().request(method, path, body, headers)
        self.marks["answered"] = time.monotonic()

    def cmd_raw(self, c, data):
        """Sends bytes as they are and takes one answer."""
        self.need_server()
        conn = Connection(self.server.port)
        try:
            conn.sock.sendall(data if isinstance(data, bytes) else data.encode())
        except OSError:
            pass  # the answer may be there already
        conn.head()
        self.response = conn.finish()

    def cmd_abandon(self, c, signal, method, path, body=None, name="main"):
        """A request whose client leaves when the provider's script has said `reached SIGNAL`."""
        client = self.client()
        data = json.dumps(body).encode() if body is not None else None
        conn = Connection(self.server.port)
        try:
            conn.send(method, path, client.headers(self.header_lines(c), data), data)
            self.cmd_await(c, signal, name)
        finally:
            self.marks["cancel"] = time.monotonic()
            conn.sock.close()

    def cmd_meanwhile(self, c, name, method, path, body=None):
        """A request whose answer is waited for by `answered NAME`; `waits NAME`: nothing of it has come yet."""
        data = json.dumps(body).encode() if body is not None else None
        conn = self.waiting[name] = Connection(self.server.port)
        conn.send(method, path, self.client().headers(self.header_lines(c), data), data)

    def cmd_waits(self, c, name):
        if select.select([self.waiting[name].sock], [], [], 0)[0]:
            raise Failed("the request %s does not wait any more" % name)

    def cmd_answered(self, c, name):
        conn = self.waiting.pop(name)
        conn.head()
        self.response = conn.finish()

    def cmd_refused(self, c, status, code, method, path, body=None):
        """One request that must fail with this status and code, in the envelope."""
        self.request(method, path, body, self.header_lines(c))
        self.expect_status(status)
        self.expect_code(code)

    def cmd_conversation(self, c, name="c", options=None):
        self.request("POST", "/api/v1/conversations", options or {}, {})
        self.expect_status("201")
        self.vars[name] = self.response.json()["id"]

    def cmd_let(self, c, name, eq, *rest):
        """`let x = PATH` out of the last answer; `let x = repeat TEXT N`; `let x is TEXT`; `let x = last r`;
        `let x = event r NAME PATH`; `let x = in MS`, the time so many milliseconds from now."""
        if eq == "is":
            self.vars[name] = rest[0]
        elif rest[0] == "repeat":
            self.vars[name] = rest[1] * int(rest[2])
        elif rest[0] == "in":
            self.vars[name] = int(time.time() * 1000) + int(rest[1])
        elif rest[0] == "last":
            self.vars[name] = self.reader(rest[1]).last_id
        elif rest[0] == "event":
            self.vars[name] = lookup([e.json() for e in self.reader(rest[1]).events if e.name == rest[2]], rest[3])
        elif rest[0] == "header":
            self.vars[name] = self.response.header(rest[1])
        else:
            self.vars[name] = lookup(self.response.json(), rest[0])

    # ---- turns and their readers ----

    def open_reader(self, r, method, path, body, headers, paused=False):
        client = self.client()
        if body is not None:
            body = json.dumps(body).encode()
        headers = dict({"Accept": "text/event-stream"}, **headers)
        self.response = r.open(self.server.port, method, path, client.headers(headers, body), body, paused)
        return self.response

    def cmd_turn(self, c, name, content, options=None):
        """Says something in $c and follows the answer."""
        self.start_turn(c, name, dict({"content": content}, **(options or {})))

    def cmd_continue(self, c, name, options=None):
        self.start_turn(c, name, dict({"continue": True}, **(options or {})))

    def cmd_regenerate(self, c, name, message, options=None):
        self.start_turn(c, name, dict({"regenerate": message}, **(options or {})))

    def start_turn(self, c, name, body):
        r = self.readers[name] = Reader()
        headers = self.header_lines(c)
        self.open_reader(r, "POST", "/api/v1/conversations/%s/turns" % self.vars["c"], body, headers)
        if r.response.status != 200:
            del self.readers[name]
            return
        r.wait("the start event", lambda r: r.events)
        if r.events[0].name != "start":
            raise Failed("the first event is %r" % r.events[0])
        start = r.events[0].json()
        self.vars["turn"], self.vars["message"] = start["turn_id"], start["message_id"]
        self.vars["user_message"] = start["user_message_id"]
        r.turn = start["turn_id"]

    def cmd_begin(self, c, content, options=None):
        """The first of the two phases: $turn, $message and $stream."""
        self.request("POST", "/api/v1/conversations/%s/turns" % self.vars["c"],
                     dict({"content": content}, **(options or {})), self.header_lines(c))
        if self.response.status == 202:
            b = self.response.json()
            self.vars["turn"], self.vars["message"], self.vars["stream"] = b["turn_id"], b["message_id"], b["stream_url"]

    def cmd_follow(self, c, name, *how):
        """`follow r [after N] [at PATH [with BODY]] [paused]`"""
        how, after = list(how), 0
        method, body = "GET", None
        if "with" in how:
            method, body = "POST", how[how.index("with") + 1]
        path = "/api/v1/turns/%s/events" % self.vars.get("turn")
        paused = "paused" in how
        if "at" in how:
            path = how[how.index("at") + 1]
        if "after" in how:
            after = int(how[how.index("after") + 1])
            path += ("&" if "?" in path else "?") + "after=%d" % after
        r = self.readers[name] = Reader()
        r.turn, r.first = self.vars.get("turn"), after + 1
        r.numbered = body is None and ("/events" not in path or "/turns/" in path)
        self.open_reader(r, method, path, body, self.header_lines(c), paused)
        if r.response.status != 200:
            del self.readers[name]

    def cmd_resume(self, c, name, *how):
        """Connects again and tells the number of the last event that came."""
        r = self.reader(name)
        path = how[1] if how else "/api/v1/turns/%s/events" % r.turn
        headers = dict({"Last-Event-ID": str(r.last_id)}, **self.header_lines(c))
        self.open_reader(r, "GET", path, None, headers)
        self.expect_status("200")

    def cmd_leave(self, c, name):
        self.reader(name).leave()

    def cmd_go_on(self, c, name):
        self.reader(name).go_on()

    def cmd_until(self, c, name, what, *rest):
        """`until r text "..."`, `until r done`, `until r status retrying`, `until r id 7`, `until r ended [within MS [awake]]`"""
        r = self.reader(name)
        if what == "ended":
            r.wait_end()
            awake = rest[2:] == ("awake",)
            late = (r.ended_at - self.marks["cancel" if awake else "answered"]) * 1000 if rest else 0
            if awake:
                late -= self.starved()
            if late > float(rest[1] if rest else 0) * SLOWNESS:
                raise Failed("the stream ended %.0f ms late" % late)
            return None
        if what == "id":
            return r.wait("event %s" % rest[0], lambda r: r.last_id >= int(rest[0]))
        if what == "text" and rest:
            return r.wait("the text %r" % rest[0], lambda r: rest[0] in r.text)
        if what == "status":
            return r.wait("the status %s" % rest[0], lambda r: any(
                e.name == "status" and e.json()["state"] == rest[0] for e in r.events))
        if what == "comment":
            return r.wait("a heartbeat", lambda r: r.comments)
        if what == "job":
            # An event of a job whose PATH is VALUE: `until w job state "running"`.
            return r.wait("a job with %s = %s" % (rest[0], show(rest[1])), lambda r: any(
                e.name == "job" and holds(e.json(), rest[0], rest[1]) for e in r.events))
        if what in ("change", "stale", "turn", "job_end"):
            # An event of /api/v1/events whose data has all these fields.
            return r.wait("the %s %s" % (what, show(rest[0])), lambda r: any(
                e.name == what and rest[0].items() <= e.json().items() for e in r.events))
        n = int(rest[0]) if rest and what != "done" else 1
        r.wait("%d of the event %s" % (n, what), lambda r: sum(e.name == what for e in r.events) >= n)
        if what == "done":
            self.cmd_until(c, name, "ended", *rest)

    def cmd_cancel(self, c):
        self.marks["cancel"] = time.monotonic()
        self.waits_before = self.waits()
        self.request("POST", "/api/v1/turns/%s/cancel" % self.vars["turn"], {}, {})
        self.expect_status("202")

    def waits(self):
        """For how many ms in all each thread of the server, and each of ours, was ready, and had no processor."""
        waits = {}
        for pid in (self.server.proc.pid, os.getpid()):
            for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
                try:
                    with open(path) as f:
                        waits[path] = int(f.read().split()[1]) / 1e6
                except (OSError, IndexError):
                    pass  # it ended meanwhile
        return waits

    def starved(self):
        """The same since the server was asked to stop, of all together: a stop goes from one to the next, and each may have waited."""
        return sum(waited - self.waits_before.get(path, 0) for path, waited in self.waits().items())

    def cmd_settled(self, c, state):
        """Until the turn's state in the database is this one."""
        end = time.monotonic() + PATIENCE
        while True:
            self.request("GET", "/api/v1/turns/%s" % self.vars["turn"], None, {})
            if self.response.status == 200 and self.response.json()["state"] == state:
                return
            if time.monotonic() > end:
                raise Failed("the turn is %r" % self.response.body[:300])
            time.sleep(0.01)

    def cmd_becomes(self, c, path, field, want):
        """Asks until a field of the answer has this value."""
        end = time.monotonic() + PATIENCE
        while True:
            self.request("GET", path, None, {})
            if self.response.status == 200 and holds(self.response.json(), field, want):
                return
            if time.monotonic() > end:
                raise Failed("it is %r" % self.response.body[:300])
            time.sleep(0.01)

    def until_count(self, count, way, want, what):
        end = time.monotonic() + PATIENCE
        while count() < want if way == "reaches" else count() > want:
            if time.monotonic() > end:
                raise Failed("%s: %g" % (what, count()))
            time.sleep(0.01)

    def cmd_metric(self, c, name, way, want):
        """`metric NAME reaches N`, `metric NAME falls N`"""
        self.until_count(lambda: self.metric(name), way, float(want), "the metric")

    def cmd_processes(self, c, mark, way, want):
        """`processes MARK reaches N`, `processes MARK falls N`"""
        self.until_count(lambda: self.processes(mark), way, int(want), "processes that have the mark")

    def cmd_pause(self, c, ms):
        """Only where time itself is what is tested."""
        time.sleep(float(ms) / 1000)

    # ---- expectations ----

    def cmd_expect(self, c, what, *rest):
        if what in self.readers:
            return self.expect_reader(self.readers[what], *rest)
        verb = getattr(self, "expect_" + what, None)
        if verb is None:
            raise Failed("nothing is known of %r" % what)
        if what == "history":
            return verb(c)
        verb(*rest)

    def expect_status(self, want):
        if self.response.status != int(want):
            raise Failed("the status is %d: %r" % (self.response.status, self.response.body[:400]))

    def expect_code(self, want):
        """The error envelope: all of it, and the same request id as in the header."""
        e = self.response.json()
        figures = {"asked", "limit"} if want == "context_too_long" else set()
        if set(e) != {"error"} or set(e["error"]) - figures - {"field"} != {"code", "message", "request_id", "retryable"}:
            raise Failed("this is not the error envelope: %s" % show(e))
        e = e["error"]
        if "field" in e and not e["message"].startswith('"%s" ' % e["field"]):
            raise Failed("the message does not begin with the field: %s" % show(e))
        if not e["message"] or not e["request_id"] or not isinstance(e["retryable"], bool):
            raise Failed("the error envelope lacks something: %s" % show(e))
        if e["request_id"] != self.response.header("X-Request-Id"):
            raise Failed("X-Request-Id is %r, the body has %r" % (self.response.header("X-Request-Id"),
                                                                  e["request_id"]))
        if e["code"] != want:
            raise Failed("the error code is %s: %s" % (e["code"], e["message"]))

    def expect_header(self, name, want):
        got = self.response.header(name.rstrip(":"))
        if got is None or not same(got, want):
            raise Failed("the header %s is %r" % (name, got))

    def expect_body(self, path, want):
        got = lookup(self.response.json(), path)
        if not same(got, want):
            raise Failed("%s is %s instead of %s" % (path, show(got), show(want)))

    def expect_bytes(self, want):
        text = self.response.body.decode("utf-8", "replace")
        if not want.search(text):
            raise Failed("the body does not have /%s/: %r" % (want.pattern, text[:300]))

    def expect_exit(self, want):
        if (self.exit == 0) if want == "failed" else (self.exit != int(want)):
            raise Failed("the command ended with %s: %s" % (self.exit, self.output))

    def expect_output(self, want):
        if not want.search(self.output):
            raise Failed("the command said: %s" % self.output)

    def expect_log(self, want, *but):
        never = but == ("never",)
        found = self.server.logged(want, timeout=0 if never else PATIENCE)
        if found == never:
            raise Failed("the log %s /%s/" % ("has" if found else "does not have", want.pattern))

    def expect_nowhere(self, secret):
        """Neither the log nor a file of the data folder but atelier.conf holds the text."""
        for line in self.server.log:
            if secret in line:
                raise Failed("the log has it: " + line)
        for d, _, names in os.walk(self.data):
            for name in names:
                with open(os.path.join(d, name), "rb") as f:
                    if name != "atelier.conf" and secret.encode() in f.read():
                        raise Failed("it stands in " + name)

    def processes(self, mark):
        """So many processes of this machine have the mark in their command line."""
        found = 0
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as f:
                    found += mark.encode() in f.read()
            except OSError:
                pass  # it ended meanwhile
        return found

    def expect_processes(self, mark, want):
        found = self.processes(mark)
        if not same(str(found), want):
            raise Failed("%d processes have the mark" % found)

    def expect_stored(self, pattern, n):
        """So many files of the data folder match the pattern."""
        found = glob.glob(os.path.join(self.data, pattern), recursive=True)
        if len(found) != int(n):
            raise Failed("%d files match: %s" % (len(found), " ".join(found)))

    def metric(self, name):
        r = Client(self.server.port, bearer=self.vars.get("admin_bearer")).request("GET", "/metrics")
        m = re.search(r"^%s (\S+)$" % re.escape(name), r.body.decode(), re.M)
        if not m:
            raise Failed("there is no metric %s" % name)
        return float(m.group(1))

    def expect_metric(self, name, want):
        if self.metric(name) != float(want):
            raise Failed("the metric is %g" % self.metric(name))

    def expect_pulls(self, n, name="main"):
        got = len(self.provider(name).pulled)
        if got != int(n):
            raise Failed("the provider was asked to pull %d times" % got)

    def expect_managed(self, want, name="main"):
        """The last thing that was done to a model: METHOD PATH BODY."""
        got = self.provider(name).managed
        if not got or not same(got[-1], want):
            raise Failed("what was done to models: %s" % got)

    def expect_calls(self, n, name="main"):
        got = len(self.provider(name).calls)
        if got != int(n):
            raise Failed("the provider was called %d times" % got)

    def expect_asked(self, path, want, name="main"):
        """The body of the provider's last call."""
        calls = self.provider(name).calls
        if not calls:
            raise Failed("the provider was not called")
        got = lookup(calls[-1], path)
        if not same(got, want):
            raise Failed("the provider was asked with %s = %s" % (path, show(got)))

    def expect_prefix(self, word, name="main"):
        """`kept`: the last call begins with what the call before was, so that the provider need not read that anew."""
        before, last = self.provider(name).calls[-2:]
        n = len(before["messages"])
        if last["messages"][:n] != before["messages"] or len(last["messages"]) <= n:
            raise Failed("the messages do not go on from %s: %s" % (show(before["messages"]), show(last["messages"])))
        if any(last.get(k) != before.get(k) for k in {*last, *before} - {"messages"}):
            raise Failed("beside the messages stood %s, and now %s" % (show(before), show(last)))

    def expect_closed(self, within, ms, name="main"):
        """The provider's connection was closed so many milliseconds after the cancel."""
        p = self.provider(name)
        p.wait("the end of the provider's connection", lambda: p.closed_at)
        took = (p.closed_at[-1] - self.marks["cancel"]) * 1000
        if took > float(ms) * SLOWNESS:
            raise Failed("the provider's connection was closed after %.0f ms" % took)

    def expect_reader(self, r, what, *rest):
        if what == "text":
            got = r.text
            ok = same(got, rest[0])
        elif what == "reasoning":
            got = r.joined("reasoning")
            ok = same(got, rest[0])
        elif what == "events":
            # A pattern over the names, with words for letters: start status* text+ done
            got = " ".join(e.name for e in r.events)
            pattern = "".join("(?:%s )%s" % re.fullmatch(r"([a-z|]+)([*+?]?)", x).groups() for x in rest)
            ok = re.fullmatch(pattern, got + " ") is not None
        elif what == "at_most":
            got = len(r.events)
            ok = got <= int(rest[0])
        elif what == "state":
            done = r.find("done")
            got = done.json()["state"] if done else "unknown: " + r.summary()
            ok = done is r.events[-1] and got == rest[0]
        elif what == "finish":
            got = r.find("done").json().get("finish_reason")
            ok = same(got, rest[0])
        elif what == "error":
            e = r.find("error")
            got = e.json() if e else "no error"
            ok = e is not None and got["code"] == rest[0] and (len(rest) < 2 or same(got["message"], rest[1]))
        elif what == "usage":
            got = lookup(r.find("usage").json(), rest[0]) if r.find("usage") else "no usage"
            ok = same(got, rest[1])
        elif what == "citation":
            cs = [e.json() for e in r.events if e.name == "citation"]
            got = lookup(cs, rest[0])
            ok = same(got, rest[1])
        elif what == "event":
            # The data of all events of a name: `expect r event status 1.state "queued"`.
            got = lookup([e.json() for e in r.events if e.name == rest[0]], rest[1])
            ok = same(got, rest[2])
        elif what in ("change", "stale"):
            got = [e.json() for e in r.events if e.name == what]
            ok = any(rest[0].items() <= e.items() for e in got) != (rest[1:] == ("never",))
        elif what == "ended":
            got = r.ended
            ok = got == (rest[0] if rest else "end")
        elif what == "same":
            other = self.reader(rest[1] if rest[0] == "as" else rest[0])
            strip = (lambda b: re.sub(rb"(?m)^:[^\n]*\n\n?", b"", b))  # heartbeats come by the clock
            got = "%r against %r" % (r.raw[-300:], other.raw[-300:])
            ok = strip(r.raw) == strip(other.raw)
        else:
            raise Failed("nothing is known of a reader's %r" % what)
        if not ok:
            raise Failed("it is %s" % (got if isinstance(got, str) else show(got)))

    def expect_history(self, c):
        """`ROLE STATE "content" [error CODE]` a line; all messages of $c."""
        self.request("GET", "/api/v1/conversations/%s/messages" % self.vars["c"], None, {})
        self.expect_status("200")
        items = self.response.json()["items"]
        want = [words(self.fill(t), n) for n, t in c.block]
        got = "\n".join("      %s %s %s %s" % (m["role"], m["state"], show(m["content"]), m["error"]) for m in items)
        if len(items) != len(want):
            raise Failed("there are %d messages:\n%s" % (len(items), got))
        for m, w in zip(items, want):
            ok = m["role"] == w[0] and m["state"] == w[1] and same(m["content"], w[2])
            code = w[4] if len(w) > 4 else None
            if not ok or (m["error"] or {}).get("code") != code:
                raise Failed("the history is:\n%s" % got)

# Sanitizers make everything slower; bounds in milliseconds are meant for the plain program.
SLOWNESS = 1.0


def set_slowness(factor):
    global SLOWNESS
    SLOWNESS = factor
