#!/usr/bin/env python3
"""Whether the README of each room names each of its files: `name.c`, `name`, or a pattern such as `*_api.c`."""
import fnmatch
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
missing = []
for readme in sorted((root / "src").rglob("README.md")):
    names = {re.sub(r"\.[ch]$", "", word) for word in re.findall(r"`([a-z0-9_*]+(?:\.[ch])?)`", readme.read_text())}
    for file in sorted(readme.parent.glob("*.c")):
        if not any(fnmatch.fnmatchcase(file.stem, name) for name in names):
            missing.append(f"{readme.relative_to(root)} does not name {file.name}")
print("\n".join(missing))
sys.exit(1 if missing else 0)
