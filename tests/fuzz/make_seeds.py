#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes seeds for fuzz_session out of the transcripts: make_seeds.py FOLDER.

Each dialogue of tests/transcripts/*.t becomes one input in the form that fuzz_session reads: a byte of
options, then chunks of at most 127 bytes, each behind a byte with its side and length. Expected
events (E:) are left out; what the files mean is said in tests/transcripts/README.md.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRANSCRIPTS = os.path.join(ROOT, "tests", "transcripts")
CLIENT, SERVER = 0, 1
GREETED = [(SERVER, b"220 mx.example ESMTP\r\n")]
EHLO = GREETED + [
    (CLIENT, b"EHLO client.example\r\n"),
    (SERVER, b"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n"
             b"250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-BINARYMIME\r\n"
             b"250 SMTPUTF8\r\n")]
RCPT = EHLO + [
    (CLIENT, b"MAIL FROM:<a@x.example>\r\n"), (SERVER, b"250 ok\r\n"),
    (CLIENT, b"RCPT TO:<b@y.example>\r\n"), (SERVER, b"250 ok\r\n")]
LEAD = {
    "greeted": GREETED,
    "helo": GREETED + [(CLIENT, b"HELO client.example\r\n"), (SERVER, b"250 mx.example\r\n")],
    "ehlo": EHLO,
    "rcpt": RCPT,
    "data": RCPT + [(CLIENT, b"DATA\r\n"), (SERVER, b"354 go on\r\n")],
}
ESCAPE = re.compile(r"\\(\{(\\?.|\\x[0-9a-f]{2})\*(\d+)\}|x[0-9a-fA-F]{2}|.)")
PLAIN = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


def unescape(text):
    def one(m):
        if m.group(2) is not None:
            return unescape(m.group(2)).decode("latin-1") * min(int(m.group(3)), 5000)
        if m.group(1).startswith("x"):
            return chr(int(m.group(1)[1:], 16))
        return PLAIN.get(m.group(1), m.group(1))
    return ESCAPE.sub(one, text.encode().decode("latin-1")).encode("latin-1")


def seed(steps, options=0):
    out = bytes([options])
    for side, data in steps:
        for at in range(0, len(data), 127):
            part = data[at:at + 127]
            out += bytes([side | len(part) << 1]) + part
    return out


def dialogues():
    for name in sorted(os.listdir(TRANSCRIPTS)):
        if not name.endswith(".t"):
            continue
        steps = []
        with open(os.path.join(TRANSCRIPTS, name), encoding="utf-8") as f:
            for line in f.read().split("\n") + ["== end"]:
                key, _, rest = line.partition(": ")
                if line.startswith("=="):
                    if steps:
                        yield steps
                    steps = []
                elif key == "I":
                    steps += LEAD.get(rest.strip(), [])
                elif key in ("C", "S"):
                    steps.append((CLIENT if key == "C" else SERVER, unescape(rest)))


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    count = 0
    for count, steps in enumerate(dialogues(), 1):
        with open(os.path.join(folder, f"transcript-{count:03}"), "wb") as f:
            f.write(seed(steps, options=count % 16 * 8))  # each of the options above the third, with and without
    print(f"{count} seeds in {folder}")


main()
