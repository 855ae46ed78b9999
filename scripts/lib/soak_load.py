#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Mixed mail for a while: soak_load.py SERVER SECONDS THREADS SEED SPAM_TEXT, on a subscriber's host.

Each thread makes one session after another, of a kind chosen by chance: clean mail in many forms
(DATA, BDAT, pipelined, one byte a write, bare LF, large), spam, sessions that break off anywhere by
FIN or RST, and connections that a policy refuses. Prints one JSON line: of each kind how many
sessions there were, and how many ended as they must not.
"""
import json
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter

REFUSED_FROM = "10.77.0.66"  # scripts/lib/lab.sh
LARGE_BYTES = 2_000_000
WAIT_S = 60


class Ended(Exception):
    """The other side closed, or we gave up."""


class Wire:
    """One connection and the replies that came over it."""

    def __init__(self, server, source=None):
        self.sock = socket.create_connection(
            (server, 25), WAIT_S, (source, 0) if source else None)
        self.buffer = b""

    def code(self):
        """The code of the next final reply."""
        while True:
            while b"\n" not in self.buffer:
                more = self.sock.recv(65536)
                if not more:
                    raise Ended
                self.buffer += more
            line, self.buffer = self.buffer.split(b"\n", 1)
            if line[3:4] != b"-":
                return int(line[:3])

    def say(self, text, single_bytes=False):
        if single_bytes:
            for i in range(len(text)):
                self.sock.sendall(text[i:i + 1])
        else:
            self.sock.sendall(text)

    def ask(self, text, single_bytes=False):
        self.say(text, single_bytes)
        return self.code()

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def body(chance, size, spam=None):
    lines = ["From: sender@example.com", "Subject: soak", ""]
    while size > 0:
        n = min(size, chance.randint(1, 76))
        lines.append("".join(chance.choice("abcdefghij .") for _ in range(8)) * (n // 8 + 1))
        size -= len(lines[-1]) + 2
    if spam:
        lines.insert(chance.randint(3, len(lines)), spam)
    text = "".join(("." + li if li.startswith(".") else li) + "\r\n" for li in lines)
    return text.encode()


def opened(wire, form):
    """Greeting, EHLO, envelope and DATA's 354; the codes that came."""
    single, end = form == "typed", b"\n" if form == "bare_lf" else b"\r\n"
    codes = [wire.code(), wire.ask(b"EHLO soak.example" + end, single)]
    envelope = [b"MAIL FROM:<sender@example.com>" + end, b"RCPT TO:<inbox@example.net>" + end]
    if form == "pipelined":
        wire.say(b"".join(envelope) + b"DATA\r\n")
        return codes + [wire.code() for _ in range(3)]
    codes += [wire.ask(line, single) for line in envelope]
    return codes + ([] if form == "bdat" else [wire.ask(b"DATA" + end, single)])


def message(wire, chance, form, text):
    """Sends one message; the final reply."""
    opened(wire, form)
    if form == "bdat":
        cut = chance.randint(1, len(text) - 1)
        wire.ask(b"BDAT %d\r\n" % cut + text[:cut])
        return wire.ask(b"BDAT %d LAST\r\n" % (len(text) - cut) + text[cut:])
    return wire.ask(text + b".\r\n", form == "typed")


def clean(server, chance, form):
    size = {"large": LARGE_BYTES, "typed": 200}.get(form) or chance.randint(10, 20000)
    wire = Wire(server)
    ok = message(wire, chance, form, body(chance, size)) == 250
    ok = wire.ask(b"QUIT\r\n") == 221 and ok
    wire.close()
    return ok


def spam(server, chance, text):
    wire = Wire(server)
    form = chance.choice(("plain", "pipelined", "bdat"))
    ok = message(wire, chance, form, body(chance, chance.randint(10, 20000), text)) == 550
    wire.close()
    return ok


def aborted(server, chance):
    wire = Wire(server)
    form = chance.choice(("plain", "pipelined"))
    try:
        wire.code()
        if chance.random() < 0.7:
            wire.close(True)
            wire = Wire(server)
            opened(wire, form)
            wire.say(body(chance, chance.randint(10, 50000))[:-chance.randint(1, 9)])
    finally:
        wire.close(chance.random() < 0.5)
    return True


def refused(server):
    wire = Wire(server, REFUSED_FROM)
    ok = wire.code() == 554
    wire.close()
    return ok


def session(server, chance, spam_text):
    """One of any kind: (its name, whether it ended as it must)."""
    kind = chance.choices(("plain", "pipelined", "bdat", "typed", "bare_lf", "large", "spam", "aborted",
                           "refused"), (25, 15, 10, 3, 5, 2, 20, 15, 5))[0]
    try:
        if kind == "spam":
            return kind, spam(server, chance, spam_text)
        if kind == "aborted":
            return kind, aborted(server, chance)
        if kind == "refused":
            return kind, refused(server)
        return kind, clean(server, chance, kind)
    except (OSError, Ended, ValueError) as error:
        print(f"{kind}: {type(error).__name__} {error}", file=sys.stderr, flush=True)
        return kind, False


def main():
    server, seconds, threads, seed, spam_text = sys.argv[1:6]
    until = time.monotonic() + float(seconds)
    sessions, wrong, lock = Counter(), Counter(), threading.Lock()

    def work(number):
        chance = random.Random(f"{seed} {number}")
        while time.monotonic() < until:
            kind, ok = session(server, chance, spam_text)
            with lock:
                sessions[kind] += 1
                wrong[kind] += not ok

    workers = [threading.Thread(target=work, args=(n,)) for n in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps({"sessions": dict(sessions), "wrong": {k: n for k, n in wrong.items() if n}}))


main()
