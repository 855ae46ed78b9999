#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What a content profile does with a condemned message: its own text, tempfail, discard, monitor; a
# commit changes it for the next session.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2034 # read by lab_config
LAB_CONTENT='threshold: 5, action: reject, text: "Not from here"'

act_as() { # ACTION: commits it
	sed -i "s/threshold: 5, action: [a-z]*/threshold: 5, action: $1/" "$LAB_CONF"
	check_that "a commit: $1" lab_cli config commit "$LAB_CONF"
}

wire_begin
wire_run
mail 'reject' '550 5.7.1, absent' "$(message reject --plant "$SPAM_TEXT")" --host $LAB_SERVER4
check 'with the text of the profile' 1 "$(grep -c '^1 final 550 5\.7\.1 Not from here (mw-[0-9a-v]\{13\})' "$LAB/client.out")"
act_as tempfail
mail 'tempfail' '451 4.7.1, absent' "$(message tempfail --plant "$SPAM_TEXT")" --host $LAB_SERVER4
act_as discard
mail 'discard: the client is told 250' '250, absent' "$(message discard --plant "$SPAM_TEXT")" --host $LAB_SERVER4
act_as monitor
mail 'monitor: delivered' '250, equal' "$(message monitor --plant "$SPAM_TEXT")" --host $LAB_SERVER4
logged() { grep -q "\"verdict\":\"$1\"" "$LAB/events.jsonl"; }
for verdict in rejected tempfailed discarded monitored; do
	wait_until 60 logged $verdict || :
	check_that "the event log says $verdict" logged $verdict
done
wire_end
