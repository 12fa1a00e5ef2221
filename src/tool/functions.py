"""Functions that somebody wrote as tools: listed without being run, and one of them run. It runs in the sandbox alone: what it is to
do comes as JSON by standard input, and what came of it goes out behind a mark, so that what a function prints stays apart."""
import ast
import json
import os
import re
import sys

FILE = "functions.py"
SIMPLE = {"int": "integer", "float": "number", "str": "string", "bool": "boolean", "list": "array", "dict": "object",
          "List": "array", "Dict": "object", "Mapping": "object", "Sequence": "array", "Iterable": "array", "tuple": "array",
          "Tuple": "array", "set": "array", "Set": "array", "frozenset": "array", "None": "null"}
TIMES = {"date": "date", "datetime": "date-time", "time": "time"}


class Wrong(Exception):
    """What is wrong with the source, in words."""


def wrong(node, text):
    return Wrong("Line %d: %s" % (node.lineno, text))


# ---- listing: signatures and docstrings, by reading alone ----

def name_of(node):
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def union(parts):
    nothing = {"type": "null"}
    rest = [p for p in parts if p != nothing]
    if len(rest) == 1 and len(rest) < len(parts):
        one = dict(rest[0])
        if isinstance(one.get("type"), str) and "enum" not in one:
            return dict(one, type=[one["type"], "null"])
    return {"anyOf": parts}


def literal(node):
    items = node.elts if isinstance(node, ast.Tuple) else [node]
    values = [ast.literal_eval(i) for i in items]
    kinds = {type(v).__name__ for v in values}
    one = SIMPLE.get(kinds.pop()) if len(kinds) == 1 else None
    return dict({"type": one} if one else {}, enum=values)


def subscript(node, classes, depth):
    name = name_of(node.value)
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return literal(node.slice)
    if name == "Annotated":
        schema = schema_of(parts[0], classes, depth + 1)
        words = [p.value for p in parts[1:] if isinstance(p, ast.Constant) and isinstance(p.value, str)]
        return dict(schema, description=words[0]) if words else schema
    inner = [schema_of(p, classes, depth + 1) for p in parts if not (isinstance(p, ast.Constant) and p.value is Ellipsis)]
    if name == "Optional":
        return union(inner + [{"type": "null"}])
    if name == "Union":
        return union(inner)
    kind = SIMPLE.get(name)
    if kind == "object":
        return {"type": "object", "additionalProperties": inner[-1]} if inner and inner[-1] else {"type": "object"}
    if kind == "array":
        same = inner and all(i == inner[0] for i in inner)
        return dict({"type": "array", "items": inner[0] if same else {}}, **({"uniqueItems": True} if "et" in name else {}))
    return {}


def class_schema(node, classes, depth):
    """An Enum is its values; a class of annotated members (a dataclass, a TypedDict) is an object of them."""
    bases = {name_of(b) for b in node.bases}
    if any(b.endswith("Enum") or b in ("Flag", "IntFlag") for b in bases):
        values = [s.value.value for s in node.body if isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant)]
        return {"enum": values} if values else {}
    members = [s for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
    if not members:
        return {}
    return {"type": "object", "properties": {m.target.id: schema_of(m.annotation, classes, depth + 1) for m in members},
            "required": [m.target.id for m in members if m.value is None]}


def schema_of(node, classes, depth=0):
    if node is None or depth > 8:
        return {}
    if isinstance(node, ast.Constant):
        if node.value is None:
            return {"type": "null"}
        if isinstance(node.value, str):
            try:
                return schema_of(ast.parse(node.value, mode="eval").body, classes, depth + 1)
            except SyntaxError:
                return {}
        return {}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return union([schema_of(node.left, classes, depth + 1), schema_of(node.right, classes, depth + 1)])
    if isinstance(node, ast.Subscript):
        return subscript(node, classes, depth)
    name = name_of(node)
    if name in classes:
        return class_schema(classes[name], classes, depth)
    if name in TIMES:
        return {"type": "string", "format": TIMES[name]}
    return {"type": SIMPLE[name]} if name in SIMPLE else {}


SECTION = re.compile(r"^(Args|Arguments|Parameters|Params):?\s*$")
OTHER = re.compile(r"^[A-Z][A-Za-z ]{2,20}:\s*$")


def docstring(text):
    """What it does, and what is said of each parameter: by the headings of Google and NumPy, or by :param name:."""
    about, said, within, last = [], {}, False, None
    lines = (text or "").expandtabs().splitlines()
    lines = [lines[0].strip()] + [l for l in _dedent(lines[1:])] if lines else []
    for i, line in enumerate(lines):
        ruled = i + 1 < len(lines) and re.match(r"^-{3,}\s*$", lines[i + 1])
        field = re.match(r"^:param\s+(?:[\w\[\], |.]+\s)?(\w+):\s*(.*)$", line)
        if SECTION.match(line):
            within, last = True, None
        elif field:
            within, last = False, field[1]
            said[last] = field[2]
        elif within and re.match(r"^-{3,}\s*$", line):
            pass
        elif within and (OTHER.match(line) or ruled or line.startswith(":")):
            within, last = False, None
            about.append(line)
        elif within:
            entry = re.match(r"^(\s*)\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$", line)
            if entry and (last is None or len(entry[1]) <= depth):
                last, depth = entry[2], len(entry[1])
                said[last] = "" if depth == 0 else entry[3]  # NumPy's own line has its type there
            elif last is not None and line.strip():
                said[last] = (said[last] + " " + line.strip()).strip()
        elif last is not None and line[:1] == " " and line.strip():
            said[last] += " " + line.strip()
        elif not line.startswith((":return", ":rtype", ":type", ":raises")):
            last = None
            about.append(line)
    return "\n".join(about).strip(), said


def _dedent(lines):
    depth = min((len(l) - len(l.lstrip()) for l in lines if l.strip()), default=0)
    return [l[depth:].rstrip() for l in lines]


def marks_of(node):
    """What @tool(title=.., reads=.., destroys=.., idempotent=..) says."""
    for d in node.decorator_list:
        if isinstance(d, ast.Call) and name_of(d.func) == "tool":
            try:
                return {k.arg: ast.literal_eval(k.value) for k in d.keywords}
            except ValueError:
                raise wrong(d, "what @tool is given must be written out") from None
    return {}


def parameters_of(node, classes, said):
    a = node.args
    if a.vararg:
        raise wrong(node, "%s has *%s, and a tool's arguments have names" % (node.name, a.vararg.arg))
    properties, required = {}, []
    plain = a.posonlyargs + a.args
    defaults = [None] * (len(plain) - len(a.defaults)) + list(a.defaults)
    for arg, default in list(zip(plain, defaults)) + list(zip(a.kwonlyargs, a.kw_defaults)):
        schema = dict(schema_of(arg.annotation, classes))
        if said.get(arg.arg):
            schema["description"] = said[arg.arg]
        if default is None:
            required.append(arg.arg)
        else:
            try:
                value = ast.literal_eval(default)
                if value is not None:
                    json.dumps(value)
                    schema["default"] = value
            except (ValueError, TypeError):
                pass
        properties[arg.arg] = schema
    made = {"type": "object", "properties": properties}
    if required:
        made["required"] = required
    return made


def entry_of(node, classes):
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", node.name):
        raise wrong(node, "a tool's name has at most 64 letters from a to z, digits and _: %s" % node.name[:80])
    about, said = docstring(ast.get_docstring(node, clean=False))
    marks = marks_of(node)
    return {"name": node.name, "title": str(marks.get("title") or node.name), "description": about,
            "parameters": parameters_of(node, classes, said), "line": node.lineno,
            "marks": {k: bool(v) for k, v in marks.items() if k in ("reads", "destroys", "idempotent")}}


def listing(source):
    try:
        tree = ast.parse(source, FILE)
    except SyntaxError as e:
        raise Wrong("Line %d: %s" % (e.lineno or 1, e.msg)) from None
    classes = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef)}
    found = {}
    wanted = None
    for n in tree.body:
        if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found[n.name] = n
        elif isinstance(n, ast.Assign) and any(name_of(t) == "__all__" for t in n.targets):
            try:
                wanted = list(ast.literal_eval(n.value))
            except ValueError:
                raise wrong(n, "__all__ must be a list of names") from None
    for name in wanted or []:
        if name not in found:
            raise Wrong("There is no function %s, which __all__ names." % name)
    shown = [n for name, n in found.items() if (name in wanted if wanted is not None else not name.startswith("_"))]
    if not shown:
        raise Wrong("There is no function in it: each `def` at the beginning of a line becomes a tool.")
    return [entry_of(n, classes) for n in shown]


# ---- running one ----

def tool(*args, **marks):
    """The decorator that listing reads; here it changes nothing."""
    return args[0] if args and callable(args[0]) else lambda f: f


def converted(value, hint):
    """JSON knows no dates, sets or classes: what a parameter is annotated as is made of it."""
    import dataclasses
    import datetime
    import enum
    import typing
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return converted(value, parts[0])
    if value is None or hint is None:
        return value
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        rest = [p for p in parts if p is not type(None)]
        return converted(value, rest[0]) if len(rest) == 1 else value
    if isinstance(value, list) and origin in (list, set, tuple, frozenset):
        items = [converted(v, parts[0] if parts else None) for v in value]
        return items if origin is list else origin(items)
    if isinstance(value, list) and hint in (set, tuple, frozenset):
        return hint(value)
    if not isinstance(hint, type):
        return value
    if isinstance(value, str) and hint in (datetime.date, datetime.datetime, datetime.time):
        return hint.fromisoformat(value)
    if issubclass(hint, enum.Enum):
        return hint(value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return hint(**value)
    return float(value) if hint is float and isinstance(value, int) else value


def hints_of(function):
    import typing
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:
        return {}


def call(module, name, arguments):
    import asyncio
    import inspect
    function = module[name]
    hints = hints_of(function)
    given = {k: converted(v, hints.get(k)) for k, v in arguments.items()}
    first = [k for k, p in inspect.signature(function).parameters.items() if p.kind is p.POSITIONAL_ONLY and k in given]
    value = function(*[given.pop(k) for k in first], **given)
    return asyncio.run(value) if inspect.isawaitable(value) else value


def picture_of(value):
    """A figure or an image becomes a file beside the others."""
    if hasattr(value, "savefig"):
        value.savefig("figure.png")
    elif hasattr(value, "save") and hasattr(value, "size") and hasattr(value, "mode"):
        value.save("image.png")
    elif isinstance(value, (bytes, bytearray)):
        kind = ".png" if value[:4] == b"\x89PNG" else ".jpg" if value[:2] == b"\xff\xd8" else ".pdf" if value[:4] == b"%PDF" else ".bin"
        with open("result" + kind, "wb") as f:
            f.write(value)
    else:
        return False
    return True


def plain(value):
    import dataclasses
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "to_dict"):  # a table of pandas
        try:
            return value.to_dict(orient="records")
        except TypeError:
            return value.to_dict()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset, tuple)) or hasattr(value, "__next__"):
        return list(value)
    return str(value)


def outcome(value):
    if value is None or picture_of(value):
        return {}
    if isinstance(value, str):
        return {"text": value}
    try:
        return {"value": json.loads(json.dumps(value, default=plain))}
    except (TypeError, ValueError):
        return {"text": repr(value)}


def trace(error, source):
    """Where in the source it was, the innermost first, and what it was."""
    import traceback
    lines = source.splitlines()
    at = [(f.lineno, f.name) for f in traceback.extract_tb(error.__traceback__) if f.filename == FILE]
    what = "%s: %s" % (type(error).__name__, error) if str(error) else type(error).__name__
    if not at:
        return what
    shown = ["Line %d: %s" % (at[-1][0], what)]
    for n, name in reversed(at):
        shown.append("  line %d, in %s: %s" % (n, name, lines[n - 1].strip() if n <= len(lines) else ""))
    return "\n".join(shown[:20])


def running(job):
    import linecache
    import types
    source = job["source"]
    linecache.cache[FILE] = (len(source), None, source.splitlines(True), FILE)
    module = types.ModuleType("functions")
    module.tool = tool
    sys.modules["functions"] = module
    try:
        exec(compile(source, FILE, "exec"), module.__dict__)
        return outcome(call(module.__dict__, job["name"], job["arguments"]))
    except SyntaxError as e:
        return {"error": "Line %d: %s" % (e.lineno or 1, e.msg)}
    except SystemExit as e:
        return {"error": "It ended itself with exit(%s)." % ("" if e.code is None else e.code)}
    except BaseException as e:
        return {"error": trace(e, source)}


def main():
    job = json.loads(sys.stdin.buffer.read())
    sys.stdin = open(os.devnull)
    sys.stderr = sys.stdout
    if job["do"] == "list":
        try:
            said = {"tools": listing(job["source"])}
        except Wrong as e:
            said = {"error": str(e)}
        except (RecursionError, MemoryError, ValueError) as e:
            said = {"error": "It cannot be read: %s" % e}
    else:
        said = running(job)
    sys.stdout.flush()
    os.write(1, ("\n%s%s\n" % (job["mark"], json.dumps(said))).encode())


main()
