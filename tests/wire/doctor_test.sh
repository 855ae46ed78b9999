#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The self-check says what is wrong with the network around the box, in the wire and beside a router: a policy
# route that is missing, by its direction; mail that goes out past us, by a probe; NAT between clients and us;
# somebody with our address; a loop. And it says nothing where nothing is wrong. The control plane, whose probes
# these are, runs on the subscriber's side.
# Long: some of it is told only after a while.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

command -v nft >/dev/null || skip 'nft is missing'

lab_controlplane_spawn() { lab_spawn controlplane "$NS_SUB" "$(program mailweir-controlplane)" -c "$LAB_CONF"; }

# What is wrong is the exit status, too.
state_of() { { lab_cli doctor --json 2>/dev/null || :; } | "$PYTHON" "$ROOT/scripts/lib/pick.py" "checks.check=$1.$2"; }
is() { [ "$(state_of "$1" state)" = "$2" ]; }             # CHECK STATE
says() { state_of "$1" "$2" | grep -qF -- "$3"; }         # CHECK seen|todo TEXT
finds() { # WHAT CHECK STATE: within a time that a loaded machine has
	wait_until 60 is "$2" "$3" || :
	check "$1" "$3" "$(state_of "$2" state)"
}
knocks() { # NAMESPACE N: connections, each up to its greeting or not, at the same time
	local i
	for ((i = 0; i < $2; i++)); do
		ip netns exec "$1" timeout 15 bash -c "exec 3<>/dev/tcp/$LAB_SERVER4/25 && read -r -t 12 x <&3" 2>/dev/null &
		KNOCKS+=($!)
	done
}
knocked() { wait "${KNOCKS[@]}" 2>/dev/null || :; KNOCKS=(); }

# Another control plane counts anew: what was is over.
afresh() {
	proc_end "$LAB/pids/controlplane"
	lab_controlplane_spawn
	wait_until 60 lab_ready || die "the control plane does not come up: $(lab_log_tail controlplane)"
}

rule() { # add|del WHAT...: the router's
	in_rtr ip rule "$@"
}

at_rest() {
	mail "$1: clean mail arrives" '250, equal' "$(message "clean-$RANDOM")" --host $LAB_SERVER4
	finds "$1: both halves come by" directions ok
	finds "$1: a probe comes by" probes ok
	check "$1: nobody makes one address of many" ok "$(state_of nat state)"
	check_that "$1: nothing is wrong" lab_cli doctor
	check "$1: ... and status warns of nothing" '' "$(lab_cli status | grep -E '^(WARNING|ERROR):' || :)"
}

half_routes() {
	rule del iif r-net ipproto tcp sport 25 lookup 102
	knocks "$NS_SUB" 3
	finds "$1: a server's half that is missing is found" directions error
	knocked
	check_that "$1: ... and its rule named" says directions todo "source port 25 that comes from the side of $LAB_SERVER4"
	check_that "$1: ... and status begins with it" grep -q '^ERROR: *directions' <(lab_cli status)
	check_that "$1: ... and the log says so" wait_until 60 grep -q 'directions: error' "$LAB/controlplane.log"
	check_that "$1: ... and the event log" wait_until 60 grep -q '"type":"check","check":"directions","state":"error"' "$LAB/events.jsonl"
	rule add iif r-net ipproto tcp sport 25 lookup 102
	afresh
	rule del iif r-sub ipproto tcp dport 25 lookup 101
	knocks "$NS_SUB" 3
	finds "$1: a client's half that is missing is found" directions error
	check_that "$1: ... and its rule named" says directions todo "destination port 25 that comes from the side of $LAB_CLIENT4"
	rule del iif r-net ipproto tcp sport 25 lookup 102
	knocked
	finds "$1: mail that goes out past us is found" probes warning
	check_that "$1: ... and said so" says probes seen 'did NOT come by us'
	rule add iif r-sub ipproto tcp dport 25 lookup 101
	rule add iif r-net ipproto tcp sport 25 lookup 102
	finds "$1: ... until it comes by again" probes ok
	afresh
}

# Somebody says that he has our address.
conflict() {
	in_rtr "$PYTHON" - <<'END'
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("r-a", 0))
mac, ip = bytes.fromhex("020000000099"), bytes([192, 0, 2, 2])
arp = bytes.fromhex("0001080006040002") + mac + ip + b"\xff" * 6 + ip
s.send((b"\xff" * 6 + mac + b"\x08\x06" + arp).ljust(60, b"\0"))
END
	finds "$1: somebody with our address is found" address_conflicts error
	check_that "$1: ... by his MAC" says address_conflicts seen '02:00:00:00:00:99'
}

loop() { # TOPOLOGY ARM
	rule add iif "$2" ipproto tcp dport 25 lookup 101 pref 10
	in_sub timeout 3 bash -c "exec 3<>/dev/tcp/$LAB_SERVER4/25" 2>/dev/null || :
	finds "$1: a loop is found" loops error
	rule del iif "$2" ipproto tcp dport 25 lookup 101 pref 10
}

# SYNs of three hosts that differ by nothing but the clocks of their timestamps; by turns, so that each comes again. No
# kernel has these addresses: namespaces share a clock, and a new Linux offsets it for each connection.
clocks() {
	ip netns exec "$WIRE_THIRD" "$PYTHON" - "$ROOT/tests/wire" "$(lab_mac "$WIRE_THIRD" n1)" "$(lab_mac "$NS_SUB" n0)" $LAB_SERVER4 <<'END'
import socket
import struct
import sys
import time

sys.path.insert(0, sys.argv[1])
import raw_tcp

sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(("n1", 0))
macs = [bytes.fromhex(mac.replace(":", "")) for mac in sys.argv[2:4]]
for turn in range(5):
    for host in (12, 13, 14):
        stamp = (host * 300000000 + time.monotonic_ns() // 1000000) % 2**32
        ends = (f"10.99.0.{host}", 30000 + turn, sys.argv[4], 25)
        sock.send(raw_tcp.frame(macs, ends, (stamp, 0), raw_tcp.SYN, options=struct.pack("!BBBBII", 1, 1, 8, 10, stamp, 0)))
END
}

# More hosts come by the subscriber's address, behind an nftables that masquerades: first three of the same system, then
# one of another system without timestamps, as its TTLs tell.
nat() {
	local i host
	WIRE_THIRD=$LAB_NAME-nat
	ip netns add "$WIRE_THIRD"
	lab_cable "$NS_SUB" n0 "$WIRE_THIRD" n1
	ip -n "$NS_SUB" addr add 10.99.0.1/24 dev n0
	ip -n "$WIRE_THIRD" addr add 10.99.0.2/24 dev n1
	ip -n "$WIRE_THIRD" route add default via 10.99.0.1
	in_sub sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	in_sub nft -f - <<'END' || return 0
table ip front {
	chain out {
		type nat hook postrouting priority 100
		oifname "a1" masquerade
	}
}
END
	clocks
	finds "$1: three hosts of one system behind one address are found by their clocks" nat warning
	check_that "$1: ... with the address" says nat seen "$LAB_CLIENT4 3 or more"

	# Without timestamps nobody has a clock.
	for host in "$NS_SUB" "$WIRE_THIRD"; do
		ip netns exec "$host" sh -c 'echo 0 >/proc/sys/net/ipv4/tcp_timestamps'
	done
	ip netns exec "$WIRE_THIRD" sh -c 'echo 128 >/proc/sys/net/ipv4/ip_default_ttl'
	afresh
	finds "$1: nobody says so any more" nat ok
	for ((i = 0; i < 6; i++)); do
		knocks "$NS_SUB" 1
		knocked
		knocks "$WIRE_THIRD" 1
		knocked
	done
	finds "$1: two systems behind one address are found" nat warning
	check_that "$1: ... with the address" says nat seen "$LAB_CLIENT4 2 or more"
	ip netns del "$WIRE_THIRD"
	WIRE_THIRD=
}

run() { # TOPOLOGY [ARM]
	LAB_TOPOLOGY=$1
	mkdir -p "$LAB/sent"
	lab_up
	lab_postfix_start
	lab_config
	printf 'doctor: {probes: [{server: %s, port: 25, source: %s}], every_s: 5}\n' $LAB_SERVER4 $LAB_CLIENT4 >>"$LAB_CONF"
	lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
	at_rest "$1"
	if lab_is_routed; then
		half_routes "$1"
		conflict "$1"
		loop "$1" "$2"
	else
		nat "$1"
	fi
	check_that "$1: what is wrong is its exit status" test "$(lab_cli doctor >/dev/null && echo 0 || echo $?)" = 1
	check_that "$1: the data plane still runs" proc_pid "$LAB/pids/dataplane"
	lab_down
	rm -rf "$LAB"
}

wire_begin
KNOCKS=()
run bridge
run routed r-b
run single-arm r-a
[ $WIRE_CHECKS -gt 0 ] && [ $WIRE_FAILED = 0 ] || exit 1
