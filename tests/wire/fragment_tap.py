#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An interface whose TCP segments leave in IP fragments: fragment_tap.py PARENT NAME SIZE HOW

Makes the TAP device NAME; what the kernel sends on it leaves PARENT, TCP segments with payload in
fragments of at most SIZE bytes a packet, and what arrives on PARENT for its address comes in by NAME.
HOW: ordered; backwards; repeated (each twice); overlapped (the second also with other bytes, 8 further
to the front); headless (the first without the end of the TCP header). Runs until it is ended.
"""
import fcntl
import os
import select
import socket
import struct
import sys

ETH_P_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING = 0x0003, 263, 23
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def checksum(data):
    """Of an IPv4 header."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Whole:
    """A TCP segment with payload, to be sent in pieces."""

    def __init__(self, frame):
        self.frame, self.v6 = frame, frame[12:14] == b"\x86\xdd"
        self.head = 54 if self.v6 else 14 + (frame[14] & 15) * 4
        end = 54 + struct.unpack("!H", frame[18:20])[0] if self.v6 else 14 + struct.unpack("!H", frame[16:18])[0]
        self.part = frame[self.head:end]
        self.number = struct.unpack("!I", self.part[4:8])[0]  # an id that each segment has of its own

    def piece(self, off, data, more):
        """One fragment as a frame."""
        head = bytearray(self.frame[:self.head])
        if self.v6:
            head[18:20] = struct.pack("!H", 8 + len(data))
            head[20] = 44
            return bytes(head) + struct.pack("!BBHI", 6, 0, off | more, self.number) + data
        head[16:18] = struct.pack("!H", self.head - 14 + len(data))
        head[18:20] = struct.pack("!H", self.number & 0xFFFF)
        head[20:22] = struct.pack("!H", (0x2000 if more else 0) | off // 8)
        head[24:26] = b"\0\0"
        head[24:26] = struct.pack("!H", checksum(bytes(head[14:])))
        return bytes(head) + data

    def pieces(self, size, how):
        """All of them, in the order they are sent."""
        step = (size - (self.head - 14) - (8 if self.v6 else 0)) // 8 * 8
        cuts = list(range(0, len(self.part), step))
        if how == "headless":
            cuts = [0, 16] + [at for at in cuts if at > 16]
        ends = cuts[1:] + [len(self.part)]
        out = [self.piece(at, self.part[at:end], end < len(self.part)) for at, end in zip(cuts, ends)]
        if how == "backwards":
            out.reverse()
        if how == "repeated":
            out = [frame for frame in out for _ in range(2)]
        if how == "overlapped" and len(cuts) > 1:
            out.insert(1, self.piece(cuts[1] - 8, b"Z" * 16, True))
        return out


def is_segment(frame):
    """TCP with payload, no fragment yet."""
    if frame[12:14] == b"\x08\x00" and frame[23] == 6:
        head = 14 + (frame[14] & 15) * 4
        return struct.unpack("!H", frame[16:18])[0] > head - 14 + (frame[head + 12] >> 4) * 4
    if frame[12:14] == b"\x86\xdd" and frame[20] == 6:
        return struct.unpack("!H", frame[18:20])[0] > (frame[66] >> 4) * 4
    return False


def main():
    """Carries frames both ways."""
    parent, name, size, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.bind((parent, 0))
    with open(f"/sys/class/net/{name}/address", encoding="ascii") as file:
        mac = bytes.fromhex(file.read().strip().replace(":", ""))
    while True:
        ready, _, _ = select.select([tap, sock], [], [])
        if tap in ready:
            frame = os.read(tap, 65536)
            for piece in Whole(frame).pieces(size, how) if is_segment(frame) else [frame]:
                sock.send(piece)
        if sock in ready:
            frame = sock.recv(65536)
            if frame[:6] == mac or frame[0] & 1:
                try:
                    os.write(tap, frame)
                except OSError:
                    pass  # the device is not up yet


main()
