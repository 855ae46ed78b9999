#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The table of perf/loss: reads its transfers (a line of JSON each), compares the lanes' medians."""
import argparse
import json
import pathlib
import statistics
import sys
import time

GOAL = 0.9
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
        row = rows.setdefault(key, {"place": key[0], "rtt_ms": key[1], "mb": run["mb"], "goal": GOAL})
        row.setdefault(run["lane"], []).append(run["run"])
    for row in rows.values():
        medians = {lane: statistics.median(r["mbit"] for r in row[lane]) for lane in LANES}
        row["median_mbit"] = medians
        row["ratio"] = round(medians["inspect"] / medians["pass"], 3)
        row["intact"] = all(r["intact"] for lane in LANES for r in row[lane])
    return list(rows.values())


def show_row(row):
    def lane(name):
        runs = [r["mbit"] for r in row[name]]
        return f"{row['median_mbit'][name]:.2f} [{min(runs):.2f}-{max(runs):.2f}]"

    verdict = "reached" if row["ratio"] >= GOAL else "BELOW"
    if not row["intact"]:
        verdict = "NOT INTACT"
    cells = (row["place"], f"{row['rtt_ms']} ms", f"{row['mb']} MB", lane("pass"), lane("inspect"))
    show(cells + (f"{row['ratio']:.2f}", f"{GOAL} {verdict}"))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--head", action="store_true", help="print the table's head only")
    ap.add_argument("--row", nargs=2, metavar=("PLACE", "RTT"), help="print that row")
    ap.add_argument("--json", help="write everything there; exit status 1 below the goal")
    ap.add_argument("--about", default="", help="words name=value for the JSON")
    args = ap.parse_args()
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
    out = pathlib.Path(args.json)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if all(r["ratio"] >= GOAL and r["intact"] for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
