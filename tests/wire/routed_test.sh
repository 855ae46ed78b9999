#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Beside a router that sends it the mail of both directions: clean mail arrives, spam is refused, by IPv4 and
# IPv6, with two arms and with one; the server sees the subscriber's own address; other traffic does not come by.
# The box answers for its addresses. Where the router sends our own packets back to us, they come to an end, are
# counted, and go on when the router is right again.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

to() { # WHAT SERVER CLIENT
	mail "$1: clean mail arrives" '250, equal' "$(message "clean-$2")" --host "$2" --bind "$3"
	mail "$1: spam is refused" '550 5.7.1, absent' "$(message "spam-$2" --plant "$SPAM_TEXT")" --host "$2" --bind "$3"
	check_that "$1: the server saw the subscriber's address" grep -qF "connect from unknown[$3]" "$LAB/postfix.log"
}

# loops TOPOLOGY ARM: what comes back from us by that arm the router sends to us again.
loops() {
	local before after
	before=$(counter rx_packets)
	in_rtr ip rule add iif "$2" ipproto tcp dport 25 lookup 101 pref 10
	in_sub timeout 3 bash -c "exec 3<>/dev/tcp/$LAB_SERVER4/25" 2>/dev/null || :
	after=$(counter rx_packets)
	check_that "$1: a loop is found" test "$(counter drop_loop)" -gt 0
	check_that "$1: ... and is no storm" test $((after - before)) -lt 60
	in_rtr ip rule del iif "$2" ipproto tcp dport 25 lookup 101 pref 10
	mail "$1: mail goes on behind it" '250, equal' "$(message behind)" --host $LAB_SERVER4
}

run() { # TOPOLOGY ARM
	LAB_TOPOLOGY=$1
	mkdir -p "$LAB/sent"
	wire_run
	check_that "$1: an address of ours answers a ping" in_rtr ping -c 2 -i 0.2 -W 20 192.0.2.2
	check_that "$1: ... and by IPv6" in_rtr ping -c 2 -i 0.2 -W 20 fd00:a::2
	check_that "$1: other traffic goes straight" in_sub ping -c 3 -i 0.2 -W 20 $LAB_SERVER4
	check "$1: ... and not by us" 0 "$(counter forwarded_packets)"
	to "$1, IPv4" $LAB_SERVER4 $LAB_CLIENT4
	to "$1, IPv6" $LAB_SERVER6 $LAB_CLIENT6
	check "$1: all of it was read" 0 "$(counter pass_no_policy_image)"
	loops "$1" "$2"
	check_that "$1: the data plane still runs" proc_pid "$LAB/pids/dataplane"
	lab_down
	rm -rf "$LAB"
}

wire_begin
run routed r-b
run single-arm r-a
[ $WIRE_FAILED = 0 ] || exit 1
