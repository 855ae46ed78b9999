#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The host itself, reached through the ports: by those that dataplane.management names, and by no other, which is
# counted; the addresses of traffic ports serve nothing but ping; connections to its port 25 are pickup.local's; a
# flood of it does no harm to mail. Beside a router by IPv4 and IPv6, and in the wire.
# Long: one check behind the other.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

OWN4=203.0.113.10      # a route of the router's leads to it
OWN6=fd00:a::10        # on the link of the first arm: asked for there
FAR6=2001:db8:77::10   # routed, as OWN4
ECHO4=8080 ECHO6=8086  # a server of the host's: nothing of ours knows of it
ODD=198.18.0.1         # an address of the host's that is none of management's

echoed() { "$PYTHON" "$ROOT/scripts/lib/traffic.py" tcp "$1" "$2" "$LAB/sent/file"; } # ADDRESS PORT
# Who answers does so at once; a machine that is busy gets a minute. Nobody answering is waited for two seconds, and
# what shows that it was we who said nothing is the counter.
connects() { timeout "${3:-2}" bash -c "exec 3<>/dev/tcp/$1/$2"; } # ADDRESS PORT [SECONDS]
refuses() { ! "$@"; }
# The counters of a data plane come within half a second, later where the machine is busy.
counts() { # WHAT COUNTER MORE_THAN
	wait_until 60 more_than "$2" "$3" || :
	check_that "$1" more_than "$2" "$3"
}
more_than() { [ "$(counter "$1")" -gt "$2" ]; }
host_serves() { # SERVER ADDRESS PORT
	lab_spawn "$1" "$NS_BOX" "$PYTHON" "$ROOT/scripts/lib/traffic.py" serve "$2" "$3"
	wait_until 60 host_listens "$3" || die "$1: $(lab_log_tail "$1")"
}
host_listens() { in_box ss -ltnH "sport = :$1" | grep -q .; }
host_up() {
	host_serves echo4 0.0.0.0 $ECHO4
	host_serves echo6 :: $ECHO6
	host_serves mail4 0.0.0.0 25
	lab_message "$LAB/sent/file" --size 300000
}
# local_is WORD: a commit.
local_is() {
	sed -i "s|^pickup: .*|pickup: {ports: [25], by_ingress: [{ingress: access, incoming: proxy, outgoing: proxy, local: $1}]}|" "$LAB_CONF"
	check_that "a commit of local: $1" lab_cli config commit "$LAB_CONF"
}

export -f connects
route4() { in_rtr ip route replace $OWN4 via "$1" dev "$2"; }
route6() { in_rtr ip -6 route replace $FAR6 via "$1" dev "$2"; }

# by_first WORD: what the first arm, which management is from, lets by.
by_first() {
	local address
	for address in $OWN4 $OWN6 $FAR6; do
		check_that "$1: $address answers a ping" in_rtr ping -c 2 -i 0.2 -W 20 "$address"
	done
	check "$1: TCP with the host" equal "$(in_rtr "$PYTHON" "$ROOT/scripts/lib/traffic.py" tcp $OWN4 $ECHO4 "$LAB/sent/file")"
	check "$1: TCP with the host, IPv6" equal "$(in_rtr "$PYTHON" "$ROOT/scripts/lib/traffic.py" tcp $OWN6 $ECHO6 "$LAB/sent/file")"
	counts "$1: what the host got is counted" management_received 10
	counts "$1: what it sent, too" management_sent 10
}

by_second() {
	local before
	route4 198.51.100.2 r-b
	route6 fd00:b::2 r-b
	before=$(counter drop_management_port)
	check_that 'by the other arm: no ping' refuses in_rtr ping -c 1 -W 1 $OWN4
	check_that 'by the other arm: none by IPv6' refuses in_rtr ping -c 1 -W 1 $FAR6
	check_that 'by the other arm: no TCP' refuses in_rtr bash -c "connects $OWN4 $ECHO4" 2>/dev/null
	counts 'by the other arm: counted' drop_management_port $((before + 2))
	route4 192.0.2.2 r-a
	route6 fd00:a::2 r-a
}

traffic_ports() {
	local address before
	for address in 192.0.2.2 198.51.100.2; do
		before=$(counter drop_own_address)
		check_that "$address answers a ping" in_rtr ping -c 1 -W 20 $address
		check_that "$address serves nothing" refuses in_rtr bash -c "connects $address $ECHO4" 2>/dev/null
		counts "$address: counted" drop_own_address "$before"
	done
	before=$(counter drop_own_address)
	check_that 'fd00:b::2 serves nothing' refuses in_rtr bash -c "connects fd00:b::2 $ECHO6" 2>/dev/null
	counts 'fd00:b::2: counted' drop_own_address "$before"
}

local_connections() {
	local before
	before=$(counter drop_management_local)
	check_that 'local: off: the host takes no mail' refuses in_rtr bash -c "connects $OWN4 25" 2>/dev/null
	counts 'local: off: counted' drop_management_local "$before"
	local_is on
	check_that 'local: on: the host takes connections to port 25' in_rtr bash -c "connects $OWN4 25 60"
	before=$(counter drop_management_local)
	route4 198.51.100.2 r-b
	check_that 'local: on at one port: not by the other' refuses in_rtr bash -c "connects $OWN4 25" 2>/dev/null
	counts 'local: on at one port: counted at the other' drop_management_local "$before"
	route4 192.0.2.2 r-a
	local_is off
	check_that 'local: off again' refuses in_rtr bash -c "connects $OWN4 25" 2>/dev/null
}

# More and more until it is too much; mail goes on meanwhile. Not as much as the machine can send: a slow one would be
# kept from everything by receiving it.
flood() {
	local rate
	for rate in 15000 30000 60000 1000000; do
		lab_spawn flood "$NS_RTR" "$PYTHON" -c "
import socket, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sent, begin = 0, time.monotonic()
while True:
    while sent > (time.monotonic() - begin) * $rate:
        time.sleep(0.001)
    try:
        sent += 1
        sock.sendto(b'x' * 100, ('$OWN4', 9))
    except OSError:
        pass"
		! wait_until 15 more_than drop_management_rate 0 || break
		proc_end "$LAB/pids/flood"
	done
	mail 'under a flood of the host: clean mail' '250, equal' "$(message under --size 200000)" --host $LAB_SERVER4
	mail 'under a flood of the host: spam' '550 5.7.1, absent' "$(message under-spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
	# The host's come out of the pool by one thread and go back by another: each buffer has its turn.
	counts 'under a flood of the host: it gets more frames than there are buffers' management_received 40000
	proc_end "$LAB/pids/flood"
	counts 'under a flood of the host: too much is dropped' drop_management_rate 0
	wait_until 60 in_rtr ping -c 1 -W 1 $OWN4 || :
	check_that 'behind it the host is there again' in_rtr ping -c 2 -i 0.2 -W 20 $OWN4
}

beside_a_router() {
	LAB_TOPOLOGY=routed
	mkdir -p "$LAB/sent"
	LAB_DATAPLANE="  management: {device: mw-mgmt, addresses: [$OWN4/32, \"$OWN6/64\", \"$FAR6/128\"], from: [before]}"
	wire_run
	in_box ip route add default dev mw-mgmt
	in_box ip -6 route add default dev mw-mgmt
	host_up
	route4 192.0.2.2 r-a
	route6 fd00:a::2 r-a
	by_first 'by the first arm'
	by_second
	traffic_ports
	local_connections
	in_box ip addr add $ODD/32 dev lo
	in_box ping -c 1 -W 1 -I $ODD 192.0.2.1 >/dev/null 2>&1 || :
	counts 'what has another source does not leave' drop_management_source 0
	flood
	check 'mail beside all this was read' 0 "$(counter pass_no_policy_image)"
	lab_down
	rm -rf "$LAB"
}

# The host is one more station on the subscribers' side of the wire.
in_the_wire() {
	local before
	LAB_TOPOLOGY=bridge OWN4=10.77.0.9 OWN6=fd77::9
	mkdir -p "$LAB/sent"
	LAB_DATAPLANE="  management: {addresses: [$OWN4/24, \"$OWN6/64\"], from: [access]}"
	wire_run
	host_up
	check_that 'in the wire: IPv4' in_sub ping -c 2 -i 0.2 -W 20 $OWN4
	check_that 'in the wire: IPv6' in_sub ping -c 2 -i 0.2 -W 20 $OWN6
	check 'in the wire: TCP with the host' equal "$(in_sub "$PYTHON" "$ROOT/scripts/lib/traffic.py" tcp $OWN4 $ECHO4 "$LAB/sent/file")"
	check_that 'in the wire: the host takes no mail' refuses in_sub bash -c "connects $OWN4 25" 2>/dev/null
	check_that 'in the wire: the other side does not find it' refuses in_net ping -c 1 -W 1 $OWN4
	before=$(counter drop_management_port)
	in_net ip neigh replace $OWN4 lladdr "$(in_box cat /sys/class/net/mw-mgmt/address)" dev b1
	check_that 'in the wire: nor one there who knows its MAC' refuses in_net ping -c 1 -W 1 $OWN4
	counts 'in the wire: counted' drop_management_port "$before"
	mail 'in the wire: mail goes on' '250, equal' "$(message bridged)" --host $LAB_SERVER4
	mail 'in the wire: spam is refused' '550 5.7.1, absent' "$(message bridged-spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
}

wire_begin
[ -c /dev/net/tun ] || skip 'no /dev/net/tun'
beside_a_router
in_the_wire
wire_end
