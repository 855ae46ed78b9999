#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two workers: a port's one queue is read by one of them, connections belong to either, segments are
# handed over; verdicts, bytes and counters are what they are with one.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
[ "$(nproc)" -ge 2 ] || skip 'needs two CPUs'
lab_up
lab_postfix_start
lab_config
sed -i 's/^  workers: .*/  workers: [0, 1]/' "$LAB_CONF"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane)"
for n in $(seq 8); do
	mail "clean, connection $n" '250, equal' "$(message "clean$n" --size 50000 --seed "$n")" --host $LAB_SERVER4
	mail "spam, connection $n" '550 5.7.1, absent' "$(message "spam$n" --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --cut "$SPAM_TEXT"
done
mail 'BDAT, IPv6' '250, equal' "$(message six --size 500000)" --host $LAB_SERVER6 --bdat 60000
check 'connections counted by both workers together' 17 "$(counter connections_inspected)"
check_that 'segments were handed over' test "$(counter smtp_handed_over)" -gt 0
check 'none was lost on the way' '0 0' "$(counter smtp_inbox_full) $(counter smtp_queue_full)"
wire_end
