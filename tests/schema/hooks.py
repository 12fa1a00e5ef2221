"""What schemathesis has to know that the OpenAPI document cannot say."""

import json
import os
import re
import urllib.error
import urllib.request

import schemathesis

from patience import PATIENCE

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

ID = "^(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}$"  # of identifiers, as the document says
SESSION = {}  # of uploads that are made for requests
LOGIN = json.loads(os.environ["SCHEMA_LOGIN"])


def fresh_session(base):
    request = urllib.request.Request(base + "/api/v1/auth/login", json.dumps(LOGIN).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["token"]


def allowed(operation, url):
    """Only what the document allows is replaced: what it forbids has to be refused."""
    name = operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    rule = operation.schema.raw_schema["components"]["schemas"][name]["properties"]["url"]
    return len(url) <= rule["maxLength"] and re.search(rule["pattern"], url) is not None


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


@schemathesis.hook
def map_body(context, body):
    """Addresses of providers that are made up would be looked up in the world's DNS and asked: all are this machine."""
    url = body.get("url") if isinstance(body, dict) else None
    if isinstance(url, str) and allowed(context.operation, url):
        return {**body, "url": "http://127.0.0.1:9"}
    return body


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
    of_run = "Bearer " + os.environ["SCHEMA_BEARER"]
    if case.operation.label == "POST /api/v1/auth/logout" and (case.headers or {}).get("Authorization") == of_run:
        case.headers["Authorization"] = "Bearer " + fresh_session(os.environ["SCHEMA_BASE"])


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """An upload that may be one is there: its address stands in a header, where no request learns it from."""
    if context.operation.path == "/api/v1/uploads/{id}" and re.search(ID, str((path_parameters or {}).get("id"))):
        return {**path_parameters, "id": fresh_upload(os.environ["SCHEMA_BASE"])}
    return path_parameters
