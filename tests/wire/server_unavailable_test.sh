#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A server that is down or silent: the client learns it from the network, nothing is queued or
# rerouted, and its own retry goes through once the server is back.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
lab_up
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
file=$(message retried)
lab_send --host $LAB_SERVER4 --timeout-s 3 --message "$file" >"$LAB/client.out" 2>&1 || :
check 'closed port: the server refuses the connection itself' 1 "$(grep -ci 'refused' "$LAB/client.out")"
ip -n "$NS_NET" link set b1 down
lab_send --host $LAB_SERVER4 --timeout-s 3 --message "$file" >"$LAB/client.out" 2>&1 || :
check 'silent server: no greeting comes from us' 0 "$(grep -c '^greeting' "$LAB/client.out" || :)"
ip -n "$NS_NET" link set b1 up
lab_postfix_start
check 'nothing was queued meanwhile' absent "$(lab_stored "$file")"
reachable() { in_sub ping -c 1 -W 1 "$LAB_SERVER4"; }
wait_until 60 reachable || :
mail 'the retry goes through' '250, equal' "$file" --host $LAB_SERVER4
wire_end
