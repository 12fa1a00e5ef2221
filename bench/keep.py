#!/usr/bin/env python3
"""What keeping costs: bench/keep.py KEEP [--case append|history] [--quick]. Runs the program `keep` on a new SQLite file and
on a PostgreSQL that is started for it and syncs, and pgbench beside the latter. Installs nothing.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))

from postgres import Postgres  # noqa: E402

CLIENTS, ROW_BYTES = 64, 400


def pgbench(pg, seconds, folder):
    """The same row by the same number of clients, each in a transaction of its own."""
    pg.sql("CREATE TABLE rows (id bigserial PRIMARY KEY, client bigint NOT NULL, body text NOT NULL)")
    script = os.path.join(folder, "row.sql")
    with open(script, "w") as f:
        f.write("INSERT INTO rows (client, body) VALUES (:client_id, '%s');\n" % ("x" * ROW_BYTES))
    os.chmod(folder, 0o755)
    out = pg.call("pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-f", script,
                  "-h", pg.folder, "-U", "atelier", "postgres")
    rate = float(re.search(r"tps = ([0-9.]+)", out).group(1))
    print("  %-34s %9.0f rows/s" % ("pgbench", rate))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("keep")
    ap.add_argument("--case", choices=["append", "history"])
    ap.add_argument("--quick", action="store_true")
    a = ap.parse_args()
    seconds, messages = (2, 20000) if a.quick else (8, 100000)
    options = ["--seconds", str(seconds), "--messages", str(messages)]
    folder = tempfile.mkdtemp(prefix="atelier-keep-")
    pg = Postgres(durable=True).start()
    try:
        for case in [a.case] if a.case else ["append", "history"]:
            pg.sql("CREATE SCHEMA %s" % case)
            for place, name in ((os.path.join(folder, case + ".db"), "SQLite"), (pg.url(schema=case), "PostgreSQL")):
                print("%s, %s:" % (case, name), flush=True)
                subprocess.run([a.keep, *options, case, place], check=True)
            if case == "append":
                pgbench(pg, seconds, folder)
    finally:
        pg.destroy()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
