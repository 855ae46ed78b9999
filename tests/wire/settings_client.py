#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""settings_client.py config
settings_client.py run SERVER RPC_SOCKET EVENT_LOG SERVER_LOG
settings_client.py keys ROOT

`config` prints the profiles, policies and rules of the table. `run` holds each dialogue of it with the setting
on and off, takes down what the client saw, what the server saw and what was logged, and prints one `ok`/`NO`
line for each row. `keys` prints one for each key of the schema (docs/configuration.md is made from it): that
it has a row, or that the test named for it is there and has both values.
"""
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

from settings_table import ELSEWHERE, ROWS, WITHOUT_EFFECT, Again, Raw, Wait, address, configuration

ID = re.compile("mw-[0-9a-v]{13}")
PATIENCE_S = 60
# Of an event: not when, where and under which names, nor what only repeats the setting.
KEPT = ("type", "classifier", "code", "reason", "limit", "value", "verdict", "helo", "from", "to", "recipients",
        "octets", "score", "rules", "messages", "refused", "lane", "tls", "auth")


class Ended(Exception):
    """The connection is over."""


class Rpc:
    """The control plane, one question at a time."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")

    def ask(self, method):
        """The result."""
        self.sock.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
        return json.loads(self.file.readline())["result"]

    def counters(self):
        """Those that the table names."""
        named = {name for row in ROWS for name in (row.counter, row.passes) if name}
        return {c["name"]: c["value"] for c in self.ask("stats.get")["counters"] if c["name"] in named}


class Log:
    """A file of JSON texts, one a line and each with its "client", read as it grows."""

    def __init__(self, path):
        self.rows, self.grown = [], threading.Condition()
        threading.Thread(target=self.follow, args=(path,), daemon=True).start()

    def follow(self, path):
        """By tail, who is told of each change and ends with us."""
        with subprocess.Popen(["tail", f"--pid={os.getpid()}", "-n", "+1", "-F", path], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as tail:
            for line in tail.stdout:
                if line.startswith(b"{"):
                    with self.grown:
                        self.rows.append(json.loads(line))
                        self.grown.notify_all()

    def of(self, client, missing):
        """What is there of a client once `missing` of it is empty, at the latest when nobody waits any longer;
        and what is missing."""
        def mine():
            return [row for row in self.rows if row["client"] == client]

        with self.grown:
            self.grown.wait_for(lambda: not missing(mine()), PATIENCE_S)
            return mine(), missing(mine())


def unrecorded(ports):
    """Of a log of events: the ports without one, and those of sessions that began (True) without an end."""
    def missing(events):
        told = {e["client_port"] for e in events}
        ended = {e["client_port"] for e in events if e["type"] == "session"}
        return [port for port, began in ports if port not in (ended if began else told)]
    return missing


class Client:
    """One dialogue."""

    def __init__(self, server, source):
        self.server, self.source = server, source
        self.buffer, self.told, self.heard = b"", [], []
        self.others = []
        self.sock = socket.socket()
        self.sock.settimeout(PATIENCE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.bind((source, 0))
        self.port = self.sock.getsockname()[1]
        self.sock.connect((server, 25))

    def fill(self):
        """More octets."""
        try:
            more = self.sock.recv(65536)
        except socket.timeout as error:
            raise Ended("timeout") from error
        except OSError as error:
            raise Ended("reset") from error
        if not more:
            raise Ended("fin")
        self.buffer += more

    def line(self):
        """One line."""
        while b"\n" not in self.buffer:
            self.fill()
        raw, self.buffer = self.buffer.split(b"\n", 1)
        self.heard.append(ID.sub("mw-ID", raw.decode("latin-1").rstrip("\r")))
        return self.heard[-1]

    def reply(self):
        """One reply, and what it took."""
        start = time.monotonic()
        line = self.line()
        while line[3:4] == "-":
            line = self.line()
        waited = time.monotonic() - start
        self.told.append(line[:3] + ("+3s" if waited > 2.9 else ""))

    def send(self, octets):
        """One write. Who is cut off hears why at the next read."""
        try:
            self.sock.sendall(octets)
        except OSError:
            pass

    def again(self):
        """One more connection, which ends behind its greeting."""
        other = Client(self.server, self.source)
        other.talk([], [])
        self.others.append(other)
        self.told.append(other.told[0])
        self.heard.append(other.heard[0])

    def wait(self, seconds):
        """Silence."""
        self.sock.settimeout(seconds)
        try:
            self.fill()
        except Ended as end:
            if str(end) != "timeout":
                raise
        self.sock.settimeout(PATIENCE_S)

    def step(self, step):
        """One step of the table."""
        if isinstance(step, Wait):
            self.wait(step.seconds)
            return
        if isinstance(step, Again):
            for _ in range(step.connections):
                self.again()
            return
        if isinstance(step, str):
            step = Raw(step.encode() + b"\r\n")
        self.send(step.octets)
        for _ in range(step.replies):
            self.reply()

    def talk(self, steps, end=("QUIT",)):
        """The dialogue, and its end."""
        try:
            self.reply()
            for step in list(steps) + list(end):
                self.step(step)
            if end:
                self.line()
        except Ended as end:
            self.told.append(str(end))
        self.heard.append(self.told[-1])
        # By a reset, with which the session is over at once; else its record comes half a minute later.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Side:
    """A row under one of its two settings, and what came of it."""

    def __init__(self, number, is_on, place):
        self.row, self.is_on, self.place = ROWS[number], is_on, place
        self.address = address(number, is_on)
        self.counts, self.told, self.saw, self.events, self.missing = {}, "", {}, [], []

    def seen(self, count):
        """What the server wrote down of so many connections."""
        rows, _ = self.place.server_log.of(self.address, lambda rows: range(len(rows), count))
        return "".join(line + "\n" for row in rows for line in row["seen"])

    def run(self):
        """Holds the dialogue."""
        before = self.place.rpc.counters() if not self.row.slow else {}
        client = Client(self.place.server, self.address)
        client.talk(self.row.say)
        self.told = " ".join(client.told)
        ports = [(one.port, one.told[0] == "220") for one in [client] + client.others]
        awaited = [] if self.row.passes and not self.is_on else ports
        self.events, self.missing = self.place.log.of(self.address, unrecorded(awaited))
        self.saw = {"client": "\n".join(client.heard + [self.told]),
                    "server": self.seen(sum(began for _, began in ports)),
                    "log": "\n".join(json.dumps({k: e[k] for k in KEPT + self.row.kept if k in e})
                                     for e in self.events)}
        if not self.row.slow:
            after = self.place.rpc.counters()
            self.counts = {name: after[name] - before[name] for name in after if after[name] != before[name]}
            self.saw["log"] += "\n" + json.dumps(self.counts)


class Place:
    """Where all of it happens."""

    def __init__(self, server, rpc, log, server_log):
        self.server = server
        self.rpc, self.log, self.server_log = Rpc(rpc), Log(log), Log(server_log)


def objections(on, off):
    """What is not as the row says, in words."""
    row = on.row
    for side, told, shows, server in zip((on, off), row.told, row.shows, row.server):
        word = "on" if side.is_on else "off"
        if side.told != told:
            yield f'{word}: the client was told "{side.told}", not "{told}"'
        if shows and not re.search(shows, side.saw["client"], re.M):
            yield f'{word}: the client did not see "{shows}"'
        if server and not re.search(server, side.saw["server"], re.M):
            yield f'{word}: the server did not see "{server}"'
        if side.missing:
            yield f"{word}: no record of {len(side.missing)} connections"
        reasons = [e for e in side.events if row.reason and e["reason"] == row.reason]
        if row.reason and bool(reasons) != side.is_on:
            yield f'{word}: {row.reason} is in {len(reasons)} records'
        if row.limit and side.is_on and row.limit not in [(e.get("limit"), e.get("value")) for e in reasons]:
            yield f"no record has limit and value {row.limit}"
        if row.counter and not row.slow and side.counts.get(row.counter, 0) != int(side.is_on):
            yield f"{word}: {row.counter} counted {side.counts.get(row.counter, 0)}"
    differ = " ".join(part for part in ("client", "server", "log") if on.saw[part] != off.saw[part])
    if row.passes and (off.counts.get(row.passes, 0), on.counts.get(row.passes, 0)) != (1, 0):
        yield f"off: {row.passes} counted {off.counts.get(row.passes, 0)}"
    if not differ:
        yield "on and off come out equal"
    elif differ != row.differs:
        yield f'of client, server and log "{differ}" differ, not "{row.differs}"'


def judge(on, off):
    """One line, and where it is a bad one all that was seen."""
    wrong = list(objections(on, off))
    row = on.row
    verdict, why = "NO" if wrong else "ok", "".join(f"; {text}" for text in wrong)
    print(verdict, f"{row.key}: {row.on}, not {row.off}" + why, flush=True)
    if wrong:
        for side in (on, off):
            for part, text in side.saw.items():
                print(f"   {'on' if side.is_on else 'off'} {part}:\n      " + text.replace("\n", "\n      "))


def run(place):
    """The whole table."""
    pairs = [(Side(n, True, place), Side(n, False, place)) for n in range(len(ROWS))]
    before = place.rpc.counters()
    slow = [threading.Thread(target=side.run) for pair in pairs for side in pair if side.row.slow]
    for thread in slow:
        thread.start()
    for on, off in pairs:
        if not on.row.slow:
            off.run()
            on.run()
            judge(on, off)
    for thread in slow:
        thread.join()
    after = place.rpc.counters()
    for on, off in pairs:
        if on.row.slow:
            judge(on, off)
        if on.row.slow and on.row.counter:
            rise = after[on.row.counter] - before[on.row.counter]
            print("ok" if rise == 1 else "NO", f"{on.row.counter} counted {rise}")


def schema_keys(root):
    """Every key that has a value, from the reference."""
    section = ""
    with open(os.path.join(root, "docs/configuration.md"), encoding="utf-8") as source:
        for line in source:
            if line.startswith("## "):
                section = line[3:].strip()
            match = re.match(r"\| `(\w+)` \| ([^|]*)", line)
            if match and section != "Top level" and not re.match("(list of )?map", match.group(2)):
                yield f"{section}.{match.group(1)}", "without effect" in line


def elsewhere(root, key, test, on, off):
    """What is wrong with such a row; an empty text where nothing is."""
    path = os.path.join(root, "tests", test)
    if not re.fullmatch(r"(wire|unit/\w+)/\w+_test\.(sh|c)", test) or not os.path.isfile(path):
        return f"{test} is no test"
    with open(path, encoding="utf-8") as source:
        text = source.read()
    lacks = [part for part in (re.sub(r".*\.", "", key), on, off) if part not in text]
    if on == off or on in off and text.count(on) == text.count(off):
        return "on and off are the same"
    return f"{test} lacks {lacks}" if lacks else ""


def judge_keys(root):
    """Is each key of the schema tried both ways?"""
    known, named = dict(schema_keys(root)), {row[0]: row for row in ELSEWHERE}
    here = {re.sub(r"^(\w+_profiles)\.", r"\1.*.", row.key) for row in ROWS}
    for key in known:
        wrong = "" if key in here else "has no row in settings_table.py"
        if key in named:
            wrong = elsewhere(root, *named[key])
        if key in WITHOUT_EFFECT:
            wrong = "" if known[key] else "is said to have an effect"
        print("NO" if wrong else "ok", f"{key}: {wrong or 'is tried both ways, or does nothing'}")
    for key in sorted((here | set(named)) - set(known)):
        print(f"NO {key} has a row and is not in the schema")
    print("ok" if len(known) > 100 else "NO", f"{len(known)} keys in the schema")


if __name__ == "__main__":
    if sys.argv[1] == "config":
        print("\n".join(configuration()))
    elif sys.argv[1] == "keys":
        judge_keys(sys.argv[2])
    else:
        run(Place(*sys.argv[2:6]))
