#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""One large message from here to there: the two ends of perf/loss.

`sink` is a server that speaks just enough SMTP, keeps nothing, and answers a message with its size
and checksum. `send` sends one message, waits for that answer and prints one line of JSON:

    {"seconds": 3.21, "mbit": 20.9, "repeats": 57, "reply": 250, "intact": true}

`seconds` run from the first byte of the message (behind the 354, or the first BDAT) to the reply.
"""
import argparse
import json
import random
import socket
import struct
import sys
import threading
import time
import zlib

END = b"\r\n.\r\n"
PIECE = 1 << 20
TCP_INFO_TOTAL_RETRANS = 100  # offset in struct tcp_info (linux/tcp.h)


class Lines:
    """Lines and blocks of bytes from a connection."""

    def __init__(self, sock):
        self.sock, self.buf = sock, b""

    def more(self):
        piece = self.sock.recv(PIECE)
        if not piece:
            raise EOFError
        return piece

    def line(self):
        while b"\r\n" not in self.buf:
            self.buf += self.more()
        line, self.buf = self.buf.split(b"\r\n", 1)
        return line.decode("latin-1")

    def pieces(self, octets):
        """Exactly so many octets, as they come."""
        while octets > 0:
            piece = self.buf or self.more()
            self.buf = piece[octets:]
            yield piece[:octets]
            octets -= len(piece[:octets])

    def pieces_to_end(self):
        """Everything before the end of data, as it comes; the last line's CR LF included."""
        tail = b"\r\n"  # an end of data may stand at the very start
        skip = len(tail)
        while True:
            piece = tail + (self.buf or self.more())
            self.buf = b""
            at = piece.find(END)
            if at >= 0:
                self.buf = piece[at + len(END) :]
                yield piece[skip : at + 2]
                return
            keep = len(piece) - len(END) + 1
            if keep > skip:
                yield piece[skip:keep]
                tail, skip = piece[keep:], 0
            else:
                tail = piece


def serve(sock):
    lines, octets, check = Lines(sock), 0, 0

    def say(text):
        sock.sendall(text.encode() + b"\r\n")

    def take(pieces):
        nonlocal octets, check
        for piece in pieces:
            octets += len(piece)
            check = zlib.crc32(piece, check)

    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    say("220 sink ESMTP")
    try:
        while True:
            words = lines.line().upper().split()
            verb = words[0] if words else ""
            if verb == "EHLO":
                say("250-sink\r\n250-PIPELINING\r\n250 CHUNKING")
            elif verb == "DATA":
                say("354 go on")
                take(lines.pieces_to_end())
                say(f"250 {octets} {check}")
            elif verb == "BDAT":
                take(lines.pieces(int(words[1])))
                say(f"250 {octets} {check}")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")
    except (EOFError, OSError):
        pass
    finally:
        sock.close()


def sink(args):
    server = socket.create_server((args.host, args.port))
    while True:
        sock, _ = server.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


def message(octets, seed):
    """Text as base64 is: lines of 76 letters. Few differ, so that making it costs nothing."""
    rng = random.Random(seed)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    block = "".join("".join(rng.choices(letters, k=76)) + "\r\n" for _ in range(1024)).encode()
    head = b"From: <a@example.com>\r\nTo: <b@example.net>\r\nSubject: bulk\r\n\r\n"
    text = head + block * (octets // len(block) + 1)
    return text[: octets - 2] + b"\r\n"


def ask(lines, text, code):
    """Sends a command, reads its reply to the last line."""
    if text is not None:
        lines.sock.sendall(text)
    reply = lines.line()
    while reply[3:4] == "-":
        reply = lines.line()
    if int(reply[:3]) != code:
        sys.exit(f"bulk_mail: {text or 'greeting'}: {reply}")
    return reply


def send(args):
    text = message(int(args.mb * 1e6), args.seed)
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, args.congestion.encode())
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(args.timeout)
    sock.bind((args.source, 0))
    sock.connect((args.host, args.port))
    lines = Lines(sock)
    ask(lines, None, 220)
    ask(lines, b"EHLO bulk.example\r\n", 250)
    ask(lines, b"MAIL FROM:<a@example.com>\r\n", 250)
    ask(lines, b"RCPT TO:<b@example.net>\r\n", 250)
    if args.bdat == 0:
        ask(lines, b"DATA\r\n", 354)
        begin = time.monotonic()
        sock.sendall(text)
        reply = ask(lines, b".\r\n", 250)
    else:
        begin = time.monotonic()
        chunks = range(0, len(text), args.bdat)
        for at in chunks:
            chunk = text[at : at + args.bdat]
            last = " LAST" if at + args.bdat >= len(text) else ""
            sock.sendall(f"BDAT {len(chunk)}{last}\r\n".encode() + chunk)
        for _ in chunks:
            reply = ask(lines, b"", 250)
    seconds = time.monotonic() - begin
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    (repeats,) = struct.unpack_from("=I", info, TCP_INFO_TOTAL_RETRANS)
    ask(lines, b"QUIT\r\n", 221)
    print(
        json.dumps(
            {
                "seconds": round(seconds, 3),
                "mbit": round(len(text) * 8 / seconds / 1e6, 3),
                "repeats": repeats,
                "reply": int(reply[:3]),
                "intact": reply.split()[1:] == [str(len(text)), str(zlib.crc32(text))],
            }
        )
    )


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = ap.add_subparsers(required=True)
    s = verbs.add_parser("sink")
    s.add_argument("--host", default="")
    s.add_argument("--port", type=int, default=25)
    s.set_defaults(run=sink)
    c = verbs.add_parser("send")
    c.add_argument("--host", required=True)
    c.add_argument("--source", default="")
    c.add_argument("--port", type=int, default=25)
    c.add_argument("--mb", type=float, default=10, help="size of the message, 10^6 bytes")
    c.add_argument("--bdat", type=int, default=0, help="octets of a BDAT chunk; 0: DATA")
    c.add_argument("--seed", type=int, default=1, help="of the text")
    c.add_argument("--congestion", default="cubic")
    c.add_argument("--timeout", type=float, default=120)
    c.set_defaults(run=send)
    args = ap.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
