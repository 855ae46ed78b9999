#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Window scaling, timestamps and SACK stay in use across the box.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
wire_run
lab_send --host $LAB_SERVER4 --message "$(message open --size 200000)" --hold-s 4 >"$LAB/client.out" &
sending=$!
stored() { grep -q ' final 250' "$LAB/client.out"; }
wait_until 15 stored || :
in_sub ss -tinH 'dport = :25' >"$LAB/ss.txt"
wait $sending
for word in ts sack wscale:; do
	check "$word on the subscriber's socket" yes "$(grep -q "[[:space:]]$word" "$LAB/ss.txt" && echo yes || echo no)"
done
check 'MSS is that of the wire' yes "$(grep -q 'mss:1448' "$LAB/ss.txt" && echo yes || grep -o 'mss:[0-9]*' "$LAB/ss.txt")"
check 'message' 250 "$(outcome 1)"
wire_end
