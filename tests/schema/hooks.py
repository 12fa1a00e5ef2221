"""What schemathesis has to know that the OpenAPI document cannot say. Only what the document allows is touched."""

import json
import os
import re
import urllib.error
import urllib.request

import jsonschema_rs
import schemathesis

from patience import PATIENCE

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

ID = "^(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}$"  # of identifiers, as the document says
NOWHERE = "http://127.0.0.1:9/"
MODELS = os.environ["SCHEMA_PROVIDER"]
SEES, EMBEDS = "mock-vision:1b", "mock-embed:1b"
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SESSION = {}  # of uploads that are made for requests
LOGIN = json.loads(os.environ["SCHEMA_LOGIN"])


def fresh_session(base):
    request = urllib.request.Request(base + "/api/v1/auth/login", json.dumps(LOGIN).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["token"]


def allowed(operation, body):
    """Only what the document allows is replaced: what it forbids has to be refused."""
    of = operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema_rs.is_valid({**of, "components": operation.schema.raw_schema["components"]}, body)


# A text whose characters are none of these, and the length from which on it is too much for one regular expression.
ALL_OTHERS = re.compile(r"\^\[\^((?:[^\]\\]|\\.)+)\]\*\$")
LONG = 10_000


def say_apart(schema):
    """A long text that lacks some characters: what it lacks is said by `not`, which means the same.

    Schemathesis joins a pattern and a length into one regular expression, `^[^...]{0,100000}$`, and has it compiled again
    and again, for seconds and into gigabytes. Beside `not` there is nothing to join, and as much to break."""
    if isinstance(schema, dict):
        lacks = ALL_OTHERS.fullmatch(str(schema.get("pattern")))
        if lacks and schema.get("maxLength", 0) > LONG:
            del schema["pattern"]
            schema["not"] = {"type": "string", "pattern": "[" + lacks.group(1) + "]"}
    for one in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        say_apart(one)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    say_apart(raw_schema)


# What all kinds of tool servers find what they need in.
TOOL_SERVER = {"url": MODELS + "/web/mcp", "tools": [{"name": "look", "url": MODELS}], "command": "true",
               "source": "def look(): return 1"}


def address(label, url):
    """Addresses that are made up would be looked up in the world's DNS and asked: all are this machine."""
    if label.endswith("/providers"):
        return MODELS
    return "postgresql://atelier@127.0.0.1:9/atelier" if url.strip().startswith("postgresql:") else NOWHERE


def has_sense(label, body):
    """A body that the document allows, with what no schema says: which models there are and what they do, how a tool server of
    its kind is reached, what parts a provider takes, what a picture is, that somebody has to have said something."""
    body, gateway = dict(body), not label.split()[1].startswith("/api/v1/")
    if label == "POST /api/v1/providers" or isinstance(body.get("url"), str) and body["url"].strip():
        body["url"] = address(label, body.get("url") or "")
    for name, model in (("model", EMBEDS if "embed" in label else SEES), ("source", SEES), ("wanted_model", EMBEDS)):
        if isinstance(body.get(name), str) and (name != "source" or label == "POST /api/copy"):
            body[name] = model
    if "config" in body:
        body["config"] = TOOL_SERVER
    if "/responses" in label and isinstance(body.get("input"), list):
        body["input"] = [{"role": "user", "content": "Hello"}]
    if gateway and isinstance(body.get("messages"), list):
        body["messages"] = [{**m, "content": [{"type": "text", "text": "Hello"}]} if isinstance(m.get("content"), list) else m
                            for m in body["messages"]]
    if body.get("attachments") and label.endswith("/turns"):
        body["model"] = SEES
    if isinstance(body.get("tools"), list) and label.endswith(("/turns", "/chat/generate")):
        body["tools"] = ["calculator"]
    if label == "POST /api/v1/chat/generate":
        said = [{**m, "images": [{"data": PICTURE} for _ in m.get("images") or ()]} for m in body["messages"]]
        body["messages"] = said[:-1] + [{"role": "user", "content": "Hello"}]
    return body


def one_of(query, names):
    """Of parameters that exclude each other, the first that is there."""
    there = [n for n in names if n in query]
    return {k: v for k, v in query.items() if k not in there[1:]}


def fits_together(label, query):
    if label == "GET /api/v1/conversations/{id}/messages":
        return one_of(query, ("before", "after", "around"))
    if label == "DELETE /api/v1/users/{id}" and query.get("shared") == "delete":
        return one_of(query, ("shared", "heir"))
    if label == "GET /api/v1/search" and not re.search("[a-z0-9]", query.get("q", "a")):
        return {**query, "q": "well"}
    return query


def upload_of(base, token):
    request = urllib.request.Request(base + "/api/v1/uploads", b"", {
        "Authorization": "Bearer " + token, "Tus-Resumable": "1.0.0", "Upload-Length": "1000"}, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.headers["Location"].split("/")[-1]


def fresh_upload(base):
    """By a session beside the one of the requests, which some of them end."""
    try:
        return upload_of(base, SESSION[base])
    except (KeyError, urllib.error.HTTPError):
        SESSION[base] = fresh_session(base)
        return upload_of(base, SESSION[base])


@schemathesis.auth(refresh_interval=None, retry_on=[])
class Session:
    """That of the run. As a header of the command line it would stand above the one that a logout gets below."""

    def get(self, case, context):
        return "Bearer " + os.environ["SCHEMA_BEARER"]

    def set(self, case, data, context):
        case.headers["Authorization"] = data


@schemathesis.hook
def before_call(context, case, kwargs):
    """A logout ends the session that all other requests need: it gets one of its own."""
    label, of_run = case.operation.label, "Bearer " + os.environ["SCHEMA_BEARER"]
    if isinstance(case.body, dict) and allowed(case.operation, case.body):
        case.body = has_sense(label, case.body)
    if case.query and case.meta and case.meta.generation.mode.is_positive:
        case.query = fits_together(label, case.query)
    if label == "POST /api/v1/auth/logout" and (case.headers or {}).get("Authorization") == of_run:
        case.headers["Authorization"] = "Bearer " + fresh_session(os.environ["SCHEMA_BASE"])


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """An upload that may be one is there: its address stands in a header, where no request learns it from."""
    if context.operation.path == "/api/v1/uploads/{id}" and re.search(ID, str((path_parameters or {}).get("id"))):
        return {**path_parameters, "id": fresh_upload(os.environ["SCHEMA_BASE"])}
    return path_parameters
