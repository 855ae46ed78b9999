#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What perf/effective runs: `serve` greets every connection; `probe` tells bindings and asks by connections.

A round: nobody has the address; a Start says that a blocked subscriber has; from then on a connection begins
every fifth of a millisecond. Effective is the beginning of the first connection from which on all are refused.
"""
import argparse
import ctypes
import hashlib
import json
import os
import select
import socket
import struct
import sys
import time

START, STOP = 1, 2
GAP_S = 0.0002
SPAN_S = 0.03  # of connections behind a Start
WAIT_S = 5.0


def serve():
    listener = socket.create_server(("0.0.0.0", 25), backlog=4096)
    while True:
        sock, _ = listener.accept()
        try:
            sock.send(b"220 sink.example ESMTP\r\n")
            HELD.append(sock)
            while len(HELD) > 2000:  # the other end has reset it long since
                HELD.pop(0).close()
        except OSError:
            sock.close()


HELD = []


def attribute(kind, value):
    return bytes([kind, len(value) + 2]) + value


def record(number, status, subscriber, session, address, secret):
    body = (
        attribute(40, struct.pack("!I", status))
        + attribute(44, session.encode())
        + attribute(31, subscriber.encode())
        + attribute(32, b"probe")
        + attribute(8, socket.inet_aton(address))
        + attribute(55, struct.pack("!I", int(time.time())))
    )
    head = struct.pack("!BBH", 4, number % 256, 20 + len(body))
    return head + hashlib.md5(head + bytes(16) + body + secret, usedforsecurity=False).digest() + body


class Probe:
    def __init__(self, args):
        self.args = args
        self.secret = args.secret.encode()
        self.nas = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # of the box: this process is there at first
        self.nas.connect(("127.0.0.1", 1813))
        self.nas.settimeout(1)
        with open(args.netns, "rb") as there:
            if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
                raise OSError(ctypes.get_errno(), "setns")
        self.number = 0

    def tell(self, status, session):
        self.number += 1
        a = self.args
        self.nas.send(record(self.number, status, a.subscriber, session, a.address, self.secret))

    def answered(self):
        self.nas.recv(4096)

    def begin(self):
        """A connection that is on its way, and when it began."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.bind((self.args.address, 0))
        at = time.monotonic()
        sock.connect_ex((self.args.server, 25))
        return at, sock

    @staticmethod
    def refused(sock):
        """True, False; None where nothing was said in time."""
        if not select.select([sock], [], [], WAIT_S)[0]:
            return None
        try:
            return sock.recv(3) == b"554"
        except OSError:
            return None

    def settle(self, wanted):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            _, sock = self.begin()
            got = self.refused(sock)
            sock.close()
            if got is wanted:
                return
        sys.exit(f"connections are not {'refused' if wanted else 'greeted'}")

    def round(self, n):
        session = f"probe-{os.getpid()}-{n}"
        time.sleep(0.001 * (n % 10))  # at any phase of whatever looks by a clock
        told = time.monotonic()
        self.tell(START, session)
        begun = []
        while time.monotonic() < told + SPAN_S:
            begun.append(self.begin())
            time.sleep(GAP_S)
        self.answered()
        first = None
        for at, sock in begun:
            got = self.refused(sock)
            if got is not True:
                first = None
            elif first is None:
                first = at
            sock.close()
        self.tell(STOP, session)
        self.answered()
        self.settle(False)
        return None if first is None else (first - told) * 1000


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("what", choices=("serve", "probe"))
    for name in ("netns", "server", "address", "subscriber", "secret"):
        ap.add_argument("--" + name)
    ap.add_argument("--rounds", type=int, default=100)
    args = ap.parse_args()
    if args.what == "serve":
        serve()
    probe = Probe(args)
    probe.settle(False)
    probe.tell(START, "probe-first")  # once, so that all is warm
    probe.answered()
    probe.settle(True)
    probe.tell(STOP, "probe-first")
    probe.answered()
    probe.settle(False)
    print(json.dumps([probe.round(n) for n in range(args.rounds)]))


if __name__ == "__main__":
    main()
