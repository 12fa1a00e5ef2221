"""A server that does what a server may not: hostile.py HABIT ... on standard input and output, in the old revision of MCP. Habits that are
no words: tools=NAME,... what it lists; mark=NUMBER stands in the command line of each process, and is how many seconds they sleep.
With `last`, it dies once it was asked both `never` and `die`, whichever comes first."""
import json, os, signal, subprocess, sys, time

habits = set(sys.argv[1:])
values = dict(h.split("=", 1) for h in habits if "=" in h)
asleep = ["/usr/bin/sleep", values.get("mark", "1000")]
out = sys.stdout


def write(text):
    out.write(text + "\n")
    out.flush()


def answer(asked, result=None, error=None):
    write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **({"error": error} if error else {"result": result})}))


def text(t):
    return {"content": [{"type": "text", "text": t}]}


if "banner" in habits:
    write("Welcome to the server! Listening ...\n\n{not json\n[1,2,{}]\n\"text\"\n{}\nnull")
if "crash" in habits:
    sys.exit("cannot start: no such database")
if "stubborn" in habits:
    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(s, signal.SIG_IGN)
if "flood" in habits:
    subprocess.Popen(["/usr/bin/yes", "an error", values.get("mark", "")], stdout=sys.stderr)
if "forks" in habits:
    for i in range(10):
        subprocess.Popen(asleep, start_new_session=True)
started = False
held = []
called = set()

for line in sys.stdin:
    asked = json.loads(line)
    method, params = asked.get("method"), asked.get("params", {})
    if "impatient" in habits and not started and method != "initialize":
        sys.exit(3)
    started = True
    if "id" not in asked:
        continue
    if method == "initialize":
        answer(asked, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "hostile", "version": "1"}})
    elif method == "tools/list":
        if "tools" in values:
            answer(asked, {"tools": [{"name": n, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}} for n in values["tools"].split(",")]})
        elif "pages" in habits:
            n = int(params.get("cursor", "0") or 0)
            answer(asked, {"tools": [{"name": "t%d" % n, "inputSchema": {"type": "object"}}], "nextCursor": str(n + 1)})
        else:
            at = params.get("cursor")
            tools = [{"name": "tool-%d" % i, "inputSchema": {"type": "object"}} for i in range(3)]
            # An empty text is a cursor too.
            answer(asked, {"tools": tools[:2], "nextCursor": ""} if at is None else {"tools": tools[2:]})
    elif method == "tools/call":
        name, arguments = params["name"], params.get("arguments", {})
        called.add(name)
        if "last" in habits and name in ("never", "die"):
            name = "die" if called >= {"never", "die"} else "never"
        if name == "never":
            continue
        elif name == "hang":
            time.sleep(1000)
        elif name == "work":
            for i in range(3):
                subprocess.Popen(asleep, start_new_session=i > 0)
            write(json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": params["_meta"]["progressToken"], "progress": 1}}))
            if "aside" not in habits:  # else it goes on to answer others
                time.sleep(1000)
        elif name == "hold":
            held.append(asked)
        elif name == "holding":
            answer(asked, text(str(len(held))))
        elif name == "release":
            for h in held:
                answer(h, text("held"))
            answer(asked, text("released"))
        elif name == "die":
            if "flood" not in habits:  # its errors are read as fast as others may have the time
                print("out of luck", file=sys.stderr, flush=True)
            os._exit(7)
        elif name == "wrong-id":
            write(json.dumps({"jsonrpc": "2.0", "id": 123456, "result": text("not yours")}))
            write(json.dumps({"jsonrpc": "2.0", "id": str(asked["id"]) + "x", "result": text("not yours")}))
            write(json.dumps({"jsonrpc": "2.0", "id": None, "result": text("not yours")}))
            answer(asked, text("yours"))
            answer(asked, text("twice"))
        elif name == "huge":
            answer(asked, text("x" * int(arguments["bytes"])))
        elif name == "deep":
            write('{"jsonrpc":"2.0","id":%d,"result":%s}' % (asked["id"], "[" * 100000 + "]" * 100000))
        elif name == "empty":
            write(json.dumps({"jsonrpc": "2.0", "id": asked["id"]}))
        elif name == "odd":
            answer(asked, {"content": [{"type": "text"}, {"type": "hologram"}, 7, {"type": "image", "data": "!!", "mimeType": "image/png"}, {"type": "text", "text": "rest\u0000\ud800"}]})
        elif name == "progress":
            token = params["_meta"]["progressToken"]
            for i in range(3):
                for t in (token, "nobody", 99999):
                    write(json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": t, "progress": i}}))
            answer(asked, text("done"))
        elif name == "asks-for-much":
            for i, m in enumerate(("sampling/createMessage", "roots/list", "ping", "no/such")):
                write(json.dumps({"jsonrpc": "2.0", "id": "s%d" % i, "method": m}))
            got = [json.loads(sys.stdin.readline()) for i in range(4)]
            answer(asked, text(" ".join("%s:%s" % (g["id"], "%s %s" % (g["error"]["code"], g["error"]["message"].rsplit(" ", 1)[-1]) if "error" in g else "ok") for g in got)))
        elif name == "where":
            answer(asked, text(json.dumps({"pid": os.getpid(), "env": dict(os.environ), "files": os.listdir("/")})))
        else:
            answer(asked, error={"code": -32602, "message": "Unknown tool: " + name})
    else:
        answer(asked, error={"code": -32601, "message": "Method not found"})

if "stubborn" in habits:
    while True:
        time.sleep(10)
