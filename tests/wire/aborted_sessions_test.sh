#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Clients that go away at any point: nothing is delivered, nothing is left behind in the tables.
# Long: what is left of a session is kept for half a minute.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# leave WAY TEXT...: sends each text after reading a reply, then ends by `fin` or `reset`.
leave() {
	in_sub "$PYTHON" - "$LAB_SERVER4" "$@" <<'END'
import socket
import struct
import sys

host, way, texts = sys.argv[1], sys.argv[2], sys.argv[3:]
sock = socket.create_connection((host, 25), timeout=60)
for text in texts:
    sock.recv(4096)
    sock.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
if way == "reset":
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.close()
END
}
gauge() { counter "$1"; }
empty() { [ "$(gauge flows)" = 0 ] && [ "$(gauge messages_open)" = 0 ] && [ "$(gauge slabs_used)" = 0 ]; }

wire_begin
wire_run
body='Subject: cut off\r\n\r\nhalf a mess'
for way in fin reset; do
	leave $way
	leave $way 'EHLO c.example\r\n'
	leave $way 'EHLO c.exa'
	leave $way 'EHLO c.example\r\n' 'MAIL FROM:<sender@example.com>\r\n' 'RCPT TO:<inbox@example.net>\r\n'
	leave $way 'EHLO c.example\r\n' 'MAIL FROM:<sender@example.com>\r\n' 'RCPT TO:<inbox@example.net>\r\n' 'DATA\r\n'
	leave $way 'EHLO c.example\r\n' 'MAIL FROM:<sender@example.com>\r\n' 'RCPT TO:<inbox@example.net>\r\n' 'DATA\r\n' "$body"
	leave $way 'EHLO c.example\r\n' 'MAIL FROM:<sender@example.com>\r\n' 'RCPT TO:<inbox@example.net>\r\n' 'DATA\r\n' "$body $SPAM_TEXT\\r\\n."
	leave $way 'EHLO c.example\r\n' 'MAIL FROM:<sender@example.com>\r\n' 'RCPT TO:<inbox@example.net>\r\n' 'BDAT 1000\r\nhalf'
	# Gone right behind a condemned message, before its reply.
	leave $way 'EHLO c.example\r\n' 'MAIL FROM:<sender@example.com>\r\n' 'RCPT TO:<inbox@example.net>\r\n' 'DATA\r\n' "$body $SPAM_TEXT\\r\\n.\\r\\n"
done
wait_until 60 lab_queue_empty || :
check 'nothing was delivered' 0 "$("$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" count)"
wait_until 60 empty || :
check 'flows, messages, slabs in use' '0 0 0' "$(gauge flows) $(gauge messages_open) $(gauge slabs_used)"
mail 'mail goes on' '250, equal' "$(message clean --size 20000)" --host $LAB_SERVER4
mail 'and spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
