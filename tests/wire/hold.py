#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds SMTP connections open, as standard input says, a line of answer for each line.

hold.py SERVER
  open ADDRESS COUNT   opens so many from that address, one after the other, and keeps those that are
                       greeted with 220: how many those are, then the first other greeting, if any
  quit ADDRESS COUNT   says QUIT on the oldest of them and waits for the end of each: how many ended
                       with 221
"""
import collections
import socket
import sys

TIMEOUT_S = 10


def reply(stream):
    """A reply, of one line or of several; what there is of it where the connection ends."""
    lines = []
    while True:
        line = stream.readline().decode("latin-1").rstrip("\r\n")
        lines.append(line)
        if line[3:4] != "-":
            return "\n".join(lines)


def dial(address, server):
    """A connection with its greeting; one that is refused in TCP has none."""
    s = socket.create_connection((server, 25), TIMEOUT_S, (address, 0))
    stream = s.makefile("rb")
    try:
        return s, stream, reply(stream)
    except OSError as e:
        return s, stream, f"000 {e.strerror}"


def main():
    held = collections.defaultdict(list)
    for line in sys.stdin:
        what, address, count = line.split()
        done, other = 0, ""
        for _ in range(int(count)):
            if what == "open":
                s, stream, greeting = dial(address, sys.argv[1])
                if greeting.startswith("220"):
                    held[address].append((s, stream))
                    done += 1
                    continue
                other = other or greeting
                over = stream.read() == b""
                other += "" if over else " and more"
            else:
                s, stream = held[address].pop(0)
                s.sendall(b"QUIT\r\n")
                done += reply(stream).startswith("221") and stream.read() == b""
            stream.close()
            s.close()
        print(f"{done} {other}".strip(), flush=True)


if __name__ == "__main__":
    main()
