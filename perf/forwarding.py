# SPDX-License-Identifier: BSD-3-Clause
"""Two programs that forward, each on virtio-user ports of its own with a generator (testpmd, vhost) at the other end,
both up at the same time, and one of them stopped (SIGSTOP) while the other is measured for a fraction of a second,
A B B A: a machine's slow and fast phases last longer than a round of both. For bridge and routed.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import runner
import sampling

HUGE_MB = 2200  # two generators, two devices under test, each with some 350 MB of packets, and room
SETTLE_S = 0.1  # from waking a pair to its first count: the rings empty themselves and fill again
QUEUE = 1024
TELEMETRY = pathlib.Path("/var/run/dpdk")
MAC = "00:01:02:03:04:01"  # what testpmd's flowgen sends to, whatever it is told


def arguments_add(ap):
    """Options that every comparison has."""
    ap.add_argument("--mode", default="mac", help="testpmd's forwarding mode (mac)")
    ap.add_argument("--cpu", type=int, default=0, help="CPU of the device under test (0)")
    ap.add_argument("--gen-cpu", type=int, default=1, help="CPU of the generator (1)")
    ap.add_argument("--dataplane", help="program to measure (default: built in build/)")


def machine_check():
    """Raises where nothing can be measured."""
    if os.geteuid() != 0 or shutil.which("dpdk-testpmd") is None or len(os.sched_getaffinity(0)) < 2:
        raise runner.CannotRun("needs root, dpdk-testpmd (package dpdk-dev) and two CPUs")


class Process:
    """A program with its output in a file, stopped by its own pid."""

    def __init__(self, name, folder, command, last_word=None):
        self.name, self.last_word, self.log = name, last_word, folder / f"{name}.log"
        # Before other programs: both ends of a wire must be awake at once. Where the kernel groups by session, nice
        # counts inside a group only.
        with open(self.log, "w", encoding="utf-8") as out:
            self.run = subprocess.Popen(["nice", "-n", "-20", *command], stdin=subprocess.PIPE, stdout=out,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        group = pathlib.Path(f"/proc/{self.run.pid}/autogroup")
        if group.exists():
            group.write_text("-20", encoding="utf-8")

    def text(self):
        """All it said."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def say(self, line):
        """To one with a prompt."""
        self.run.stdin.write(f"{line}\n".encode())
        self.run.stdin.flush()

    def wait_for(self, pattern, seconds, behind=0):
        """Until it says so, behind its first octets; else all ends."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if re.search(pattern, self.text()[behind:]):
                return
            if self.run.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        sys.exit(f"{self.name}: no /{pattern}/ in time\n{self.text()[-2000:]}")

    def signal(self, number):
        """Where it has ended, all ends."""
        if self.run.poll() is not None:
            sys.exit(f"{self.name}: ended\n{self.text()[-2000:]}")
        self.run.send_signal(number)

    def stop(self):
        """Wakes and ends it; testpmd ends by its own word alone."""
        if self.run.poll() is None:
            self.run.send_signal(signal.SIGCONT)
            if self.last_word is not None:
                self.say(self.last_word)
            else:
                self.run.send_signal(signal.SIGINT)
        try:
            self.run.wait(15)
        except subprocess.TimeoutExpired:
            self.run.kill()
            self.run.wait()
        with contextlib.suppress(BrokenPipeError):
            self.run.stdin.close()


def topology(ports):
    return "paired" if ports == 2 else "loop"


def generator(args, folder, size, name, ports):
    """Flows of UDP into each port; counts what comes back. Has a prompt, and waits at it."""
    command = ["dpdk-testpmd", "--lcores", f"(0,1)@{args.gen_cpu}", "-m", "256", "--no-pci", "--in-memory"]
    command += ["--file-prefix", name]
    for i in range(ports):
        command += ["--vdev", f"net_vhost{i},iface={folder}/s{i},queues=1"]
    command += ["--", "-i", "--forward-mode=flowgen", "--nb-cores=1", f"--port-topology={topology(ports)}"]
    command += [f"--txpkts={size}", f"--txd={QUEUE}", f"--rxd={QUEUE}"]
    gen = Process("generator", folder, ["stdbuf", "-oL", *command], last_word="quit")
    gen.wait_for(r"testpmd>", 20)
    return gen


def device(folder, i):
    """The device string of port i."""
    return f"net_virtio_user{i},path={folder}/s{i},queues=1,queue_size={QUEUE},mac={MAC}"


def testpmd(args, folder, ports):
    """The reference."""
    command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"(0,1)@{args.cpu}", "-m", "256", "--no-pci", "--in-memory"]
    command += ["--file-prefix", "mwperf-dut-testpmd", "--single-file-segments"]
    for i in range(ports):
        command += ["--vdev", device(folder, i)]
    command += ["--", f"--forward-mode={args.mode}", "--nb-cores=1", f"--port-topology={topology(ports)}"]
    command += [f"--txd={QUEUE}", f"--rxd={QUEUE}"]
    dut = Process("testpmd", folder, command, last_word="")
    dut.wait_for("Press enter", 20)
    return dut


def mailweir(args, folder, ports, network):
    """Ours; `network`: lines of `dataplane` from the mode on."""
    conf = folder / "forwarding.yaml"
    names = ("access", "core")[:ports]
    devices = "\n".join(f'    - {{name: {name}, dev: "{device(folder, i)}"}}' for i, name in enumerate(names))
    # The manager sleeps but for a few milliseconds a second: it may live beside the generator.
    conf.write_text(
        f"""dataplane:
{network}
  idle: poll
  hugepages: on
  main_core: {args.gen_cpu}
  workers: [{args.cpu}]
  ports:
{devices}
  flows: 1000
  messages: 100
  slabs: 1000
  file_prefix: mwperf-dut-mailweir
control: {{link: {folder}/link.sock}}
""",
        encoding="utf-8",
    )
    dut = Process("mailweir", folder, [args.dataplane, "-c", conf])
    dut.wait_for("ready:", 20)
    return dut


class Pair:
    """A device under test and the generator at the other end of its ports; stopped but while it is measured."""

    def __init__(self, args, size, name, ports, start, until=None):  # pylint: disable=too-many-arguments
        self.name, self.parts, self.telemetry = name, [], None
        self.folder = tempfile.TemporaryDirectory(prefix="mwperf-")
        folder, prefix = pathlib.Path(self.folder.name), f"mwperf-gen-{name}"
        self.ports = ports
        try:
            self.parts.append(generator(args, folder, size, prefix, ports))
            self.parts.append(start(args, folder))
            if until is not None:
                until(*self.parts)
            self.parts[0].say("start")
            self.telemetry = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.telemetry.settimeout(10)
            self.telemetry.connect(str(TELEMETRY / prefix / "dpdk_telemetry.v2"))
            self.telemetry.recv(1 << 16)  # who it is
            self.rate(SETTLE_S)
        except BaseException:
            self.end()
            raise

    def came_back(self):
        """Packets that the generator got back, by all ports, and when that was."""
        packets = 0
        for port in range(self.ports):
            self.telemetry.send(f"/ethdev/stats,{port}".encode())
            packets += json.loads(self.telemetry.recv(1 << 16))["/ethdev/stats"]["ipackets"]
        return packets, time.monotonic()

    def rate(self, seconds):
        """Packets a second that came back; awake meanwhile, asleep after it."""
        for part in self.parts:
            part.signal(signal.SIGCONT)
        time.sleep(SETTLE_S)
        packets, began = self.came_back()
        time.sleep(seconds)
        more, ended = self.came_back()
        for part in self.parts:
            part.signal(signal.SIGSTOP)
        if more == packets:
            sys.exit(f"{self.name}: nothing came back\n{self.parts[-1].text()[-1500:]}")
        return (more - packets) / (ended - began)

    def end(self):
        """Ends both."""
        if self.telemetry is not None:
            self.telemetry.close()
        for part in self.parts:  # each waits for the other end of its ports when it ends
            if part.run.poll() is None:
                part.run.send_signal(signal.SIGCONT)
        for part in reversed(self.parts):
            part.stop()
        self.folder.cleanup()


def compare(pairs, rounds, seconds):
    """Rounds of testpmd's pair and ours by turns; the row of it, with a profile of ours."""
    seen = {name: [] for name in pairs}
    for i in range(rounds):
        for name in ("testpmd", "mailweir") if i % 2 == 0 else ("mailweir", "testpmd"):
            seen[name].append(pairs[name].rate(seconds))
    with sampling.Worker(pairs["mailweir"].parts[-1].run.pid, "forwarding, a second more") as worker:
        pairs["mailweir"].rate(1)
    row = {"profile": worker.profile}
    for name, values in seen.items():
        row[name] = {"median_pps": statistics.median(values), "runs_pps": values}
    row["ratio_by_round"] = sorted(round(a / b, 3) for a, b in zip(seen["mailweir"], seen["testpmd"]))
    row["ratio"] = statistics.median(row["ratio_by_round"])
    return row


def show(what, name, row):
    """One line."""

    def text(which):
        runs = [v / 1e6 for v in row[which]["runs_pps"]]
        return f"{row[which]['median_pps'] / 1e6:.2f} Mpps [{min(runs):.2f}-{max(runs):.2f}]"

    goal = f" ({runner.reached(name, row['ratio'])})" if name in runner.goals() else ""
    rounds = row["ratio_by_round"]
    print(
        f"{what}   testpmd {text('testpmd')}   mailweir {text('mailweir')}"
        f"   ratio of a round {row['ratio']:.2f} [{rounds[0]:.2f}-{rounds[-1]:.2f}]{goal}",
        flush=True,
    )


def report_row(report, name, row, args, note):
    """The row of a comparison."""
    rounds = zip(row["mailweir"]["runs_pps"], row["testpmd"]["runs_pps"])
    report.row(name, "", rounds, how="ratio", reference_name=f"testpmd {args.mode}", profile=row["profile"],
               note=f"packets a second, {note}, virtio-user; each one core")
