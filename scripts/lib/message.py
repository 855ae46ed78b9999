#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes a message of an exact size, CRLF lines, the same for the same arguments.

The body has what mail servers stumble over: lines that begin with dots, blanks at line ends, tabs,
8-bit bytes, lines of 998 octets, an empty last line. `X-Case: TOKEN` tells messages apart.
"""
import argparse
import random
import sys

ODD = [
    b".", b"..", b". leading dot", b"..two dots", b"trailing blanks   ", b"\ttab first", b"",
    b"From the beginning of a line", b"gr\xc3\xbc\xc3\x9fe, 8-bit \xe9\xff\x80", b"--not-a-boundary", b">From quoted",
]
WORDS = b"the carrier looks at each letter in turn and sends on what is clean while the wire stays quiet".split()


def body_lines(rng, size):
    """Lines until `size` octets are there, CRLF counted; the last one is cut to fit."""
    made = 0
    while size - made > 1004:
        kind = rng.randrange(12)
        if kind == 0:
            line = rng.choice(ODD)
        elif kind == 1:
            line = bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz0123456789 ", k=998))
        else:
            line = b" ".join(rng.choices(WORDS, k=rng.randrange(4, 14)))
        made += len(line) + 2
        yield line
    left = size - made
    while left >= 2:
        take = min(left, 72) - 2
        if left - take - 2 == 1:
            take -= 1
        line = b"x" * max(take, 0)
        left -= len(line) + 2
        yield line


def make(token, size, seed, plant, subject, sender, header):
    """The whole message as bytes."""
    head = b"\r\n".join([
        b"Date: Thu, 01 Jan 2026 12:00:00 +0000",
        b"From: <" + sender.encode() + b">",
        b"To: <inbox@example.net>",
        b"Subject: " + subject.encode(),
        b"Message-ID: <" + token.encode() + b"@client.example.com>",
        b"X-Case: " + token.encode(),
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: 8bit",
        *(line.encode() for line in header),
        b"", b"",
    ])
    rng = random.Random(seed)
    planted = b"".join(text.encode() + b"\r\n" for text in plant)
    room = max(size - len(head) - len(planted), 0)
    first = b"".join(line + b"\r\n" for line in body_lines(rng, room // 2))
    second = b"".join(line + b"\r\n" for line in body_lines(rng, room - len(first)))
    return head + first + planted + second


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description="makes a message")
    parser.add_argument("--token", required=True)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plant", action="append", default=[], help="a line for the middle of the body")
    parser.add_argument("--subject", default="a letter")
    parser.add_argument("--sender", default="sender@example.com")
    parser.add_argument("--header", action="append", default=[], help="a further line of the header")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    with open(args.out, "wb") as out:
        out.write(make(args.token, args.size, args.seed, args.plant, args.subject, args.sender, args.header))
    return 0


if __name__ == "__main__":
    sys.exit(main())
