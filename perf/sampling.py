# SPDX-License-Identifier: BSD-3-Clause
"""Where the time of a row goes: samples of the CPU clock by `perf`, as a list of functions and their shares.

The clock needs no counters of the processor, which a guest seldom has. A profile is {"how": text, "entries": [{"what",
"share"}]}: shares are of the samples in the program's own code, without the kernel and without what the bench itself
does (the functions that perf/*.c define). Functions that were inlined count as those they went into. Where there is
none: {"why_not": text}.
"""
import collections
import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile

import runner

HZ = 2000
ENTRIES = 12  # of a profile; the rest of the functions is left out
LEAST = 100  # samples: of fewer nothing is said
BEGIN_S = 5  # for perf to open its events, on a busy machine
LINES = re.compile(r"^\s*(\d+)\s*\|([^|]+?)\s*\|\s*\[\.\]\s*([^\s|]+)", re.M)
DEFINED = re.compile(r"^[a-z][\w\s\*]*?\b(\w+)\([^;]*$", re.M)
SUFFIX = re.compile(r"\.(constprop|isra|part|lto_priv|cold).*$")


def none(why):
    return {"why_not": why}


def missing():
    """The profile of a machine that has nothing to make one with; None where it has."""
    return None if shutil.which("perf") else none("perf (package linux-perf) is not installed")


def of_the_bench():
    """The names of functions in perf/*.c: what makes the load, not what is measured."""
    found = set()
    for file in (runner.ROOT / "perf").glob("*.c"):
        found |= set(DEFINED.findall(file.read_text(encoding="utf-8")))
    return found


def profile(counts, how):
    """From samples by function."""
    total = sum(counts.values())
    if total < LEAST:
        return none(f"{total} samples only")
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:ENTRIES]
    return {"how": f"{how}; {total} samples", "entries": [{"what": name, "share": round(n / total, 4)} for name, n in most]}


def read(data, how):
    """What perf wrote, as a profile."""
    run = subprocess.run(["perf", "report", "-i", data, "--stdio", "-q", "-g", "none", "-F", "sample,dso,sym", "-t", "|",
                          "--percent-limit", "0"], capture_output=True, text=True, check=False)
    counts, leave_out = collections.Counter(), of_the_bench()
    for n, library, symbol in LINES.findall(run.stdout):
        name = library if symbol.startswith("0x") else SUFFIX.sub("", symbol)  # stripped: by library alone
        if name not in leave_out:
            counts[name] += int(n)
    return profile(counts, how)


def record(data, *more):
    return ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(HZ), "-o", data, *more]


def of_command(command, what):
    """A profile of a bench in C, run once more for it."""
    if missing():
        return missing()
    with tempfile.TemporaryDirectory(prefix="mwperf-") as name:
        data = pathlib.Path(name) / "perf.data"
        run = subprocess.run([*record(data), "--", *(str(c) for c in command)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, check=False)
        return read(data, f"samples of the CPU clock, {what}") if run.returncode == 0 else none("perf cannot sample here")


def worker_of(pid):
    """The thread of a data plane that carries packets; None where there is none."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().startswith("rte-worker"):
            return int(task.name)
    return None


class Worker:
    """Samples a data plane's worker while the block runs; then `.profile` says where its time went."""

    def __init__(self, pid, what):
        self.thread, self.what = worker_of(pid), what
        self.folder, self.run, self.pipes, self.profile = None, None, (), missing() or none("no worker")

    def __enter__(self):
        if missing() is not None or self.thread is None:
            return self
        self.folder = tempfile.TemporaryDirectory(prefix="mwperf-")
        self.data = pathlib.Path(self.folder.name) / "perf.data"
        ours, theirs, answer, word = *os.pipe(), *os.pipe()
        control = ["--delay=-1", f"--control=fd:{ours},{word}"]
        self.run = subprocess.Popen(["nice", "-n", "-20", *record(self.data, *control, "-t", str(self.thread))],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    start_new_session=True, pass_fds=(ours, word))
        os.close(ours)
        os.close(word)
        with contextlib.suppress(BrokenPipeError):  # it has ended, and its profile will say why not
            os.write(theirs, b"enable\n")
            select.select([answer], [], [], BEGIN_S)  # it says when it has begun
        self.pipes = (theirs, answer)  # perf stops where they are closed
        return self

    def __exit__(self, kind, *_):
        if self.run is None:
            return
        if self.run.poll() is None:
            self.run.send_signal(signal.SIGINT)
        try:
            self.run.wait(10)
            if kind is None:
                self.profile = read(self.data, f"samples of the worker's CPU clock, {self.what}")
        except subprocess.TimeoutExpired:
            self.profile = none("perf did not end")
            self.run.kill()
            self.run.wait()
        finally:
            for end in self.pipes:
                os.close(end)
            self.folder.cleanup()
