#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The table of perf/loss: reads its transfers (a line of JSON each), compares the lanes' medians."""
import argparse
import json
import pathlib
import statistics
import sys
import time

sys.dont_write_bytecode = True
import runner  # noqa: E402  pylint: disable=wrong-import-position

LANES = ("pass", "inspect")
HEAD = ("loss", "RTT", "size", "plain Mbit/s", "inspected Mbit/s", "ratio", "goal")
WIDTHS = (7, 8, 7, 24, 24, 6, 14)


def show(cells):
    print(" ".join(f"{c:<{w}}" for c, w in zip(cells, WIDTHS)).rstrip(), flush=True)


def rows_of(runs):
    """One row for each place and round trip time, in the order in which they came."""
    rows = {}
    for run in runs:
        key = (run["place"], run["rtt_ms"])
        row = rows.setdefault(key, {"place": key[0], "rtt_ms": key[1], "mb": run["mb"]})
        row.setdefault(run["lane"], []).append(run["run"])
    for row in rows.values():
        medians = {lane: statistics.median(r["mbit"] for r in row[lane]) for lane in LANES}
        row["median_mbit"] = medians
        row["ratio"] = round(medians["inspect"] / medians["pass"], 3)
        row["intact"] = all(r["intact"] for lane in LANES for r in row[lane])
    return list(rows.values())


def name_of(row):
    return f"loss_{row['place']}_{row['rtt_ms']:g}ms"


def say(args, rows, about):
    """What perf/run prints: rounds as they came, one seed each, inspected and passed."""
    with runner.Report(args, "loss") as report:
        for row in rows:
            pairs = zip(*([r["mbit"] for r in row[lane]] for lane in reversed(LANES)))
            note = f"goodput of one message of {row['mb']:g} MB, Mbit/s; {about}; wall time"
            report.row(name_of(row), "", pairs, how="ratio", reference_name="the same, passed unread", note=note)
        report.rest("needs the whole run" if args.quick else "not asked for")


def show_row(row):
    def lane(name):
        runs = [r["mbit"] for r in row[name]]
        return f"{row['median_mbit'][name]:.2f} [{min(runs):.2f}-{max(runs):.2f}]"

    verdict = "-"
    if name_of(row) in runner.goals():
        verdict = runner.reached(name_of(row), row["ratio"])[len("goal "):]
    if not row["intact"]:
        verdict = "NOT INTACT"
    cells = (row["place"], f"{row['rtt_ms']} ms", f"{row['mb']} MB", lane("pass"), lane("inspect"))
    show(cells + (f"{row['ratio']:.2f}", verdict))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--head", action="store_true", help="print the table's head only")
    ap.add_argument("--row", nargs=2, metavar=("PLACE", "RTT"), help="print that row")
    ap.add_argument("--json", help="write everything there; exit status 1 where a message came changed")
    ap.add_argument("--about", default="", help="words name=value for the JSON")
    args = runner.parse(ap)
    if args.head:
        print("goodput of one message, from its first byte to the reply; medians [least-most]")
        show(HEAD)
        return 0
    rows = rows_of(json.loads(line) for line in sys.stdin)
    if args.row:
        for row in rows:
            if row["place"] == args.row[0] and row["rtt_ms"] == float(args.row[1]):
                show_row(row)
        return 0
    about = dict(word.split("=", 1) for word in args.about.split())
    report = {"what": "loss", "at": int(time.time()), **about, "rows": rows}
    if args.json:
        out = pathlib.Path(args.json)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    say(args, rows, args.about)
    return 0 if all(r["intact"] for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
