#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""rpc_garbage.py SOCKET: odd requests; prints one `ok`/`NO` line each."""
import json
import os
import socket
import sys

STATUS = b'{"jsonrpc":"2.0","id":7,"method":"system.status"}\n'


class Peer:
    """One connection, one JSON text a line."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(path)
        self.buffer = b""

    def ask(self, raw):
        """Sends bytes, reads one line; None where the connection ended."""
        try:
            self.sock.sendall(raw)
        except OSError:
            return None
        return self.line()

    def line(self):
        """The next answer."""
        while b"\n" not in self.buffer:
            try:
                more = self.sock.recv(65536)
            except OSError:
                return None
            if not more:
                return None
            self.buffer += more
        raw, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(raw)


def code(answer):
    """The error code of an answer."""
    return answer["error"]["code"] if isinstance(answer, dict) and "error" in answer else None


CASES = [
    ("not JSON", b"hello\n", -32700),
    ("half a JSON", b'{"jsonrpc":"2.0","id":1,\n', -32700),
    ("bytes above 127 that are no UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}\n', -32700),
    ("a zero byte", b'{"jsonrpc":"2.0"\0}\n', -32700),
    ("a number", b"42\n", -32600),
    ("an object that is no request", b'{"id":3}\n', -32600),
    ("the wrong version", b'{"jsonrpc":"1.0","id":1,"method":"system.status"}\n', -32600),
    ("a method that is not there", b'{"jsonrpc":"2.0","id":1,"method":"system.nosuch"}\n', -32601),
    ("parameters of the wrong kind", b'{"jsonrpc":"2.0","id":1,"method":"rules.del","params":{"id":"x"}}\n', -32602),
    ("a missing parameter", b'{"jsonrpc":"2.0","id":1,"method":"rules.del","params":{}}\n', -32602),
    ("an unknown parameter", b'{"jsonrpc":"2.0","id":1,"method":"rules.del","params":{"id":1,"idd":2}}\n', -32602),
    ("very deep nesting", b"[" * 100000 + b"\n", -32700),
]


def main():
    """Command line."""
    path = sys.argv[1]
    bad = 0

    def report(good, what):
        nonlocal bad
        bad += not good
        print("ok" if good else "NO", what, flush=True)

    for what, raw, want in CASES:
        peer = Peer(path)
        got = code(peer.ask(raw))
        report(got == want, f"{what}: {got}")
        answer = peer.ask(STATUS)
        report(isinstance(answer, dict) and "result" in answer and answer.get("id") == 7, f"{what}: the connection is kept")
    peer = Peer(path)
    peer.sock.sendall(STATUS * 50)
    report(all(isinstance(peer.line(), dict) for _ in range(50)), "fifty requests in one write")
    peer = Peer(path)
    for at in range(len(STATUS)):
        peer.sock.sendall(STATUS[at:at + 1])
    report("result" in (peer.line() or {}), "one byte a write")
    peers = [Peer(path) for _ in range(20)]
    report("result" in (Peer(path).ask(STATUS) or {}), "answers beside twenty silent connections")
    for silent in peers:
        silent.sock.sendall(os.urandom(5000))
        silent.sock.close()
    peer = Peer(path)
    peer.sock.sendall(STATUS * 20)
    peer.sock.close()
    report("result" in (Peer(path).ask(STATUS) or {}), "answers after clients that left in the middle")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
