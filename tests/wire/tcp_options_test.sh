#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Window scaling, timestamps and SACK stay in use across the box: the two handshakes are the same
# on both sides, segments carry timestamps, and a lost one is answered by SACK blocks.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

capture() { # NAMESPACE INTERFACE NAME
	lab_spawn "capture-$3" "$1" tcpdump -i "$2" -s 200 -w "$LAB/$3.pcap" --immediate-mode -B 65536 'port 25'
	wait_until 60 grep -q 'listening on' "$LAB/capture-$3.log" || die "tcpdump: $(lab_log_tail "capture-$3")"
}
handshakes() { tcpdump -r "$1" -n -t 'tcp[tcpflags] & tcp-syn != 0' 2>/dev/null; }
segments() { tcpdump -r "$LAB/$1.pcap" -n -t 2>/dev/null | grep -c "$2" || :; } # FILE TEXT
some() { if [ "$1" -gt 0 ]; then echo some; else echo none; fi; }

wire_begin
wire_run
capture "$NS_SUB" a1 access
capture "$NS_NET" b1 core
mail 'a message' '250, equal' "$(message first --size 200000)" --host $LAB_SERVER4
ip netns exec "$NS_NET" nft -f - <<'END' 2>"$LAB/nft.log" || skip "nftables cannot drop here: $(head -n 1 "$LAB/nft.log")"
table inet loss { chain in { type filter hook input priority -300; tcp dport 25 meta length > 1000 numgen inc mod 40 0 drop; }; }
END
mail 'a message with losses' '250, equal' "$(message second --size 500000)" --host $LAB_SERVER4
proc_end "$LAB/pids/capture-access" INT
proc_end "$LAB/pids/capture-core" INT
handshakes "$LAB/access.pcap" >"$LAB/access.syn"
handshakes "$LAB/core.pcap" >"$LAB/core.syn"
check 'the handshakes are the same on both sides' '' "$(diff "$LAB/access.syn" "$LAB/core.syn")"
for option in 'mss 1460' sackOK 'TS val' wscale; do
	check "$option in all four SYNs" 4 "$(grep -c "$option" "$LAB/access.syn" || :)"
done
for side in access core; do
	check "segments with timestamps, $side" some "$(some "$(segments $side 'TS val.*length 1448')")"
	check "acknowledgements with SACK blocks, $side" some "$(some "$(segments $side 'sack [0-9] {')")"
done
wire_end
