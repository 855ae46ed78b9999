# SPDX-License-Identifier: BSD-3-Clause
"""What stands in the wire of perf/peers, one at a time: nothing but the kernel's routes, HAProxy, nginx, Mailweir.

Each has up(), warm(), measure(sessions) and down(). measure() says CPU seconds for so many sessions and how many a second
there were. What a box costs is what its CPU did while they went through, packet work included; of Mailweir, which
polls, the time of the turns in which it found work.
"""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil

import runner
from peers_lab import SERVER, Clock, Process, children, cpu_s, kernel_threads, run

PROXY_PORT = 10025
STREAM_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")
HAPROXY = f"""global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend clients
    bind 0.0.0.0:{PROXY_PORT} transparent
    default_backend servers
backend servers
    source 0.0.0.0 usesrc clientip
    server one {SERVER}:25
"""
TPROXY = f"""table ip mwpeers {{
    chain pre {{
        type filter hook prerouting priority mangle;
        socket transparent 1 meta mark set 1 accept
        tcp dport 25 tproxy to :{PROXY_PORT} meta mark set 1 accept
    }}
}}
"""
NGINX = """load_module {module};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 4096; }}
stream {{
    server {{
        listen {port};
        proxy_pass {server}:25;
    }}
}}
"""
REDIRECT = f"""table ip mwpeers {{
    chain pre {{
        type nat hook prerouting priority dstnat;
        tcp dport 25 redirect to :{PROXY_PORT}
    }}
}}
"""


class Routing:
    """The floor: the kernel forwards, and nobody reads."""

    name, title = "routing", "plain routing"

    def __init__(self, args, lab):
        self.args, self.lab, self.process = args, lab, None

    @staticmethod
    def missing():
        return None

    def up(self):
        self.lab.offloads("on")

    def down(self):
        if self.process:
            self.process.stop()
            self.process = None
        run("ip", "netns", "exec", self.lab.box, "nft", "flush", "ruleset")

    def pids(self):
        return []

    def warm(self):
        """What is slow the first time."""
        self.lab.load(self.args.parallel)

    def measure(self, sessions):
        clock = Clock(self.args.cpu, self.pids())
        self.lab.load(sessions)
        seen = clock.end()
        return {"sessions": sessions, "a_second": sessions / seen["wall"], "cpu_s": seen["cpu"], **seen}

    def rules(self, text):
        file = self.lab.folder / f"{self.name}.nft"
        file.write_text(text, encoding="utf-8")
        self.lab.inside(self.lab.box, "nft", "-f", file)

    def listening(self):
        return f":{PROXY_PORT} " in self.lab.inside(self.lab.box, "ss", "-ltnH")

    def start(self, command):
        self.process = Process(self.name, self.lab.folder, command, self.args.cpu, self.lab.box)
        self.process.wait_for("listening", 10, self.listening)


class Haproxy(Routing):
    """TCP mode behind TPROXY, the client's address kept (usesrc clientip)."""

    name, title = "haproxy", "HAProxy, TCP mode"

    @staticmethod
    def missing():
        return None if shutil.which("haproxy") else "haproxy is not installed"

    def up(self):
        super().up()
        conf = self.lab.folder / "haproxy.cfg"
        conf.write_text(HAPROXY, encoding="utf-8")
        self.rules(TPROXY)
        run("ip", "-n", self.lab.box, "rule", "add", "fwmark", "1", "lookup", "100")
        run("ip", "-n", self.lab.box, "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100")
        self.start(["haproxy", "-db", "-f", conf])

    def down(self):
        super().down()
        run("ip", "-n", self.lab.box, "rule", "del", "fwmark", "1", check=False)
        run("ip", "-n", self.lab.box, "route", "flush", "table", "100", check=False)

    def pids(self):
        return [self.process.pid]


class Nginx(Routing):
    """stream behind a redirect, so the server sees the box's address: the cheapest that it can."""

    name, title = "nginx", "nginx stream"

    @staticmethod
    def missing():
        if shutil.which("nginx") is None:
            return "nginx is not installed"
        return None if STREAM_MODULE.exists() else "libnginx-mod-stream is not installed"

    def up(self):
        super().up()
        conf = self.lab.folder / "nginx.conf"
        conf.write_text(NGINX.format(module=STREAM_MODULE, folder=self.lab.folder, port=PROXY_PORT, server=SERVER),
                        encoding="utf-8")
        self.rules(REDIRECT)
        self.start(["nginx", "-c", conf, "-p", self.lab.folder])

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]


CONF = """dataplane:
  mode: pair
  idle: sleep
  main_core: {args.gen_cpu}
  workers: [{args.cpu}]
  ports:
    - {{name: access, dev: "net_af_xdp0,iface=a0"}}
    - {{name: core, dev: "net_af_xdp1,iface=b0"}}
  pairs: [[access, core]]
  flows: 20000
  messages: 4096
  file_prefix: {lab.name}
control:
  link: {folder}/link.sock
  rpc: {folder}/rpc.sock
  state_dir: {folder}/state
  event_log: {folder}/events.jsonl
pickup: {{ports: [25], incoming: proxy, outgoing: proxy}}
contexts:
  - {{name: default, ports: [access, core], by_vlan: false}}
rules: {{file: {root}/config/rules/shipped.rules}}
session_profiles:
  internal: {{prevent_encryption: false}}
content_profiles:
  spam: {{threshold: 5, action: reject}}
policies:
  - {{name: internal, source: any, destination: any, action: inspect, session: internal, content: spam}}
"""


class Mailweir(Routing):
    """By af_xdp on the same wires: every message read and matched with the shipped rules."""

    name, title = "af_xdp", "Mailweir by af_xdp"

    def __init__(self, args, lab):
        super().__init__(args, lab)
        self.control, self.receivers = None, []
        build = runner.build_folder()
        self.programs = {name: build / path / name for path, name in (
            ("dataplane", "mailweir-dataplane"), ("controlplane", "mailweir-controlplane"), ("controlplane", "mailweirctl"))}

    def ask(self, *verb):
        return json.loads(run(self.programs["mailweirctl"], *verb, "--socket", self.lab.folder / "rpc.sock", "--json"))

    def ready(self):
        try:
            status = self.ask("status")
            return status["attached"] and status["dataplane"]["image_version"] > 0 and all(
                port["up"] for port in self.ask("ports", "list")["ports"])
        except (RuntimeError, KeyError, ValueError):
            return False

    def up(self):
        self.lab.offloads("off")
        (self.lab.folder / "state").mkdir(exist_ok=True)
        conf = self.lab.folder / "mailweir.yaml"
        conf.write_text(CONF.format(args=self.args, lab=self.lab, folder=self.lab.folder, root=runner.ROOT),
                        encoding="utf-8")
        self.process = Process("dataplane", self.lab.folder, [self.programs["mailweir-dataplane"], "-c", conf],
                               ns=self.lab.box)
        self.control = Process("controlplane", self.lab.folder, [self.programs["mailweir-controlplane"], "-c", conf],
                               self.args.gen_cpu, self.lab.box)
        self.process.wait_for("ready", 30, self.ready)

        self.receivers_apart()

    def receivers_apart(self):
        """The kernel's part of receiving, which else happens on the sender's CPU: on the box's, told apart."""
        before = kernel_threads("napi/")
        for dev in ("a0", "b0"):
            self.lab.put(self.lab.box, f"/sys/class/net/{dev}/threaded", 1)
        self.receivers = sorted(kernel_threads("napi/") - before)
        for pid in self.receivers:
            os.sched_setaffinity(pid, {self.args.cpu})

    def work(self):
        """Since the start: messages found clean, seconds of busy turns by the worker's own count, of its CPU time, of
        the receivers'."""
        counters = {c["name"]: c["value"] for c in self.ask("stats", "get")["counters"]}
        threads = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        worker = [t for t in threads if (t / "comm").read_text().startswith("rte-worker")]
        cpu = sum(int((t / "schedstat").read_text().split()[0]) for t in worker) / 1e9
        return counters["messages_clean"], counters["worker_busy_nanoseconds"] / 1e9, cpu, cpu_s(self.receivers)

    def measure(self, sessions):
        """Another program may have had the CPU in the middle of a turn: no more counts than the worker had of it."""
        began, clock = self.work(), Clock(self.args.cpu, [])
        self.lab.load(sessions)
        seen = clock.end()
        messages, busy, cpu, receiving = (now - then for now, then in zip(self.work(), began))
        if messages != sessions:
            raise RuntimeError(f"mailweir: of {sessions} messages {messages} were read")
        return {"sessions": sessions, "a_second": sessions / seen["wall"], **seen, "busy_turns_s": busy,
                "worker_s": cpu, "receiving_s": receiving, "cpu_s": min(busy, cpu) + receiving}

    def down(self):
        if self.control:
            self.control.stop()
            self.control = None
        super().down()


def perf_mail():
    """perf/mail as a module; None where it is not there."""
    path = runner.ROOT / "perf" / "mail"
    if not path.exists():
        return None
    loader = importlib.machinery.SourceFileLoader("perf_mail", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("perf_mail", loader))
    loader.exec_module(module)
    return module


class Virtio:
    """On virtio-user ports, the generator of perf/mail at both their ends, as perf/mail runs it with the shipped rules:
    every reply right, nothing passed unread."""

    name, title = "virtio_user", "Mailweir on virtio-user"
    PROGRAMS = {"dataplane": "dataplane/mailweir-dataplane", "controlplane": "controlplane/mailweir-controlplane",
                "cli": "controlplane/mailweirctl", "generator": "perf/smtpgen/smtpgen"}

    def __init__(self, args, _):
        self.mail, self.pages = perf_mail(), None
        self.seconds = 1 if args.quick else 4
        self.args = argparse.Namespace(cpu=args.cpu, gen_cpu=args.gen_cpu, at_once=2048, generator_options="", keep=None)

    @staticmethod
    def missing():
        return None if perf_mail() else "perf/mail is not there"

    def up(self):
        self.pages = runner.Hugepages(self.mail.HUGE_MB)
        self.pages.__enter__()

    def down(self):
        if self.pages:
            self.pages.__exit__()

    def warm(self):
        """It counts from its own begin."""

    def measure(self, _):
        programs = {name: runner.build_folder() / path for name, path in self.PROGRAMS.items()}
        options = [*self.mail.SMALL, "--seconds", str(self.seconds), "--no-verify"]
        last, busy, code, notes, seen = self.mail.run(self.args, programs, self.mail.Mailweir, "shipped", options,
                                                      self.seconds + 60, sampled=True)
        unread = sum(v for n, v in seen.items() if n.startswith(("pass_", "not_scanned")))
        if code != 0 or unread or seen["messages_clean"] < last["sessions"]:
            raise RuntimeError(f"mailweir on virtio-user: a reply was wrong, or {unread} passed unread: {last} {notes}")
        return {"sessions": last["sessions"], "a_second": last["sessions_a_second"], "cpu_s": busy, "profile": seen["profile"]}
