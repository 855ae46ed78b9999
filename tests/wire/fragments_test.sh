#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A subscriber whose every TCP segment comes in IP fragments: mail arrives, spam is refused, and
# nothing that overlaps or hides its TCP header gets through.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# The driver of af_packet has fragments put together by the kernel before the data plane sees them.
wire_begin
[ "$LAB_PORTS" = af_xdp ] || skip 'fragments reach the data plane by af_xdp only'
wire_run
in_sub sysctl -qw net.ipv4.conf.a1.arp_ignore=1 net.ipv4.conf.all.rp_filter=0

# by_fragments HOW: an interface f0 towards the server that sends so, with an address of its own.
FROM=77
by_fragments() {
	proc_end "$LAB/pids/tap" || :
	lab_spawn tap "$NS_SUB" "$PYTHON" "$ROOT/tests/wire/fragment_tap.py" a1 f0 600 "$1"
	wait_until 60 ip -n "$NS_SUB" link show f0 || die "tap: $(lab_log_tail tap)"
	ip -n "$NS_SUB" link set f0 up
	ip -n "$NS_SUB" addr add 10.77.0.$FROM/32 dev f0
	ip -n "$NS_SUB" addr add fd77::$FROM/128 dev f0 nodad
	ip -n "$NS_SUB" route add $LAB_SERVER4/32 dev f0 src 10.77.0.$FROM
	ip -n "$NS_SUB" route add $LAB_SERVER6/128 dev f0 src fd77::$FROM
}
grew() { # COUNTER COMMAND...
	local before what=$1
	before=$(counter "$what")
	shift
	"$@"
	if [ "$(counter "$what")" -gt "$before" ]; then echo grew; else echo same; fi
}
odd() { # MESSAGE: tried for a few seconds
	lab_send --message "$1" --host "$LAB_SERVER4" --timeout-s 4 >"$LAB/client.out"
}

for how in ordered backwards repeated; do
	by_fragments $how
	mail "clean mail, $how" '250, equal' "$(message $how-4 --size 100000)" --host $LAB_SERVER4
	mail "clean mail, $how, IPv6" '250, equal' "$(message $how-6 --size 100000)" --host $LAB_SERVER6
	mail "spam, $how" '550 5.7.1, absent' "$(message $how-spam4 --size 20000 --plant "$SPAM_TEXT")" --host $LAB_SERVER4
	mail "spam, $how, IPv6" '550 5.7.1, absent' "$(message $how-spam6 --size 20000 --plant "$SPAM_TEXT")" --host $LAB_SERVER6
done
check 'fragments were put together' yes "$([ "$(counter fragments_joined)" -gt 1000 ] && echo yes)"
check 'repeats were swallowed' yes "$([ "$(counter fragments_repeated)" -gt 100 ] && echo yes)"

by_fragments overlapped
overlapped=$(message overlapped --size 20000)
check 'overlapping fragments are counted' grew "$(grew drop_fragment_overlap odd "$overlapped")"
by_fragments headless
headless=$(message headless --size 20000)
check 'a first fragment without the TCP header is counted' grew "$(grew drop_fragment_header odd "$headless")"

# Another port: the server's own kernel puts together what the subscriber cut. By another address: the
# connections of before may still be repeating.
FROM=78
lab_spawn echo "$NS_NET" "$PYTHON" -c 'import socket
s = socket.create_server(("'$LAB_SERVER4'", 8080))
while True:
    c, _ = s.accept()
    n = 0
    while (d := c.recv(65536)):
        n += len(d)
    c.sendall(str(n).encode())
    c.close()'
upload() {
	in_sub "$PYTHON" -c 'import socket
s = socket.create_connection(("'$LAB_SERVER4'", 8080), 10)
s.sendall(b"x" * 300000)
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode())'
}
wait_until 60 in_net sh -c 'ss -Hltn "sport = 8080" | grep -q .' || die "echo: $(lab_log_tail echo)"
for how in ordered backwards; do
	by_fragments $how
	joined=$(counter fragments_joined)
	check "another port, $how" 300000 "$(upload)"
	check "another port, $how: not put together by us" "$joined" "$(counter fragments_joined)"
done
# The server still waits for the rest of them: its queue does not empty.
arrived() { "$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" same "$1"; }
check 'nothing of what overlaps or hides its header has arrived' 'absent absent' "$(arrived "$overlapped") $(arrived "$headless")"
wire_end
