#!/usr/bin/env python3
"""The documentation names what is there.

- every folder of src/ has a README.md;
- every `file.c:function` in docs/ARCHITECTURE.md and in the READMEs exists;
- every relative link in a Markdown file leads to a file;
- docs/reference/X.md is what `atelier docs X` prints (with --binary).
"""

import argparse
import difflib
import re
import subprocess

import source

HOP = re.compile(r"`([\w./-]+\.[ch]):(\w+)(?:\(\))?`")
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def find_file(name):
    for base in ("", "src"):
        p = source.ROOT / base / name
        if p.is_file():
            return p
    return None


def defines(path, function):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".h":
        return re.search(r"\b%s\b" % function, text) is not None
    return any(name == function for name, _, _ in source.functions(path))


def markdown():
    for p in sorted(source.ROOT.rglob("*.md")):
        parts = p.relative_to(source.ROOT).parts
        if "node_modules" not in parts and parts[0] not in ("build", "data", ".git"):
            yield p


def check_readmes(report):
    for folder in sorted((source.ROOT / "src").iterdir()):
        if folder.is_dir() and list(folder.glob("*.c")):
            report.checked += 1
            if not (folder / "README.md").is_file():
                report.error(source.where(folder), "has no README.md")


def check_hops(report, path):
    for n, line in enumerate(source.lines(path), 1):
        for name, function in HOP.findall(line):
            report.checked += 1
            p = find_file(name) or (path.parent / name if (path.parent / name).is_file() else None)
            if p is None:
                report.error(source.where(path, n), "there is no file %s" % name)
            elif not defines(p, function):
                report.error(source.where(path, n), "%s has no function %s" % (name, function))


def check_links(report, path):
    code = False
    for n, line in enumerate(source.lines(path), 1):
        if line.lstrip().startswith("```"):
            code = not code
        if code:
            continue
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:|/", target):
                continue
            report.checked += 1
            # Pages of the manual link to each other by their slug.
            if not any((path.parent / (target + end)).exists() for end in ("", ".md")):
                report.error(source.where(path, n), "the link leads nowhere: %s" % target)


def check_reference(report, binary):
    folder = source.ROOT / "docs" / "reference"
    pages = sorted(folder.glob("*.md")) if folder.is_dir() else []
    if not pages:
        report.error("docs/reference", "there are no pages")
    for path in pages:
        report.checked += 1
        p = subprocess.run([binary, "docs", path.stem], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if p.returncode != 0:
            report.error(source.where(path), "`atelier docs %s` failed: %s" % (
                path.stem, p.stderr.decode("utf-8", "replace").strip()))
            continue
        want, have = p.stdout.decode("utf-8").splitlines(), source.lines(path)
        if want != have:
            report.error(source.where(path), "is not what `atelier docs %s` prints:" % path.stem)
            for line in list(difflib.unified_diff(have, want, "file", "program", lineterm="", n=0))[:12]:
                print("    " + line)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--binary", help="the built program, to compare the reference pages with")
    a = ap.parse_args()
    report = source.Report("documentation")
    check_readmes(report)
    architecture = source.ROOT / "docs" / "ARCHITECTURE.md"
    if not architecture.is_file():
        report.error("docs/ARCHITECTURE.md", "is missing")
    elif not HOP.search(architecture.read_text(encoding="utf-8")):
        report.error("docs/ARCHITECTURE.md", "names no hops as `file.c:function`")
    for path in markdown():
        check_hops(report, path)
        check_links(report, path)
    if a.binary:
        check_reference(report, a.binary)
    report.end()


if __name__ == "__main__":
    main()
