#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A router behind the box whose next link takes smaller packets than the subscriber's: what it says
# about packets that are too big reaches the subscriber, and mail goes on in smaller ones.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
wire_run
# Only the router's end of the link to the server is small, so that the handshake promises more than the path
# takes. Without a router in the lab the far end of the core's wire becomes one's; the server moves behind it.
WIRE_THIRD=$LAB_NAME-third
behind_a_router() {
	in_rtr() { ip netns exec "$WIRE_THIRD" "$@"; }
	ip netns add "$WIRE_THIRD"
	ip -n "$NS_NET" link set b1 netns "$WIRE_THIRD"
	ip -n "$WIRE_THIRD" link add x0 type veth peer name x1 netns "$NS_NET"
	lab_offloads_off "$WIRE_THIRD" b1
	lab_offloads_off "$WIRE_THIRD" x0
	lab_offloads_off "$NS_NET" x1
	ip -n "$WIRE_THIRD" link set b1 up
	ip -n "$WIRE_THIRD" link set x0 mtu 1280 up
	ip -n "$NS_NET" link set x1 up
	in_rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n "$WIRE_THIRD" addr add 10.77.0.254/24 dev b1
	ip -n "$WIRE_THIRD" addr add fd77::fe/64 dev b1 nodad
	ip -n "$WIRE_THIRD" addr add 10.78.0.1/24 dev x0
	ip -n "$WIRE_THIRD" addr add fd78::1/64 dev x0 nodad
	ip -n "$WIRE_THIRD" route add $LAB_SERVER4/32 dev x0
	ip -n "$WIRE_THIRD" route add $LAB_SERVER6/128 dev x0
	ip -n "$NS_NET" addr add $LAB_SERVER4/32 dev x1
	ip -n "$NS_NET" addr add $LAB_SERVER6/128 dev x1 nodad
	ip -n "$NS_NET" addr add 10.78.0.2/24 dev x1
	ip -n "$NS_NET" addr add fd78::2/64 dev x1 nodad
	ip -n "$NS_NET" route add default via 10.78.0.1 src $LAB_SERVER4
	ip -n "$NS_NET" route add default via fd78::1 src $LAB_SERVER6
	ip -n "$NS_SUB" route add $LAB_SERVER4/32 via 10.77.0.254
	ip -n "$NS_SUB" route add $LAB_SERVER6/128 via fd77::fe
}
if lab_is_routed; then
	ip -n "$NS_RTR" link set r-net mtu 1280
else
	behind_a_router
fi
wait_until 60 lab_ready || die 'the ports are not up again'
wait_until 60 in_sub ping -qc 1 -W 1 $LAB_SERVER4 || die 'no way to the server'
wait_until 60 in_sub ping -qc 1 -W 1 $LAB_SERVER6 || die 'no way to the server by IPv6'

knows() { in_sub ip route get "$1" | grep -o 'mtu [0-9]*' || echo unknown; } # ADDRESS
refused() { in_rtr nstat -asz "$1" | awk -v n="$1" '$1 == n { print ($2 > 0 ? "some" : "none") }'; }

SPAM='550 5.7.1, absent'
mail 'clean mail' '250, equal' "$(message clean --size 200000)" --host $LAB_SERVER4
check 'the router refused packets' some "$(refused IpFragFails)"
check 'the subscriber has learnt the MTU' 'mtu 1280' "$(knows $LAB_SERVER4)"
mail 'clean mail, IPv6' '250, equal' "$(message clean6 --size 200000)" --host $LAB_SERVER6
check 'the router refused packets of IPv6' some "$(refused Icmp6OutPktTooBigs)"
check 'the subscriber has learnt the MTU of IPv6' 'mtu 1280' "$(knows $LAB_SERVER6)"
in_sub ip route flush cache
in_sub ip -6 route flush cache
mail 'spam' "$SPAM" "$(message spam --size 100000 --plant "$SPAM_TEXT")" --host $LAB_SERVER4
mail 'spam, IPv6' "$SPAM" "$(message spam6 --size 100000 --plant "$SPAM_TEXT")" --host $LAB_SERVER6
check 'no error was taken for a wrong one' 0 "$(counter drop_icmp_error)"
wire_end
