#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# TCP on other ports, UDP and ICMP cross untouched: the same frames on both sides, spam or not.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

capture() { # NAMESPACE INTERFACE NAME
	lab_spawn "capture-$3" "$1" tcpdump -i "$2" -s 0 -w "$LAB/$3.pcap" --immediate-mode -B 65536 'port 8080 or icmp or icmp6'
	wait_until 60 grep -q 'listening on' "$LAB/capture-$3.log" || die "tcpdump: $(lab_log_tail "capture-$3")"
}
client() { in_sub "$PYTHON" "$ROOT/scripts/lib/traffic.py" "$@"; }

wire_begin
! lab_is_routed || skip 'a router does not send it by us'
wire_run
lab_spawn echo4 "$NS_NET" "$PYTHON" "$ROOT/scripts/lib/traffic.py" serve $LAB_SERVER4 8080
lab_spawn echo6 "$NS_NET" "$PYTHON" "$ROOT/scripts/lib/traffic.py" serve $LAB_SERVER6 8080
both_listen() { [ "$(in_net ss -ltnH 'sport = :8080' | wc -l)" = 2 ]; }
wait_until 60 both_listen || die "echo: $(lab_log_tail echo4)"
spam=$(message spam --size 300000 --plant "$SPAM_TEXT")
capture "$NS_SUB" a1 access
capture "$NS_NET" b1 core
check 'TCP port 8080, spam text, IPv4' equal "$(client tcp $LAB_SERVER4 8080 "$spam")"
check 'TCP port 8080, spam text, IPv6' equal "$(client tcp $LAB_SERVER6 8080 "$spam")"
check 'UDP' '50 of 50' "$(client udp $LAB_SERVER4 8080 50)"
check 'UDP over IPv6' '50 of 50' "$(client udp $LAB_SERVER6 8080 50)"
check 'a fragmented ping of 4,000 octets' '3 received' "$(in_sub ping -c 3 -i 0.2 -s 4000 $LAB_SERVER4 | grep -o '[0-9]* received')"
check 'TCP port 8081: the refusal crosses too' 'failed: Connection refused' "$(client tcp $LAB_SERVER4 8081 "$spam")"
proc_end "$LAB/pids/capture-access" INT
proc_end "$LAB/pids/capture-core" INT
check 'the same octets on both sides, in both directions' '' "$(
	for way in "src host $LAB_SERVER4" "dst host $LAB_SERVER4" "src host $LAB_SERVER6" "dst host $LAB_SERVER6"; do
		for side in access core; do
			tcpdump -r "$LAB/$side.pcap" -n -t -xx "$way" 2>/dev/null >"$LAB/$side.txt"
		done
		cmp "$LAB/access.txt" "$LAB/core.txt" >/dev/null || echo "$way differs"
	done)"
check 'captures are not empty' yes "$([ -s "$LAB/access.txt" ] && echo yes || echo no)"
wire_end
