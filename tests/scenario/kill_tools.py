"""Answers with tools under way, for kill9.py: calls that do something and are counted where they are done, calls that read, calls that a
person has to allow, and assistants that others call. After SIGKILL nothing shown is lost, what does something was done once at most, what
waited waits again, and each answer comes to an end."""

import collections
import http.server
import json
import threading
import time

from client import Reader
from provider import Answer, Provider, Step
from server import PATIENCE, Failed

ROUNDS = 5
MODEL = "vision:1b"  # which can call tools
KINDS = ("Act", "Look", "Book", "Lead")


class Deeds:
    """Where tools do what they do: each deed has a name, and takes a moment."""

    def __init__(self):
        self.done = collections.Counter()
        deeds = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *a):
                pass

            def do_POST(self):
                deeds.done[self.path.split("/")[-1]] += 1  # before anybody hears of it
                self.do_GET()

            def do_GET(self):
                time.sleep(0.01)
                body = b'{"done":"%s"}' % self.path.split("/")[-1].encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked is killed

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *a: None  # whoever asked is killed
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_port

    def config(self):
        parameters = {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]}
        tool = lambda name, method: {"name": name, "method": method, "url": "%s/%s/{n}" % (self.url, name), "parameters": parameters}
        return {"tools": [tool("act", "POST"), tool("book", "POST"), tool("look", "GET")]}


class ActingProvider(Provider):
    """Answers "Act NAME" and the like by what was said so far, everything else as its script says."""

    def _chat(self, call):
        messages = [m for m in call.parsed()["messages"] if m["role"] != "system"]
        asked = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
        kind, _, name = asked.partition(" ")
        if kind not in KINDS:
            return super()._chat(call)
        n = sum(m["role"] == "tool" for m in messages)
        wants = {"Act": lambda: [("town_act", {"n": "%s.%d" % (name, n)})], "Look": lambda: [("town_look", {"n": "%s.%d" % (name, n)})],
                 "Book": lambda: [("town_book", {"n": name})],
                 "Lead": lambda: [("agent_hand", {"task": "Act %s%s" % (name, part)}) for part in "ab"]}[kind]
        last = n >= (1 if kind in ("Book", "Lead") else ROUNDS)
        steps = ["text", "The end."], ["done"]
        if not last:
            steps = (["text", "Round %d. " % n], *(["tool", *w] for w in wants()), ["done"])
        return self._script(call, [Answer([Step(0, s) for s in steps])], [])


class Tools:
    """What is there for all rounds."""

    def __init__(self, client):
        self.deeds = Deeds()
        c = client
        c.call("POST", "/api/v1/tool-servers", {"name": "Town", "kind": "http", "config": self.deeds.config()})
        c.call("PATCH", "/api/v1/tools/town_act", {"asks": False, "for_all": True})
        hand = c.call("POST", "/api/v1/agents", {"name": "Hand", "model": MODEL, "tools": ["town_act"]})["id"]
        self.chief = c.call("POST", "/api/v1/agents", {"name": "Chief", "model": MODEL, "agents": [hand], "tools": []})["id"]


class ToolRound:
    def __init__(self, tools, client, port, rng, mark):
        self.tools, self.client, self.port, self.rng, self.mark = tools, client, port, rng, mark
        self.asked = []   # (kind, name, conversation, reader)
        self.allowed = set()
        self.counts = collections.Counter()

    def live(self):
        """They begin; some of what waits is allowed about the time of the kill."""
        c, threads = self.client(), []
        for kind in KINDS * 2:
            name = "%s%d" % (self.mark, len(self.asked))
            conversation = c.call("POST", "/api/v1/conversations", {"assistant_id": self.tools.chief} if kind == "Lead" else {"model": MODEL})["id"]
            r = Reader()
            r.keep_raw = False
            self.asked.append((kind, name, conversation, r))
            body = json.dumps({"content": "%s %s" % (kind, name), **({} if kind == "Lead" else {"tools": ["town_act", "town_look", "town_book"]})}).encode()
            threads.append(threading.Thread(target=self.follow, args=(r, conversation, body, kind == "Book" and self.rng.random() < 0.5)))
        for t in threads:
            t.start()
        return threads

    def follow(self, r, conversation, body, allows):
        try:
            r.open(self.port(), "POST", "/api/v1/conversations/%s/turns" % conversation, self.client().headers({"Accept": "text/event-stream"}, body), body)
            if allows:
                r.wait("a question", lambda r: any(e.name == "approval" for e in r.events))
                ask = next(e.json() for e in r.events if e.name == "approval")
                r.wait("that it waits", lambda r: any(e.name == "done" for e in r.events))
                self.decide(r.events[0].json()["turn_id"], ask["id"], "once")
                self.allowed.add(json.loads(ask["arguments"])["n"])
        except (Failed, OSError, ValueError, KeyError):
            pass  # killed before

    def decide(self, turn, call, decision):
        self.client().call("POST", "/api/v1/turns/%s/approvals/%s" % (turn, call), {"decision": decision})
        self.counts["decided"] += 1

    def answer_of(self, conversation):
        items = self.client().call("GET", "/api/v1/conversations/%s/messages" % conversation)["items"]
        return next((m for m in items if m["role"] == "assistant"), None)

    def settle(self, conversation):
        """Decides of what waits until the answer has ended: what is not known is left, the rest allowed."""
        end = time.monotonic() + PATIENCE
        while True:
            m = self.answer_of(conversation)
            if m is None or m["state"] not in ("running", "waiting"):
                return m
            for p in m["parts"] if m["state"] == "waiting" else []:
                approval = p.get("approval") if p["type"] == "tool_call" and p["result"] is None else None
                if approval and not approval.get("decision"):
                    self.counts["unknown" if approval.get("unknown") else "waits again"] += 1
                    if not approval.get("unknown") and json.loads(p["arguments"])["n"] in self.allowed:
                        raise Failed("what was allowed is asked again: %r" % p)
                    try:
                        self.decide(m["turn_id"], p["id"], "deny" if approval.get("unknown") else "once")
                    except Failed:
                        pass  # the answer went on in between: looked at again
            if time.monotonic() > end:
                raise Failed("an answer does not end: %r" % m)
            time.sleep(0.02)

    def check(self, compare):
        for kind, name, conversation, r in self.asked:
            if not r.events:
                continue
            m = self.settle(conversation)
            if m is None or m["state"] not in ("complete", "interrupted"):
                raise Failed("%s %s came to %r" % (kind, name, m))
            again = Reader()
            again.open(self.port(), "GET", "/api/v1/turns/%s/events?after=0" % r.events[0].json()["turn_id"], self.client().headers({"Accept": "text/event-stream"}))
            again.wait_end()
            again.check_ids()
            # Where an answer waited its first reader got an end, which the log has not.
            compare([e for e in r.events if e.name != "done"], [e for e in again.events if e.name != "done"])
            self.check_deeds(kind, m)
            self.counts[m["state"]] += 1

    def check_deeds(self, kind, m):
        for p in m["parts"]:
            if p["type"] != "tool_call" or p["name"] not in ("town_act", "town_book"):
                continue
            deed = json.loads(p["arguments"])["n"]
            done, asked = self.tools.deeds.done[deed], p.get("approval") or {}
            if done > 1:
                raise Failed("%s was done %d times: %r" % (deed, done, p))
            if p["result"] is not None and not p["failed"] and done != 1:
                raise Failed("%s is told as done, and was not: %r" % (deed, p))
            if p["result"] is None and m["state"] == "complete":
                raise Failed("a complete answer has a call without a result: %r" % p)
            self.counts["deeds"] += done
