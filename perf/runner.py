# SPDX-License-Identifier: BSD-3-Clause
"""What the scripts of this folder share: building, hugepages for the time of a run, results."""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HUGE = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


def build(target):
    """The program `target` (a path in the build folder), built."""
    folder = pathlib.Path(os.environ.get("MAILWEIR_BUILD", ROOT / "build"))
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", folder, ROOT], check=True, stdout=subprocess.DEVNULL)
    if target.startswith("perf/"):
        subprocess.run(
            ["meson", "configure", folder, "-Dperf=true"], check=True, stdout=subprocess.DEVNULL
        )
    subprocess.run(["ninja", "-C", folder, target], check=True, stdout=subprocess.DEVNULL)
    return folder / target


class Hugepages:
    """Takes the 2 MB pages that are missing, gives them back at the end."""

    def __init__(self, megabytes):
        self.pages = (megabytes + 1) // 2

    def __enter__(self):
        self.file, free = HUGE / "nr_hugepages", int((HUGE / "free_hugepages").read_text())
        self.before = int(self.file.read_text())
        missing = self.pages - free
        if missing > 0:
            self.file.write_text(str(self.before + missing))
        free = int((HUGE / "free_hugepages").read_text())
        if free < self.pages:
            self.file.write_text(str(self.before))
            sys.exit(f"{self.pages * 2} MB of hugepages needed, {free * 2} MB free")
        return self

    def __exit__(self, *_):
        self.file.write_text(str(self.before))


def rows(command):
    """The JSON objects that a bench prints, one a line."""
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
    path = pathlib.Path(out) if out else ROOT / "perf" / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"what": name, "at": int(time.time()), **report}
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
