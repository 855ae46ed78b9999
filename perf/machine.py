# SPDX-License-Identifier: BSD-3-Clause
"""Facts of the machine and of what was built, for a file of results: without them figures mean nothing."""
import json
import os
import pathlib
import platform
import re
import subprocess

import runner


def text_of(*command):
    """First line that a command prints; empty where it fails."""
    try:
        run = subprocess.run(command, cwd=runner.ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return run.stdout.splitlines()[0].strip() if run.returncode == 0 and run.stdout.strip() else ""


def read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def field(text, pattern):
    found = re.search(pattern, text, re.M)
    return found.group(1) if found else ""


def build_options():
    wanted = ("buildtype", "optimization", "debug", "b_lto", "b_sanitize")
    options = {}
    try:
        run = subprocess.run(["meson", "introspect", "--buildoptions", runner.build_folder()],
                             capture_output=True, text=True, check=True)
        options = {o["name"]: o["value"] for o in json.loads(run.stdout) if o["name"] in wanted}
    except (OSError, subprocess.CalledProcessError, ValueError):
        pass
    return options


def hugepages():
    return {name: int(read(runner.HUGE / name) or 0) for name in ("nr_hugepages", "free_hugepages")}


def facts():
    cpu, memory = read("/proc/cpuinfo"), read("/proc/meminfo")
    bogomips = field(cpu, r"^bogomips\s*:\s*([\d.]+)")
    git = ("git", "-c", "safe.directory=*")
    return {
        "cpu": field(cpu, r"^model name\s*:\s*(.*)"),
        "cpus": len(os.sched_getaffinity(0)),
        "tsc_mhz": round(float(bogomips) / 2) if bogomips else 0,
        "memory_mb": int(field(memory, r"^MemTotal:\s*(\d+)") or 0) // 1024,
        "hypervisor": "hypervisor" in cpu,
        "hugepages_2mb": hugepages(),
        "kernel": platform.release(),
        "dpdk": text_of("pkg-config", "--modversion", "libdpdk"),
        "hyperscan": text_of("pkg-config", "--modversion", "libhs"),
        "compiler": text_of("cc", "--version"),
        "build": build_options(),
        "commit": text_of(*git, "rev-parse", "HEAD"),
        "dirty": text_of(*git, "status", "--porcelain") != "",
        "load": os.getloadavg()[0],
    }


def line(m):
    what = f"{m['commit'][:12] or 'no commit'}{' and changes' if m['dirty'] else ''}"
    return (f"{m['cpu']}, {m['cpus']} CPUs, TSC {m['tsc_mhz']} MHz, Linux {m['kernel']}\n"
            f"DPDK {m['dpdk']}, Hyperscan {m['hyperscan']}, {m['compiler']}, {what}, load {m['load']:.1f}")
