#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Ordered policies, first match: pass, inspect, reject, tempfail, drop; no match passes, counted.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# LAB_* is read by scripts/lib/lab.sh.
# shellcheck disable=SC2034
LAB_POLICIES='  - {name: pass, source: 10.77.0.11/32, destination: any, action: pass}
  - {name: reject, source: 10.77.0.12/32, destination: any, action: reject}
  - {name: tempfail, source: 10.77.0.13/32, destination: any, action: tempfail}
  - {name: drop, source: 10.77.0.14/32, destination: any, action: drop}
  - {name: off, enabled: false, source: 10.77.0.15/32, destination: any, action: reject}
  - {name: read, source: 10.77.0.15/32, destination: 10.77.0.0/24, action: inspect, content: spam}
  - {name: six, source: "fd77::/64", destination: any, action: inspect, content: spam}'

wire_begin
wire_run
for n in 11 12 13 14 15 16; do
	ip -n "$NS_SUB" addr add "10.77.0.$n/24" dev a1
done
spam=$(message passed --plant "$SPAM_TEXT")
mail 'pass: spam goes through unread' '250, equal' "$spam" --host $LAB_SERVER4 --bind 10.77.0.11
lab_send --host $LAB_SERVER4 --bind 10.77.0.12 --message "$(message rejected)" --after NOOP >"$LAB/client.out"
check 'reject: greeting' 554 "$(told greeting)"
check 'reject: commands but QUIT get 503' 503 "$(told after)"
check 'reject: QUIT is answered' 221 "$(told quit)"
lab_send --host $LAB_SERVER4 --bind 10.77.0.13 --no-quit --after NOOP --message "$(message deferred)" >"$LAB/client.out"
check 'tempfail: greeting' 421 "$(told greeting)"
lab_send --host $LAB_SERVER4 --bind 10.77.0.14 --timeout-s 3 >"$LAB/client.out"
check 'drop: no answer at all' 'closed unreachable timed out' "$(grep ^closed "$LAB/client.out")"
mail 'inspect behind a disabled policy: clean' '250, equal' "$(message inspected)" --host $LAB_SERVER4 --bind 10.77.0.15
mail 'inspect: spam' '550 5.7.1, absent' "$(message inspected-spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --bind 10.77.0.15
mail 'IPv6 prefix: spam' '550 5.7.1, absent' "$(message six --plant "$SPAM_TEXT")" --host $LAB_SERVER6
mail 'no policy: spam passes' '250, equal' "$(message nobody --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --bind 10.77.0.16
# unit_of REASON: what it counts, and whether its share is one.
unit_of() {
	lab_cli status --json | python3 -c 'import json, sys
row = [r for r in json.load(sys.stdin)["not_scanned"] if r["reason"] == sys.argv[1]][0]
print(row["unit"], 0 < row["share"] <= 1)' "$1"
}
unscanned() { [ "$(lab_ask not_scanned status | tr -dc '0-9\n')" != '' ] && lab_cli status --json | grep -q 'no_policy'; }
wait_until 60 unscanned || :
check_that 'and the status says so' unscanned
check 'as a share of connections' 'connections True' "$(unit_of pass_no_policy)"
matched() { lab_ask "$1" policy match --source "$2" --destination $LAB_SERVER4; }
check 'policy match names the policy' read "$(matched policy 10.77.0.15 || echo nothing)"
check 'and its action' reject "$(matched action 10.77.0.12 || echo nothing)"
check_that 'the refused host never reached the server' sh -c "! grep -q 'connect from unknown.10.77.0.1[234]' $LAB/postfix.log"
wire_end
