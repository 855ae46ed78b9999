#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A small DNS server for the wire tests: answers by the first label of a name.

gone: NXDOMAIN; nomail: a null MX; broken: SERVFAIL; silent: nothing; slow: an MX after 0.4 s;
anything else: an MX. Prints each name it was asked for.
"""
import socket
import struct
import sys
import time


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], int(sys.argv[2])))
    print("dns_server: up", flush=True)
    while True:
        query, client = server.recvfrom(1500)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        question = query[12:at + 5]
        kind = struct.unpack(">H", question[-4:-2])[0]
        print("asked", ".".join(labels), kind, flush=True)
        word = labels[0]
        if word == "silent":
            continue
        if word == "slow":
            time.sleep(0.4)
        code = {"gone": 3, "broken": 2}.get(word, 0)
        data = b"\0\0\0" if word == "nomail" else b"\0\x0a\xc0\x0c"
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 15, 1, 300, len(data)) + data
        if code or kind != 15:
            answer = b""
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 1 if answer else 0, 0, 0)
        server.sendto(head + question + answer, client)


if __name__ == "__main__":
    main()
