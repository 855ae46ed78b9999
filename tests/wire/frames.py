#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Raw frames across the box, byte for byte.

frames.py pair NS1 IF1 NS2 IF2 SET       sends each frame of SET both ways; one `ok`/`NO` line a frame
frames.py learn NS1 IF1 NS2 IF2 NS3 IF3  the behaviour of a learning bridge with three ports
frames.py throw NS1 IF1 SET              only sends

Sets: plain, tagged, stacked, jumbo, corrupt, hostile.
"""
import ctypes
import os
import select
import socket
import struct
import sys
import time

SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE = 263, 8, 23, 33
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
AUXDATA = struct.Struct("IIIHHHH")
CLONE_NEWNET = 0x40000000
A, B, C = (bytes([2, 0x57, 0, 0, 0, n]) for n in (1, 2, 3))
ALL = b"\xff" * 6
LIBC = ctypes.CDLL(None, use_errno=True)


class Port:
    """A raw socket on an interface of a namespace."""

    def __init__(self, namespace, interface):
        with open(f"/run/netns/{namespace}", "rb") as handle:
            if LIBC.setns(handle.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        self.name = interface
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.sock.bind((interface, 0))

    def receive(self):
        """One frame as it was on the wire: the tag that the kernel took off is put back."""
        frame, ancillary, _, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(AUXDATA.size))
        for level, kind, data in ancillary:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = AUXDATA.unpack(data[:AUXDATA.size])
                if status & TP_STATUS_VLAN_VALID:
                    known = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                    frame = frame[:12] + struct.pack("!HH", known, tci) + frame[12:]
        return frame

    def sees(self, frame, wait_s):
        """True where exactly these bytes arrive within the time."""
        limit = time.monotonic() + wait_s
        while True:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return False
            if self.receive() == frame:
                return True

    def drain(self):
        """Takes what is waiting."""
        while select.select([self.sock], [], [], 0)[0]:
            self.sock.recv(65536)


def checksum(data):
    """The Internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(proto, payload, ihl=5, total=None, frag=0):
    """IPv4 header with a right checksum before the payload; lengths may lie."""
    options = b"\1" * (4 * max(ihl - 5, 0))
    size = 20 + len(options) + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, size, 7, frag, 64, proto, 0,
                       bytes([10, 77, 0, 11]), bytes([10, 77, 0, 12])) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp(dport, flags=2, offset=5, payload=b"", sport=40000):
    """TCP header; its checksum is zero, hence wrong."""
    return struct.pack("!HHIIBBHHH", sport, dport, 1000, 0, offset << 4, flags, 1024, 0, 0) + payload


def udp(payload):
    """UDP header without checksum."""
    return struct.pack("!HHHH", 5000, 5001, 8 + len(payload), 0) + payload


def group(last):
    """A link-local group address of IEEE 802.1."""
    return bytes([1, 0x80, 0xC2, 0, 0, last])


def plain(src, dst):
    """Untagged frames of many kinds."""
    body = bytes(range(256)) * 5
    yield "IPv4 UDP", dst + src + b"\x08\x00" + ipv4(17, udp(body[:100]))
    yield "broadcast ARP", ALL + src + b"\x08\x06" + b"\0\1\x08\0\6\4\0\1" + src + b"\x0a\x4d\0\x0b" + b"\0" * 6 + b"\x0a\x4d\0\x0c"
    yield "IPv4 multicast", b"\1\0\x5e\1\2\3" + src + b"\x08\x00" + ipv4(17, udp(b"multi"))
    yield "IPv6 multicast", b"\x33\x33\0\0\0\xfb" + src + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, 8, 59, 255) + b"\xfe\x80" + b"\0" * 14 + b"\xff\2" + b"\0" * 14 + b"12345678"
    yield "LLDP", group(0x0E) + src + b"\x88\xcc" + b"\2\7\4" + src + b"\4\3\7e0\6\2\0\x78\0\0"
    yield "STP", group(0) + src + struct.pack("!H", 38) + b"\x42\x42\3" + b"\0" * 35
    yield "LACP", group(2) + src + b"\x88\x09\1\1" + b"\0" * 108
    yield "PAUSE-like MAC control", group(1) + src + b"\x88\x08\0\1\0\0" + b"\0" * 42
    yield "unknown ethertype", dst + src + b"\x99\x99" + body[:200]
    yield "LLC length field", dst + src + struct.pack("!H", 100) + body[:100]
    yield "60 octets", dst + src + b"\x99\x98" + body[:46]
    yield "20 octets, a runt", dst + src + b"\x99\x97" + body[:6]
    yield "1514 octets", dst + src + b"\x99\x96" + (body * 2)[:1500]
    yield "MPLS", dst + src + b"\x88\x47" + b"\0\1\1\x40" + ipv4(17, udp(b"mpls"))
    yield "PPPoE", dst + src + b"\x88\x64\x11\0\0\1\0\6\0\x21abcd"


def tagged(src, dst):
    """One or two 802.1Q tags."""
    yield "VLAN 100", dst + src + b"\x81\0\0\x64\x08\x00" + ipv4(17, udp(b"tagged"))
    yield "VLAN 0, priority 5", dst + src + b"\x81\0\xa0\0\x08\x00" + ipv4(17, udp(b"prio"))
    yield "VLAN 4094, DEI", dst + src + b"\x81\0\x1f\xfe\x99\x99" + b"x" * 100
    yield "VLAN 1518 octets", dst + src + b"\x81\0\0\x64\x99\x96" + b"y" * 1500
    yield "two 802.1Q tags", dst + src + b"\x81\0\0\x64\x81\0\0\xc8\x08\x00" + ipv4(17, udp(b"double"))


def stacked(src, dst):
    """QinQ with the service tag's own ethertype."""
    yield "802.1ad over 802.1Q", dst + src + b"\x88\xa8\0\x64\x81\0\0\xc8\x08\x00" + ipv4(17, udp(b"qinq"))
    yield "802.1ad alone", dst + src + b"\x88\xa8\0\x65\x08\x00" + ipv4(17, udp(b"service"))


def jumbo(src, dst):
    """Up to an MTU of 9,000."""
    for size in (1501, 2000, 4096, 8999, 9000):
        yield f"{size} octets of payload", dst + src + b"\x99\x95" + b"j" * size


def corrupt(src, dst):
    """Broken above Ethernet, on no picked-up port: still frames, so forwarded as they are."""
    yield "IPv4, total length too large", dst + src + b"\x08\x00" + ipv4(17, udp(b"short"), total=1400)
    yield "IPv4, header length 4 words", dst + src + b"\x08\x00\x44" + ipv4(17, udp(b"ihl"))[1:]
    yield "IPv4, cut in the header", dst + src + b"\x08\x00" + ipv4(17, b"")[:9]
    yield "IPv4, bad header checksum", dst + src + b"\x08\x00" + ipv4(17, udp(b"sum"))[:10] + b"\xde\xad" + ipv4(17, udp(b"sum"))[12:]
    yield "IPv4 version 9", dst + src + b"\x08\x00\x95" + ipv4(17, udp(b"nine"))[1:]
    yield "IPv6, cut in the header", dst + src + b"\x86\xdd\x60\0\0\0\0"
    yield "IPv6, endless extension headers", dst + src + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, 400, 0, 9) + b"\0" * 32 + b"\0\0\0\0\0\0\0\0" * 50
    yield "TCP port 8080, bad checksum", dst + src + b"\x08\x00" + ipv4(6, tcp(8080))
    yield "TCP port 8080, data offset 2", dst + src + b"\x08\x00" + ipv4(6, tcp(8080, offset=2))
    yield "only a header", dst + src + b"\x08\x00"


def hostile(src, dst):
    """Broken TCP that claims port 25; what becomes of it is policy, the box must live."""
    for offset in range(16):
        yield f"data offset {offset}", dst + src + b"\x08\x00" + ipv4(6, tcp(25, flags=0x18, offset=offset, payload=b"x" * 8))
    for flags in range(0, 256, 5):
        yield f"flags {flags}", dst + src + b"\x08\x00" + ipv4(6, tcp(25, flags=flags))
    whole = ipv4(6, tcp(25, flags=2, offset=8, payload=b"\2\4\5\xb4\4\2\x08\x0a\0\0\0\0"))
    for size in range(0, len(whole)):
        yield f"cut at {size}", dst + src + b"\x08\x00" + whole[:size]
    for kind in (0, 1, 2, 3, 4, 5, 8, 30, 34, 254):
        for length in (0, 1, 2, 3, 40, 255):
            option = bytes([kind, length]) + b"\0" * 10
            yield f"option {kind} length {length}", dst + src + b"\x08\x00" + ipv4(6, tcp(25, offset=8, payload=option))
    for frag in (0x2000, 0x2001, 0x0001, 0x1FFF, 0x3FFF):
        yield f"fragment {frag:x}", dst + src + b"\x08\x00" + ipv4(6, tcp(25), frag=frag)


SETS = {"plain": plain, "tagged": tagged, "stacked": stacked, "jumbo": jumbo, "corrupt": corrupt, "hostile": hostile}


def pair(args):
    """Each frame both ways."""
    left, right = Port(args[0], args[1]), Port(args[2], args[3])
    bad = 0
    for source, sink, src, dst in ((left, right, A, B), (right, left, B, A)):
        for what, frame in SETS[args[4]](src, dst):
            sink.drain()
            source.sock.send(frame)
            good = sink.sees(frame, 2)
            bad += not good
            print("ok" if good else "NO", f"{source.name} to {sink.name}: {what}")
    return bad


def throw(args):
    """Only sends."""
    port = Port(args[0], args[1])
    count = 0
    for _, frame in SETS[args[2]](A, B):
        port.sock.send(frame)
        count += 1
    print(f"ok {count} frames thrown")
    return 0


def learn(args):
    """What a learning bridge does."""
    ports = [Port(*args[at:at + 2]) for at in (0, 2, 4)]
    bad = 0

    def once(sender, frame, want, wait_s):
        for port in ports:
            port.drain()
        ports[sender].sock.send(frame)
        seen = [port.sees(frame, wait_s if number in want else 0.2) if number != sender else False
                for number, port in enumerate(ports)]
        return [number for number in range(3) if seen[number]] == want, seen

    def expect(what, sender, frame, want, within_s=0):
        """Learning is the manager's, in its own time: until then a station's frames are flooded."""
        nonlocal bad
        limit = time.monotonic() + within_s
        good, seen = once(sender, frame, want, 1 if within_s else 20)
        while not good and time.monotonic() < limit:
            good, seen = once(sender, frame, want, 1)
        bad += not good
        print("ok" if good else "NO", what, "" if good else f"seen on {seen}")

    def frame(src, dst, text):
        return dst + src + b"\x99\x90" + text.ljust(50, b".")

    expect("a broadcast reaches every other port", 0, frame(A, ALL, b"who"), [1, 2])
    expect("a multicast reaches every other port", 0, frame(A, b"\1\0\x5e\0\0\5", b"multi"), [1, 2])
    expect("an unknown station is flooded", 0, frame(A, B, b"unknown"), [1, 2])
    expect("a known station gets its frame alone", 1, frame(B, A, b"answer"), [0], within_s=60)
    expect("and so does the one that answered", 0, frame(A, B, b"known"), [1], within_s=60)
    expect("the third port learns too", 2, frame(C, A, b"third"), [0], within_s=60)
    expect("frames between the other two pass it by", 1, frame(B, C, b"to third"), [2], within_s=60)
    expect("a station that moves is found at its new port", 2, frame(B, ALL, b"moved"), [0, 1])
    expect("its frames follow it", 0, frame(A, B, b"to new port"), [2], within_s=60)
    expect("a frame to the port it came from goes nowhere", 2, frame(C, B, b"same side"), [], within_s=60)
    tagged_frame = B + A + b"\x81\0\0\x07\x99\x91" + b"v" * 50
    expect("a VLAN of its own is learnt by itself: flooded, its tag kept", 0, tagged_frame, [1, 2])
    return bad


def main():
    """Command line."""
    job = {"pair": pair, "learn": learn, "throw": throw}.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if job is None:
        print(__doc__, file=sys.stderr)
        return 2
    return 1 if job(sys.argv[2:]) else 0


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    sys.exit(main())
