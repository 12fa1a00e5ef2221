"""The Python packages against the gateway: features.py URL KEY DIALECT MODEL EMBEDDING prints a line of JSON for each
feature that was tried: {"client", "feature", "outcome": "yes" or "no" or "refused", "message"}. run.mjs starts it."""
import json
import sys
import traceback
import typing

import anthropic
import ollama
import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent

URL, KEY, DIALECT, MODEL, EMBEDDING = sys.argv[1:6]
ASSISTANT = "assistant/helper-" + DIALECT  # which run.mjs has made
RECKONER = "assistant/reckoner-" + DIALECT  # with a tool of its own
HELLO = "Hello, world. Grüße an alle 🌍!"
NOTE = 'a "quoted" ünïcode'
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"},
                                           "note": {"type": "string"}}, "required": ["city"]}

oa = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
an = anthropic.Anthropic(base_url=URL, auth_token=KEY, api_key=None, max_retries=0)
ol = ollama.Client(host=URL + "/ollama", headers={"Authorization": "Bearer " + KEY})


def user(text):
    return [{"role": "user", "content": text}]


def check(value, expected):
    assert value == expected, "%r is not %r" % (value, expected)


# ---- openai ----

OA_TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]


def openai_chat():
    r = oa.chat.completions.create(model=MODEL, messages=user("Say hello"))
    check(r.choices[0].message.content, HELLO)
    check(r.choices[0].finish_reason, "stop")
    check(r.usage.total_tokens, 18)


def openai_stream():
    chunks = list(oa.chat.completions.create(model=MODEL, messages=user("Say hello"), stream=True,
                                             stream_options={"include_usage": True}))
    check("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), HELLO)
    check(chunks[-1].usage.completion_tokens, 7)


def openai_tools():
    messages = user("Weather in Paris and Rome")
    with oa.chat.completions.stream(model=MODEL, messages=messages, tools=OA_TOOLS) as s:
        m = s.get_final_completion().choices[0].message
    check([json.loads(c.function.arguments)["city"] for c in m.tool_calls], ["Paris", "Rome"])
    messages.append({"role": "assistant", "content": m.content, "tool_calls": [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in m.tool_calls]})
    messages += [{"role": "tool", "tool_call_id": c.id, "content": t} for c, t in zip(m.tool_calls, ("rain", "sun"))]
    r = oa.chat.completions.create(model=MODEL, messages=messages, tools=OA_TOOLS)
    check(r.choices[0].message.content, "It is rain and sun.")


def openai_assistant():
    r = oa.chat.completions.create(model=ASSISTANT, messages=user("Repeat the system"))
    check(r.choices[0].message.content, "Help kindly")
    check(ASSISTANT in [m.id for m in oa.models.list()], True)


def openai_reckoner():
    with oa.responses.stream(model=RECKONER, input="Reckon") as s:
        r = s.get_final_response()
    check([o.type for o in r.output], ["message", "mcp_call", "message"])
    check(r.output[1].output, "42")
    check(r.output[2].content[0].text, "It is 42.")
    r = oa.chat.completions.create(model=RECKONER, messages=user("Reckon"))
    check(r.choices[0].message.content, "Let me see.\n\nIt is 42.")


def openai_cut():
    r = oa.chat.completions.create(model=MODEL, messages=user("Cut"))
    check(r.choices[0].finish_reason, "length")


def openai_responses():
    tools = [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}]
    with oa.responses.stream(model=MODEL, input="Weather in Paris", tools=tools) as s:
        r = s.get_final_response()
    call = [o for o in r.output if o.type == "function_call"][0]
    check(json.loads(call.arguments)["note"], NOTE)
    r = oa.responses.create(model=MODEL, previous_response_id=r.id, tools=tools, input=[
        {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}])
    check(r.output_text, "It is rain.")
    check(oa.responses.retrieve(r.id).output_text, "It is rain.")


def openai_types():
    """The package reads mildly: here each event and object must be of the type that it has for it, with all members."""
    kinds = typing.get_args(typing.get_args(ResponseStreamEvent)[0])
    by_type = {t: k for k in kinds for t in typing.get_args(k.model_fields["type"].annotation)}
    ask = {"model": MODEL, "tools": [dict(OA_TOOLS[0]["function"], type="function", strict=False)], "stream": True}
    for text in ("Say hello", "Weather in Paris"):
        for e in oa.responses.create(input=text, **ask):
            by_type[e.type].model_validate(e.model_dump(exclude_unset=True))
        ask_chat = {"model": MODEL, "messages": user(text), "tools": OA_TOOLS}
        whole = oa.chat.completions.create(**ask_chat)
        ChatCompletion.model_validate(whole.model_dump(exclude_unset=True))
        for chunk in oa.chat.completions.create(stream=True, stream_options={"include_usage": True}, **ask_chat):
            ChatCompletionChunk.model_validate(chunk.model_dump(exclude_unset=True))


def openai_embeddings():
    check(len(oa.embeddings.create(model=EMBEDDING, input=["a", "b"]).data), 2)


def openai_limited():
    try:
        oa.chat.completions.create(model=MODEL, messages=user("Fail 429"))
    except openai.RateLimitError as e:
        check(e.response.headers["retry-after"], "90")
    else:
        raise AssertionError("it did not fail")


def openai_unknown_model():
    try:
        oa.chat.completions.create(model="no-such-model", messages=user("Hi"))
    except openai.NotFoundError as e:
        check(e.code, "model_not_found")
    else:
        raise AssertionError("it did not fail")


# ---- anthropic ----

AN_TOOLS = [{"name": "get_weather", "input_schema": SCHEMA}]


def anthropic_message():
    r = an.messages.create(model=MODEL, max_tokens=100, messages=user("Say hello"))
    check(r.content[-1].text, HELLO)
    check(r.stop_reason, "end_turn")


def anthropic_stream():
    with an.messages.stream(model=MODEL, max_tokens=100, messages=user("Say hello")) as s:
        check("".join(s.text_stream), HELLO)


def anthropic_tools():
    messages = user("Weather in Paris and Rome")
    with an.messages.stream(model=MODEL, max_tokens=100, messages=messages, tools=AN_TOOLS) as s:
        m = s.get_final_message()
    calls = [b for b in m.content if b.type == "tool_use"]
    check([c.input["city"] for c in calls], ["Paris", "Rome"])
    messages.append({"role": "assistant", "content": [
        {"type": "tool_use", "id": c.id, "name": c.name, "input": c.input} for c in calls]})
    messages.append({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": c.id, "content": t} for c, t in zip(calls, ("rain", "sun"))]})
    r = an.messages.create(model=MODEL, max_tokens=100, messages=messages, tools=AN_TOOLS)
    check(r.content[-1].text, "It is rain and sun.")


def anthropic_assistant():
    with an.messages.stream(model=ASSISTANT, max_tokens=100, messages=user("Repeat the system")) as s:
        check("".join(s.text_stream), "Help kindly")


def anthropic_reckoner():
    with an.messages.stream(model=RECKONER, max_tokens=100, messages=user("Reckon")) as s:
        r = s.get_final_message()
    check([b.type for b in r.content], ["text", "mcp_tool_use", "mcp_tool_result", "text"])
    check(r.content[3].text, "It is 42.")
    check(r.content[1].input, {"expression": "6*7"})


def anthropic_cut():
    r = an.messages.create(model=MODEL, max_tokens=100, messages=user("Cut"))
    check(r.stop_reason, "max_tokens")


def anthropic_count():
    assert an.messages.count_tokens(model=MODEL, messages=user("Say hello")).input_tokens > 0


def anthropic_limited():
    try:
        an.messages.create(model=MODEL, max_tokens=100, messages=user("Fail 429"))
    except anthropic.RateLimitError as e:
        check(e.response.headers["retry-after"], "90")
    else:
        raise AssertionError("it did not fail")


# ---- ollama ----

def ollama_chat():
    check(ol.chat(model=MODEL, messages=user("Say hello")).message.content, HELLO)


def ollama_stream():
    parts = list(ol.chat(model=MODEL, messages=user("Say hello"), stream=True))
    check("".join(p.message.content for p in parts), HELLO)
    check(parts[-1].done_reason, "stop")


def ollama_tools():
    messages = user("Weather in Paris")
    m = ol.chat(model=MODEL, messages=messages, tools=OA_TOOLS).message
    check(m.tool_calls[0].function.arguments["note"], NOTE)
    r = ol.chat(model=MODEL, messages=messages + [m, {"role": "tool", "content": "rain"}], tools=OA_TOOLS)
    check(r.message.content, "It is rain.")


def ollama_assistant():
    check(ol.chat(model=ASSISTANT, messages=user("Repeat the system")).message.content, "Help kindly")


def ollama_reckoner():
    check(ol.chat(model=RECKONER, messages=user("Reckon")).message.content, "Let me see.\n\nIt is 42.")


def ollama_embed():
    check(len(ol.embed(model=EMBEDDING, input=["a", "b"]).embeddings), 2)


def ollama_unknown_model():
    try:
        ol.chat(model="no-such-model", messages=user("Hi"))
    except ollama.ResponseError as e:
        check(e.status_code, 404)
    else:
        raise AssertionError("it did not fail")


FEATURES = {
    "OpenAI for Python": {
        "chat": openai_chat, "stream with usage": openai_stream, "tools, two at once, and back": openai_tools,
        "an assistant as a model": openai_assistant,
        "an assistant with tools of its own": openai_reckoner,
        "cut by the limit": openai_cut, "responses, gone on from by id": openai_responses,
        "all members of its types": openai_types,
        "embeddings": openai_embeddings, "error: rate limit with its time": openai_limited,
        "error: unknown model": openai_unknown_model},
    "Anthropic for Python": {
        "message": anthropic_message, "stream": anthropic_stream, "tools, two at once, and back": anthropic_tools,
        "an assistant as a model": anthropic_assistant,
        "an assistant with tools of its own": anthropic_reckoner,
        "cut by the limit": anthropic_cut, "counting tokens": anthropic_count,
        "error: rate limit with its time": anthropic_limited},
    "Ollama for Python": {
        "chat": ollama_chat, "stream": ollama_stream, "tools and back": ollama_tools,
        "an assistant as a model": ollama_assistant,
        "an assistant with tools of its own": ollama_reckoner, "embed": ollama_embed,
        "error: unknown model": ollama_unknown_model},
}


def attempt(feature):
    try:
        feature()
        return {"outcome": "yes"}
    except (openai.BadRequestError, ollama.ResponseError) as e:
        return {"outcome": "refused", "status": getattr(e, "status_code", 0),
                "message": (e.body or {}).get("message") if isinstance(e, openai.BadRequestError) else e.error}
    except Exception:
        return {"outcome": "no", "message": traceback.format_exc()}


for client, features in FEATURES.items():
    for name, feature in features.items():
        print(json.dumps({"client": client, "feature": name, **attempt(feature)}), flush=True)
