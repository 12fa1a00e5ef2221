#!/usr/bin/env python3
"""Requests of the gateway that are legal in part: tests/scenario/odd_requests.py --binary build/asan/src/atelier

Every kind of item, block, part and tool that programs send is put together and changed by chance: members go, become null,
numbers, lists. None may end the server, make it answer with a fault of its own, or take long. The seed is fixed; --seed
and --seconds try others."""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from client import Client  # noqa: E402
from provider import Answer, Provider, Step  # noqa: E402
from run import Template  # noqa: E402
from server import Failed, Server  # noqa: E402

PNG = "data:image/png;base64,iVBORw0KGgo="
TEXT = [{"type": "text", "text": "y"}]


def item(kind, **more):
    return {"type": kind, **more}


RESPONSES = [
    item("message", role="user", content=[item("input_text", text="a"), item("input_image", image_url=PNG),
                                          item("input_file", file_data="x")]),
    item("function_call", call_id="c", name="f", arguments="{}", namespace="n"),
    item("function_call_output", call_id="c", output=[item("input_text", text="x")]),
    item("custom_tool_call", call_id="c", name="g", input="r"), item("custom_tool_call_output", call_id="c", output="r"),
    item("local_shell_call", call_id="c", action={"command": ["a"]}), item("local_shell_call_output", id="c", output="x"),
    item("shell_call", call_id="c", action={}), item("shell_call_output", call_id="c", output=[{"stdout": "x"}]),
    item("apply_patch_call", call_id="c", operation={}), item("web_search_call", id="w", action={}),
    item("mcp_call", id="m", name="n", arguments="{}", output="x", server_label="s"), item("mcp_list_tools", tools=[]),
    item("code_interpreter_call", id="x", code="1", outputs=[{}]), item("image_generation_call", id="x", result="AA"),
    item("computer_call", call_id="k", action={}),
    item("computer_call_output", call_id="k", output={"type": "computer_screenshot", "image_url": PNG}),
    item("reasoning", summary=[item("summary_text", text="t")], content=[], encrypted_content="atelier:AAAA"),
    item("compaction", encrypted_content="atelier:QQ=="), item("compaction_trigger"),
    item("item_reference", id="fc_0123456789abc0"),
    item("additional_tools", tools=[item("function", name="z")]),
    item("tool_search_output", call_id="t", tools=[item("namespace", name="n", tools=[item("custom", name="q")])]),
]
BLOCKS = [
    item("text", text="a", citations=[]),
    item("image", source={"type": "base64", "media_type": "image/png", "data": "iVBO"}),
    item("image", source={"type": "file", "file_id": "f"}),
    item("document", source={"type": "text", "data": "x", "media_type": "text/plain"}, title="T", context="c"),
    item("document", source={"type": "content", "content": TEXT}),
    item("tool_use", id="t", name="f", input={"a": 1}),
    item("tool_result", tool_use_id="t", is_error=True, content=[
        *TEXT, item("tool_reference", tool_name="q"), item("search_result", source="s", title="t", content=TEXT)]),
    item("thinking", thinking="x", signature="s"), item("redacted_thinking", data="x"),
    item("server_tool_use", id="s", name="n", input={}), item("compaction", content="x"),
    item("web_search_tool_result", tool_use_id="s", content=[item("web_search_result", encrypted_content="x")]),
    item("mcp_tool_use", id="m", name="n", server_name="atelier", input={}),
    item("mcp_tool_result", tool_use_id="m", is_error=True, content=TEXT),
    item("search_result", source="s", title="t", content=TEXT),
]
PARTS = [
    item("text", text="a", cache_control={"type": "ephemeral"}), item("image_url", image_url={"url": PNG, "detail": "low"}),
    item("image_url", image_url=PNG), item("refusal", refusal="r"), item("thinking", thinking="t"),
    item("file", file={"file_data": "x"}), item("input_text", text="x"),
]
TOOLS = [
    item("function", function={"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}),
    item("function", name="g", parameters={}), item("custom", custom={"name": "c"}),
    item("custom", name="d", format={"type": "grammar", "syntax": "lark", "definition": "x"}),
    item("namespace", name="n", description="d", tools=[item("function", name="h")]),
    item("bash_20250124", name="bash"), item("web_search_20250305", name="web_search"),
    {"name": "k", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
]
ODD = [None, 0, -1, 1.5, "", "x", [], {}, True, [None], [[]], [{}], {"type": None}, 10 ** 30, "\ud83d", "a" * 3000,
       {"a": {"b": {"c": []}}}]


def some(r, of, most=4):
    return [r.choice(of) for _ in range(r.randint(1, most))]


def responses(r):
    return r.choice(["", "/compact", "/input_tokens"]), {
        "input": some(r, RESPONSES, 6), "tools": some(r, TOOLS), "instructions": "I", "include": ["reasoning.encrypted_content"],
        "tool_choice": r.choice(["auto", "required", item("function", name="f"), item("custom", name="d"),
                                 item("allowed_tools", mode="auto", tools=[item("function", name="f")])]),
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"},
        "reasoning": {"effort": "low"}, "previous_response_id": r.choice([None, "resp_0123456789abc"])}


def messages(r):
    return r.choice(["", "/count_tokens"]), {
        "max_tokens": 9, "system": [item("text", text="s", cache_control={"type": "ephemeral"})],
        "messages": [{"role": r.choice(["user", "assistant", "system"]), "content": some(r, BLOCKS, 5)}
                     for _ in range(r.randint(1, 4))],
        "tools": some(r, TOOLS), "tool_choice": r.choice([{"type": "any"}, {"type": "tool", "name": "k"}]),
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "stop_sequences": ["a"],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}}}


def chat(r):
    def message():
        return {"role": r.choice(["user", "assistant", "system", "tool", "developer", "function"]), "name": "n",
                "content": r.choice(["a", some(r, PARTS)]), "tool_call_id": "c", "reasoning_content": "r",
                "tool_calls": [item("function", id="c", function={
                    "name": "f", "arguments": r.choice(["{}", '{"a":', "null"])})]}
    return "", {
        "n": r.choice([1, 2]), "messages": [message() for _ in range(r.randint(1, 4))], "tools": some(r, TOOLS),
        "tool_choice": r.choice(["auto", "required", item("function", function={"name": "f"})]), "functions": [{"name": "f"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}, "stop": ["a"], "seed": 1,
        "logprobs": True, "top_logprobs": 2, "chat_template_kwargs": {"enable_thinking": True}, "max_tokens": 5}


def ollama(r):
    return r.choice(["/chat", "/generate", "/embed", "/show"]), {
        "prompt": "p", "suffix": r.choice([None, "s"]), "system": "s", "input": ["a"], "options": {"num_ctx": 4096, "stop": ["a"]},
        "messages": [{"role": r.choice(["user", "assistant", "tool"]), "content": "a", "images": ["iVBORw0KGgo="], "thinking": "t",
                      "tool_name": "f", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]} for _ in "ab"],
        "tools": some(r, TOOLS), "format": r.choice(["json", {"type": "object"}]), "keep_alive": r.choice(["5m", -1, 0, "x"]),
        "think": r.choice([True, "low"]), "logprobs": True}


SHAPES = [("/v1/responses", responses), ("/v1/messages", messages), ("/v1/chat/completions", chat), ("/api", ollama)]


def changed(r, v, chance):
    if r.random() < chance:
        return r.choice(ODD)
    if isinstance(v, list):
        return [changed(r, x, chance) for x in v]
    if not isinstance(v, dict):
        return v
    out = {k: changed(r, x, chance) for k, x in v.items()}
    if out and r.random() < 2 * chance:
        out.pop(r.choice(list(out)))
    return out


def one(r, client):
    path, make = r.choice(SHAPES)
    more, body = make(r)
    body = changed(r, {**body, "stream": r.random() < 0.3}, r.choice([0, 0.01, 0.03, 0.1]))
    if not isinstance(body, dict):
        return
    body["model"] = "mock:1b"
    what = "POST %s%s %s" % (path, more, json.dumps(body))
    try:
        status = client.request("POST", path + more, body).status
    except (OSError, Failed) as e:
        raise Failed("%s: %s" % (e, what))
    if status >= 500:
        raise Failed("%d: %s" % (status, what))


def run(binary, root, seed, seconds, most):
    template, provider = Template(binary, root), Provider("ollama")
    provider.fallback = Answer([Step(0, ["text", "Yes"]), Step(0, ["done"])])
    data = os.path.join(root, "data")
    template.copy(data)
    server = Server(binary, data, {**provider.settings(), "ATELIER_RATE_PER_MINUTE": "1000000"})
    r, until, n = random.Random(seed), time.monotonic() + seconds, 0
    try:
        server.start()
        client = Client(server.port, bearer=template.vars["bob_bearer"])
        while n < most and time.monotonic() < until:
            one(r, client)
            n += 1
        server.stop()
        server.check_log()
    except Failed as e:
        return "after %d requests: %s\n%s" % (n, e, "\n".join(server.log[-25:]))
    finally:
        server.destroy()
        provider.down()
    print("%d requests" % n)
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--binary", required=True)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--seconds", type=float, default=60)
    ap.add_argument("--requests", type=int, default=3000)
    a = ap.parse_args()
    root = tempfile.mkdtemp(prefix="atelier-odd-")
    try:
        problem = run(a.binary, root, a.seed, a.seconds, a.requests)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    if problem:
        print("FAILED %s" % problem)
    print("%d passed, %d failed" % (problem is None, problem is not None))
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
