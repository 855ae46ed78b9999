#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Without hugepages everything works as well. And who wants some waits for another data plane that is about to take its
# own.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
LAB_DATAPLANE='  hugepages: off'
wire_run
check 'status says so' 0 "$(lab_ask dataplane.hugepages status | sed 's/false/0/')"
mail 'clean mail' '250, equal' "$(message clean --size 100000)" --host $LAB_SERVER4
mail 'spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4

proc_end "$LAB/pids/controlplane"
proc_end "$LAB/pids/dataplane"
# With ordinary pages nobody is waited for: the test above ran beside others.
sed -i 's/^  hugepages: off/  hugepages: auto/' "$LAB_CONF"
exec 8>>/run/mailweir-memory.lock
flock 8 # waits itself where another test starts just now
: >"$LAB/dataplane.log"
lab_dataplane_spawn 8>&- # a lock is held by whoever has its descriptor
lab_controlplane_spawn 8>&-
waits() { grep -q 'memory: another data plane starts: it takes its hugepages first' "$LAB/dataplane.log"; }
check_that 'one that starts waits for one that starts' wait_until 60 waits
check 'and is not ready before that' 0 "$(grep -c 'ready:' "$LAB/dataplane.log" || :)"
exec 8>&-
check_that 'then it starts' wait_until 60 lab_ready
mail 'spam again' '550 5.7.1, absent' "$(message again --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
