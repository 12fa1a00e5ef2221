"""What the checks share: which files there are, and how they report."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def c_files(*folders, suffixes=(".c", ".h")):
    for folder in folders:
        for p in sorted((ROOT / folder).rglob("*")):
            if p.suffix in suffixes and "node_modules" not in p.parts and p.is_file():
                yield p


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def where(path, line=None):
    name = str(path.relative_to(ROOT))
    return name if line is None else "%s:%d" % (name, line)


class Report:
    def __init__(self, what):
        self.what, self.bad, self.checked = what, 0, 0

    def error(self, place, text):
        print("%s: %s" % (place, text))
        self.bad += 1

    def warn(self, place, text):
        print("%s: (warning) %s" % (place, text))

    def end(self):
        print("%s: %d checked, %d wrong" % (self.what, self.checked, self.bad))
        sys.exit(1 if self.bad else 0)


def functions(path):
    """(name, first line, number of lines) of each function. The house style makes it easy: the brace that opens a
    function stands alone at the margin, as does the one that closes it."""
    text, start = lines(path), None
    for n, line in enumerate(text, 1):
        if line == "{":
            start = n
        elif line == "}" and start is not None:
            head, i = "", start - 1
            while i >= 1 and text[i - 1] and not text[i - 1].startswith(("#", "}", "/*", " */")) \
                    and not text[i - 1].rstrip().endswith((";", "*/")):
                head = text[i - 1] + " " + head
                i -= 1
            m = re.search(r"(\w+)\s*\(", head)
            yield (m.group(1) if m else "?"), start, n - start - 1
            start = None
