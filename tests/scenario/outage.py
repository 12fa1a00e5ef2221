#!/usr/bin/env python3
"""What happens to answers and readers while PostgreSQL is away: it crashes, freezes, becomes a standby.
Nothing that was shown is lost, and /health says what is wrong.

	tests/scenario/outage.py --binary build/asan/src/atelier [NAME ...]
"""

import itertools
import json
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import installation  # noqa: E402
from client import Client, Reader  # noqa: E402
from installation import until, waits  # noqa: E402
from provider import Answer, Step  # noqa: E402
from server import Failed  # noqa: E402


def crash(c):
    """It dies while an answer is written, and comes back."""
    s = c.server()
    conversation, r = c.turn(s, waits())
    c.pg.stop(signal.SIGQUIT)
    c.provider.signal("go")
    until("`storing`", lambda: any(e.name == "status" and "storing" in e.data for e in r.events))
    until("a word in /health", lambda: c.health(s) == 503)
    c.pg.start()
    until("`done`", lambda: r.find("done"))
    m = c.message(s, conversation)
    if (m["state"], m["content"]) != ("complete", "first last"):
        raise Failed("the message is %r" % m)
    until("a healthy server", lambda: c.health(s) == 200)


def told_to_nobody(c):
    """It dies while nobody asks for anything: who sends people here is told all the same, sooner than one who waits for an answer is
    refused, and when it is there again."""
    s = c.server()
    admin = c.client(s)
    c.pg.stop(signal.SIGQUIT)
    waited = []
    asks = threading.Thread(target=lambda: waited.append(admin.request("GET", "/api/v1/conversations").status))
    asks.start()
    until("the first word of it", lambda: Client(s.port).request("GET", "/health/ready").status == 503)
    if waited:
        raise Failed("who asked was told %r before who sends people here" % waited)
    asks.join()
    until("the reason", lambda: "cannot be reached" in Client(s.port).request("GET", "/health/ready").json()["status"])
    if Client(s.port).request("GET", "/health/ready").status != 503:
        raise Failed("not ready, and people are sent here")
    c.pg.start()
    until("ready", lambda: Client(s.port).request("GET", "/health/ready").status == 200)


def not_there_yet(c):
    """A start waits for one that only reads until it is promoted, and for one that is started later; SIGTERM ends the wait."""
    s = c.server()
    s.stop()

    def waits_for(url, why):
        before = len(s.log)
        s.settings["ATELIER_DATABASE"] = url
        s.spawn()
        until("the reason", lambda: any("waiting for the database" in line and why in line for line in s.log[before:]))

    standby = c.pg.standby().start()
    try:
        waits_for(standby.url(), "only reads")
        s.proc.terminate()
        if s.wait_exit() == 0:
            raise Failed("a start that was cut short has ended well")
        waits_for(standby.url(), "only reads")
        c.pg.stop(signal.SIGQUIT)
        standby.call("pg_ctl", "promote", "-D", standby.data)
        until("ready", lambda: s.port and c.health(s) == 200)
        s.stop()
    finally:
        standby.destroy()
    waits_for(c.pg.url(), "cannot be reached")
    c.pg.start()
    until("ready", lambda: s.port and c.health(s) == 200)


def crash_of_both(c):
    """It dies, then the server too; the answer is in the journal, and stored at the next start."""
    s = c.server()
    conversation, r = c.turn(s, waits())
    c.pg.stop(signal.SIGQUIT)
    c.provider.signal("go")
    until("`storing`", lambda: any(e.name == "status" and "storing" in e.data for e in r.events))
    s.kill()
    c.pg.start()
    s.start()
    m = until("the end", lambda: (lambda x: x if x["state"] != "running" else None)(c.message(s, conversation)))
    if m["content"] != "first last":
        raise Failed("the message is %r" % m)


def frozen(c):
    """It stops saying anything: callers are told within a bound, and it goes on when it wakes."""
    s = c.server()
    c.client(s).call("POST", "/api/v1/conversations", {})
    c.pg.process.send_signal(signal.SIGSTOP)
    pids = c.pg.backends()
    for p in pids:
        os.kill(p, signal.SIGSTOP)
    began = time.monotonic()
    status = c.client(s).request("POST", "/api/v1/conversations", {}).status
    took = time.monotonic() - began
    if status != 503 or took > 60 * installation.SLOW:
        raise Failed("status %d after %.0f s" % (status, took))
    for p in pids + [c.pg.process.pid]:
        os.kill(p, signal.SIGCONT)
    until("writing", lambda: c.client(s).request("POST", "/api/v1/conversations", {}).status == 201)


def failover(c):
    """The first host becomes unreachable, the second is a standby, and then is promoted."""
    standby = c.pg.standby().start()
    try:
        both = "postgresql://atelier@%s,%s/postgres" % tuple(
            f.replace("/", "%2F") for f in (c.pg.folder, standby.folder))
        s = c.server(both)
        conversation, r = c.turn(s, waits())
        standby.caught_up(c.pg)
        c.pg.stop(signal.SIGQUIT)
        c.provider.signal("go")
        until("`storing`", lambda: any(e.name == "status" and "storing" in e.data for e in r.events))
        # Reading goes on with what there is, and /health has the reason.
        until("reading", lambda: c.client(s).request("GET", "/api/v1/conversations").status == 200)
        text = until("the reason", lambda: (lambda t: t if "standby" in t else None)(
            Client(s.port, bearer=c.bearer).request("GET", "/health").body.decode()))
        if "secret" in text:
            raise Failed("a password is in /health")
        standby.call("pg_ctl", "promote", "-D", standby.data)
        until("`done`", lambda: r.find("done"))
        m = c.message(s, conversation)
        if (m["state"], m["content"]) != ("complete", "first last"):
            raise Failed("the message is %r" % m)
        s.stop()  # while there is a database: what the answer used may still wait to be stored
    finally:
        standby.destroy()


def ask(c, s, name, enough, asked):
    """Questions, each in a conversation of its own, and what became of each: the conversation, the status, the stream's end."""
    client = c.client(s)
    for i in itertools.takewhile(lambda i: not enough(i), itertools.count()):
        question = "question %s %d" % (name, i)
        made = client.request("POST", "/api/v1/conversations", {"title": question})
        if made.status != 201:
            asked.append((question, None, made.status, False))
            continue
        id = made.json()["id"]
        body = json.dumps({"content": question}).encode()
        r = Reader()
        r.open(s.port, "POST", "/api/v1/conversations/%s/turns" % id, client.headers({"Accept": "text/event-stream"}, body), body)
        until("the end of a stream", lambda: r.ended)
        asked.append((question, id, r.response.status, bool(r.find("done"))))


def terminated(c):
    """Its connections end, one after the other and whatever they are at, while people ask: what was answered is there, once; what was
    refused is not."""
    s = c.server()
    c.provider.fallback = Answer([Step(0, ["text", "first "]), Step(0, ["text", "last"]), Step(0, ["done"])])
    asked, killed, over = [], [0], threading.Event()

    def kill():
        while not over.is_set():
            killed[0] += int(c.pg.sql("SELECT count(pg_terminate_backend(pid, 1000)) FROM (SELECT pid FROM pg_stat_activity WHERE"
                                      " application_name = 'atelier' ORDER BY state = 'idle', random() LIMIT 1) p"))

    def enough(n):
        return n >= 24 and (killed[0] >= 20 or not killer.is_alive())

    people = [threading.Thread(target=ask, args=(c, s, name, enough, asked)) for name in ("one", "two", "three")]
    killer = threading.Thread(target=kill)
    for t in people + [killer]:
        t.start()
    for t in people:
        t.join()
    over.set()
    killer.join()
    until("a healthy server", lambda: c.health(s) == 200)
    if killed[0] < 20 or len(asked) < 72 or not any(done for _, _, _, done in asked):
        raise Failed("%d connections ended; of %d questions %d were answered" % (
            killed[0], len(asked), sum(done for _, _, _, done in asked)))
    for question, id, status, done in asked:
        calls = sum(k["messages"][-1]["content"] == question for k in list(c.provider.calls))
        if id is None:
            if status != 503 or c.pg.sql("SELECT count(*) FROM conversations WHERE title = '%s'" % question) != "0":
                raise Failed("a conversation that was refused with %d is there" % status)
            continue
        until("an end", lambda: all(m["state"] != "running" for m in c.client(s).call(
            "GET", "/api/v1/conversations/%s/messages" % id)["items"]))
        got = [m["content"] for m in c.client(s).call("GET", "/api/v1/conversations/%s/messages" % id)["items"]]
        want = [question, "first last"] if status == 200 else []
        if got != want or calls != (1 if status == 200 else 0) or (status != 200 and status != 503) or done != (status == 200):
            raise Failed("%s: status %d, `done` %s, %d calls, and there is %r" % (question, status, done, calls, got))


def unheard(c):
    """It commits a question, and is away for longer than anybody waits before it can say so: the person is told that this is not
    known, and once it is back, without a restart, the question is there, has ended, and another can be asked."""
    s = c.server()
    path = "/api/v1/conversations/%s/" % c.client(s).call("POST", "/api/v1/conversations", {})["id"]
    # A COMMIT waits for a standby that there is not: it is carried out, and nobody is told.
    c.pg.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    c.pg.sql("SELECT pg_reload_conf()")
    answers = []
    asker = threading.Thread(target=lambda: answers.append(
        c.client(s).request("POST", path + "turns", {"content": "Hello"})))
    asker.start()
    until("a COMMIT that waits", lambda: c.pg.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") != "0")
    c.pg.stop(signal.SIGQUIT)
    asker.join()
    if answers[0].status != 500 or answers[0].json()["error"]["code"] != "outcome_unknown":
        raise Failed("the question was answered %d %r" % (answers[0].status, answers[0].body[:200]))
    with open(os.path.join(c.pg.data, "postgresql.auto.conf"), "w"):
        pass
    c.pg.start()
    m = until("an end", lambda: (lambda x: x if x["state"] != "running" else None)(
        c.client(s).call("GET", path + "messages")["items"][-1]))
    if m["state"] != "interrupted" or "was not asked" not in m["error"]["message"] or c.provider.calls:
        raise Failed("the message is %r" % m)
    c.provider.answers.append(Answer([Step(0, ["text", "first last"]), Step(0, ["done"])]))
    if c.client(s).request("POST", path + "turns", {"content": "Again"}).status != 202:
        raise Failed("no other question can be asked")


CASES = [crash, told_to_nobody, not_there_yet, crash_of_both, frozen, failover, terminated, unheard]

if __name__ == "__main__":
    sys.exit(installation.main(CASES, __doc__))
