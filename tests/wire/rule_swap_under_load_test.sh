#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Rules change again and again under traffic: no frame is lost by it, no message misjudged.
# Alone: a ping every 2 ms.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
wire_run
swaps=$(lab_ask dataplane.image_swaps status)
in_sub ping -i 0.002 -w 15 $LAB_SERVER4 >"$LAB/ping.txt" 2>&1 &
pinging=$!
for round in $(seq 15); do
	id=$(lab_ask id rules add --scope body --score 100 --literal "round $round words") || :
	mail "round $round: clean" '250, equal' "$(message "clean$round" --size 20000)" --host $LAB_SERVER4
	mail "round $round: the rule just added" '550 5.7.1, absent' "$(message "new$round" --plant "round $round words")" --host $LAB_SERVER4
	lab_cli rules del "$id" >/dev/null 2>&1 || check "round $round: rule deleted" yes no
done
wait $pinging || :
check 'images swapped' 30 "$(($(lab_ask dataplane.image_swaps status) - swaps))"
check 'pings lost' '0% packet loss' "$(grep -o '[0-9.]*% packet loss' "$LAB/ping.txt")"
wire_end
