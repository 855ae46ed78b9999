#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Beside a router, who stands on the way? Other traffic does not show the box, by IPv4 and IPv6, with two arms
# and with one. Mail does: a hop of its own, with its address of that side, where TTL is lowered; where it is
# kept, nothing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

trace() { in_sub "$PYTHON" "$ROOT/tests/wire/trace.py" "$@" | tr '\n' ' ' | sed 's/ $//'; }
ways() { # WHAT MAIL4 MAIL6: what is seen of the way of mail
	check "$1: UDP shows the router alone" "$ROUTER4 reached" "$(trace $LAB_CLIENT4 $LAB_SERVER4 udp 33434)"
	check "$1: ... and by IPv6" "$ROUTER6 reached" "$(trace $LAB_CLIENT6 $LAB_SERVER6 udp 33434)"
	check "$1: so does TCP to another port" "$ROUTER4 reached" "$(trace $LAB_CLIENT4 $LAB_SERVER4 tcp 80)"
	check "$1: TCP port 25" "$2" "$(trace $LAB_CLIENT4 $LAB_SERVER4 tcp 25)"
	check "$1: ... and by IPv6" "$3" "$(trace $LAB_CLIENT6 $LAB_SERVER6 tcp 25)"
}
run() { # TOPOLOGY
	LAB_TOPOLOGY=$1
	lab_up
	# An address that every error of the router's leaves with.
	ROUTER4=100.64.1.1 ROUTER6=fd00:64::1
	ip -n "$NS_RTR" addr add $ROUTER6/128 dev r-sub nodad
	ip -n "$NS_RTR" -6 route replace fd77::/64 dev r-sub src $ROUTER6
	lab_spawn listener "$NS_NET" "$PYTHON" -c 'import socket, time
for host, family in (("'$LAB_SERVER4'", socket.AF_INET), ("'$LAB_SERVER6'", socket.AF_INET6)):
    for port in 25, 80:
        s = socket.create_server((host, port), family=family)
        globals()[f"keep{host}{port}"] = s
time.sleep(1e6)'
	wait_until 60 lab_listening 80 "[$LAB_SERVER6]" || die "listener: $(lab_log_tail listener)"
	lab_config
	lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
	ways "$1, ttl lower" "$ROUTER4 192.0.2.2 $ROUTER4 reached" "$ROUTER6 fd00:a::2 $ROUTER6 reached"
	check_that "$1: what was used up is counted" test "$(counter drop_ttl)" -ge 2
	proc_end "$LAB/pids/controlplane"
	proc_end "$LAB/pids/dataplane"
	LAB_DATAPLANE='  ttl: keep'
	lab_config
	unset LAB_DATAPLANE
	lab_start || die "the daemons do not come up again: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
	ways "$1, ttl kept" "$ROUTER4 $ROUTER4 reached" "$ROUTER6 $ROUTER6 reached"
	check "$1: nothing was used up" 0 "$(counter drop_ttl)"
	check_that "$1: the data plane still runs" proc_pid "$LAB/pids/dataplane"
	lab_down
	rm -rf "$LAB"
}

wire_begin
run routed
run single-arm
[ $WIRE_FAILED = 0 ] || exit 1
