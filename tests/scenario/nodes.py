#!/usr/bin/env python3
"""Two servers on one PostgreSQL: what one changes the other knows, also where it holds it in memory; what was opened at one
ends when its right is taken away at the other; and jobs are done once, whichever of the two dies or sleeps meanwhile.

	tests/scenario/nodes.py --binary build/asan/src/atelier [NAME ...]
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import installation  # noqa: E402
from client import Client, Reader  # noqa: E402
from installation import PASSWORD, until, waits  # noqa: E402
from provider import Answer, Step  # noqa: E402
from server import Failed  # noqa: E402

# The lease of a job is over, as it would be half a minute after its server was last heard of.
LEASE_IS_OVER = "UPDATE jobs SET lease_until = 1 WHERE state = 'running'"


def same(what, got, want):
    if got != want:
        raise Failed("%s: %r instead of %r" % (what, got, want))


def add_bob(c):
    """Another user, added by a command, which is a process of its own, too. His id."""
    status, out = c.servers[0].command(["user", "add", "bob"], PASSWORD + "\n")
    same(out, status, 0)
    return next(u["id"] for u in c.client(c.servers[1]).call("GET", "/api/v1/users")["items"] if u["username"] == "bob")


# ---- answers and rights ----


def answers(c):
    """The one that starts leaves the other's running answers alone, and shows them when they have ended."""
    a = c.server()
    conversation, r = c.turn(a, waits())
    b = c.server()
    same("the answer's state", c.message(b, conversation)["state"], "running")
    c.provider.signal("go")
    until("`done`", lambda: c.message(b, conversation)["state"] == "complete")
    same("the answer", c.message(b, conversation)["content"], "first last")
    until("the reader's end", lambda: r.find("done"))


def rights(c):
    """Streams that run at one server end when the right to them is taken away at the other one."""
    a, b = c.server(), c.server()
    admin = c.client(b)
    bob = add_bob(c)

    def signed_in():
        client = Client(a.port)
        client.login("bob", PASSWORD)
        return client

    def ends(what, r):
        until("the end of a stream after " + what, lambda: r.ended)
        if r.find("done"):
            raise Failed("the answer has ended before " + what)

    others = Reader()
    others.open(a.port, "GET", "/api/v1/events", c.client(a).headers({"Accept": "text/event-stream"}))
    until("a feed of somebody else", lambda: others.find("hello"))
    c.pg.sql("INSERT INTO endings (node, at) VALUES (0, 0)")  # of nobody, by whoever: read before those that follow
    one = signed_in()
    _, r = c.turn(a, waits(), one)
    feed = Reader()
    feed.open(a.port, "GET", "/api/v1/events", one.headers({"Accept": "text/event-stream"}))
    Client(b.port, bearer=one.bearer).call("POST", "/api/v1/auth/logout")
    ends("signing out", r)
    until("the end of the feed", lambda: feed.ended)
    same("who has signed out", one.request("GET", "/api/v1/me").status, 401)
    same("an end of the feed of somebody else", bool(others.ended), False)

    two = signed_in()
    key = two.call("POST", "/api/v1/keys", {"name": "k", "scopes": ["api"]})
    by_key = Client(a.port, bearer=key["key"])
    _, r = c.turn(a, waits(), by_key)
    Client(b.port, bearer=two.bearer).call("DELETE", "/api/v1/keys/" + key["item"]["id"])
    ends("revoking the key", r)
    same("the key", by_key.request("GET", "/api/v1/me").status, 401)

    _, r = c.turn(a, waits(), two)
    admin.call("PATCH", "/api/v1/users/" + bob, {"disabled": True})
    ends("disabling the user", r)
    same("a disabled user", two.request("GET", "/api/v1/me").status, 401)
    c.provider.signal("go")


# ---- what is held in memory ----


def configuration(c):
    """Providers, aliases, names, models of tasks, and who may use a model."""
    a, b = c.server(), c.server()
    here, there = c.client(a), c.client(b)
    models = lambda: {m["id"]: m for m in there.call("GET", "/api/v1/models")["items"]}  # noqa: E731
    providers = lambda: {p["name"]: p for p in there.call("GET", "/api/v1/providers")["items"]}  # noqa: E731
    until("the model", lambda: "mock:1b" in models())
    url = "http://127.0.0.1:%d" % c.provider.port
    lab = here.call("POST", "/api/v1/providers", {"name": "lab", "kind": "ollama", "url": url})["id"]
    until("a provider", lambda: "lab" in providers())
    here.call("PATCH", "/api/v1/providers/" + lab, {"enabled": False})
    until("its end", lambda: providers()["lab"]["enabled"] is False)
    here.call("DELETE", "/api/v1/providers/" + lab)
    until("its going", lambda: "lab" not in providers())

    route = here.call("POST", "/api/v1/models/routes", {"pattern": "house", "targets": ["mock:1b"]})["id"]
    until("an alias", lambda: "house" in models())
    here.call("DELETE", "/api/v1/models/routes/" + route)
    until("the alias's going", lambda: "house" not in models())
    here.call("PUT", "/api/v1/models/override", {"model": "mock:1b", "name": "Ours"})
    until("a name", lambda: models()["mock:1b"]["name"] == "Ours")
    here.call("PUT", "/api/v1/models/tasks", {"title": "mock:1b"})
    until("a task", lambda: there.call("GET", "/api/v1/models")["defaults"]["title"] == "mock:1b")

    add_bob(c)
    bob = Client(b.port)
    bob.login("bob", PASSWORD)
    group = here.call("POST", "/api/v1/groups", {"name": "Staff"})["id"]
    here.call("PUT", "/api/v1/grants", {"kind": "model", "name": "mock:1b",
                                       "grants": [{"subject": "group", "subject_id": group}]})
    until("a closed model", lambda: "mock:1b" not in bob.request("GET", "/api/v1/models").body.decode())


def counted(c):
    """Prices, limits and groups, what the other server has used up, and the rights of a key."""
    a, b = c.server(), c.server()
    here = c.client(a)
    key = c.client(b).call("POST", "/api/v1/keys", {"name": "k", "scopes": ["gateway"]})
    body = {"model": "mock:1b", "messages": [{"role": "user", "content": "Hi"}]}

    def ask(s, secret=key["key"]):
        return Client(s.port, bearer=secret).request("POST", "/v1/chat/completions", body)

    def costs():
        return c.client(b).call("GET", "/api/v1/usage/calls")["items"][0]["cost_micros"]

    same("a call", ask(b).status, 200)
    price = here.call("POST", "/api/v1/prices", {"pattern": "*", "request_micros": 5})["id"]
    until("a price", lambda: ask(b).status == 200 and costs() == 5)
    here.call("PATCH", "/api/v1/prices/" + price, {"request_micros": 7})
    until("its change", lambda: ask(b).status == 200 and costs() == 7)

    limit = here.call("POST", "/api/v1/limits", {"subject": "everyone", "measure": "requests", "period": "month",
                                                "amount": 0})["id"]
    until("a limit", lambda: ask(b).status == 429)
    here.call("PATCH", "/api/v1/limits/" + limit, {"amount": 100000})
    until("its change", lambda: ask(b).status == 200)
    here.call("DELETE", "/api/v1/limits/" + limit)

    # Of a group: who joins it there is bound here.
    user = add_bob(c)
    bob = Client(b.port)
    bob.login("bob", PASSWORD)
    his = bob.call("POST", "/api/v1/keys", {"name": "h", "scopes": ["gateway"]})
    group = here.call("POST", "/api/v1/groups", {"name": "Staff"})["id"]
    here.call("POST", "/api/v1/limits", {"subject": "group", "subject_id": group, "measure": "requests",
                                        "period": "month", "amount": 0})
    same("who is in no group", ask(b, his["key"]).status, 200)
    here.call("PUT", "/api/v1/groups/%s/members" % group, {"user_ids": [user]})
    until("a member", lambda: ask(b, his["key"]).status == 429)
    here.call("PUT", "/api/v1/groups/%s/members" % group, {"user_ids": []})
    until("nobody", lambda: ask(b, his["key"]).status == 200)

    # What one uses up the other counts, within a few looks.
    all_calls = here.call("POST", "/api/v1/limits", {"subject": "everyone", "measure": "requests", "period": "month",
                                                    "amount": 100000})["id"]

    def used(s):
        return next((i["used"] for i in c.client(s).call("GET", "/api/v1/limits")["items"] if i["id"] == all_calls), None)

    until("the limit at both", lambda: used(a) == used(b))
    here.call("PATCH", "/api/v1/limits/" + all_calls, {"amount": used(a) + 3})
    for _ in range(3):
        same("a call", ask(a).status, 200)
    until("what the other has used up", lambda: ask(b).status == 429)

    # A key loses a scope, and is gone, at once.
    here.call("PATCH", "/api/v1/keys/" + key["item"]["id"], {"scopes": ["api"]})
    same("a key without the scope", ask(b).status, 403)
    here.call("DELETE", "/api/v1/keys/" + key["item"]["id"])
    same("a key that is gone", ask(b).status, 401)


def together(c):
    """A limit is kept by both: the last piece is taken once, also by a call that still runs at the other; a killed one holds nothing."""
    a, b = c.server(), c.server()
    here = c.client(a)
    key = here.call("POST", "/api/v1/keys", {"name": "k", "scopes": ["gateway"]})["key"]
    body = {"model": "mock:1b", "messages": [{"role": "user", "content": "Hi"}]}

    def ask(s, stream=False):
        return Client(s.port, bearer=key).request("POST", "/v1/chat/completions", dict(body, stream=stream)).status

    def limit(measure, amount, **more):
        return "/api/v1/limits/" + here.call("POST", "/api/v1/limits", {
            "subject": "everyone", "measure": measure, "period": "month", "amount": amount, **more})["id"]

    def state(s, path):
        """What it counts there; None: it has not heard of it."""
        return next(((i["used"], i["reserved"]) for i in c.client(s).call("GET", "/api/v1/limits")["items"]
                     if path.endswith(i["id"]) and not (i["resets_at"] or "1970").startswith("1970")), None)

    # They have seen each other when both note what they take.
    first = limit("requests", 100000)
    until("both", lambda: [ask(s) for s in (a, b)] == [200, 200] and int(c.pg.sql("SELECT count(*) FROM limit_uses")) == 2)
    until("the same at both", lambda: state(a, first) == state(b, first) and state(a, first)[1] == 0)
    here.call("DELETE", first)

    one = limit("requests", 0)
    until("the limit at both", lambda: [ask(s) for s in (a, b)] == [429, 429])
    for n in range(4):
        # The one that is told of the new amount by the other takes the piece.
        taker, other = ((a, b), (b, a))[n % 2]
        used = sum(state(other, one))
        c.client(other).call("PATCH", one, {"amount": used + 1})
        until("the last piece", lambda: ask(taker) == 200)
        same("the other, then", ask(other), 429)

    # Of many that ask both at once.
    def amount(n):
        """Sets it, and waits until the other knows."""
        here.call("PATCH", one, {"amount": n})
        mark = limit("requests", 1, model="none")
        until("an amount at the other", lambda: state(b, mark))
        here.call("DELETE", mark)

    used = sum(state(a, one))
    amount(used + 7)
    said = []
    threads = [threading.Thread(target=lambda s=(a, b)[i % 2]: said.append(ask(s))) for i in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same("how many got through", (said.count(200), said.count(429)), (7, 33))
    until("the same at both", lambda: state(a, one) == state(b, one) == (used + 7, 0))

    # A call that runs at one holds its piece at the other, also one that began before a restart there; until its server is killed.
    amount(used + 8)
    c.provider.answers.append(waits())
    r = Reader()
    question = json.dumps(dict(body, stream=True)).encode()
    threading.Thread(target=r.open, daemon=True, args=(b.port, "POST", "/v1/chat/completions", {
        "Authorization": "Bearer " + key, "Content-Type": "application/json"}, question)).start()
    until("a call that runs", lambda: state(b, one)[1] == 1)
    same("the other", ask(a), 429)
    a.stop()
    a.start()
    until("what is held elsewhere", lambda: state(a, one) == (used + 7, 1))
    same("the other, started anew", ask(a), 429)
    b.kill()
    until("the piece of one that is gone", lambda: ask(a) == 200)
    c.provider.signal("go")


def joined(c):
    """A server that has just been started gives nothing away that is held at another, nor that one what it takes."""
    a = c.server()
    here = c.client(a)
    key = here.call("POST", "/api/v1/keys", {"name": "k", "scopes": ["gateway"]})["key"]
    body = {"model": "mock:1b", "messages": [{"role": "user", "content": "Hi"}]}

    def ask(s):
        return Client(s.port, bearer=key).request("POST", "/v1/chat/completions", body).status

    one = "/api/v1/limits/" + here.call("POST", "/api/v1/limits", {"subject": "everyone", "measure": "requests", "period": "month",
                                                                 "amount": 1})["id"]
    c.provider.answers.append(waits())
    threading.Thread(target=ask, args=(a,), daemon=True).start()
    until("a call that runs", lambda: [i["reserved"] for i in here.call("GET", "/api/v1/limits")["items"]] == [1])
    b = c.server()
    same("one that has just come", ask(b), 429)
    c.provider.signal("go")
    # The other way round: what the new one takes at once is gone at the old one.
    for n in range(1, 6):
        until("what was used", lambda: [(i["used"], i["reserved"]) for i in here.call("GET", "/api/v1/limits")["items"]] == [(n, 0)])
        b.stop()
        here.call("PATCH", one, {"amount": n + 1})
        b.start()
        same("the last piece", ask(b), 200)
        same("the other", ask(a), 429)


def ended_late(c):
    """Whoever is disabled in a transaction that took longer than the next one loses the streams all the same."""
    a, _ = c.server(), c.server()
    add_bob(c)
    bob = Client(a.port)
    bob.login("bob", PASSWORD)
    _, r = c.turn(a, waits(), bob)
    psql = subprocess.Popen([os.path.join(c.pg.bin, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", c.pg.url()], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, preexec_fn=c.pg.be_nobody, cwd=c.pg.folder)
    psql.stdin.write(b"BEGIN; UPDATE users SET disabled = 1 WHERE name = 'bob'; SELECT 1;\n")
    psql.stdin.flush()
    psql.stdout.readline()
    for n in range(3):
        c.pg.sql("INSERT INTO endings (node, at, session_id) VALUES (0, 1, %d)" % (n + 1))
        time.sleep(1.1)  # the server has looked
    if r.ended:
        raise Failed("the stream has ended before")
    psql.stdin.write(b"COMMIT;\n")
    psql.stdin.close()
    psql.wait()
    until("the end of the stream", lambda: r.ended)
    if r.find("done"):
        raise Failed("the answer has ended")
    c.provider.signal("go")


def asked(c):
    """Assistants, prompts and rules of parameters: the next question at the other server goes by them, without a wait."""
    a, b = c.server(), c.server()
    here, there = c.client(a), c.client(b)

    def ask(body=None):
        before = len(c.provider.calls)
        conversation = there.call("POST", "/api/v1/conversations", body or {})["id"]
        r = Reader()
        question = b'{"content":"Hello"}'
        r.open(b.port, "POST", "/api/v1/conversations/%s/turns" % conversation,
               there.headers({"Accept": "text/event-stream"}, question), question)
        until("`done`", lambda: r.find("done"))
        return c.provider.calls[before]

    rule = here.call("POST", "/api/v1/parameter-rules", {"pattern": "*", "parameters": {"temperature": 0.5}})["id"]
    same("a rule", ask()["options"]["temperature"], 0.5)
    here.call("PATCH", "/api/v1/parameter-rules/" + rule, {"parameters": {"temperature": 0.25}})
    same("its change", ask()["options"]["temperature"], 0.25)
    here.call("DELETE", "/api/v1/parameter-rules/" + rule)
    same("without it", "temperature" in ask()["options"], False)

    cook = here.call("POST", "/api/v1/assistants", {"name": "Cook", "model": "mock:1b", "instructions": "You cook."})["id"]
    same("an assistant", ask({"assistant_id": cook})["messages"][0]["content"], "You cook.")
    here.call("PATCH", "/api/v1/assistants/" + cook, {"instructions": "You bake."})
    same("its change", ask({"assistant_id": cook})["messages"][0]["content"], "You bake.")

    prompt = here.call("POST", "/api/v1/prompts", {"name": "rules", "kind": "system", "pattern": "mock:*",
                                                  "body": "Be kind."})["id"]
    same("a prompt", ask()["messages"][0]["content"], "Be kind.")
    here.call("DELETE", "/api/v1/prompts/" + prompt)
    same("without it", ask()["messages"][0]["role"], "user")


def tool_servers(c):
    """A server of tools that is added, switched off, shared or removed at one is so at the other, from the next question on."""
    a, b = c.server(), c.server()
    here, there = c.client(a), c.client(b)
    add_bob(c)
    bob = Client(b.port)
    bob.login("bob", PASSWORD)

    def told(client=there):
        """The names of the tools that the model is told of."""
        before = len(c.provider.calls)
        conversation = client.call("POST", "/api/v1/conversations", {})["id"]
        question = b'{"content":"Hello","tools":true}'
        r = Reader()
        r.open(b.port, "POST", "/api/v1/conversations/%s/turns" % conversation,
               client.headers({"Accept": "text/event-stream"}, question), question)
        until("`done`", lambda: r.find("done"))
        # The model cannot call tools: it is told of them in words.
        return sorted(set(re.findall(r"\btown_\w+", c.provider.calls[before]["messages"][0]["content"])))

    look = {"name": "look", "description": "Looks.", "method": "GET", "url": "http://127.0.0.1:9/look"}
    town = {"name": "Town", "kind": "http", "config": {"auth": {"type": "bearer"}, "tools": [look]}, "secrets": {"token": "t"}}
    same("none", told(), [])
    server = "/api/v1/tool-servers/" + here.call("POST", "/api/v1/tool-servers", town)["id"]
    same("a server", told(), ["town_look"])
    same("its secrets", there.call("GET", server)["secrets"], ["token"])
    here.call("PATCH", server, {"config": {"auth": {"type": "bearer"}, "tools": [look, dict(look, name="find")]}})
    same("a second tool", told(), ["town_find", "town_look"])
    here.call("PATCH", "/api/v1/tools/town_find", {"enabled": False})
    same("one that is switched off", told(), ["town_look"])
    here.call("PATCH", server, {"enabled": False})
    same("a server that is switched off", told(), [])
    here.call("PATCH", server, {"enabled": True})
    same("one that is switched on", told(), ["town_look"])

    same("another's", told(bob), [])
    everyone = {"grants": [{"subject": "everyone", "verb": "use"}]}
    here.call("PUT", server + "/grants", everyone)
    same("one that is shared, of which he has switched off nothing", told(bob), ["town_find", "town_look"])
    here.call("PUT", server + "/grants", {"grants": []})
    same("one that is shared no more", told(bob), [])
    here.call("DELETE", server)
    same("without it", told(), [])


def upload(client, collection, name, text):
    form = ('--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n' % (name, text))
    r = client.request("POST", collection + "/documents", form.encode(), {"Content-Type": "multipart/form-data; boundary=x"})
    same("a document", r.status, 202)
    return "/api/v1/documents/" + r.json()["id"]


def collections(c):
    """What is brought to a collection at one is found at the other, whose index of it is in memory; and what is gone is not."""
    a, b = c.server(), c.server()
    here, there = c.client(a), c.client(b)
    add_bob(c)
    bob = Client(b.port)
    bob.login("bob", PASSWORD)

    def found(word, client=there):
        return [i["document"] for i in client.call("POST", "/api/v1/search", {"query": word})["items"]]

    def bring(name, text):
        document = upload(here, harbour, name, text)
        until("the document", lambda: there.call("GET", document)["state"] == "ready")
        return document

    harbour = "/api/v1/collections/" + here.call("POST", "/api/v1/collections", {"name": "Harbour"})["id"]
    same("its name", there.call("GET", harbour)["name"], "Harbour")
    rules = bring("rules.md", "# Berths\n\nVisiting boats moor at the northern quay.")
    same("a word", found("quay"), ["rules.md"])
    tides = bring("tides.md", "# Tides\n\nThe lock opens before high water, at the southern quay.")
    same("a word of both", sorted(found("quay")), ["rules.md", "tides.md"])
    here.call("PATCH", rules, {"name": "berths.md"})
    same("one by another name", sorted(found("quay")), ["berths.md", "tides.md"])

    same("another's", found("quay", bob), [])
    here.call("PUT", harbour + "/grants", {"grants": [{"subject": "everyone", "verb": "read"}]})
    same("one that is shared", sorted(found("quay", bob)), ["berths.md", "tides.md"])
    here.call("PUT", harbour + "/grants", {"grants": []})
    same("one that is shared no more", found("quay", bob), [])

    here.call("DELETE", tides)
    same("one that is gone", found("quay"), ["berths.md"])
    here.call("DELETE", harbour)
    same("without it", found("quay"), [])
    same("the collection", there.request("GET", harbour).status, 404)


def editors(c):
    """Two people change one thing at two servers at the same time: each field has what somebody gave it."""
    a, b = c.server(), c.server()
    price = c.client(a).call("POST", "/api/v1/prices", {"pattern": "*"})["id"]
    names = ["input_micros", "cached_micros", "output_micros", "request_micros"]
    failed = []

    def edit(n):
        client = c.client((a, b)[n % 2])
        for i in range(1, 26):
            r = client.request("PATCH", "/api/v1/prices/" + price, {names[n]: i})
            if r.status != 200:
                failed.append(r.body)

    threads = [threading.Thread(target=edit, args=(n,)) for n in range(len(names))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same("what failed", failed, [])
    got = next(p for p in c.client(b).call("GET", "/api/v1/prices")["items"] if p["id"] == price)
    same("the price", [got[n] for n in names], [25] * 4)


# ---- jobs ----


def pull(name, *steps):
    return Answer([Step(0, [*s]) for s in steps] + [Step(0, ["reached", name]), Step(0, ["wait", "end of " + name]),
                                                   Step(0, ["pulled"])])


def begun(c, name):
    until("the pull " + name, lambda: name in c.provider.signals)


def job(c, s, id):
    return c.client(s).call("GET", "/api/v1/jobs/" + id)


def is_complete(c, s, id):
    return until("the end of a job", lambda: (lambda j: j if j["state"] == "complete" else None)(job(c, s, id)))


def jobs_shared(c):
    """Places of a lane count for both; who asks either sees one list, and stops a job that runs at the other."""
    a, b = c.server(), c.server()
    names = ["one", "two", "three", "four", "five"]
    c.provider.pulls += [pull("first"), pull("second"), pull("third"), pull("fourth"), pull("fifth")]
    ids = [c.client((a, b)[i % 2]).call("POST", "/api/v1/models/pull", {"model": n})["id"] for i, n in enumerate(names)]
    for n in ("first", "second", "third"):
        begun(c, n)
    states = [job(c, s, i)["state"] for s in (a, b) for i in ids]
    same("running", states.count("running"), 6)
    same("waiting", states.count("queued"), 4)
    # The same work asked for at the other server is the same job.
    for s in (a, b):
        same("the same job", c.client(s).call("POST", "/api/v1/models/pull", {"model": "one"})["id"], ids[0])
    # Stopped at each of the two, of which one does not run it.
    running = [i for i in ids if job(c, a, i)["state"] == "running"]
    c.client(a).call("POST", "/api/v1/jobs/%s/cancel" % running[0])
    c.client(b).call("POST", "/api/v1/jobs/%s/cancel" % running[1])
    for i in running[:2]:
        until("a stopped job", lambda: job(c, b, i)["state"] == "canceled")
    for n in ("fourth", "fifth"):
        begun(c, n)
    # Which of the first three are stopped is not known here: two servers asked for them side by side.
    for n in ("first", "second", "third", "fourth", "fifth"):
        c.provider.signal("end of " + n)
    for i in [i for i in ids if i not in running[:2]]:
        is_complete(c, a, i)
    same("pulls", len(c.provider.pulled), 5)


def jobs_killed(c):
    """kill -9 of the one while its jobs run: the other takes each over and ends it, and whoever watches sees it there."""
    a = c.server()
    c.provider.pulls += [pull(n, ["layer", "a" * 64, 300, 1000]) for n in ("one", "two")]
    ids = [c.client(a).call("POST", "/api/v1/models/pull", {"model": n})["id"] for n in ("one", "two")]
    begun(c, "one")
    begun(c, "two")
    b = c.server()
    watcher = Reader()
    watcher.numbered = False
    watcher.open(b.port, "GET", "/api/v1/jobs/%s/events" % ids[0],
                 c.client(b).headers({"Accept": "text/event-stream"}))
    # The stream begins with the job as it stands, which may be before its first progress was kept.
    until("progress", lambda: watcher.find("job") and (watcher.find("job").json()["progress"] or {}).get("completed") == 300)
    same("pulls", len(c.provider.pulled), 2)
    c.provider.pulls += [pull(n, ["layer", "a" * 64, 600, 1000]) for n in ("third", "fourth")]
    a.kill()
    # Nobody takes what may still be at work.
    same("the states", [job(c, b, i)["state"] for i in ids], ["running", "running"])
    c.pg.sql(LEASE_IS_OVER)
    begun(c, "third")
    begun(c, "fourth")
    c.provider.signal("end of third")
    c.provider.signal("end of fourth")
    for i in ids:
        same("tries", is_complete(c, b, i)["tries"], 2)
    until("the watcher's end", lambda: watcher.ended)
    same("what the watcher saw last", watcher.find("job").json()["state"], "complete")
    same("pulls", len(c.provider.pulled), 4)
    # The one that was killed starts again, and leaves alone what has ended.
    a.start()
    same("the states", [job(c, a, i)["state"] for i in ids], ["complete", "complete"])
    same("pulls", len(c.provider.pulled), 4)


def jobs_asleep(c):
    """One is suspended until its lease is over; when it wakes it has lost its job, stops, and writes nothing of it."""
    a = c.server()
    c.provider.pulls += [pull("old"), pull("new")]
    id = c.client(a).call("POST", "/api/v1/models/pull", {"model": "big"})["id"]
    begun(c, "old")
    b = c.server()
    a.proc.send_signal(signal.SIGSTOP)
    c.pg.sql(LEASE_IS_OVER)
    begun(c, "new")
    closed = len(c.provider.closed_at)
    a.proc.send_signal(signal.SIGCONT)
    until("the end of the first pull", lambda: len(c.provider.closed_at) > closed)
    same("the job", job(c, b, id)["state"], "running")
    same("the job", job(c, a, id)["state"], "running")
    c.provider.signal("end of new")
    for s in (a, b):
        is_complete(c, s, id)
    same("pulls", len(c.provider.pulled), 2)


def jobs_stopped(c):
    """An orderly end gives jobs back at once, and the try does not count."""
    a = c.server()
    c.provider.pulls += [pull("old"), pull("new")]
    id = c.client(a).call("POST", "/api/v1/models/pull", {"model": "big"})["id"]
    begun(c, "old")
    b = c.server()
    a.stop()
    begun(c, "new")
    c.provider.signal("end of new")
    same("tries", is_complete(c, b, id)["tries"], 1)


def jobs_of_files(c):
    """Files that were brought to a server that is away wait for it, which is said, and hold up none that is brought to the other."""
    a, b = c.server(), c.server()
    here, there = c.client(a), c.client(b)
    shelf = "/api/v1/collections/" + here.call("POST", "/api/v1/collections", {"name": "Shelf"})["id"]
    theirs = [upload(here, shelf, "%d.md" % n, "# Page %d" % n) for n in range(40)]
    for d in theirs:
        until("a document", lambda: there.call("GET", d)["state"] == "ready")
    a.kill()
    # As if it had been killed before it read them.
    c.pg.sql("UPDATE documents SET state = 'queued'; UPDATE jobs SET state = 'queued', tries = 0, ended_at = NULL, node = 0;"
             "UPDATE nodes SET seen_at = 1")

    def away():
        return [j for j in there.call("GET", "/api/v1/jobs?limit=100")["items"] if j["server_away"]]

    until("what waits", lambda: len(away()) == 40)
    own = upload(there, shelf, "own.md", "# Ours")
    until("the own document", lambda: there.call("GET", own)["state"] == "ready")
    same("what waits still", [(j["state"], j["tries"]) for j in away()], [("queued", 0)] * 40)
    same("what a document says", there.call("GET", theirs[0])["error"]["code"], "server_away")
    # The same bytes brought to the one that is there; and a job that nobody wants.
    upload(there, shelf, "0.md", "# Page 0")
    until("a document that was brought again", lambda: there.call("GET", theirs[0])["state"] == "ready")
    stopped = away()[0]["id"]
    same("a canceled one", there.call("POST", "/api/v1/jobs/%s/cancel" % stopped)["state"], "canceled")
    same("what waits then", len(away()), 38)
    a.start()
    until("the others", lambda: sum(there.call("GET", d)["state"] == "ready" for d in theirs) == 39)
    same("what waits for nobody", away(), [])


def decisions(c):
    """A call that two people's devices decide of at once, each at another server, is decided once and run once."""
    a, b = c.server(), c.server()
    c.client(a).call("PATCH", "/api/v1/tools/calculator", {"asks": True})
    c.provider.answers.append(Answer([Step(0, ["tool", "calculator", {"expression": "6*7"}]), Step(0, ["done"])]))
    c.provider.answers.append(Answer([Step(0, ["text", "It is 42."]), Step(0, ["done"])]))
    conversation = c.client(a).call("POST", "/api/v1/conversations", {})["id"]
    turn = c.client(a).call("POST", "/api/v1/conversations/%s/turns" % conversation, {"content": "6*7?", "tools": ["calculator"]})["turn_id"]
    until("the question", lambda: c.message(b, conversation)["state"] == "waiting")
    call = c.message(b, conversation)["parts"][0]["id"]
    said, ready = [], threading.Barrier(2)

    def decide(s):
        ready.wait()
        said.append(c.client(s).request("POST", "/api/v1/turns/%s/approvals/%s" % (turn, call), b'{"decision":"once"}').status)

    deciders = [threading.Thread(target=decide, args=(s,)) for s in (a, b)]
    for t in deciders:
        t.start()
    for t in deciders:
        t.join()
    same("how many decide", said.count(200), 1)
    same("what the other is told", set(said) <= {200, 404, 409}, True)  # 404: the answer has ended by then
    until("the answer's end", lambda: c.message(a, conversation)["state"] == "complete")
    same("the answer", c.message(b, conversation)["content"], "It is 42.")
    same("the model's calls", len(c.provider.calls), 2)


CASES = [answers, rights, ended_late, decisions, configuration, counted, together, joined, asked, tool_servers, collections, editors, jobs_shared, jobs_killed, jobs_asleep, jobs_stopped, jobs_of_files]

if __name__ == "__main__":
    sys.exit(installation.main(CASES, __doc__))
