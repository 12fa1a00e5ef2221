#!/usr/bin/env python3
"""Nothing that was shown is lost: kills the server with SIGKILL at a random moment of many live streams, starts it
again on the same data folder and compares what every reader had got with what is there. Among them are answers that
several follow, questions that wait and are changed, other versions of a question and of an answer, comparisons, and answers with
tools under way (kill_tools.py).

	tests/scenario/kill9.py --binary build/atelier --rounds 50 --streams 20
"""

import argparse
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from client import Client, Reader  # noqa: E402
from kill_tools import MODEL, ActingProvider, ToolRound, Tools  # noqa: E402
from provider import Answer, Step  # noqa: E402
from server import PATIENCE, Failed, Server  # noqa: E402

PASSWORD = "correct horse one"
MODELS = ["mock:1b", "mock:2b"]


def tokens(n, every_ms, first=1):
    return Answer([Step(0, ["tokens", str(n), str(every_ms), str(first)]), Step(0, ["done"])])


class Round:
    def __init__(self, server, provider, tools, bearer, rng, streams, every_ms, mark):
        self.server, self.provider, self.rng = server, provider, rng
        self.bearer, self.streams, self.every_ms = bearer, streams, every_ms
        self.tools = ToolRound(tools, self.client, lambda: server.port, rng, mark)
        self.readers, self.conversations, self.waiting = [], [], {}
        self.followers, self.versions, self.compared = [], [], []
        self.counts = {"events": 0, "interrupted": 0, "complete": 0, "unborn": 0, "stored_more": 0, "queued": 0, "sent": 0,
                       "followed": 0, "versions": 0, "compared": 0}

    def client(self):
        return Client(self.server.port, bearer=self.bearer)

    def read(self, reader, conversation, body):
        try:
            reader.open(self.server.port, "POST", "/api/v1/conversations/%s/turns" % conversation,
                        self.client().headers({"Accept": "text/event-stream"}, body), body)
        except (Failed, OSError):
            pass  # killed before its answer began

    def ask_more(self, conversation, reader):
        """While an answer is written two questions are put into its queue, and the first one is changed; what was acknowledged is
        noted: the text by its id, or several where a change may have been made."""
        c, known = self.client(), self.waiting.setdefault(conversation, {})
        try:
            reader.wait("its beginning", lambda r: r.events)
            for text in ("First", "Second"):
                asked = c.call("POST", "/api/v1/conversations/%s/turns" % conversation, {"content": text, "queue": True})
                known[asked["queued_id"] or asked["turn_id"]] = {text}
            for id_ in list(known)[:1]:
                known[id_].add("Changed")
                c.call("PATCH", "/api/v1/queued/" + id_, {"content": "Changed"})
                known[id_] = {"Changed"}
        except (Failed, OSError, ValueError):
            pass  # killed, or asked already

    def check_queue(self, conversation):
        """Each question that was to wait still does, or was asked: once, in its text, in order."""
        queue = self.client().call("GET", "/api/v1/conversations/%s/queue" % conversation)["items"]
        messages = self.client().call("GET", "/api/v1/conversations/%s/messages" % conversation)["items"]
        there = [m["content"] for m in messages if m["role"] == "user"][1:] + [q["content"] for q in queue]
        known = list(self.waiting.get(conversation, {}).values())
        if len(there) < len(known) or len(there) > len(known) + 1:
            raise Failed("%r were to wait, there are %r" % (known, there))
        for want, text in zip(known, there):
            if text not in want and not (text == "First" and "Changed" in want and len(messages) > 2):
                raise Failed("%r was to wait, there is %r" % (want, text))
        self.counts["queued"] += len(queue)
        self.counts["sent"] += len(there) - len(queue)

    def follow(self, turn_id, after=0):
        """One more reader of an answer; what it got is compared as what the first one got is."""
        r = Reader()
        r.keep_raw = False
        try:
            r.open(self.server.port, "GET", "/api/v1/turns/%s/events?after=%d" % (turn_id, after),
                   self.client().headers({"Accept": "text/event-stream"}))
            self.followers.append((turn_id, after, r))
        except (Failed, OSError):
            pass  # killed before it was there

    def follow_late(self, reader):
        try:
            reader.wait("some of it", lambda r: len(r.events) > 3)
            turn_id = reader.events[0].json()["turn_id"]
            for after in (0, reader.events[-1].id):
                self.follow(turn_id, after)
        except (Failed, OSError):
            pass  # killed, or at its end already

    def begin_versions(self):
        """Two conversations with an answer each; then the question is changed in one, and answered anew in the other."""
        c, made = self.client(), []
        for _ in range(2):
            self.provider.answers = [tokens(3, 0)]
            conversation = c.call("POST", "/api/v1/conversations", {})["id"]
            r = Reader()
            self.read(r, conversation, b'{"content":"Count."}')
            r.wait_end()
            made.append((conversation, c.call("GET", "/api/v1/conversations/%s/messages" % conversation)["items"]))
        return made

    def change(self, conversation, body):
        """Asks for it and follows each answer; the ids of what was acknowledged."""
        try:
            asked = self.client().call("POST", "/api/v1/conversations/%s/turns" % conversation, body)
        except (Failed, OSError, ValueError):
            return []
        turns = asked["turns"] or [asked]
        for t in turns:
            self.follow(t["turn_id"])
        return [t["message_id"] for t in turns]

    def edit(self, conversation, question, answer):
        """The versions that are there after the kill: those of before, and what was acknowledged of the new one."""
        new = self.change(conversation, {"content": "Count again.", "edit": question["id"]})
        self.versions.append((question["id"], [question["id"]] + new, answer))

    def regenerate(self, answer, conversation):
        new = self.change(conversation, {"regenerate": answer["id"]})
        self.versions.append((answer["id"], [answer["id"]] + new, None))

    def compare(self, conversation):
        self.compared.append((conversation, self.change(conversation, {"content": "Which?", "models": MODELS})))

    def check_followers(self):
        for turn_id, after, r in self.followers:
            if not r.events:
                continue
            again = Reader()
            again.open(self.server.port, "GET", "/api/v1/turns/%s/events?after=%d" % (turn_id, after),
                       self.client().headers({"Accept": "text/event-stream"}))
            again.wait_end()
            self.compare_events(r.events, again.events)
            self.counts["followed"] += 1

    def check_versions(self):
        for id_, want, answer in self.versions:
            siblings = self.client().call("GET", "/api/v1/messages/" + id_)["siblings"]
            if not len(want) <= len(siblings) <= 2 or id_ != siblings[0]:
                raise Failed("%r were versions, there are %r" % (want, siblings))
            if answer and self.client().call("GET", "/api/v1/messages/" + answer["id"])["content"] != answer["content"]:
                raise Failed("the answer to the question before it was changed is another")
            self.counts["versions"] += len(siblings) - 1
        for _, ids in self.compared:
            for id_ in ids:
                m = self.client().call("GET", "/api/v1/messages/" + id_)
                if m["compared"] != ids or m["state"] not in ("interrupted", "complete"):
                    raise Failed("%r were compared, there is %r" % (ids, m))
                self.counts["compared"] += 1

    def live(self):
        """The streams begin, and at some moment the program is gone."""
        c = self.client()
        made = self.begin_versions()
        self.conversations = [c.call("POST", "/api/v1/conversations", {})["id"] for _ in range(self.streams)]
        # Some answers are so short that they end, and are being stored, about the time of the kill.
        self.provider.answers = [
            tokens(100000 if self.rng.random() < 0.7 else self.rng.randint(1, 40), self.every_ms)
            for _ in range(self.streams)]
        self.provider.fallback = tokens(100000, self.every_ms)
        threads = self.tools.live()
        for conversation in self.conversations:
            r = Reader()
            r.keep_raw = False
            self.readers.append(r)
            threads.append(threading.Thread(target=self.read, args=(r, conversation, b'{"content":"Count."}')))
            threads[-1].start()
        both = c.call("POST", "/api/v1/conversations", {})["id"]
        more = [threading.Thread(target=self.ask_more, args=x) for x in list(zip(self.conversations, self.readers))[::3]]
        more += [threading.Thread(target=self.follow_late, args=(r,)) for r in self.readers[1::5]]
        more += [threading.Thread(target=self.edit, args=(made[0][0], *made[0][1])),
                 threading.Thread(target=self.regenerate, args=(made[1][1][1], made[1][0])),
                 threading.Thread(target=self.compare, args=(both,))]
        for t in more:
            t.start()
        time.sleep(self.rng.uniform(0.02, 0.5))
        self.server.kill()
        self.provider.answers, self.provider.fallback = [], None
        for t in threads + more:
            t.join(PATIENCE)
        for r in self.readers + [r for _, _, r in self.followers] + [r for *_, r in self.tools.asked]:
            if r.thread:
                r.thread.join(PATIENCE)

    @staticmethod
    def compare_events(before, now):
        if len(now) < len(before):
            raise Failed("%d events were shown, %d are there" % (len(before), len(now)))
        for old, new in zip(before, now):
            if (old.id, old.name, old.data) != (new.id, new.name, new.data):
                raise Failed("shown was %r, there is %r" % (old, new))

    def check(self, reader, conversation):
        reader.check_ids()
        if not reader.events:
            self.counts["unborn"] += 1
            return None
        start = reader.events[0].json()
        again = Reader()
        again.open(self.server.port, "GET", "/api/v1/turns/%s/events?after=0" % start["turn_id"],
                   self.client().headers({"Accept": "text/event-stream"}))
        if again.response.status != 200:
            raise Failed("the turn %s is gone: %d" % (start["turn_id"], again.response.status))
        again.wait_end()
        again.check_ids()
        before, now = reader.events, again.events
        self.compare_events(before, now)
        done = now[-1]
        if done.name != "done":
            raise Failed("the last event is %r" % done)
        state = done.json()["state"]
        if state not in ("interrupted", "complete"):
            raise Failed("the turn is %s" % state)
        turn = self.client().call("GET", "/api/v1/turns/" + start["turn_id"])
        if turn["state"] != state or turn["last_event"] != done.id:
            raise Failed("the turn says %r, its last event %r" % (turn, done))
        messages = self.client().call("GET", "/api/v1/conversations/%s/messages" % conversation)["items"]
        if [m["role"] for m in messages[:2]] != ["user", "assistant"] or (len(messages) > 2 and
                                                                        conversation not in self.waiting):
            raise Failed("the messages are %r" % messages)
        if messages[1]["content"] != again.text or messages[1]["state"] != state:
            raise Failed("the message is %r, the events say %r" % (messages[1], again.text))
        numbers = [int(t[1:]) for t in again.text.split()]
        if numbers != list(range(1, len(numbers) + 1)):
            raise Failed("the tokens are not in order: %r" % again.text)
        self.counts["events"] += len(before)
        self.counts["stored_more"] += sum(e.name == "text" for e in now[len(before):])
        self.counts[state] += 1
        self.check_queue(conversation)
        return len(numbers) if state == "interrupted" and conversation not in self.waiting else None

    def go_on(self, conversation, so_far):
        """One interrupted answer is continued to its end."""
        self.provider.answers = [tokens(3, 0, so_far + 1)]
        r = Reader()
        self.read(r, conversation, b'{"continue":true}')
        if r.response is None or r.response.status != 200:
            raise Failed("continuing answered %r" % (r.response and r.response.body))
        r.wait_end()
        r.check_ids()
        want = "".join("t%d " % i for i in range(1, so_far + 4))
        message = self.client().call("GET", "/api/v1/conversations/%s/messages" % conversation)["items"][-1]
        if message["content"] != want or message["state"] != "complete":
            raise Failed("the continued message is %r instead of %r" % (message, want))

    def database(self):
        db = sqlite3.connect(self.server.database(), timeout=PATIENCE)
        try:
            for pragma in ("integrity_check", "foreign_key_check"):
                rows = db.execute("PRAGMA " + pragma).fetchall()
                if rows not in ([("ok",)], []):
                    raise Failed("%s: %r" % (pragma, rows))
        finally:
            db.close()

    def run(self):
        self.live()
        t0 = time.monotonic()
        self.server.start()
        self.restart_ms = (time.monotonic() - t0) * 1000
        can_continue = []
        for r, conversation in zip(self.readers, self.conversations):
            n = self.check(r, conversation)
            if n is not None:
                can_continue.append((conversation, n))
        self.check_followers()
        self.check_versions()
        self.tools.check(self.compare_events)
        for k, v in self.tools.counts.items():
            self.counts["tools: " + k] = v
        if can_continue:
            self.go_on(*self.rng.choice(can_continue))
        self.continued = bool(can_continue)
        self.database()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--binary", required=True)
    ap.add_argument("--rounds", type=int, default=50)
    ap.add_argument("--streams", type=int, default=20)
    ap.add_argument("--every-ms", type=float, default=5, help="milliseconds between two tokens of a stream")
    ap.add_argument("--seed", type=int, default=None)
    a = ap.parse_args()
    seed = a.seed if a.seed is not None else random.SystemRandom().randrange(1 << 30)
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="atelier-kill9-")
    provider = ActingProvider(models=MODELS + [MODEL])
    server = Server(a.binary, os.path.join(folder, "data"), provider.settings())
    os.makedirs(server.data, 0o700)
    total, passed, failed, restarts, continued = {}, 0, 0, [], 0
    began = time.monotonic()
    try:
        status, out = server.command(["user", "add", "admin", "--role", "admin"], PASSWORD + "\n")
        if status != 0:
            raise Failed("`user add` ended with %d: %s" % (status, out))
        server.start()
        c = Client(server.port)
        c.login("admin", PASSWORD)
        c.call("POST", "/api/v1/models/refresh", {})
        tools = Tools(c)
        for n in range(1, a.rounds + 1):
            r = Round(server, provider, tools, c.bearer, rng, a.streams, a.every_ms, "r%dx" % n)
            try:
                r.run()
                passed += 1
                restarts.append(r.restart_ms)
                continued += r.continued
            except Failed as e:
                failed += 1
                print("FAILED round %d (seed %d): %s" % (n, seed, e))
                for line in server.log[-40:]:
                    print("    | " + line[:400])
                if not server.alive():
                    break
            for k, v in r.counts.items():
                total[k] = total.get(k, 0) + v
        server.stop()
    except Failed as e:
        failed += 1
        print("FAILED: %s" % e)
        for line in server.log[-40:]:
            print("    | " + line[:400])
    finally:
        server.destroy()
        provider.down()
        shutil.rmtree(folder, ignore_errors=True)
    print("kill -9: %d rounds of %d streams, seed %d, %.1f s" % (passed + failed, a.streams, seed,
                                                              time.monotonic() - began))
    print("  events shown before a kill and found again: %(events)d; text events stored but not yet shown: "
          "%(stored_more)d" % dict({"events": 0, "stored_more": 0}, **total))
    print("  questions that wait after it: %(queued)d, asked before it: %(sent)d" % dict({"queued": 0, "sent": 0}, **total))
    print("  readers more: %(followed)d; other versions: %(versions)d; compared answers: %(compared)d"
          % dict({"followed": 0, "versions": 0, "compared": 0}, **total))
    print("  turns interrupted: %(interrupted)d, complete: %(complete)d, killed before their first event: %(unborn)d"
          % dict({"interrupted": 0, "complete": 0, "unborn": 0}, **total))
    print("  of answers with tools: " + ", ".join("%s %d" % (k[7:], v) for k, v in sorted(total.items()) if k.startswith("tools: ")))
    if restarts:
        print("  answers continued: %d; restart: median %.0f ms, worst %.0f ms" % (
            continued, sorted(restarts)[len(restarts) // 2], max(restarts)))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
