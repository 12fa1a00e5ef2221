#!/usr/bin/env python3
"""Small and dull: files of at most 1,000 lines, headers of 250 (150 is the aim), functions of 100."""

import source

FILE, HEADER_AIM, HEADER, FUNCTION = 1000, 150, 250, 100


def main():
    report = source.Report("sizes")
    for path in source.c_files("src", "tests", "bench"):
        report.checked += 1
        n = len(source.lines(path))
        if n > FILE:
            report.error(source.where(path), "%d lines; %d is the wall" % (n, FILE))
        if path.suffix == ".h" and n > HEADER:
            report.error(source.where(path), "a header of %d lines; %d is the wall" % (n, HEADER))
        elif path.suffix == ".h" and n > HEADER_AIM:
            report.warn(source.where(path), "a header of %d lines; %d is the aim" % (n, HEADER_AIM))
        if path.suffix != ".c":
            continue
        for name, line, length in source.functions(path):
            if length > FUNCTION:
                report.error(source.where(path, line), "%s() has %d lines; %d is the wall" % (name, length, FUNCTION))
    for path in source.c_files("web/src", "tools", "tests/scenario", "tests/e2e", "tests/clients",
                               suffixes=(".ts", ".svelte", ".mjs", ".py")):
        if "node_modules" in path.parts or path.name.endswith(".d.ts"):
            continue
        report.checked += 1
        n = len(source.lines(path))
        if n > FILE:
            report.error(source.where(path), "%d lines; %d is the wall" % (n, FILE))
    report.end()


if __name__ == "__main__":
    main()
