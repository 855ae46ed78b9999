#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Rules change again and again under traffic: no frame is lost by it, no message misjudged.
# Alone: a ping every 2 ms.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
wire_run
swaps=$(lab_ask dataplane.image_swaps status)
lab_spawn ping "$NS_SUB" ping -n -i 0.002 $LAB_SERVER4
for round in $(seq 15); do
	id=$(lab_ask id rules add --scope body --score 100 --literal "round $round words") || :
	mail "round $round: clean" '250, equal' "$(message "clean$round" --size 20000)" --host $LAB_SERVER4
	mail "round $round: the rule just added" '550 5.7.1, absent' "$(message "new$round" --plant "round $round words")" --host $LAB_SERVER4
	lab_cli rules del "$id" >/dev/null 2>&1 || check "round $round: rule deleted" yes no
done
proc_end "$LAB/pids/ping" INT
check 'images swapped' 30 "$(($(lab_ask dataplane.image_swaps status) - swaps))"
# Those under way when it ended are not lost: numbers missing below the last that came back.
sed -n 's/.*icmp_seq=\([0-9]*\) .*time=.*/\1/p' "$LAB/ping.log" | sort -nu >"$LAB/came.txt"
check_that 'pings went through all of it' test "$(wc -l <"$LAB/came.txt")" -gt 1000
check 'pings lost' 0 "$(($(tail -n 1 "$LAB/came.txt") - $(wc -l <"$LAB/came.txt")))"
wire_end
