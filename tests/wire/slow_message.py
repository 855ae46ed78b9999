#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client in the middle of its message until it is told to go on.

slow_message.py SERVER MESSAGE BEGUN GO

Sends half of the file MESSAGE (CRLF lines), makes the file BEGUN, keeps sending a line a second from there on,
and the rest of it once the file GO is there. Prints the reply to the end of data, or how the connection ended.
"""
import os
import socket
import sys
import time

TIMEOUT_S = 60


def reply(stream):
    """The last line of a reply."""
    while True:
        line = stream.readline().decode("latin-1").rstrip("\r\n")
        if not line or line[3:4] != "-":
            return line


def talk(server, message, begun, go):
    """The dialogue; its last reply."""
    with open(message, "rb") as f:
        lines = f.read().splitlines(keepends=True)
    lines = [b"." + line if line.startswith(b".") else line for line in lines]
    half = len(lines) // 2
    with socket.create_connection((server, 25), TIMEOUT_S) as s:
        stream = s.makefile("rb")
        reply(stream)
        for command in ("EHLO client.example.com", "MAIL FROM:<sender@example.com>", "RCPT TO:<inbox@example.net>", "DATA"):
            s.sendall(command.encode() + b"\r\n")
            told = reply(stream)
        if not told.startswith("354"):
            return told
        s.sendall(b"".join(lines[:half]))
        with open(begun, "wb"):
            pass
        limit = time.monotonic() + 2 * TIMEOUT_S
        while not os.path.exists(go) and half < len(lines) and time.monotonic() < limit:
            s.sendall(lines[half])
            half += 1
            time.sleep(0.2)
        s.sendall(b"".join(lines[half:]) + b".\r\n")
        told = reply(stream)
        s.sendall(b"QUIT\r\n")
        reply(stream)
        return told


def main():
    """Command line."""
    try:
        print(talk(*sys.argv[1:5]))
    except OSError as error:
        print("ended", error.strerror or error)


if __name__ == "__main__":
    main()
