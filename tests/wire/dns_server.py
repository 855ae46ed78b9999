#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A small DNS server for the wire tests: answers by the first label of a name.

gone: NXDOMAIN; nomail: a null MX; broken: SERVFAIL; silent: nothing; slow: an MX, once a datagram says "go";
anything else: an MX. Prints each name it was asked for.
"""
import socket
import struct
import sys


def asked(query):
    """The labels, what is asked for, and the question as it came."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += query[at] + 1
    question = query[12:at + 5]
    return labels, struct.unpack(">H", question[-4:-2])[0], question


def reply(query):
    """The answer to a query."""
    labels, kind, question = asked(query)
    code = {"gone": 3, "broken": 2}.get(labels[0], 0)
    data = b"\0\0\0" if labels[0] == "nomail" else b"\0\x0a\xc0\x0c"
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 15, 1, 300, len(data)) + data
    if code or kind != 15:
        answer = b""
    head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 1 if answer else 0, 0, 0)
    return head + question + answer


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], int(sys.argv[2])))
    print("dns_server: up", flush=True)
    waiting = []
    while True:
        query, client = server.recvfrom(1500)
        if query == b"go":
            for held, who in waiting:
                server.sendto(reply(held), who)
            waiting = []
            continue
        labels, kind, _ = asked(query)
        print("asked", ".".join(labels), kind, flush=True)
        if labels[0] == "slow":
            waiting.append((query, client))
        elif labels[0] != "silent":
            server.sendto(reply(query), client)


if __name__ == "__main__":
    main()
