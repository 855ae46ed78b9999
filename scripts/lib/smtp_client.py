#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A raw SMTP client: sends exactly the bytes it is told, cut into exactly the segments it is told.

Prints one line for each final reply, in order, and how the connection ended:

    greeting 220 mail.example.net ESMTP
    ehlo 250 CHUNKING
    1 mail 250 2.1.0 Ok
    1 rcpt 250 2.1.5 Ok
    1 data 354 End data with <CR><LF>.<CR><LF>
    1 final 250 2.0.0 Ok: queued as ...
    quit 221 2.0.0 Bye
    closed fin            (fin, reset, timeout, or unreachable with the reason)

The exit status is 0 whenever the dialogue came to an end; what it means is for the caller to judge.
"""
import argparse
import fcntl
import socket
import struct
import sys
import termios
import time


class Ended(Exception):
    """The connection is over: fin, reset or timeout."""


def cuts_for(data, args):
    """Offsets at which the outgoing bytes are cut into writes of their own."""
    cuts = set()
    if args.write_size:
        cuts.update(range(args.write_size, len(data), args.write_size))
    for text in args.cut:
        raw = text.encode()
        at = data.find(raw)
        while at >= 0:
            cuts.add(at + len(raw) // 2)
            at = data.find(raw, at + 1)
    for text in args.drip:
        raw = text.encode()
        at = data.find(raw)
        while at >= 0:
            cuts.update(range(max(at - 4, 1), min(at + len(raw) + 4, len(data) - 1)))
            at = data.find(raw, at + 1)
    return sorted(cuts)


def pieces(data, cuts):
    """The bytes between the cuts, in order."""
    start = 0
    for cut in cuts:
        yield data[start:cut]
        start = cut
    yield data[start:]


def dot_stuffed(body):
    """The body as DATA carries it, end of data included (RFC 5321 4.5.2)."""
    if body.startswith(b"."):
        body = b"." + body
    body = body.replace(b"\r\n.", b"\r\n..")
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return body + b".\r\n"


class Session:
    """One connection."""

    def __init__(self, args):
        self.args = args
        self.buffer = b""
        family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(args.timeout_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if args.device:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, args.device.encode())
        if args.bind:
            self.sock.bind((args.bind, 0))
        self.sock.connect((args.host, args.port))

    def settled(self):
        """True once the kernel holds no unacknowledged byte of ours."""
        raw = fcntl.ioctl(self.sock, termios.TIOCOUTQ, struct.pack("i", 0))
        return struct.unpack("i", raw)[0] == 0

    def send(self, data, cuts=()):
        """One write, hence one segment, a piece: each waits for the ACK of the one before, 300 ms at most."""
        try:
            for piece in pieces(data, cuts):
                if cuts:
                    limit = time.monotonic() + 0.3
                    while not self.settled() and time.monotonic() < limit:
                        time.sleep(0.0005)
                self.sock.sendall(piece)
        except socket.timeout as error:
            raise Ended("timeout") from error
        except OSError:
            pass  # the reply that says why may be waiting: the next read finds it, or the reset

    def line(self):
        """The next line, CRLF cut off."""
        while b"\n" not in self.buffer:
            try:
                more = self.sock.recv(65536)
            except socket.timeout as error:
                raise Ended("timeout") from error
            except OSError as error:
                raise Ended("reset") from error
            if not more:
                raise Ended("fin" if not self.buffer else "fin inside a line")
            self.buffer += more
        raw, self.buffer = self.buffer.split(b"\n", 1)
        return raw.rstrip(b"\r").decode("latin-1")

    def reply(self, what, quiet=False):
        """Reads one reply, prints its last line, returns (code, all lines)."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        if not quiet:
            print(what, lines[-1], flush=True)
        if self.args.verbose:
            for text in lines:
                print(f"  < {text}", file=sys.stderr, flush=True)
        return lines[-1][:3], lines

    def command(self, what, text):
        """Sends one command line and reads its reply."""
        self.send(text.encode("latin-1") + b"\r\n")
        return self.reply(what)

    def envelope(self, number, recipients):
        """MAIL and RCPT; true where all were taken."""
        mail = f"MAIL FROM:<{self.args.mail_from}>{self.args.mail_options}"
        texts = [("mail", mail)] + [("rcpt", f"RCPT TO:<{to}>") for to in recipients]
        if self.args.pipeline:
            last = [] if self.args.bdat else [("data", "DATA")]
            texts += last
            self.send("".join(text + "\r\n" for _, text in texts).encode("latin-1"))
            good = True
            for what, _ in texts:
                code, _ = self.reply(f"{number} {what}")
                good = good and code[0] in "23"
            return good
        for what, text in texts:
            code, _ = self.command(f"{number} {what}", text)
            if code[0] != "2":
                return False
        return True

    def by_data(self, number, body):
        """The message by DATA."""
        if not self.args.pipeline:
            code, _ = self.command(f"{number} data", "DATA")
            if code != "354":
                return
        wire = dot_stuffed(body) if not self.args.raw_body else body
        self.send(wire, cuts_for(wire, self.args))
        self.reply(f"{number} final")

    def by_bdat(self, number, body):
        """The message by BDAT, in chunks (RFC 3030)."""
        size = self.args.bdat
        chunks = [body[at:at + size] for at in range(0, len(body), size)] or [b""]
        for index, chunk in enumerate(chunks):
            last = index == len(chunks) - 1
            head = f"BDAT {len(chunk)}{' LAST' if last else ''}\r\n".encode()
            wire = head + chunk
            self.send(wire, cuts_for(wire, self.args))
            code, _ = self.reply(f"{number} {'final' if last else 'chunk'}", quiet=not last)
            if code[0] != "2" and not last:
                print(f"{number} final {code} to a chunk", flush=True)
                return


def dialogue(session, args):
    """Everything from the greeting to QUIT."""
    code, _ = session.reply("greeting")
    if code == "220":
        code, lines = session.command("ehlo", f"EHLO {args.helo}")
        print("keywords", " ".join(text[4:].split(" ")[0] for text in lines[1:]), flush=True)
    for number, path in enumerate(args.message, 1):
        with open(path, "rb") as source:
            body = source.read()
        if not session.envelope(number, args.to):
            continue
        if args.bdat:
            session.by_bdat(number, body)
        else:
            session.by_data(number, body)
    for text in args.after:
        session.command("after", text)
    if args.hold_s:
        time.sleep(args.hold_s)
    if not args.no_quit:
        session.command("quit", "QUIT")
        session.line()  # the server closes; anything else is news


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description="raw SMTP client", allow_abbrev=False)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, default=25)
    parser.add_argument("--bind", help="source address")
    parser.add_argument("--device", help="interface to leave by")
    parser.add_argument("--helo", default="client.example.com")
    parser.add_argument("--from", dest="mail_from", default="sender@example.com")
    parser.add_argument("--mail-options", default="", help="behind MAIL FROM:<...>, with its blank")
    parser.add_argument("--to", action="append", help="recipient, may be repeated")
    parser.add_argument("--message", action="append", default=[], help="file, CRLF lines; may be repeated")
    parser.add_argument("--raw-body", action="store_true", help="the file is sent after 354 as it is")
    parser.add_argument("--bdat", type=int, metavar="OCTETS", help="BDAT with chunks of this size")
    parser.add_argument("--pipeline", action="store_true", help="MAIL, RCPT, DATA in one write")
    parser.add_argument("--cut", action="append", default=[], metavar="TEXT", help="cut in the middle of TEXT")
    parser.add_argument("--drip", action="append", default=[], metavar="TEXT", help="one byte a segment around TEXT")
    parser.add_argument("--write-size", type=int, metavar="OCTETS", help="bytes a write")
    parser.add_argument("--after", action="append", default=[], help="command to send behind the messages")
    parser.add_argument("--hold-s", type=float, default=0, help="stay connected that long before QUIT")
    parser.add_argument("--no-quit", action="store_true")
    parser.add_argument("--timeout-s", type=float, default=60)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    args.to = args.to or ["inbox@example.net"]
    try:
        session = Session(args)
    except OSError as error:
        print("closed unreachable", error.strerror or error)
        return 0
    try:
        dialogue(session, args)
        print("closed open")
    except Ended as end:
        print("closed", end)
    session.sock.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
