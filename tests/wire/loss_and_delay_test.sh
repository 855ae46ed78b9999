#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Loss, reorder, duplication and delay, before the box and behind it, small segments and small
# windows: verdicts and bytes stay right. --size OCTETS for longer messages.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=${2:-120000}
SPAM='550 5.7.1, absent'
number=0
# pair WHAT ARGUMENTS...: one clean and one condemned message.
pair() {
	local what=$1
	shift
	number=$((number + 1))
	mail "clean: $what" '250, equal' "$(message "clean$number" --size "$SIZE" --seed $number)" --timeout-s 60 "$@"
	mail "spam: $what" "$SPAM" "$(message "spam$number" --size "$SIZE" --seed $number --plant "$SPAM_TEXT")" --timeout-s 60 "$@"
}
calm() {
	lab_fault before
	lab_fault behind
}

export LAB_FAULTY='before behind'
wire_begin
program netfault >/dev/null || skip 'netfault is not built'
wire_run
for side in before behind; do
	lab_fault $side --seed 3 --loss 2 --port 25
	pair "loss $side the box" --host $LAB_SERVER4
	check_that "frames were lost $side the box" test "$(lab_fault_end $side forth.dropped)" -gt 0
	lab_fault $side --seed 4 --reorder 10 --hold 2ms --port 25
	pair "reorder $side the box" --host $LAB_SERVER4
	check_that "frames were late $side the box" test "$(lab_fault_end $side forth.held)" -gt 0
	lab_fault $side --seed 5 --duplicate 20 --port 25
	pair "duplicates $side the box" --host $LAB_SERVER6
	lab_fault $side --seed 6 --corrupt 2 --port 25
	pair "wrong octets $side the box" --host $LAB_SERVER4
	calm
done
lab_fault before --delay 20ms
lab_fault behind --delay 5ms
pair 'delay, BDAT' --host $LAB_SERVER4 --bdat 20000
lab_fault before --seed 7 --delay 10ms --loss 1 --reorder 3 --duplicate 3 --port 25
lab_fault behind --seed 8 --delay 10ms --loss 1 --reorder 3 --duplicate 3 --port 25
pair 'all of it' --host $LAB_SERVER4
calm
SIZE=20000
for mss in 536 88; do
	in_sub ip route change 10.77.0.0/24 dev a1 src $LAB_CLIENT4 advmss $mss
	in_net ip route change 10.77.0.0/24 dev b1 src $LAB_SERVER4 advmss $mss
	pair "segments of $mss octets" --host $LAB_SERVER4
	lab_fault before --seed 9 --loss 1 --reorder 3 --port 25
	pair "segments of $mss octets, loss" --host $LAB_SERVER4
	lab_fault before
done
check 'retained bytes are given back' yes "$(freed() { [ "$(counter slabs_used)" = 0 ] && [ "$(counter messages_open)" = 0 ]; }; wait_until 60 freed && echo yes || echo "$(counter slabs_used) slabs")"
wire_end
