#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Many sessions at once by Postfix's own load generator: every message arrives, every spam is
# refused, and afterwards nothing is left in the tables.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

MESSAGES=100
PARALLEL=20
gauges() { printf '%s %s %s\n' "$(counter flows)" "$(counter messages_open)" "$(counter slabs_used)"; }
empty() { [ "$(gauges)" = '0 0 0' ]; }
count() { "$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" count; }
load() { in_sub timeout 120 smtp-source -s $PARALLEL -m $MESSAGES -l "$1" -f sender@example.com -t inbox@example.net -S "${2:-a letter}" $LAB_SERVER4:25; }

wire_begin
command -v smtp-source >/dev/null || skip 'no smtp-source'
wire_run
check_that "$MESSAGES messages of 4 kB, $PARALLEL at once" load 4096
wait_until 60 lab_queue_empty || :
check 'all are there' $MESSAGES "$(count)"
check_that "$MESSAGES messages of 50 kB, $PARALLEL at once" load 50000
wait_until 60 lab_queue_empty || :
check 'all are there' $((2 * MESSAGES)) "$(count)"
load 4096 condemned-by-header >"$LAB/load.log" 2>&1 || :
wait_until 60 lab_queue_empty || :
check 'none of the spam is' $((2 * MESSAGES)) "$(count)"
# smtp-source gives up at the first refusal.
check_that "the server was cut off in spam" grep -q "lost connection after DATA" "$LAB/postfix.log"
wait_until 60 empty || :
check 'flows, messages, slabs in use' '0 0 0' "$(gauges)"
check 'frames the workers lost' '0 0' "$(counter smtp_queue_full) $(counter drop_tx_full)"
wire_end
