#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A configuration that cannot be used at the control plane's start: the last good revision stays in
# force; where there is none, everything passes; and the status says so either way.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

errors() { lab_cli status --json | "$PYTHON" -c 'import json, sys; print(len(json.load(sys.stdin)["config"]["errors"]))'; }
both_again() {
	proc_end "$LAB/pids/controlplane" KILL
	proc_end "$LAB/pids/dataplane" KILL
	lab_dataplane_spawn
	lab_controlplane_spawn
}

wire_begin
wire_run
mail 'the good configuration: spam' '550 5.7.1, absent' "$(message good --plant "$SPAM_TEXT")" --host $LAB_SERVER4
sed -i 's/action: inspect/action: inspekt/' "$LAB_CONF"
both_again
wait_until 60 lab_ready || :
check 'a spoilt one: errors and state in the status' '1 last_good' "$(errors) $(lab_ask config.state status)"
mail 'the last good revision holds: spam' '550 5.7.1, absent' "$(message last --plant "$SPAM_TEXT")" --host $LAB_SERVER4
mail 'and clean mail passes' '250, equal' "$(message clean)" --host $LAB_SERVER4
proc_end "$LAB/pids/controlplane" KILL
rm -rf "$LAB/state"
mkdir "$LAB/state"
both_again
wait_until 60 lab_attached || :
check 'a spoilt one and no good one: errors and state' '1 pass_everything' "$(errors) $(lab_ask config.state status)"
check_that 'the log is loud about it' grep -E 'mailweir-controlplane: (err|warning): .*inspekt' "$LAB/controlplane.log"
reachable() { in_sub ping -c 1 -W 1 "$LAB_SERVER4"; }
wait_until 60 reachable || :
mail 'everything passes: spam' '250, equal' "$(message passes --plant "$SPAM_TEXT")" --host $LAB_SERVER4
sed -i 's/action: inspekt/action: inspect/' "$LAB_CONF"
check_that 'a commit of the mended one' lab_cli config commit "$LAB_CONF"
mail 'and spam is refused again' '550 5.7.1, absent' "$(message mended --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
