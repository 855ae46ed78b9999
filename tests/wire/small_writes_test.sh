#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Clients that write one octet at a time, with Nagle's algorithm and without, that take little at a
# time, and that pause in the midst of a line: the session goes through as without a box.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# typist HOW...: a whole session, told at the end; options: nagle, window=OCTETS, pause=SECONDS, spam, lf.
typist() {
	in_sub "$PYTHON" - "$LAB_SERVER4" "$SPAM_TEXT" "$@" <<'END'
import socket
import sys
import time

host, spam, how = sys.argv[1], sys.argv[2], dict(word.partition("=")[::2] for word in sys.argv[3:])
sock = socket.socket()
if "window" in how:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(how["window"]))
sock.settimeout(60)
if "nagle" not in how:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
sock.connect((host, 25))
have = b""


def reply():
    global have
    while True:
        line, end, rest = have.partition(b"\n")
        if end:
            have = rest
            if line[3:4] != b"-":
                return line[:3].decode()
        else:
            more = sock.recv(int(how.get("read", 4096)))
            if not more:
                return "fin"
            have += more


def typed(text):
    for index, octet in enumerate(text):
        sock.sendall(bytes([octet]))
        if "pause" in how and index == len(text) // 2:
            time.sleep(float(how["pause"]))


end = b"\n" if "lf" in how else b"\r\n"
told = [reply()]
for command in (b"EHLO client.example.com", b"MAIL FROM:<sender@example.com>", b"RCPT TO:<inbox@example.net>", b"DATA"):
    typed(command + end)
    told.append(reply())
body = [b"Subject: typed", b"X-Case: " + how["case"].encode() + b".", b"", spam.encode() if "spam" in how else b"typed text", b"."]
typed(end.join(body) + end)
told.append(reply())
if told[-1] == "250":
    typed(b"QUIT" + end)
    told.append(reply())
print(*told)
END
}
CLEAN='220 250 250 250 354 250 221' SPAM='220 250 250 250 354 550'
arrived() { wait_until 60 lab_queue_empty || :; "$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" count "X-Case: $1."; }

wire_begin
wire_run
typist case=nagle nagle >"$LAB/nagle" 2>&1 &
typist case=nodelay >"$LAB/nodelay" 2>&1 &
typist case=window window=1200 read=7 >"$LAB/window" 2>&1 &
typist case=pause pause=1 nagle >"$LAB/pause" 2>&1 &
typist case=lf lf >"$LAB/lf" 2>&1 &
typist case=lfnagle lf nagle >"$LAB/lfnagle" 2>&1 &
typist case=nagle-spam nagle spam >"$LAB/nagle-spam" 2>&1 &
typist case=nodelay-spam spam >"$LAB/nodelay-spam" 2>&1 &
typist case=lf-spam lf spam >"$LAB/lf-spam" 2>&1 &
for job in $(jobs -p); do wait "$job" || :; done
for case in nagle nodelay window pause lf lfnagle; do
	check "one octet a write, $case" "$CLEAN" "$(tail -n 1 "$LAB/$case")"
	check "it arrived, $case" 1 "$(arrived $case)"
done
for case in nagle-spam nodelay-spam lf-spam; do
	check "one octet a write, $case" "$SPAM" "$(tail -n 1 "$LAB/$case")"
	check "it did not arrive, $case" 0 "$(arrived $case)"
done
check_that 'held lines were taken into custody' test "$(counter custody_taken)" -gt 0
wire_end
