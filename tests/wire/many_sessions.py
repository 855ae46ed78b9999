#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many small sessions at once, each message with an id of its own, and a server that keeps them.

many_sessions.py serve ADDRESS OUT            until it is ended; then writes what it took, by id
many_sessions.py send ADDRESS OUT --sessions N --parallel N --spam TEXT --spam-every N --seed N
many_sessions.py judge SENT TAKEN [--unread-until TIME]   compares; one `ok`/`NO` line a check

The server ends a message at CR LF . CR LF and nothing else, as RFC 5321 has it.
"""
import argparse
import asyncio
import collections
import hashlib
import json
import random
import signal
import sys
import time

WORDS = "the carrier looks at each letter in turn and sends on what is clean while the wire stays quiet . .. .x".split()


def digest(text):
    """What a message is compared by."""
    return hashlib.sha256(text).hexdigest()


def ident_of(text):
    """The X-Case header."""
    for line in text.split(b"\r\n"):
        if line.startswith(b"X-Case: "):
            return line[8:].decode("latin-1")
    return "none"


# --- the server ----------------------------------------------------------------------------------

class Server:
    """Takes every message; the last one of an id and how many came."""

    def __init__(self):
        self.taken = collections.defaultdict(list)

    async def message(self, reader):
        """Reads to the end of data; dots unstuffed."""
        lines = []
        while True:
            line = await reader.readline()
            if not line.endswith(b"\n"):
                return None
            if line == b".\r\n" and (not lines or lines[-1].endswith(b"\r\n")):
                return b"".join(lines)
            if line.startswith(b".") and (not lines or lines[-1].endswith(b"\r\n")):
                line = line[1:]
            lines.append(line)

    async def command(self, line, reader, writer):
        """One command; False to end."""
        verb = line[:4].upper()
        if verb == b"EHLO":
            writer.write(b"250-mail.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif verb == b"DATA":
            writer.write(b"354 go on\r\n")
            text = await self.message(reader)
            if text is None:
                return False
            self.taken[ident_of(text)].append(digest(text))
            writer.write(b"250 2.0.0 taken\r\n")
        elif verb == b"QUIT":
            writer.write(b"221 bye\r\n")
            return False
        else:
            writer.write(b"250 ok\r\n")
        return True

    async def session(self, reader, writer):
        """One connection."""
        try:
            writer.write(b"220 mail.example.net ESMTP\r\n")
            while True:
                line = await reader.readline()
                if not line.endswith(b"\n") or not await self.command(line, reader, writer):
                    break
            await writer.drain()
        except (OSError, ValueError):
            pass
        writer.close()


async def serve(args):
    """Until SIGTERM."""
    server = Server()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await asyncio.start_server(server.session, args.address, 25, backlog=1024)
    print("up", flush=True)
    await stop.wait()
    with open(args.out, "w", encoding="ascii") as out:
        json.dump(server.taken, out)


# --- the clients ---------------------------------------------------------------------------------

def message(ident, rng, spam):
    """A message of 200 octets to 8 kB with odd lines; the condemned text somewhere in it."""
    lines = [" ".join(rng.choices(WORDS, k=rng.randrange(1, 14))) for _ in range(rng.randrange(1, 120))]
    if spam:
        lines.insert(rng.randrange(len(lines) + 1), spam)
    head = f"From: <sender@example.com>\r\nSubject: one of many\r\nX-Case: {ident}\r\n\r\n"
    return (head + "".join(line + "\r\n" for line in lines)).encode()


REPLY_S, END_S = 300, 600  # a client's patience, RFC 5321 4.5.3.2
QUIT_S = 10  # of one who has been told all that matters


async def reply(reader, wait_s):
    """One reply's code; nothing at the end of the connection or of the time."""
    try:
        while True:
            line = await asyncio.wait_for(reader.readline(), wait_s)
            if not line.endswith(b"\n"):
                return ""
            if line[3:4] != b"-":
                return line[:3].decode("latin-1")
    except (OSError, asyncio.TimeoutError):
        return ""


async def dialogue(reader, writer, text, pipelined):
    """What the client was told in the end."""
    envelope = [b"MAIL FROM:<sender@example.com>\r\n", b"RCPT TO:<inbox@example.net>\r\n", b"DATA\r\n"]
    steps = [b"", b"EHLO client.example.com\r\n"] + ([b"".join(envelope)] if pipelined else envelope)
    for step in steps:
        writer.write(step)
        for _ in range(step.count(b"\r\n") or 1):
            code = await reply(reader, REPLY_S)
            if code[:1] not in ("2", "3"):
                return code or "lost"
    stuffed = text.replace(b"\r\n.", b"\r\n..")
    writer.write(stuffed + b".\r\n")
    code = await reply(reader, END_S)
    if code:
        writer.write(b"QUIT\r\n")
        await reply(reader, QUIT_S)
    return code or "lost"


async def session(args, number):
    """One session: (id, digest, is spam, told, when it began)."""
    rng = random.Random(args.seed * 1000003 + number)
    ident = f"m{args.seed}-{number}"
    spam = number % args.spam_every == 0
    text = message(ident, rng, args.spam if spam else "")
    began = time.time()
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(args.address, 25), 60)
    except (OSError, asyncio.TimeoutError):
        return ident, digest(text), spam, "unreachable", began
    try:
        told = await dialogue(reader, writer, text, rng.random() < 0.5)
    except OSError:
        told = "lost"
    writer.close()
    return ident, digest(text), spam, told, began


async def send(args):
    """All sessions, some at a time."""
    gate = asyncio.Semaphore(args.parallel)

    async def one(number):
        async with gate:
            return await session(args, number)

    begin = time.monotonic()
    rows = await asyncio.gather(*(one(number) for number in range(args.sessions)))
    with open(args.out, "w", encoding="ascii") as out:
        json.dump(rows, out)
    told = collections.Counter(row[3] for row in rows)
    print(f"{len(rows)} sessions in {time.monotonic() - begin:.1f} s; told: "
          + ", ".join(f"{code} {count}" for code, count in sorted(told.items())))


# --- the judgement -------------------------------------------------------------------------------

def judge(args):
    """Every message arrived intact or was refused whole."""
    with open(args.sent, encoding="ascii") as source:
        sent = json.load(source)
    with open(args.taken, encoding="ascii") as source:
        taken = json.load(source)
    unread = 0
    checks = {
        "every message that was taken is intact": [],
        "none was taken twice": [],
        "no condemned one was taken": [],
        "who was told 250 is served": [],
        "who was told anything else is not": [],
        "clean messages are told 250": [],
        "condemned ones are told 550": [],
    }
    for ident, wanted, spam, told, began in sent:
        seen = taken.pop(ident, [])
        failed = {
            "every message that was taken is intact": any(one != wanted for one in seen),
            "none was taken twice": len(seen) > 1,
            "no condemned one was taken": spam and seen and began >= args.unread_until,
            "who was told 250 is served": told == "250" and not seen,
            "who was told anything else is not": told != "250" and seen,
            "clean messages are told 250": not spam and told != "250",
            "condemned ones are told 550": spam and told != "550" and began >= args.unread_until,
        }
        unread += spam and bool(seen) and began < args.unread_until
        for what, bad in failed.items():
            if bad:
                checks[what].append(f"{ident}:{told}")
    for what, bad in checks.items():
        print("NO" if bad else "ok", what, f"({len(bad)})" if bad else "", " ".join(bad[:8]))
    if args.unread_until:
        print("condemned messages taken from sessions that began before the policy was in force again:", unread)
    print("NO" if taken else "ok", "nothing was taken that nobody sent", " ".join(list(taken)[:8]))
    return 1 if taken or any(checks.values()) else 0


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description="many small sessions", allow_abbrev=False)
    jobs = parser.add_subparsers(dest="job", required=True)
    for job in ("serve", "send"):
        sub = jobs.add_parser(job)
        sub.add_argument("address")
        sub.add_argument("out")
        sub.add_argument("--sessions", type=int, default=600)
        sub.add_argument("--parallel", type=int, default=50)
        sub.add_argument("--spam", default="")
        sub.add_argument("--spam-every", type=int, default=10)
        sub.add_argument("--seed", type=int, default=1)
    sub = jobs.add_parser("judge")
    sub.add_argument("sent")
    sub.add_argument("taken")
    sub.add_argument("--unread-until", type=float, default=0, help="time; sessions that began earlier may be unread")
    args = parser.parse_args()
    if args.job == "judge":
        return judge(args)
    asyncio.run(serve(args) if args.job == "serve" else send(args))
    return 0


if __name__ == "__main__":
    sys.exit(main())
