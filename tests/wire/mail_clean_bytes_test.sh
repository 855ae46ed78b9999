#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Clean mail arrives byte for byte, 1 kB to 10 MB, and what leaves the box has the addresses,
# ports, MACs and tags of what came in; beside a router addresses and ports.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# capture NAMESPACE INTERFACE NAME: frames of port 25, tagged or not, until ended.
capture() {
	lab_spawn "capture-$3" "$1" tcpdump -i "$2" -s 200 -w "$LAB/$3.pcap" --immediate-mode -B 65536 \
		'port 25 or (vlan and port 25)'
	wait_until 60 grep -q 'listening on' "$LAB/capture-$3.log" || die "tcpdump: $(lab_log_tail "capture-$3")"
}

# who FILE: each combination of MACs, tag, addresses and ports once. Routers change MACs.
who() {
	local macs=-e
	! lab_is_routed || macs=-q
	tcpdump -r "$1" $macs -n 2>/dev/null | sed -E \
		-e 's/^[^ ]+ //' -e 's/, ethertype IPv[46] \(0x[0-9a-f]+\), length [0-9]+//' \
		-e 's/, length [0-9]+: (vlan|IP)/ \1/' -e 's/: (Flags|tcp).*//' | sort -u
}

wire_begin
lab_up
lab_is_routed || lab_vlan 100
lab_postfix_start
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane)"
capture "$NS_SUB" a1 access
capture "$NS_NET" b1 core
for size in 1024 4096 65536 1048576 10485760; do
	mail "$size octets" '250, equal' "$(message "m$size" --size $size --seed $size)" --host $LAB_SERVER4
	mail "$size octets, pipelined" '250, equal' "$(message "p$size" --size $size --seed 7$size)" --host $LAB_SERVER4 --pipeline
done
for size in 1024 1048576; do
	mail "$size octets, IPv6" '250, equal' "$(message "six$size" --size $size)" --host $LAB_SERVER6
	mail "$size octets, BDAT" '250, equal' "$(message "b$size" --size $size)" --host $LAB_SERVER4 --bdat 50000
	mail "$size octets, BDAT, pipelined, IPv6" '250, equal' "$(message "bp$size" --size $size)" --host $LAB_SERVER6 --bdat 50000 --pipeline
	! lab_is_routed || continue
	mail "$size octets, VLAN 100" '250, equal' "$(message "v$size" --size $size)" --host 10.77.100.2 --device v100
	mail "$size octets, VLAN 100, IPv6" '250, equal' "$(message "vs$size" --size $size)" --host fd77:100::2 --device v100
done
mail 'a write an octet' '250, equal' "$(message drip --size 600)" --host $LAB_SERVER4 --write-size 1
mail 'a write 7 octets' '250, equal' "$(message sevens --size 3000)" --host $LAB_SERVER4 --write-size 7
proc_end "$LAB/pids/capture-access" INT
proc_end "$LAB/pids/capture-core" INT
who "$LAB/access.pcap" >"$LAB/access.who"
who "$LAB/core.pcap" >"$LAB/core.who"
check 'captures hold every session, both ways' yes "$([ "$(wc -l <"$LAB/access.who")" -ge "$(lab_is_routed && echo 36 || echo 44)" ] && echo yes || wc -l <"$LAB/access.who")"
lab_is_routed || check 'tagged frames are among them' yes "$(grep -q 'vlan 100' "$LAB/access.who" && echo yes || echo no)"
check "the same $(lab_is_routed || echo 'MACs, tags, ')addresses and ports on both sides" '' "$(diff "$LAB/access.who" "$LAB/core.who" | head -n 5)"
wire_end
