#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares what the server stored with what was sent.

mailbox.py MAILDIR same FILE      prints `equal`, `absent`, `twice` or `differs at N`
mailbox.py MAILDIR count [TEXT]   prints how many stored messages there are (that hold TEXT)

Equal: byte for byte, LF for CRLF, the trace headers that the server itself put on top left out.
"""
import os
import sys

TRACE = (b"return-path:", b"x-original-to:", b"delivered-to:", b"received:", b"envelope-to:", b"delivery-date:")


def stored(maildir):
    """Every message of the Maildir, as bytes."""
    for part in ("new", "cur"):
        folder = os.path.join(maildir, part)
        if not os.path.isdir(folder):
            continue
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as source:
                yield source.read()


def without_trace(raw):
    """The message without the trace headers on its top, folded lines included."""
    lines = raw.split(b"\n")
    at = 0
    while at < len(lines) and lines[at].lower().startswith(TRACE):
        at += 1
        while at < len(lines) and lines[at][:1] in (b" ", b"\t"):
            at += 1
    return b"\n".join(lines[at:])


def token_of(raw):
    """The X-Case header's line."""
    for line in raw.split(b"\n\n", 1)[0].split(b"\n"):
        if line.startswith(b"X-Case: "):
            return line
    return None


def compare(maildir, path):
    """What became of the message in the file."""
    with open(path, "rb") as source:
        sent = source.read().replace(b"\r\n", b"\n")
    token = token_of(sent)
    found = [raw for raw in map(without_trace, stored(maildir)) if token_of(raw) == token]
    if not found:
        return "absent"
    if len(found) > 1:
        return "twice"
    if found[0] == sent:
        return "equal"
    same = next((n for n, (a, b) in enumerate(zip(found[0], sent)) if a != b), min(len(found[0]), len(sent)))
    return f"differs at {same} ({len(found[0])} octets stored, {len(sent)} sent)"


def main():
    """Command line."""
    if len(sys.argv) == 4 and sys.argv[2] == "same":
        print(compare(sys.argv[1], sys.argv[3]))
        return 0
    if len(sys.argv) in (3, 4) and sys.argv[2] == "count":
        text = sys.argv[3].encode() if len(sys.argv) == 4 else b""
        print(sum(1 for raw in stored(sys.argv[1]) if text in raw))
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
