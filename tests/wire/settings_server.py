#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""settings_server.py ADDRESS: the scripted server of session_settings_test.sh.

It takes everything but a few commands, and prints what it read on a connection, message texts included, as
a line of JSON when that is over: {"client": ADDRESS, "seen": [LINE, ...]}.
"""
import json
import select
import socket
import socketserver
import sys
import threading

from settings_table import ROWS, address

LOOK_S = 0.5
PRINTING = threading.Lock()
REPLIES = {
    b"MAIL": "250 2.1.0 Ok", b"RSET": "250 2.0.0 Ok", b"NOOP": "250 2.0.0 Ok", b"HELO": "250 server.example",
    b"VRFY": "502 5.5.1 No", b"STARTTLS": "454 4.7.0 Not now", b"QUIT": "221 2.0.0 Bye",
}
BY_ADDRESS = {address(n, on): row for n, row in enumerate(ROWS) for on in (True, False)}


class Session(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self):
        self.request.settimeout(120)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.row = BY_ADDRESS.get(self.client_address[0])
        self.buffer, self.seen = b"", []
        try:
            self.talk()
            end = "fin"
        except ConnectionResetError:
            end = "reset"
        except OSError as error:
            end = str(error)
        self.seen.append(end)
        with PRINTING:
            print(json.dumps({"client": self.client_address[0], "seen": self.seen}), flush=True)

    def fill(self):
        """More octets; false at the end of the connection."""
        more = self.request.recv(65536)
        self.buffer += more
        return bool(more)

    def until(self, end):
        """The octets up to and with `end`; None where the connection ends before."""
        while end not in self.buffer:
            if not self.fill():
                if self.buffer:
                    self.seen.append(repr(self.buffer)[2:-1] + " cut off")
                return None
        at = self.buffer.index(end) + len(end)
        taken, self.buffer = self.buffer[:at], self.buffer[at:]
        return taken

    def more(self):
        """Has the client sent on before our reply?"""
        return bool(self.buffer) or bool(select.select([self.request], [], [], LOOK_S)[0])

    def say(self, text):
        """One line."""
        self.request.sendall(text.encode() + b"\r\n")

    def ehlo(self):
        """The row's keywords."""
        offers = self.row.offers if self.row else ()
        for keyword in ("server.example",) + offers:
            self.say("250-" + keyword)
        self.say("250 8BITMIME")

    def data(self):
        """A message by DATA."""
        self.say("354 Go on")
        text = self.until(b"\r\n.\r\n")
        if text is None:
            return False
        self.seen.append(repr(text)[2:-1])
        self.say("250 2.0.0 Ok: taken")
        return True

    def chunk(self, line):
        """A chunk by BDAT."""
        size = int(line.split()[1])
        while len(self.buffer) < size:
            if not self.fill():
                return False
        self.seen.append(repr(self.buffer[:size])[2:-1])
        self.buffer = self.buffer[size:]
        self.say("250 2.0.0 Ok")
        return True

    def answer(self, line):
        """One command; false where the session is over."""
        verb = line.split()[0].upper() if line.split() else b""
        if verb == b"EHLO":
            self.ehlo()
        elif verb == b"RCPT":
            self.say("550 5.1.1 Nobody" if b"<bad@" in line else "250 2.1.5 Ok")
        elif verb == b"AUTH":
            self.say("235 2.7.0 Ok" if b"PLAIN" in line else "535 5.7.8 No")
        elif verb == b"DATA":
            return self.data()
        elif verb == b"BDAT":
            return self.chunk(line)
        else:
            self.say(REPLIES.get(verb, "500 5.5.2 What?"))
        return verb != b"QUIT"

    def talk(self):
        """The dialogue."""
        self.say("220 server.example ESMTP")
        while True:
            line = self.until(b"\n")
            if line is None:
                return
            looked = " +" if self.row and self.row.looks and self.more() else ""
            self.seen.append(repr(line)[2:-1] + looked)
            if not self.answer(line):
                return


class Server(socketserver.ThreadingTCPServer):
    """All connections at once."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server.address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    with Server((sys.argv[1], 25), Session) as server:
        server.serve_forever()
