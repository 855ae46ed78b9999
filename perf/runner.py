# SPDX-License-Identifier: BSD-3-Clause
"""What the scripts of this folder share: building, hugepages for the time of a run, rows with raw rounds."""
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOALS = ROOT / "perf" / "goals.json"
HUGE = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
SKIPPED = 125  # exit status: it cannot run here
only_rows = False  # parse() found --rows
# From a row's rounds to its value. A ratio or difference is taken of each round by itself, and the value is the median
# of these: what changes from round to round changes both of a round.
HOW = ("median", "ratio", "difference", "max", "sum")


class CannotRun(Exception):
    """What a bench needs is not here; its rows are skipped, and say why."""


def build_folder():
    return pathlib.Path(os.environ.get("MAILWEIR_BUILD", ROOT / "build"))


def build(*targets):
    """The programs `targets` (paths in the build folder), built; the first one's path."""
    folder = build_folder()
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", folder, ROOT], check=True, stdout=subprocess.DEVNULL)
    if any(target.startswith("perf/") for target in targets):
        subprocess.run(["meson", "configure", folder, "-Dperf=true"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, *targets], check=True, stdout=subprocess.DEVNULL)
    return folder / targets[0]


class Hugepages:
    """Takes the 2 MB pages that are missing, gives as many back at the end."""

    def __init__(self, megabytes):
        self.pages, self.taken = (megabytes + 1) // 2, 0

    @staticmethod
    def number(name):
        return int((HUGE / name).read_text())

    def __enter__(self):
        if not HUGE.is_dir():
            raise CannotRun("this kernel has no hugepages of 2 MB")
        if not os.access(HUGE / "nr_hugepages", os.W_OK):
            raise CannotRun("hugepages need root")
        missing = self.pages - self.number("free_hugepages")
        before = self.number("nr_hugepages")
        if missing > 0:
            (HUGE / "nr_hugepages").write_text(str(before + missing))
            self.taken = max(0, self.number("nr_hugepages") - before)
        free = self.number("free_hugepages")
        if free < self.pages:
            self.__exit__()
            raise CannotRun(f"{self.pages * 2} MB of hugepages needed, {free * 2} MB free")
        return self

    def __exit__(self, *_):  # others may have taken some meanwhile: only ours go
        if self.taken > 0:
            (HUGE / "nr_hugepages").write_text(str(max(0, self.number("nr_hugepages") - self.taken)))
            self.taken = 0


def rows(command):
    """The JSON objects that a bench in C prints, one a line."""
    run = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{command[0]}: exit {run.returncode}")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def load_note():
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"note: other work is running (load {load:.1f}): expect wide spreads")
    return load


def save(name, out, report):
    """A bench's own file of results; none where perf/run asked for rows alone."""
    if only_rows and not out:
        return
    path = pathlib.Path(out) if out else ROOT / "perf" / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"what": name, "at": int(time.time()), **report}
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


# ---- rows: what perf/run prints and perf/check computes again


def arguments(parser):
    """Adds what each bench has: --quick, its share of five minutes for all, and --rows FILE. SIGTERM ends in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.excepthook = uncaught
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller where that is still honest")
    parser.add_argument("--rows", metavar="FILE", help="writes rows with their raw rounds there, for perf/run")
    return parser


def uncaught(kind, value, trace):
    """What cannot run here, where no Report has it, is no failure: perf/run takes the last line for the reason."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", flush=True)
        sys.exit(128 + signal.SIGINT)
    if not issubclass(kind, CannotRun):
        sys.__excepthook__(kind, value, trace)
        return
    print(f"skipped: {value}", flush=True)
    sys.exit(SKIPPED)


def parse(parser, **quick):
    """The arguments, with those of every bench; `quick`: defaults under --quick."""
    arguments(parser)
    if parser.parse_args().quick:
        parser.set_defaults(**quick)
    args = parser.parse_args()
    global only_rows  # pylint: disable=global-statement
    only_rows = bool(args.rows)
    return args


def row(name, unit, rounds, how="median", reference_name="", note="", profile=None):
    """A row for write_rows. `rounds`: numbers, or pairs of value and reference of the same round. `profile`: sampling.py."""
    pairs = [r if isinstance(r, (tuple, list)) else (r,) for r in rounds]
    return {
        **({"profile": profile} if profile else {}),
        "name": name,
        "unit": unit,
        "how": how,
        "rounds": [dict(zip(("value", "reference"), pair)) for pair in pairs],
        "reference_name": reference_name,
        "note": note,
    }


def skip(name, why):
    """An entry for write_rows: a row that cannot be measured here, or not in this time."""
    return {"name": name, "why": why}


def fault(one):
    """What is wrong with a row; empty where nothing is."""
    paired = [("reference" in r) for r in one["rounds"]]
    if one["how"] not in HOW:
        return f"how is none of {', '.join(HOW)}"
    if not paired:
        return "no rounds"
    if any(p != paired[0] for p in paired):
        return "some rounds have a reference and some have none"
    if one["how"] in ("ratio", "difference") and not paired[0]:
        return f"a {one['how']} needs a reference in each round"
    return ""


def write_rows(args, bench, seen, skipped=()):
    """Writes rows and what was skipped where --rows says; nothing without it."""
    if not args.rows:
        return
    for one in seen:
        if fault(one):
            sys.exit(f"{bench}: row {one['name']}: {fault(one)}")
    report = {"bench": bench, "rows": list(seen), "skipped": list(skipped)}
    pathlib.Path(args.rows).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


class Report:
    """Rows of a bench, written at the end. After CannotRun what it owes (goals.json) is skipped and says why."""

    def __init__(self, args, bench):
        self.args, self.bench, self.rows, self.skipped = args, bench, [], []

    def __enter__(self):
        return self

    def row(self, name, unit, rounds, **more):
        self.rows.append(row(name, unit, rounds, **more))
        return self.rows[-1]

    def skip(self, name, why):
        self.skipped.append(skip(name, why))

    def rest(self, why):
        """What was not said so far is skipped."""
        said = {one["name"] for one in self.rows + self.skipped}
        for name, goal in goals().items():
            if goal["prints"] == self.bench and name not in said:
                self.skip(name, why)

    def __exit__(self, kind, value, _):
        if kind is not None and not issubclass(kind, CannotRun):
            return False
        if kind is not None:
            print(f"{self.bench}: skipped: {value}")
            self.rest(str(value))
        write_rows(self.args, self.bench, self.rows, self.skipped)
        return True


def value_of(one):
    """What a row's raw rounds come to."""
    values = [r["value"] for r in one["rounds"]]
    if one["how"] == "max":
        return max(values)
    if one["how"] == "sum":
        return sum(values)
    if one["how"] == "median":
        return statistics.median(values)
    if one["how"] == "difference":
        return statistics.median(r["value"] - r["reference"] for r in one["rounds"])
    return statistics.median(r["value"] / r["reference"] for r in one["rounds"])


def goals():
    return json.loads(GOALS.read_text(encoding="utf-8"))


def verdict(value, goal):
    """met, short, or - where there is no goal."""
    if "at_most" in goal:
        return "met" if value <= goal["at_most"] else "short"
    if "at_least" in goal:
        return "met" if value >= goal["at_least"] else "short"
    return "-"


def reached(name, value):
    """A goal and whether it is reached, for the text of a bench."""
    goal = goals()[name]
    return f"goal {goal.get('at_most', goal.get('at_least'))}: " + {
        "met": "reached",
        "short": "NOT REACHED",
    }.get(verdict(value, goal), "-")
