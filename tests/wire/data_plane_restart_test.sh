#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The data plane is killed and started again: the control plane attaches by itself and the policy
# is in force again without anybody's help. One that is stopped in order resets, before it goes, the connections whose
# ends count differently by what we changed, in clear and in TLS, and no others.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# A session that is open over the restart: makes the first file, waits for a line in the second, goes on.
long_session() {
	in_sub "$PYTHON" - "$LAB_SERVER4" "$1" "$2" <<'END'
import pathlib
import socket
import sys

sock = socket.create_connection((sys.argv[1], 25), timeout=60)
lines = sock.makefile("r", encoding="latin-1")
lines.readline()
sock.sendall(b"HELO client.example.com\r\n")
lines.readline()
pathlib.Path(sys.argv[2]).touch()
pathlib.Path(sys.argv[3]).open().readline()
for command in (b"NOOP\r\n", b"QUIT\r\n"):
    sock.sendall(command)
    print(lines.readline()[:3])
END
}

# Sessions over a planned stop: `plain`, and those whose TURN we answered ourselves, `shifted` and, in TLS, `sealed`.
# Makes the first file; prints what ended while nobody said a word, then, behind a line in the second, what `plain` hears.
stopped_sessions() {
	in_sub "$PYTHON" - "$LAB_SERVER4" "$1" "$2" <<'END'
import pathlib
import select
import smtplib
import ssl
import sys

def session(turn, tls):
    s = smtplib.SMTP(sys.argv[1], 25, "client.example.com", timeout=60)
    s.ehlo()
    if turn:
        assert s.docmd("TURN")[0] == 502
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        s.starttls(context=context)
        s.ehlo()
    return s

sessions = {"plain": session(False, False), "shifted": session(True, False), "sealed": session(True, True)}
pathlib.Path(sys.argv[2]).touch()
poll = select.poll()
names = {s.sock.fileno(): name for name, s in sessions.items() if name != "plain"}
for fd in names:
    poll.register(fd, 0)
while names:
    ended = poll.poll(30000)
    if not ended:
        break
    for fd, what in ended:
        print(names.pop(fd), "reset" if what & select.POLLERR else what)
        poll.unregister(fd)
pathlib.Path(sys.argv[3]).open().readline()
print("plain", sessions["plain"].noop()[0])
END
}

wire_begin
wire_run
mkfifo "$LAB/go"
exec {go}<>"$LAB/go"
long_session "$LAB/open" "$LAB/go" >"$LAB/long.txt" 2>&1 &
long=$!
wait_until 60 test -e "$LAB/open" || check 'a session is open' yes no
version=$(lab_version)
proc_end "$LAB/pids/dataplane" KILL
check_that 'with the data plane gone the wire is cut' sh -c "! ip netns exec $NS_SUB ping -c 1 -W 1 $LAB_SERVER4"
detached() { [ "$(lab_ask attached status)" = false ]; }
wait_until 60 detached || :
check_that 'the control plane says so' detached
lab_dataplane_spawn
wait_until 60 lab_ready || :
check 'attached again, same policy' "$version" "$(lab_version || echo none)"
echo >&$go
wait $long || :
check 'a session from before goes on in the grace' '250 221 ' "$(tr '\n' ' ' <"$LAB/long.txt")"
check_that 'and is counted as not read' test "$(counter pass_midstream)" -gt 0
mail 'clean mail' '250, equal' "$(message clean)" --host $LAB_SERVER4
mail 'spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
stopped_sessions "$LAB/three" "$LAB/go" >"$LAB/stop.txt" 2>&1 &
long=$!
wait_until 60 test -e "$LAB/three" || check 'three sessions are open' yes "no: $(cat "$LAB/stop.txt")"
of_server() { in_net ss -Htn state established sport = :25 | wc -l; }
check 'the server has three' 3 "$(of_server)"
proc_end "$LAB/pids/dataplane" TERM
check_that 'a planned stop leaves no socket behind' test ! -e "$LAB/link.sock"
check_that 'and says whom it reset' grep -q 'connections reset that would hang without us: 2$' "$LAB/dataplane.log"
check 'at the server, too' 1 "$(of_server)"
lab_dataplane_spawn
wait_until 60 lab_ready || :
echo >&$go
wait $long || :
check 'who counts differently was reset, who does not goes on' 'plain 250 sealed reset shifted reset ' \
	"$(sort "$LAB/stop.txt" | tr '\n' ' ')"
mail 'clean mail after the planned stop' '250, equal' "$(message clean2)" --host $LAB_SERVER4
wire_end
