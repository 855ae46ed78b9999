#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A mail client with a TCP of its own, to do with segments what no kernel would.

raw_tcp.py trick NAME INTERFACE OWN_MAC PEER_MAC OWN_ADDRESS SERVER SPAM CASE
raw_tcp.py flood INTERFACE OWN_MAC PEER_MAC FROM:PORT TO:PORT COUNT

`trick` prints what the client was told behind its message, or how the connection ended. Its address
belongs to no kernel, so nobody answers in its place. Segments with a low TTL are meant to die between
the box and the server. `flood` sends resets and SYNs with random numbers.
"""
import random
import select
import socket
import struct
import sys
import time

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
LOW_TTL = 8  # the server takes none below 10, and routers on the way lower it


def checksum(data):
    """The Internet checksum."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(macs, ends, numbers, flags, payload=b"", **more):
    """An Ethernet frame; ends = (address, port, address, port); numbers = (seq, ack)."""
    source, target = socket.inet_aton(ends[0]), socket.inet_aton(ends[2])
    options = more.get("options", b"")
    head = struct.pack("!HHIIBBHHH", ends[1], ends[3], numbers[0] % 2**32, numbers[1] % 2**32,
                       (5 + len(options) // 4) << 4, flags, 64000, 0, more.get("urgent", 0)) + options
    whole = head + payload
    value = checksum(source + target + struct.pack("!BBH", 0, 6, len(whole)) + whole) ^ more.get("spoil", 0)
    whole = whole[:16] + struct.pack("!H", value) + whole[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(whole), random.randrange(65536), 0, more.get("ttl", 64), 6, 0) + source + target
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return macs[1] + macs[0] + b"\x08\0" + ip + whole


class Client:
    """One connection."""

    def __init__(self, interface, macs, own, server):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.sock.bind((interface, 0))
        self.macs, self.ends = macs, (own, random.randrange(20000, 60000), server, 25)
        self.nxt, self.rcv = random.randrange(2**32), 0
        self.acked = self.nxt
        self.text, self.over = b"", ""

    def put(self, flags, payload=b"", seq=None, **more):
        """One segment; it moves nothing on."""
        seq = self.nxt if seq is None else seq
        self.sock.send(frame(self.macs, self.ends, (seq, self.rcv), flags, payload, **more))

    def take(self, wait_s):
        """Reads one segment of ours and acknowledges it."""
        if not select.select([self.sock], [], [], wait_s)[0]:
            return False
        raw = self.sock.recv(65536)
        if raw[23] != 6 or socket.inet_ntoa(raw[30:34]) != self.ends[0] or raw[6:12] == self.macs[0]:
            return True
        ip = raw[14:14 + struct.unpack("!H", raw[16:18])[0]]
        tcp = ip[(ip[0] & 15) * 4:]
        _, port, seq, ack, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
        if port != self.ends[1]:
            return True
        payload = tcp[(offset >> 4) * 4:]
        if flags & ACK and 0 < (ack - self.acked) % 2**32 < 2**31:
            self.acked = ack
        if flags & RST:
            self.over = "reset"
        elif flags & SYN:
            self.rcv = (seq + 1) % 2**32
        elif payload or flags & FIN:
            new = (seq + len(payload) - self.rcv) % 2**32
            if (self.rcv - seq) % 2**32 < 2**31 and 0 < new <= len(payload):
                self.text += payload[len(payload) - new:]
                self.rcv = (self.rcv + new) % 2**32
            if flags & FIN and (seq + len(payload)) % 2**32 == self.rcv:
                self.rcv = (self.rcv + 1) % 2**32
                self.over = self.over or "fin"
            self.put(ACK)
        return True

    def until(self, done, wait_s=60):
        """Reads until `done` or time is up; repeats nothing."""
        limit = time.monotonic() + wait_s
        while not done() and not self.over and time.monotonic() < limit:
            self.take(max(limit - time.monotonic(), 0))
        return done()

    def connect(self):
        """Handshake."""
        self.put(SYN, options=b"\x02\x04\x05\xb4")
        self.nxt = (self.nxt + 1) % 2**32
        self.until(lambda: self.rcv != 0)
        self.put(ACK)

    def say(self, payload, **more):
        """In order; repeated as it was until it is acknowledged."""
        seq = self.nxt
        self.nxt = (self.nxt + len(payload)) % 2**32
        for _ in range(12):
            self.put(ACK | PSH, payload, seq=seq, **more)
            if self.until(lambda: (self.acked - self.nxt) % 2**32 < 2**31, 0.5) or self.over:
                break

    def reply(self, wait_s=60):
        """The code of the next final reply, or how it ended."""
        def whole():
            return any(line[3:4] == b" " for line in self.text.split(b"\r\n")[:-1])
        if not self.until(whole, wait_s):
            return self.over or "nothing"
        while True:
            line, self.text = self.text.split(b"\r\n", 1)
            if line[3:4] == b" ":
                return line[:3].decode("latin-1")


class Tricks:
    """What is played behind 354; each gets the client, the head of the message and the condemned text."""

    def decoy_first(self, client, head, spam):
        """Clean text that dies on its way, then the condemned one at the same place."""
        clean = b"x" * len(spam)
        client.say(head)
        client.put(ACK | PSH, clean, ttl=LOW_TTL)
        client.until(lambda: False, 0.2)
        client.say(spam)
        client.say(b"\r\n.\r\n")

    def decoy_last(self, client, head, spam):
        """The condemned text dies on its way, a clean one is at its place."""
        client.say(head)
        client.put(ACK | PSH, spam, ttl=LOW_TTL)
        client.until(lambda: False, 0.2)
        client.say(b"x" * len(spam))
        client.say(b"\r\n.\r\n")

    def overlap(self, client, head, spam):
        """A repeat that is cut otherwise and has other bytes where it overlaps."""
        client.say(head)
        start = client.nxt
        client.put(ACK | PSH, b"y" * 10, ttl=LOW_TTL)
        client.put(ACK | PSH, b"y" * (len(spam) - 15), seq=start + 5, ttl=LOW_TTL)
        client.put(ACK | PSH, b"y" * 20, seq=start + len(spam) - 20, ttl=LOW_TTL)
        client.until(lambda: False, 0.2)
        client.say(spam)
        client.say(b"\r\n.\r\n")

    def overlap_ahead(self, client, head, spam):
        """The same behind a hole that is filled later."""
        client.say(head)
        start = client.nxt
        client.put(ACK | PSH, b"z" * (len(spam) - 1), seq=start + 1, ttl=LOW_TTL)
        client.until(lambda: False, 0.1)
        client.put(ACK | PSH, spam[1:], seq=start + 1)
        client.until(lambda: False, 0.1)
        client.say(spam)
        client.say(b"\r\n.\r\n")

    def bad_checksum(self, client, head, spam):
        """A clean text with a wrong checksum first."""
        client.say(head)
        client.put(ACK | PSH, b"x" * len(spam), spoil=0x5555)
        client.say(spam)
        client.say(b"\r\n.\r\n")

    def dying_reset(self, client, head, spam):
        """A reset that dies on its way, then the condemned text."""
        client.say(head)
        client.put(RST, ttl=LOW_TTL)
        client.put(RST | ACK, ttl=LOW_TTL)
        client.until(lambda: False, 0.2)
        client.over = ""
        client.say(spam)
        client.say(b"\r\n.\r\n")

    def dying_fin(self, client, head, spam):
        """A FIN that dies on its way, then the condemned text in its place."""
        client.say(head)
        client.put(FIN | ACK, ttl=LOW_TTL)
        client.until(lambda: False, 0.2)
        client.over = ""
        client.say(spam)
        client.say(b"\r\n.\r\n")

    def dying_syn(self, client, head, spam):
        """A SYN for a new connection on the same ports that dies on its way."""
        client.say(head)
        client.put(SYN, seq=client.nxt + 100000, ttl=LOW_TTL)
        client.until(lambda: False, 0.2)
        client.say(spam)
        client.say(b"\r\n.\r\n")

    def odd_resets(self, client, head, spam):
        """Resets in the window, but not where the server expects them, then the condemned text."""
        client.say(head)
        for ahead in range(1, 30000, 1500):
            client.put(RST, seq=client.nxt + ahead)
        client.until(lambda: False, 0.2)
        client.over = ""
        client.say(spam)
        client.say(b"\r\n.\r\n")

    def urgent(self, client, head, spam):
        """An urgent octet, which a server that reads them elsewhere would leave out."""
        half = len(spam) // 2
        client.say(head)
        client.say(spam[:half] + b"!" + spam[half:], urgent=half + 1)
        client.say(b"\r\n.\r\n")

    def urgent_flagged(self, client, head, spam):
        """The same with the flag."""
        half = len(spam) // 2
        client.say(head)
        seq, text = client.nxt, spam[:half] + b"!" + spam[half:]
        client.put(ACK | PSH | URG, text, seq=seq, urgent=half + 1)
        client.nxt = (client.nxt + len(text)) % 2**32
        client.until(lambda: False, 0.3)
        client.say(b"\r\n.\r\n")

    def dying_end(self, client, head, spam):
        """An end of data that dies on its way; the condemned text and the end again."""
        client.say(head)
        client.put(ACK | PSH, b"clean\r\n.\r\n", ttl=LOW_TTL)
        client.until(lambda: False, 0.3)
        client.say(spam + b"\r\n.\r\n")


def trick(args):
    """A session with a trick in its message."""
    name, interface, own_mac, peer_mac, own, server, spam, case = args
    macs = tuple(bytes.fromhex(mac.replace(":", "")) for mac in (own_mac, peer_mac))
    client = Client(interface, macs, own, server)
    client.connect()
    told = [client.reply()]
    for command in (b"EHLO client.example.com", b"MAIL FROM:<sender@example.com>", b"RCPT TO:<inbox@example.net>", b"DATA"):
        client.say(command + b"\r\n")
        told.append(client.reply())
    if told[-1] != "354":
        print("early", *told)
        return
    head = f"Subject: a trick\r\nX-Case: {case}\r\n\r\n".encode()
    getattr(Tricks(), name)(client, head, spam.encode())
    print(client.reply(5 if name in ("dying_reset", "dying_fin", "dying_end") else 30))  # to those nobody may answer
    client.put(RST)


def flood(args):
    """Resets."""
    interface, own_mac, peer_mac, source, target, count = args[:6]
    macs = tuple(bytes.fromhex(mac.replace(":", "")) for mac in (own_mac, peer_mac))
    (one, port), (other, other_port) = (end.split(":") for end in (source, target))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    rng = random.Random(1)
    for _ in range(int(count)):
        seq = rng.randrange(2**32)
        sock.send(frame(macs, (one, int(port), other, int(other_port)), (seq, rng.randrange(2**32)),
                        rng.choice((RST, RST | ACK, SYN, SYN | ACK))))
    print("sent", count)


if __name__ == "__main__":
    {"trick": trick, "flood": flood}[sys.argv[1]](sys.argv[2:])
