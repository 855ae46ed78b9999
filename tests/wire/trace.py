#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who stands on the way to a server: trace.py SOURCE SERVER tcp|udp PORT

Sends a SYN or a datagram with TTL 1, 2, ... and prints who said that it was used up, one address a line, `*` for
nobody, until the server itself answers: `reached`. Ends behind 8 hops.
"""
import select
import socket
import struct
import sys
import time

HOPS, WAIT_S = 8, 3
V4_TIME, V6_TIME, V6_UNREACHABLE, V4_UNREACHABLE = 11, 3, 1, 3


class Trace:
    """Towards one server."""

    def __init__(self, source, server, proto, port):
        self.v6 = ":" in server
        self.family = socket.AF_INET6 if self.v6 else socket.AF_INET
        self.source, self.server, self.tcp, self.port = source, server, proto == "tcp", port
        self.icmp = socket.socket(self.family, socket.SOCK_RAW,
                                  socket.IPPROTO_ICMPV6 if self.v6 else socket.IPPROTO_ICMP)

    def probe(self, hops):
        """A socket whose packet is on its way."""
        sock = socket.socket(self.family, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(*((socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if self.v6
                          else (socket.IPPROTO_IP, socket.IP_TTL)), hops)
        sock.bind((self.source, 0))
        if self.tcp:
            sock.connect_ex((self.server, self.port))
        else:
            sock.sendto(b"where", (self.server, self.port))
        return sock

    def error(self, own):
        """(who, type) of the error that quotes a packet from our port, or None."""
        data, who = self.icmp.recvfrom(2000)
        at = 0 if self.v6 else (data[0] & 15) * 4  # the kernel gives no IPv6 header
        inner = data[at + 8:]
        head = 40 if self.v6 else (inner[0] & 15) * 4 if inner else 0
        if len(inner) < head + 4 or struct.unpack("!H", inner[head:head + 2])[0] != own:
            return None
        return who[0], data[at]

    def hop(self, hops):
        """What came of one probe: an address, `*`, `reached`."""
        sock = self.probe(hops)
        own, limit = sock.getsockname()[1], time.monotonic() + WAIT_S
        times, unreachable = (V6_TIME, V6_UNREACHABLE) if self.v6 else (V4_TIME, V4_UNREACHABLE)
        while (left := limit - time.monotonic()) > 0:
            can_read, can_write, _ = select.select([self.icmp], [sock] if self.tcp else [], [], left)
            seen = self.error(own) if can_read else None
            if seen and seen[1] == times:
                return seen[0]
            if seen and seen[1] == unreachable:
                return "reached" if seen[0] == self.server else seen[0]
            if can_write and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                return "reached"
        return "*"


def main():
    """One line a hop."""
    source, server, proto, port = sys.argv[1:]
    trace = Trace(source, server, proto, int(port))
    for hops in range(1, HOPS + 1):
        seen = trace.hop(hops)
        print(seen, flush=True)
        if seen == "reached":
            break


main()
