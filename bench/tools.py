#!/usr/bin/env python3
"""What a round of tools costs: bench/tools.py ATELIER [--turns N] [--servers N] [--strict]

A scripted model asks for one call a round; the tool is instant (the calculator). Between the last byte of a model's answer and the
first of the next request to it stands all that a round costs: the calls are read, stored before and after they run, run, shown, and
the next prompt is made. The peer does the same with Pydantic AI, a loop in memory that stores and shows nothing (bench/peers.sh
fetches it; left out, with a word, where that does not work). Both have the first core, the model the last one. Beside the clock's
stand the figures of the processor, which a busy machine changes little: of a whole turn, by its rounds.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "scenario"))
from server import Server  # noqa: E402

ROUNDS = 15
BAR_MS = 2.0
PEER = os.path.join(ROOT, "build", "peers", "pydantic-ai", "bin", "python")

PEER_LOOP = """
import asyncio, os, sys
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits
agent = Agent(OpenAIChatModel("bench", provider=OpenAIProvider(base_url=sys.argv[1], api_key="x")))

@agent.tool_plain
def calculator(expression: str) -> str:
    "Computes."
    return "2"

async def main():
    for i in range(int(sys.argv[2])):
        await agent.run("Count %d." % i, usage_limits=UsageLimits(request_limit=100))

asyncio.run(main())
"""


def processor_of(pid):
    """A clock of what the process has had of the processors (the kernel's MAKE_PROCESS_CPUCLOCK)."""
    clock = (~pid << 3) | 2
    return lambda: time.clock_gettime(clock)


class Model(threading.Thread):
    """Speaks OpenAI's chat completions: ROUNDS calls, then a text. Notes the time between its answers and what follows them, and at each
    question what `processor` says."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/v1" % self.listener.getsockname()[1]
        self.gaps, self.ended = [], None
        self.processor, self.spent = None, []
        self.start()

    def run(self):
        while True:
            sock, _ = self.listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        buf = b""
        while True:
            while b"\r\n\r\n" not in buf:
                more = sock.recv(65536)
                if not more:
                    return
                began = time.perf_counter()
                buf += more
            head, buf = buf.split(b"\r\n\r\n", 1)
            length = next((int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length")), 0)
            while len(buf) < length:
                buf += sock.recv(1 << 20)
            body, buf = buf[:length], buf[length:]
            if b"/chat/completions" not in head.split(b"\r\n")[0]:
                self.reply(sock, json.dumps({"object": "list", "data": [{"id": "bench", "object": "model"}]}).encode())
                continue
            asked = json.loads(body)
            if self.ended and asked["messages"][-1]["role"] == "tool":
                self.gaps.append(began - self.ended)
            elif asked.get("tools") and self.processor:
                self.spent.append(self.processor())
            self.answer(sock, asked, self.count(asked))

    @staticmethod
    def count(asked):
        """Results since the last question."""
        n = 0
        for m in reversed(asked["messages"]):
            if m["role"] == "user":
                break
            n += m["role"] == "tool"
        return n

    def answer(self, sock, asked, done):
        call = {"id": "call_%d" % time.perf_counter_ns(), "type": "function",
                "function": {"name": "calculator", "arguments": json.dumps({"expression": "%d+1" % done})}}
        last = done >= ROUNDS
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        base = {"id": "x", "created": 1, "model": "bench"}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": "Done." if last else None}
            if not last:
                message["tool_calls"] = [call]
            self.reply(sock, json.dumps(dict(base, object="chat.completion", usage=usage, choices=[
                {"index": 0, "message": message, "finish_reason": "stop" if last else "tool_calls"}])).encode())
        else:
            delta = {"role": "assistant", "content": "Done."} if last else {"role": "assistant", "tool_calls": [dict(call, index=0)]}
            parts = [dict(base, object="chat.completion.chunk", choices=[{"index": 0, "delta": delta, "finish_reason": None}]),
                     dict(base, object="chat.completion.chunk", usage=usage, choices=[
                         {"index": 0, "delta": {}, "finish_reason": "stop" if last else "tool_calls"}])]
            text = "".join("data: %s\n\n" % json.dumps(p) for p in parts) + "data: [DONE]\n\n"
            self.reply(sock, text.encode(), "text/event-stream")

    def reply(self, sock, body, kind="application/json"):
        self.ended = time.perf_counter()  # before it is sent: what reads it may be faster than this thread
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind.encode(), len(body)) + body)


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def told(name, model):
    """Of all turns but the first, which reads what the others find read: medians of a round, by the clock and by the processor."""
    ms = [g * 1000 for g in model.gaps[ROUNDS:]]
    turns = [(b - a) * 1000 / ROUNDS for a, b in zip(model.spent[1:], model.spent[2:])]
    processor = statistics.median(turns)
    print("  %-18s %6.2f ms a round (p95 %.2f, least %.2f; %d rounds), %.2f ms of a processor" % (
        name, statistics.median(ms), percentile(ms, 95), min(ms), len(ms), processor), flush=True)
    return statistics.median(ms), processor


def atelier(binary, turns, servers):
    model, data = Model(), tempfile.mkdtemp(prefix="atelier-bench-")
    server = Server(binary, os.path.join(data, "data"), {
        "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "x", "ATELIER_RATE_PER_MINUTE": "1000000"})
    try:
        server.command(["user", "add", "ada", "--role", "admin"], "correct horse one")
        server.start()
        os.sched_setaffinity(server.proc.pid, {0})
        model.processor = processor_of(server.proc.pid)
        c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        headers = {"Content-Type": "application/json"}

        def ask(method, path, body=None):
            c.request(method, path, None if body is None else json.dumps(body), headers)
            r = c.getresponse()
            text = r.read()
            if r.status >= 300:
                raise SystemExit("%s %s: %d %s" % (method, path, r.status, text[:300]))
            return text

        headers["Authorization"] = "Bearer " + json.loads(ask("POST", "/api/v1/auth/login", {
            "username": "ada", "password": "correct horse one"}))["token"]
        for i in range(servers):
            ask("POST", "/api/v1/tool-servers", {"name": "S%d" % i, "kind": "http", "config": {"tools": [
                {"name": "t%d" % k, "description": "d" * 300, "url": "http://127.0.0.1:9/x"} for k in range(10)]}})
        for i in range(turns + 1):
            conversation = json.loads(ask("POST", "/api/v1/conversations", {}))["id"]
            headers["Accept"] = "text/event-stream"
            text = ask("POST", "/api/v1/conversations/%s/turns" % conversation, {
                "content": "Count.", "model": json.loads(ask("GET", "/api/v1/models"))["items"][0]["id"], "tools": ["calculator"]})
            del headers["Accept"]
            if b"Done." not in text:
                raise SystemExit("A turn did not end well: %r" % text[-600:])
        return told("Atelier" if not servers else "with %s tools" % format(10 * servers, ","), model)
    finally:
        server.stop()
        shutil.rmtree(data)


def peer(turns):
    subprocess.run([os.path.join(HERE, "peers.sh"), "pydantic-ai"], check=False)
    if not os.path.exists(PEER):
        print("  Pydantic AI is not there: left out.")
        return None
    model = Model()
    p = subprocess.Popen([PEER, "-c", PEER_LOOP, model.url, str(turns + 1)])
    model.processor = processor_of(p.pid)
    os.sched_setaffinity(p.pid, {0})
    if p.wait(timeout=300) != 0:
        print("  Pydantic AI ended with %d: left out." % p.returncode)
        return None
    return told("Pydantic AI", model)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("atelier")
    ap.add_argument("--turns", type=int, default=20)
    ap.add_argument("--servers", type=int, default=200)
    ap.add_argument("--strict", action="store_true")
    a = ap.parse_args()
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    print("A round of tools, beside its model and its tool; load %s" % open("/proc/loadavg").read().split()[0])
    ours = atelier(a.atelier, a.turns, 0)
    many = atelier(a.atelier, a.turns, a.servers) if a.servers else ours
    theirs = peer(a.turns)
    if theirs:
        print("  RATIO of Atelier to Pydantic AI: %.3f by the clock, %.3f by the processor" % (ours[0] / theirs[0], ours[1] / theirs[1]))
    worst = max(ours[0], many[0])
    held = worst <= BAR_MS
    print("  BAR a round %.2f ms at most %g: %s" % (worst, BAR_MS, "held" if held else "MISSED"))
    sys.exit(3 if a.strict and not held else 0)


if __name__ == "__main__":
    main()
