#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every form that some server somewhere takes for the end of a message, against several servers at once.

line_ends.py run --server NAME=ADDRESS... --read ADDRESS --unread ADDRESS --spam TEXT --out FILE [--all]
line_ends.py judge --in FILE --mail NAME=MAILDIR... --spam TEXT

`run` sends; from the address --read through inspection, from --unread by a policy that passes, to see
what the server makes of a form by itself. `judge` looks at what the servers stored: prints a table, one
`ok`/`NO` line a check, and how many messages of inspected connections there are.

A message holds a form in its midst, and behind or before it what must not arrive:
  behind        commands and a condemned message behind the form, in one write
  behind-clean  the same with a clean message (it may arrive, if it was read)
  steps         the commands one by one, each after a reply or a silence, as a lax server would want them
  steps-clean   the same with a clean message
  before        the condemned text before the form, then silence, then the real end
  legit         an honest message with odd line ends, which must fare as it does unread
"""
import argparse
import asyncio
import fcntl
import json
import os
import socket
import struct
import sys
import termios
import time

FORMS = [
    b"\r\n.\r\n", b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r",
    b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\0x\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\r\r\n.\r\n",
    b"\r\n\r.\r\n", b"\n.\0\n", b"\n\0.\n", b"\n.\r\r\n", b"\n\n.\n\n", b"\r\n..\r\n", b"\r\n.\x0b\r\n", b"\r\n. \r\n",
]
AT_START = [b".\r\n", b".\n", b".\r", b"\0.\n"]  # these are all that the message is
LEGIT = {  # what honest clients send; %s is the case
    "all lines end in LF": b"Subject: legit\nX-Case: %s\n\nfirst\n\n..\n..two dots\nlast\n\r\n.\r\n",
    "some lines end in LF": b"Subject: legit\r\nX-Case: %s\r\n\r\nfirst\nsecond\r\n\nthird\n..\r\nlast\r\n.\r\n",
    "last line ends in LF": b"Subject: legit\r\nX-Case: %s\r\n\r\nfirst\r\nlast\n.\r\n",
    "bare CR": b"Subject: legit\r\nX-Case: %s\r\n\r\nfirst\rsecond\r\n\r\rthird\r\n.\r\n",
    "CR CR LF": b"Subject: legit\r\nX-Case: %s\r\n\r\nfirst\r\r\nsecond\r\n.\r\n",
    "a dot among LF lines": b"Subject: legit\r\nX-Case: %s\r\n\r\nfirst\n.\nsecond\r\n.\r\n",
    "session in LF": b"Subject: legit\nX-Case: %s\n\nfirst\n..\nlast\n.\n",
}
SILENCE_S = 0.6
STORED_S = 10  # an honest message's answer comes when the server has stored it


class Case:
    """One connection: what is sent in which pieces, and what came back."""

    def __init__(self, number, server, form, kind, style, split, read):
        self.ident = f"c{number}"
        self.server, self.form, self.kind, self.style, self.split, self.read = server, form, kind, style, split, read
        self.told, self.closed = [], "open"

    def row(self):
        """For the file between the two jobs."""
        return {"id": self.ident, "server": self.server, "form": printable(self.form), "kind": self.kind,
                "style": self.style, "split": self.split, "read": self.read, "told": self.told, "closed": self.closed}

    def lines(self, text):
        """Line ends as this case has them."""
        return text.replace(b"\r\n", b"\n") if self.style == "lf" else text

    def before(self, spam):
        """The outer message up to the form."""
        if self.kind == "legit" or self.form in AT_START:
            return b""
        text = spam if self.kind == "before" else b"a clean text"
        return self.lines(b"Subject: outer\r\nX-Case: %s\r\n\r\n%s" % (self.ident.encode(), text))

    def behind(self, spam):
        """The commands behind the form, then the inner message with its end."""
        text = b"a clean text" if self.kind.endswith("clean") else spam
        commands = [b"MAIL FROM:<sender@example.com>\r\n", b"RCPT TO:<inbox@example.net>\r\n", b"DATA\r\n"]
        inner = b"Subject: inner\r\nX-Inner: %s\r\n\r\n%s\r\n.\r\n" % (self.ident.encode(), text)
        tail = b"\r\n.\r\n" if self.style == "lf" else b""
        return [self.lines(command) for command in commands] + [self.lines(inner) + tail]

    def writes(self, spam):
        """[(bytes, wait for a reply or a silence before the next)]."""
        before, behind = self.before(spam), self.behind(spam)
        if self.kind == "legit":
            parts = [(LEGIT[self.form] % self.ident.encode(), True)]
        elif self.kind == "before":
            parts = [(before + self.form, True), (b"\r\n.\r\n", True)]
        elif self.kind.startswith("steps"):
            parts = [(before + self.form, True)] + [(text, True) for text in behind]
        else:
            parts = [(before + self.form + b"".join(behind), True)]
        return [(piece, wait and last) for data, wait in parts for piece, last in self.cut(data, before)]

    def cut(self, data, before):
        """The pieces of a write that holds the form: [(bytes, is the last)]."""
        start, end = len(before), len(before) + len(self.form)
        if self.kind == "legit" or not data.startswith(before + self.form):
            cuts = []
        elif self.split == "drip":
            cuts = list(range(max(start - 2, 1), min(end + 3, len(data))))
        elif self.split == "dot":
            dot = data.index(b".", start)
            cuts = [dot, dot + 1]
        elif self.split.isdigit():
            cuts = [start + int(self.split)]
        else:
            cuts = []
        edges = [0] + [cut for cut in cuts if 0 < cut < len(data)] + [len(data)]
        return [(data[a:b], b == len(data)) for a, b in zip(edges, edges[1:])]


def printable(form):
    """The form as it would be written in C."""
    if isinstance(form, str):
        return form
    return "".join({10: "\\n", 13: "\\r", 0: "\\0", 11: "\\v"}.get(octet, chr(octet)) for octet in form)


def cases(servers, everything):
    """All that is to be sent."""
    rows = [(name, "legit", "lf" if name == "session in LF" else "crlf", "whole", read) for name in LEGIT for read in (True, False)]
    for form in FORMS + AT_START:
        rows += [(form, "steps-clean", style, "whole", False) for style in ("crlf", "lf")]
        rows += [(form, "behind", "crlf", split, True) for split in ("whole", "drip")]
        rows += [(form, "before", "crlf", "drip", True), (form, "behind", "lf", "drip", True), (form, "before", "lf", "dot", True), (form, "steps", "crlf", "dot", True),
                 (form, "steps", "lf", "whole", True), (form, "behind-clean", "crlf", "dot", True), (form, "steps-clean", "lf", "whole", True)]
        if everything:
            rows += [(form, kind, style, str(at), True) for at in range(-1, len(form) + 2)
                     for kind in ("behind", "behind-clean", "steps", "steps-clean", "before") for style in ("crlf", "lf")]
    number = 0
    for row in rows:
        for server in servers:
            number += 1
            yield Case(number, server, *row)


class Wire:
    """A connection of one case."""

    def __init__(self, sock):
        self.sock, self.data, self.ended = sock, b"", ""
        self.news = asyncio.Event()
        self.reader = asyncio.ensure_future(self.read())

    async def read(self):
        """Takes what comes until the end."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                more = await loop.sock_recv(self.sock, 65536)
                if not more:
                    break
                self.data += more
                self.news.set()
            self.ended = "fin"
        except OSError:
            self.ended = "reset"
        self.news.set()

    def replies(self):
        """Codes of the final lines so far."""
        lines = self.data.split(b"\r\n")[:-1]
        return [line[:3].decode("latin-1") for line in lines if line[3:4] != b"-"]

    async def reply(self, count, wait_s):
        """True once there are more than `count` replies."""
        limit = time.monotonic() + wait_s
        while len(self.replies()) <= count and not self.ended:
            left = limit - time.monotonic()
            if left <= 0:
                return False
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), left)
            except asyncio.TimeoutError:
                return False
        return len(self.replies()) > count

    async def send(self, piece):
        """One write; until the kernel knows it acknowledged, 200 ms at most."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(loop.sock_sendall(self.sock, piece), 5)
        except (OSError, asyncio.TimeoutError):
            return
        for _ in range(100):
            if struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, struct.pack("i", 0)))[0] == 0:
                break
            await asyncio.sleep(0.002)


async def opened(address, source):
    """A connection whose greeting has come, or None."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.bind((source, 0))
    try:
        await asyncio.wait_for(loop.sock_connect(sock, (address, 25)), 20)
    except (OSError, asyncio.TimeoutError):
        sock.close()
        return None
    wire = Wire(sock)
    await wire.reply(0, 20)
    return wire


async def session(case, wire, spam):
    """From the greeting to the last reply or silence."""
    count = 1
    for command in (b"EHLO client.example.com\r\n", b"MAIL FROM:<sender@example.com>\r\n", b"RCPT TO:<inbox@example.net>\r\n", b"DATA\r\n"):
        await wire.send(case.lines(command) if case.kind == "legit" else command)
        if not await wire.reply(count, 20):
            break
        count += 1
    if wire.replies()[-1:] == ["354"]:
        for piece, wait in case.writes(spam):
            known = len(wire.replies())
            await wire.send(piece)
            if wait:
                await wire.reply(known, SILENCE_S)
        if case.kind == "legit":
            await wire.reply(count, STORED_S)
        known = -1
        while known != len(wire.replies()) and not wire.ended:
            known = len(wire.replies())
            await wire.reply(known, SILENCE_S)
    case.told = wire.replies()[5:] if count == 5 else wire.replies() + ["early"]
    case.closed = wire.ended or "open"
    wire.reader.cancel()
    wire.sock.close()


async def run_all(todo, args):
    """Some at once at each server; few at its door, for the queue of OpenSMTPD's is 5 long."""
    inside = {name: asyncio.Semaphore(args.parallel) for name in args.server}
    door = {name: asyncio.Semaphore(3) for name in args.server}

    async def one(case):
        async with inside[case.server]:
            async with door[case.server]:
                wire = await opened(args.server[case.server], args.read if case.read else args.unread)
            if wire is None:
                case.closed = "unreachable"
            else:
                await session(case, wire, args.spam.encode())

    await asyncio.gather(*(one(case) for case in todo))


def run(args):
    """Sends everything."""
    todo = list(cases(args.server, args.all))
    asyncio.run(run_all(todo, args))
    with open(args.out, "w", encoding="ascii") as out:
        for case in todo:
            out.write(json.dumps(case.row()) + "\n")
    early = [case.ident for case in todo if case.told[-1:] == ["early"] or case.closed == "unreachable"]
    print("NO" if early else "ok", f"{len(todo)} sessions came to DATA", " ".join(early[:10]))
    return len(early)


def stored(maildir):
    """Each message: X-Case and X-Inner of its headers, its text from the subject on, was it read."""
    folder = os.path.join(maildir, "new")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), "rb") as source:
            text = source.read()
        head = text.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].split(b"\n")
        found = {line[:8]: line[8:].strip().decode("latin-1") for line in head if line[:8] in (b"X-Case: ", b"X-Inner:")}
        yield found.get(b"X-Case: "), found.get(b"X-Inner:"), text[max(text.find(b"Subject:"), 0):], b"[10.77.0.66]" not in text


def table(rows, outer, inner):
    """What each server made of each form."""
    print(f"{'form':<16} {'server':<15} {'ends, unread':<13} {'told':<44} stored")
    for form in dict.fromkeys(row["form"] for row in rows):
        for server in dict.fromkeys(row["server"] for row in rows):
            mine = [row for row in rows if row["form"] == form and row["server"] == server]
            ends = [row["style"] for row in mine if not row["read"] and (server, row["id"]) in inner]
            told = sorted({" ".join(row["told"]) or row["closed"] for row in mine if row["read"]})
            kept = [f"{what} {n}" for what, n in (
                ("outer", sum((server, row["id"]) in outer for row in mine if row["read"])),
                ("inner", sum((server, row["id"]) in inner for row in mine if row["read"]))) if n]
            print(f"{form:<16} {server:<15} {' '.join(ends) or '-':<13} {', '.join(told):<44} {', '.join(kept) or '-'}")


def fared(row, texts):
    """How an honest message fared: what the client was told of it, what was stored."""
    return row["told"][:1], [text.replace(row["id"].encode(), b"ID") for text in texts.get((row["server"], row["id"]), [])]


def legit(rows, texts):
    """Whether honest messages fared as they do unread."""
    bad = []
    for row in (row for row in rows if row["kind"] == "legit" and row["read"]):
        twin = next(other for other in rows if not other["read"] and other["kind"] == "legit" and
                    (other["form"], other["server"]) == (row["form"], row["server"]))
        seen, wanted = fared(row, texts), fared(twin, texts)
        print(f"{row['form']:<20} {row['server']:<15} told {' '.join(seen[0]):<12} unread {' '.join(wanted[0]):<12} "
              f"stored {len(seen[1])}{'' if seen[1] == wanted[1] else ', otherwise than unread'}")
        if seen != wanted:
            bad.append(f"{row['server']}: {row['form']};")
    return bad


def judge(args):
    """What was stored against what was sent."""
    with open(getattr(args, "in"), encoding="ascii") as source:
        rows = [json.loads(line) for line in source]
    outer, inner, bad, count, texts = set(), set(), [], 0, {}
    for server, maildir in args.mail.items():
        for case, within, text, read in stored(maildir):
            outer |= {(server, case)} if case else set()
            inner |= {(server, within)} if within else set()
            texts.setdefault((server, case), []).append(text)
            count += read
            if read and args.spam.encode() in text:
                bad.append(f"{server}:{within or case}")
    tried = [row for row in rows if row["kind"] != "legit"]
    table(tried, outer, inner)
    odd = legit(rows, texts)
    for server in args.mail:
        ends = sorted({row["form"] for row in tried if (server, row["id"]) in inner and not row["read"]})
        print(f"{server} by itself ends a message at: {'  '.join(ends)}")
    print("stored of inspected connections:", count)
    print("NO" if bad else "ok", "no server stored the condemned text", " ".join(bad[:10]))
    print("NO" if odd else "ok", "honest mail fares as it does unread", " ".join(odd))
    return len(bad) + len(odd)


def pairs(text):
    """NAME=VALUE."""
    name, value = text.split("=", 1)
    return name, value


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description="forms of ends of data", allow_abbrev=False)
    parser.add_argument("job", choices=("run", "judge"))
    parser.add_argument("--server", type=pairs, action="append", default=[])
    parser.add_argument("--mail", type=pairs, action="append", default=[])
    parser.add_argument("--read")
    parser.add_argument("--unread")
    parser.add_argument("--spam", required=True)
    parser.add_argument("--out")
    parser.add_argument("--in")
    parser.add_argument("--parallel", type=int, default=60)
    parser.add_argument("--all", action="store_true", help="every cut, every kind")
    args = parser.parse_args()
    args.server, args.mail = dict(args.server), dict(args.mail)
    return 1 if (run(args) if args.job == "run" else judge(args)) else 0


if __name__ == "__main__":
    sys.exit(main())
