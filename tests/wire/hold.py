#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds SMTP connections open, as standard input says, a line of answer for each line.

hold.py SERVER
  open ADDRESS COUNT   opens so many from that address, one after the other, and keeps those that are
                       greeted with 220: how many those are, then the first other greeting, if any
  quit ADDRESS COUNT   says QUIT on the oldest of them and waits for the end of each: how many ended
                       with 221
  say ADDRESS COUNT COMMAND   says it on each of the oldest, and waits for its reply: how many were 2xx,
                       then the first other reply, if any
"""
import collections
import socket
import sys

TIMEOUT_S = 60


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


def say(held, command):
    """Those that were told 2xx, and the first other reply."""
    done, other = 0, ""
    for s, stream in held:
        s.sendall(command.encode() + b"\r\n")
        told = reply(stream)
        done += told.startswith("2")
        other = other or ("" if told.startswith("2") else told)
    return done, other


def main():
    held = collections.defaultdict(list)
    for line in sys.stdin:
        what, address, count, *more = line.split(maxsplit=3)
        done, other = 0, ""
        if what == "say":
            done, other = say(list(held[address])[: int(count)], more[0].rstrip("\n"))
            count = 0
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
