# SPDX-License-Identifier: BSD-3-Clause
"""Accounting records through FreeRADIUS and through Mailweir's server, from the same load (perf/radius_bench).

FreeRADIUS in one thread (-fs) with nothing configured but the listener: `ok`, which answers and keeps nothing,
beside ours in memory; `detail`, which writes a file, beside ours with the store. What counts is the CPU time of
the server's threads, all of them, sockets included. Ours checks the sender's secret, binds and unbinds addresses;
theirs checks the secret.
"""
import pathlib
import shutil
import socket
import statistics
import tempfile

import runner
from peers_lab import Process, cpu_s

ROW = 16  # records in a row by one port
WINDOW = 1024  # records under way
CONF = """prefix = /usr
name = radiusd
raddbdir = {folder}
libdir = /usr/lib/freeradius
run_dir = {folder}
pidfile = {folder}/radiusd.pid
max_request_time = 30
cleanup_delay = 2
max_requests = 16384
proxy_requests = no
log {{
	destination = files
	file = {folder}/radius.log
	auth = no
}}
security {{
	max_attributes = 200
	reject_delay = 0
	status_server = no
}}
client nas {{
	ipaddr = 127.0.0.1
	secret = "a shared secret of a NAS"
}}
modules {{
	detail detail {{
		filename = {folder}/detail
		permissions = 0600
	}}
	always ok {{ rcode = ok }}
}}
server accounting {{
	listen {{
		type = acct
		ipaddr = 127.0.0.1
		port = {port}
	}}
	accounting {{
		{module}
	}}
}}
"""


def port_free():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    """On loopback, UDP."""
    return f"0100007F:{port:04X} " in pathlib.Path("/proc/net/udp").read_text()


class Freeradius:
    def __init__(self, folder, module):
        self.port, self.folder = port_free(), folder
        (folder / "radiusd.conf").write_text(CONF.format(folder=folder, port=self.port, module=module), encoding="utf-8")
        self.process = Process("freeradius", folder, ["freeradius", "-fs", "-d", folder])

    def __enter__(self):
        try:
            self.process.wait_for("listening", 20, lambda: listens(self.port))
        except BaseException:
            self.process.stop()
            raise
        return self.process.pid

    def __exit__(self, *_):
        self.process.stop()


def summed(phases):
    """Records a CPU second of all the server's threads, over all phases."""
    phases = [p for p in phases if p["phase"] != "restart"]
    records = sum(p["records"] for p in phases)
    return records / (sum(p["records"] * (p["server_ns"] + p["store_ns"]) for p in phases) / 1e9)


def theirs(program, args, module):
    with tempfile.TemporaryDirectory(prefix="mwpeers-") as name:
        folder = pathlib.Path(name)
        server = Freeradius(folder, module)
        with server as pid:
            began = cpu_s([pid])
            phases = runner.rows([program, args.records, args.records, WINDOW, ROW, "server", server.port, pid])
            used = cpu_s([pid]) - began
        if module == "detail" and (folder / "detail").stat().st_size < 100 * args.records:
            raise RuntimeError("freeradius: hardly anything is in its file of details")
    return sum(p["records"] for p in phases) / used


def ours(program, args, stored):
    with tempfile.TemporaryDirectory(prefix="mwpeers-") as folder:
        store = [pathlib.Path(folder) / "mailweir.db"] if stored else []
        return summed(runner.rows([program, args.records, args.records, WINDOW, ROW, *store]))


PAIRS = (
    ("radius_vs_freeradius", False, "ok", "FreeRADIUS -fs, ok"),
    ("radius_store_vs_freeradius_detail", True, "detail", "FreeRADIUS -fs, detail"),
)


def compare(args, report):
    """Rows of both pairs, rounds interleaved; what was seen."""
    if shutil.which("freeradius") is None:
        for name, *_ in PAIRS:
            report.skip(name, "freeradius is not installed")
        print("FreeRADIUS skipped: freeradius is not installed")
        return {}
    program = runner.build("perf/radius_bench")
    seen = {name: [] for name, *_ in PAIRS}
    for i in range(args.radius_rounds):
        for name, stored, module, _ in PAIRS:
            if i % 2 == 0:
                pair = ours(program, args, stored), theirs(program, args, module)
            else:
                pair = (theirs(program, args, module), ours(program, args, stored))[::-1]
            seen[name].append(pair)
    for name, stored, _, peer in PAIRS:
        report.row(name, "", seen[name], how="ratio", reference_name=f"{peer}, records a CPU second",
                   note="CPU time of the server's threads, all of them; ours binds and unbinds addresses, too")
        mine, other = (statistics.median(side) for side in zip(*seen[name]))
        print(f"{peer:24} {other:7.0f} records a CPU second; ours {'with the store' if stored else 'in memory'} "
              f"{mine:.0f}: {mine / other:.2f}", flush=True)
    return seen
