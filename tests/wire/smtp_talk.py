#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""smtp_talk.py FILE SERVER SOURCE STEP...: holds a dialogue, QUIT behind it; prints the codes of all replies.

A step is a command, or commands in one write with `|` between them; `AUTH!` is AUTH PLAIN as inbox, `TLS!`
a handshake, `.TEXT` a message. FILE gets the replies as they came.
"""
import base64
import socket
import ssl
import sys

PLAIN = "AUTH PLAIN " + base64.b64encode(b"\0inbox\0secret").decode()


def tls(sock):
    """The same connection in TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(sock)


def reply(lines, out):
    """One reply's code."""
    line = lines.readline()
    while line[3:4] == b"-":
        out.write(line.decode())
        line = lines.readline()
    out.write(line.decode())
    return line[:3].decode() or "closed"


def main():
    """Command line."""
    path, server, source, *steps = sys.argv[1:]
    sock = socket.create_connection((server, 25), 20, (source, 0))
    lines = sock.makefile("rb")
    with open(path, "w", encoding="utf-8") as out:
        codes = [reply(lines, out)]
        for step in steps + ["QUIT"]:
            if step == "TLS!":
                sock = tls(sock)
                lines = sock.makefile("rb")
                continue
            commands = step.replace("AUTH!", PLAIN).split("|")
            if step.startswith("."):
                commands = ["Subject: talk\r\n\r\n" + step[1:] + "\r\n."]
            sock.sendall("".join(text + "\r\n" for text in commands).encode())
            codes += [reply(lines, out) for _ in commands]
    print(*codes)


if __name__ == "__main__":
    main()
