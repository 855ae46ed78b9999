# SPDX-License-Identifier: BSD-3-Clause
"""The lab of perf/peers: a client, a box and a server in namespaces of their own, and what a CPU did meanwhile.

    sub a1 10.92.1.2 ===== a0 10.92.1.1 | box | b0 10.92.2.1 ===== b1 10.92.2.2 net

The box's ends have the MACs of the ends behind them, so a frame is good for a box that routes and for one that
forwards it as it is. The box runs on one CPU, packet work of its wires included; the load on another one.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import runner

CLIENT, SERVER = "10.92.1.2", "10.92.2.2"
BOX_CLIENT, BOX_SERVER = "10.92.1.1", "10.92.2.1"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
CPUACCT = pathlib.Path("/sys/fs/cgroup/cpuacct/cpuacct.usage_percpu")


def run(*command, check=True):
    """Its output; what it said where it failed."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(c) for c in command)}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def wait_until(what, seconds, seen):
    end = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not in {seconds} s")
        time.sleep(0.05)


class Process:
    """A program on one CPU, its output in a file; ended by its own pid. Ctrl-C reaches it through us."""

    def __init__(self, name, folder, command, cpu=None, ns=None):
        self.name, self.log = name, folder / f"{name}.log"
        before = (["ip", "netns", "exec", ns] if ns else []) + (["taskset", "-c", str(cpu)] if cpu is not None else [])
        with open(self.log, "w", encoding="utf-8") as out:
            self.run = subprocess.Popen(
                before + [str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.run.pid

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, what, seconds, seen):
        def there():
            if self.run.poll() is not None:
                raise RuntimeError(f"{self.name}: ended: {self.text()[-1000:]}")
            return seen()

        wait_until(f"{self.name}: {what}", seconds, there)

    def stop(self, sig=signal.SIGTERM):
        if self.run.poll() is None:
            self.run.send_signal(sig)
        try:
            self.run.wait(10)
        except subprocess.TimeoutExpired:
            self.run.kill()
            self.run.wait()


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_s(pids):
    """CPU seconds of processes, all threads, as the scheduler counts them."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e9


def kernel_threads(prefix):
    """Pids of the threads, the kernel's among them, whose names begin so."""
    found = set()
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().startswith(prefix):
                found.add(int(comm.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            pass  # ended meanwhile
    return found


class Clock:
    """What a CPU did from its making to end(): busy by the kernel's ticks, less what programs not of the bench had
    of it, where the kernel counts by CPU (cpuacct)."""

    def __init__(self, cpu, pids):
        self.cpu, self.pids = cpu, list(pids)
        self.ours = self.pids + list(kernel_threads(f"ksoftirqd/{cpu}\n"))
        self.began = self.read()

    def read(self):
        line = re.search(rf"^cpu{self.cpu} (.*)$", pathlib.Path("/proc/stat").read_text(), re.M).group(1)
        ticks = [int(n) for n in line.split()]
        percpu = CPUACCT.read_text().split() if CPUACCT.exists() else []
        return {
            "wall": time.monotonic(),
            "busy": sum(ticks[i] for i in (0, 1, 2, 5, 6)) * TICK_S,  # not idle, iowait, steal
            "softirq": (ticks[5] + ticks[6]) * TICK_S,
            "process": cpu_s(self.pids),
            "ours": cpu_s(self.ours),
            "all": int(percpu[self.cpu]) / 1e9 if percpu else None,
        }

    def end(self):
        now = {key: value - self.began[key] for key, value in self.read().items() if value is not None}
        now["others"] = max(0, now["all"] - now["ours"]) if "all" in now else 0
        now["cpu"] = max(now["busy"] - now["others"], now["process"], now["softirq"])
        return now


class Lab:
    """Namespaces, wires, the server; gone at the end, in any state."""

    def __init__(self, args):
        self.args, self.name = args, f"mwpeers{os.getpid()}"
        self.sub, self.box, self.net = (f"{self.name}-{part}" for part in ("sub", "box", "net"))
        self.sink, self.folder = None, None

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mwpeers-"))
        try:
            self.wires()
            sink = ["smtp-sink", "-u", "postfix", f"{SERVER}:25", "1024"]
            self.sink = Process("sink", self.folder, sink, self.args.gen_cpu, self.net)
            self.sink.wait_for("listening", 10, lambda: ":25 " in self.inside(self.net, "ss", "-ltnH"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.sink:
            self.sink.stop()
        for ns in (self.sub, self.box, self.net):
            if pathlib.Path(f"/run/netns/{ns}").exists():
                for pid in run("ip", "netns", "pids", ns, check=False).split():  # what we started there, or its children
                    os.kill(int(pid), signal.SIGKILL)
                run("ip", "netns", "del", ns, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def inside(ns, *command):
        return run("ip", "netns", "exec", ns, *command)

    def put(self, ns, path, value):
        self.inside(ns, "sh", "-c", f"echo {value} >{path}")

    def mac(self, ns, dev):
        return self.inside(ns, "cat", f"/sys/class/net/{dev}/address").strip()

    def wires(self):
        for ns in (self.sub, self.box, self.net):
            run("ip", "netns", "add", ns)
            run("ip", "-n", ns, "link", "set", "lo", "up")
            self.inside(ns, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.ip_forward=1",
                        "net.ipv4.ip_local_port_range=1024 65000", "net.ipv4.tcp_max_tw_buckets=2000")
        for ns, far, near, far_ip, near_ip in (
            (self.sub, "a1", "a0", CLIENT, BOX_CLIENT),
            (self.net, "b1", "b0", SERVER, BOX_SERVER),
        ):
            one = ["numrxqueues", "1", "numtxqueues", "1"]
            run("ip", "link", "add", near, "netns", self.box, *one, "type", "veth", "peer", "name", far, *one, "netns", ns)
            for side, dev, address in ((self.box, near, near_ip), (ns, far, far_ip)):
                run("ip", "-n", side, "addr", "add", f"{address}/24", "dev", dev)
        for near, ns, dev in (("a0", self.net, "b1"), ("b0", self.sub, "a1")):
            run("ip", "-n", self.box, "link", "set", near, "address", self.mac(ns, dev))
        for ns, dev, cpu in ((self.box, "a0", self.args.cpu), (self.box, "b0", self.args.cpu),
                             (self.sub, "a1", self.args.gen_cpu), (self.net, "b1", self.args.gen_cpu)):
            run("ip", "-n", ns, "link", "set", dev, "up")
            self.put(ns, f"/sys/class/net/{dev}/queues/rx-0/rps_cpus", f"{1 << cpu:x}")
        for ns, dev, box_dev, box_ip, ip in ((self.sub, "a1", "a0", BOX_CLIENT, CLIENT),
                                             (self.net, "b1", "b0", BOX_SERVER, SERVER)):
            run("ip", "-n", ns, "route", "add", "default", "via", box_ip)
            for side, side_dev, far_ns, far_dev, address in ((ns, dev, self.box, box_dev, box_ip),
                                                             (self.box, box_dev, ns, dev, ip)):
                run("ip", "-n", side, "neigh", "replace", address, "lladdr", self.mac(far_ns, far_dev), "dev",
                    side_dev, "nud", "permanent")

    def offloads(self, state):
        """Kernels hand each other unfinished, larger frames where they may; who reads frames needs real ones."""
        for ns, dev in ((self.box, "a0"), (self.box, "b0"), (self.sub, "a1"), (self.net, "b1")):
            for feature in ("tx", "tso", "gso", "gro"):
                subprocess.run(["ip", "netns", "exec", ns, "ethtool", "-K", dev, feature, state],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def load(self, sessions):
        """So many sessions, each with a message of 4,096 octets; all must go well."""
        command = ["smtp-source", "-s", self.args.parallel, "-m", sessions, "-l", 4096, "-f", "a@example.com", "-t",
                   "b@example.net", f"{SERVER}:25"]
        self.inside(self.sub, "timeout", "60", "taskset", "-c", self.args.gen_cpu, *command)


def needs():
    """What must be here, or CannotRun says what is not."""
    if os.geteuid() != 0 or (os.cpu_count() or 1) < 2:
        raise runner.CannotRun("needs root and two CPUs")
    for program, package in (("smtp-source", "postfix"), ("smtp-sink", "postfix"), ("nft", "nftables"),
                             ("ethtool", "ethtool")):
        if shutil.which(program) is None:
            raise runner.CannotRun(f"{package} is not installed")
