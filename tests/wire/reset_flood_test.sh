#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Somebody who sees nothing of a session sends resets and SYNs with its addresses and random numbers,
# from both sides: the session goes on. And a session that was idle is still read.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

flood() { # FROM TO COUNT: by the interface of the side that FROM belongs to
	case $1 in
	"$LAB_SERVER4"*) in_net "$PYTHON" "$ROOT/tests/wire/raw_tcp.py" flood b1 "$(lab_mac "$NS_NET" b1)" "$(lab_mac_from_net)" "$@" ;;
	*) in_sub "$PYTHON" "$ROOT/tests/wire/raw_tcp.py" flood a1 "$(lab_mac "$NS_SUB" a1)" "$(lab_mac_from_sub)" "$@" ;;
	esac
}
# patient SPAM CASE: a session with a pause in the middle of the message and keep-alives in it.
patient() {
	in_sub "$PYTHON" - "$LAB_SERVER4" "$@" "$LAB/paused-$2" "$LAB/go-$2" <<'END'
import pathlib
import socket
import sys

host, text, case, paused, go = sys.argv[1:]
sock = socket.create_connection((host, 25), timeout=60)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
replies = sock.makefile("r", encoding="latin-1")


def reply():
    while True:
        line = replies.readline()
        if line[3:4] != "-":
            return line[:3]


told = [reply()]
for command in ("EHLO client.example.com", "MAIL FROM:<sender@example.com>", "RCPT TO:<inbox@example.net>", "DATA"):
    sock.sendall(command.encode() + b"\r\n")
    told.append(reply())
sock.sendall(f"Subject: patience\r\nX-Case: {case}.\r\n\r\nfirst half of it".encode())
pathlib.Path(paused).write_text(f"{sock.getsockname()[1]}\n")
pathlib.Path(go).open().readline()
sock.sendall(f"{text}\r\n.\r\n".encode())
told.append(reply())
sock.sendall(b"QUIT\r\n")
told.append(reply())
print(*told)
END
}
stored() { "$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" count "$1"; }

wire_begin
wire_run
mkfifo "$LAB/go-calm" "$LAB/go-loud"
exec {calm_goes}<>"$LAB/go-calm" {loud_goes}<>"$LAB/go-loud"
patient 'a clean text' calm >"$LAB/calm.txt" 2>&1 &
calm=$!
patient "$SPAM_TEXT" loud >"$LAB/loud.txt" 2>&1 &
loud=$!
for case in calm loud; do wait_until 60 test -s "$LAB/paused-$case" || check "$case is in its message" yes no; done
before=$(counter rx_packets)
for case in calm loud; do
	port=$(cat "$LAB/paused-$case")
	flood "$LAB_CLIENT4:$port" "$LAB_SERVER4:25" 3000
	flood "$LAB_SERVER4:25" "$LAB_CLIENT4:$port" 3000
done
flooded() { [ "$(counter rx_packets)" -ge $((before + 12000)) ]; }
wait_until 60 flooded || :
# Keep-alives have gone both ways by now: they come each second.
echo >&$calm_goes
echo >&$loud_goes
wait $calm || :
wait $loud || :
check 'a clean session goes on' '220 250 250 250 354 250 221' "$(cat "$LAB/calm.txt")"
check 'a condemned one is still read' '220 250 250 250 354 550 221' "$(cat "$LAB/loud.txt")"
wait_until 60 lab_queue_empty || :
check 'what arrived' '1 0' "$(stored 'X-Case: calm.') $(stored 'X-Case: loud.')"
check_that 'resets out of the window were dropped' test "$(counter drop_out_of_window)" -gt 1000
mail 'mail goes on' '250, equal' "$(message clean)" --host $LAB_SERVER4
wire_end
