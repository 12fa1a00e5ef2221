#!/usr/bin/env python3
"""What happens to answers and readers while PostgreSQL is away: it crashes, freezes, becomes a standby.
Nothing that was shown is lost, and /health says what is wrong.

	tests/scenario/outage.py --binary build/asan/src/atelier [NAME ...]
"""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import installation  # noqa: E402
from client import Client  # noqa: E402
from installation import until, waits  # noqa: E402
from server import Failed  # noqa: E402


def crash(c):
    """It dies while an answer is written, and comes back."""
    s = c.server()
    conversation, r = c.turn(s, waits())
    c.pg.stop(signal.SIGQUIT)
    c.provider.signal("go")
    until("`storing`", lambda: any(e.name == "status" and "storing" in e.data for e in r.events))
    until("a word in /health", lambda: c.health(s) == 503, 30)
    c.pg.start()
    until("`done`", lambda: r.find("done"))
    m = c.message(s, conversation)
    if (m["state"], m["content"]) != ("complete", "first last"):
        raise Failed("the message is %r" % m)
    until("a healthy server", lambda: c.health(s) == 200)


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
    status = c.client(s).request("POST", "/api/v1/conversations", {}, timeout=120).status
    took = time.monotonic() - began
    if status != 503 or took > 60 * installation.SLOW:
        raise Failed("status %d after %.0f s" % (status, took))
    for p in pids + [c.pg.process.pid]:
        os.kill(p, signal.SIGCONT)
    until("writing", lambda: c.client(s).request("POST", "/api/v1/conversations", {}).status == 201, 30)


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
            Client(s.port, bearer=c.bearer).request("GET", "/health").body.decode()), 30)
        if "secret" in text:
            raise Failed("a password is in /health")
        standby.call("pg_ctl", "promote", "-D", standby.data)
        until("`done`", lambda: r.find("done"), 30)
        m = c.message(s, conversation)
        if (m["state"], m["content"]) != ("complete", "first last"):
            raise Failed("the message is %r" % m)
    finally:
        standby.destroy()


CASES = [crash, crash_of_both, frozen, failover]

if __name__ == "__main__":
    sys.exit(installation.main(CASES, __doc__))
