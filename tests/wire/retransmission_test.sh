#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Packets are lost on both wires, both ways: TCP repairs it, verdicts and bytes stay right.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# lose NAMESPACE PERCENT: of what comes in there from the wire.
lose() {
	ip netns exec "$1" nft -f - <<END
table inet loss {
	chain in { type filter hook input priority -300; tcp dport 25 numgen random mod 100 < $2 drop; tcp sport 25 numgen random mod 100 < $2 drop; }
	chain out { type filter hook output priority -300; tcp dport 25 numgen random mod 100 < $2 drop; tcp sport 25 numgen random mod 100 < $2 drop; }
}
END
}
repeated() { in_sub awk '/^Tcp:/ { if (seen) print $13; seen = 1 }' /proc/net/snmp; }

wire_begin
wire_run
lose "$NS_SUB" 2 2>"$LAB/nft.log" || skip "nftables has no random numbers here: $(head -n 1 "$LAB/nft.log")"
lose "$NS_NET" 2
for round in 1 2 3; do
	mail "clean, 1 MB, round $round" '250, equal' "$(message "clean$round" --size 1000000 --seed $round)" --host $LAB_SERVER4 --timeout-s 90
	mail "spam, 200 kB, round $round" '550 5.7.1, absent' "$(message "spam$round" --size 200000 --seed $round --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --timeout-s 90
	mail "spam one octet a segment, round $round" '550 5.7.1, absent' "$(message "drip$round" --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --drip "$SPAM_TEXT" --timeout-s 90
	mail "clean, BDAT, IPv6, round $round" '250, equal' "$(message "bdat$round" --size 300000)" --host $LAB_SERVER6 --bdat 70000 --timeout-s 90
done
check 'there were retransmissions' yes "$([ "$(repeated)" -gt 0 ] && echo yes || echo no)"
wire_end
