#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A VLAN sub-interface for kernels that have none: vlan_tap.py PARENT VID NAME

Makes the TAP device NAME; what the kernel sends on it leaves PARENT with an 802.1Q tag, and what
arrives on PARENT with that tag comes in by NAME, the tag taken off. Runs until it is ended. Only the
lab uses it, and only where `ip link add type vlan` is refused; the wire carries the same frames.
"""
import fcntl
import os
import select
import socket
import struct
import sys

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_RCVBUFFORCE = 33
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
AUXDATA = struct.Struct("IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid


def open_tap(name):
    """The TAP device, made here and gone when this process ends."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_parent(name):
    """A raw socket on the parent that tells the tags the kernel took off."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    sock.bind((name, 0))
    return sock


def tag_of(ancillary):
    """VID of the outer 802.1Q tag, or None."""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(data[:AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                known = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                return tci & 0xFFF if known == 0x8100 else None
    return None


def main():
    """Carries frames both ways."""
    parent, vid, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    tap = open_tap(name)
    sock = open_parent(parent)
    tag = struct.pack("!HH", 0x8100, vid)
    while True:
        ready, _, _ = select.select([tap, sock], [], [])
        if tap in ready:
            frame = os.read(tap, 65536)
            try:
                sock.send(frame[:12] + tag + frame[12:])
            except OSError:
                pass  # the parent is down or full: a lost frame, as on any wire
        if sock in ready:
            frame, ancillary, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(AUXDATA.size))
            if tag_of(ancillary) == vid:
                try:
                    os.write(tap, frame)
                except OSError:
                    pass  # the TAP device is not up yet


if __name__ == "__main__":
    main()
