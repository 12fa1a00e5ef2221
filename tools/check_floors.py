#!/usr/bin/env python3
"""Floors only go down: a folder of src/ includes only headers of lower floors, and no private header of another one.
Files directly in src/ stand on top. Folders of one floor do not see each other."""

import re

import source

FLOORS = [["base"], ["sys"], ["http", "db"], ["store", "provider"], ["auth", "call"], ["rag"], ["tool"], ["turn", "job"], ["api"]]
LEVEL = {folder: i for i, floor in enumerate(FLOORS) for folder in floor}
TOP = len(FLOORS)

# What stands in one place only: the libraries behind it show where it is used.
ONLY = {"sqlite3.h": ("db",), "libpq": ("db",), "curl/": ("http",), "event2/": ("sys", "http")}


def main():
    report, src = source.Report("floors"), source.ROOT / "src"
    for path in source.c_files("src"):
        report.checked += 1
        parts = path.relative_to(src).parts
        here = parts[0] if len(parts) > 1 else ""
        level = TOP if not here else LEVEL.get(here)
        if level is None:
            report.error(source.where(path), "the folder %s stands on no floor" % here)
            continue
        for n, line in enumerate(source.lines(path), 1):
            m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            place, name = source.where(path, n), m.group(2)
            if m.group(1) == "<":
                for lib, folders in ONLY.items():
                    if name.startswith(lib) and here and here not in folders:
                        report.error(place, "%s is only for %s" % (name, ", ".join(folders)))
                continue
            folder = name.split("/")[0] if "/" in name else None
            if folder is None:
                if here:
                    report.error(place, '"%s": name the folder too' % name)
            elif folder not in LEVEL:
                report.error(place, "there is no floor for %s" % folder)
            elif folder != here and LEVEL[folder] >= level:
                report.error(place, "%s (floor %d) must not see %s (floor %d)" % (
                    here or "src", level, folder, LEVEL[folder]))
            elif folder != here and name.endswith("_priv.h"):
                report.error(place, "a private header of another folder")
    report.end()


if __name__ == "__main__":
    main()
