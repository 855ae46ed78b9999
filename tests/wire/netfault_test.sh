#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The faulty wire that other tests stand on: without faults it carries every frame octet for octet,
# and its faults are what was asked for, the same ones for the same seed.
# Alone: delays and rates.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# A wire between the two ends, without a box.
bare_wire() {
	local ns
	export LAB_FAULTY=before
	mkdir -p "$LAB/pids"
	lab_namespaces
	# Nothing but what the test sends: no neighbour or router is looked for.
	for ns in "$NS_SUB" "$NS_NET"; do
		ip netns exec "$ns" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	done
	lab_cable "$NS_SUB" a1 "$NS_FLT" before-far
	lab_cable "$NS_FLT" before-box "$NS_NET" b1
	ip -n "$NS_SUB" addr add $LAB_CLIENT4/24 dev a1
	ip -n "$NS_NET" addr add $LAB_SERVER4/24 dev b1
	ip -n "$NS_SUB" neigh add $LAB_SERVER4 dev a1 nud permanent lladdr "$(in_net cat /sys/class/net/b1/address)"
	ip -n "$NS_NET" neigh add $LAB_CLIENT4 dev b1 nud permanent lladdr "$(in_sub cat /sys/class/net/a1/address)"
	lab_fault before
}
# arrived FILE: which of 2,000 numbered datagrams come over, in order of arrival.
arrived() {
	in_net "$PYTHON" - "$LAB_SERVER4" "$LAB/listens" "$LAB/over" >"$1" <<'END' &
import os
import pathlib
import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)
sock.bind((sys.argv[1], 25))
sock.settimeout(0.2)
pathlib.Path(sys.argv[2]).touch()
while True:
    over = os.path.exists(sys.argv[3])
    try:
        print(int(sock.recv(2000)))
    except socket.timeout:
        if over:
            break
END
	local sink=$!
	wait_until 60 test -e "$LAB/listens" || die 'no listener'
	in_sub "$PYTHON" - "$LAB_SERVER4" <<'END'
import socket
import sys
import time

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((sys.argv[1], 25))
for number in range(2000):
    sock.send(b"%d" % number)
    if number % 50 == 49:
        time.sleep(0.001)  # no faster than the wire reads
END
	wait_until 60 nothing_under_way || check 'the wire has let out what it held' 'all of 2000' "$(lab_log_tail fault-before)"
	touch "$LAB/over"
	wait $sink || :
	rm -f "$LAB/listens" "$LAB/over"
}
nothing_under_way() {
	kill -USR1 "$(proc_pid "$LAB/pids/fault-before")"
	tail -n 1 "$LAB/fault-before.log" | grep -q '"forth":{"received":2000,.*"under_way":0}$'
}
# milliseconds of the shortest round trip: a busy machine adds some to most, not to all
round_trip() { in_sub ping -q -i 0.1 -c 5 $LAB_SERVER4 | sed -n 's|.* = \([0-9]*\)\..*|\1|p'; }
add_up() { seen=$(round_trip) && [ "$seen" -ge 40 ] && [ "$seen" -lt 60 ]; }
many_megabits() {
	lab_spawn echo "$NS_NET" "$PYTHON" "$ROOT/scripts/lib/traffic.py" serve $LAB_SERVER4 7000
	wait_until 60 lab_listening 7000 || die 'no listener'
	head -c 100000000 /dev/zero >"$LAB/zeros"
	local start
	start=$(date +%s%3N)
	check '100 MB by TCP, there and back' equal "$(in_sub "$PYTHON" "$ROOT/scripts/lib/traffic.py" tcp $LAB_SERVER4 7000 "$LAB/zeros")"
	printf 'both ways at once, %s Mbit/s each\n' $((800000 / ($(date +%s%3N) - start)))
}

wire_begin
program netfault >/dev/null || skip 'netfault is not built'
bare_wire
for set in plain tagged stacked; do
	check_that "frames $set, octet for octet" "$PYTHON" "$ROOT/tests/wire/frames.py" pair "$NS_SUB" a1 "$NS_NET" b1 $set
done
many_megabits
check_that 'it can be asked to stop' lab_fault_end before
check 'and lost nothing of itself' '0 0 0' "$(for what in no_room cut_short unread; do lab_fault_end before forth.$what; done | xargs)"

lab_fault before --delay 30ms,10ms
wait_until 60 add_up || :
check 'the delays of both ways add up' yes "$([ "$seen" -ge 40 ] && [ "$seen" -lt 60 ] && echo yes || echo "$seen ms")"
lab_fault before --seed 5 --loss 10,0
arrived "$LAB/first"
lab_fault before --seed 5 --loss 10,0
arrived "$LAB/second"
lab_fault before --seed 6 --loss 10,0
arrived "$LAB/third"
check 'about a tenth is lost' yes "$(n=$(wc -l <"$LAB/first"); [ "$n" -gt 1700 ] && [ "$n" -lt 1900 ] && echo yes || echo "$n of 2000")"
check_that 'the same seed loses the same' cmp "$LAB/first" "$LAB/second"
check_that 'another seed loses others' sh -c "! cmp '$LAB/first' '$LAB/third'"
lab_fault before --reorder 10 --hold 3ms --duplicate 5
arrived "$LAB/fourth"
check 'all arrive' 2000 "$(sort -nu "$LAB/fourth" | wc -l)"
check_that 'some twice' test "$(wc -l <"$LAB/fourth")" -gt 2050
check_that 'some late' sh -c "! sort -n '$LAB/fourth' | cmp - '$LAB/fourth'"
lab_fault before --loss 100 --port 25 --on tcp
check_that 'what is not of that port passes' in_sub ping -c 1 -W 20 $LAB_SERVER4
[ $WIRE_FAILED = 0 ]
