#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What limits in some minutes have counted is known behind a restart of the data plane: killed, stopped in
# good order, killed together with the control plane. A client one short of its limit gets one more and then
# no more; one that had nothing gets all; connections at a time begin anew, for they are gone.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2034 # LAB_* is read by scripts/lib/lab.sh
LAB_POLICIES='  - {name: rate, source: 10.77.0.32/28, action: inspect, session: rate}
  - {name: messages, source: 10.77.0.48/28, action: inspect, session: messages}
  - {name: sender, source: 10.77.0.80/28, action: inspect, session: sender}
  - {name: few, source: 10.77.0.96/28, action: inspect, session: few}
  - {name: others, source: any, action: inspect, session: internal}'
N=4
TOO_MANY='421 4.7.0 Too many connections of late, try again later'
MAIL='MAIL FROM:<sender@example.com>'

# holder WHAT ADDRESS COUNT [COMMAND]: its answer.
holder() {
	local answer
	printf '%s 10.77.0.%s %s %s\n' "$1" "$2" "$3" "${4:-}" >&"$TO"
	read -r -t 60 answer <&"$FROM" || answer='no answer'
	printf '%s\n' "$answer" | sed 's/ (mw-.*//'
}
# mails ADDRESS COUNT: so many messages that are taken, each on a connection of its own.
mails() {
	holder open "$1" "$2" >/dev/null
	for say in 'EHLO client.example.com' "$MAIL" 'RCPT TO:<inbox@example.net>' DATA .; do
		holder say "$1" "$2" "$say"
	done | tail -n 1
	holder quit "$1" "$2" >/dev/null
}
# begun ADDRESS COUNT: how many of so many may begin a message, and what the first other one is told.
begun() {
	holder open "$1" "$2" >/dev/null
	holder say "$1" "$2" 'EHLO client.example.com' >/dev/null
	holder say "$1" "$2" "$MAIL"
	holder quit "$1" "$2" >/dev/null
}
# used ROUND: each of its clients goes to one short of its limit.
used() {
	check "round $1: one short of the rate" "$((N - 1)) $((N - 1))" \
		"$(holder open $((32 + $1)) $((N - 1))) $(holder quit $((32 + $1)) $((N - 1)))"
	check "round $1: one short of the client's messages" $((N - 1)) "$(mails $((48 + $1)) $((N - 1)))"
	check "round $1: one short of the sender's" $((N - 1)) "$(mails $((80 + $1)) $((N - 1)))"
	check "round $1: as many as may be open at a time" $((N)) "$(holder open $((96 + $1)) $N)"
}
# counted_on ROUND: they have one left; one that comes now has all.
counted_on() {
	check "round $1: one more connects, the next is refused" "1 $TOO_MANY" "$(holder open $((32 + $1)) 2)"
	check "round $1: one more message of the client" '1 450 4.7.1 Too many messages of this client of late, try again later' \
		"$(begun $((48 + $1)) 2)"
	check "round $1: one more message of the sender" '1 450 4.7.1 Too many messages of this sender of late, try again later' \
		"$(begun $((80 + $1)) 2)"
	check "round $1: a client that had none has all" "$N $TOO_MANY" "$(holder open $((40 + $1)) $((N + 1)))"
	check "round $1: what is gone is not open any more" "$N" "$(holder open $((96 + $1)) $N)"
	check_that "round $1: all had a cell, none was late" test \
		"$(lab_ask limits.without_cell status) $(lab_ask limits.lost status)" = '0 0'
}
kept() { [ "$(lab_ask limits.kept status)" = "$1" ]; }
told() { grep -c "limits: $1 counts taken over, 0 out of date, 0 without a cell" "$LAB/dataplane.log" || :; }
gone() { ! lab_attached; }
again() {
	wait_until 60 lab_ready || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
}

wire_begin
lab_up
lab_postfix_start
lab_config
sed -i -e "s/^session_profiles:/&\n  rate: {client_rate: $N, client_rate_min: 30}\n  messages: {client_messages: $N, client_rate_min: 30}\n  sender: {sender_messages: $N, sender_rate_min: 30}\n  few: {client_connections: $N}/" "$LAB_CONF"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
for r in 1 2 3 4; do
	for n in 32 40 48 80 96; do
		ip -n "$NS_SUB" addr add "10.77.0.$((n + r))/24" dev a1
	done
done
coproc HOLD { in_sub "$PYTHON" "$ROOT/tests/wire/hold.py" $LAB_SERVER4; }
exec {TO}>&"${HOLD[1]}" {FROM}<&"${HOLD[0]}" # a subshell has not the coprocess's own

used 1 # the data plane is killed
proc_end "$LAB/pids/dataplane" KILL
check_that 'round 1: it is missed' wait_until 60 gone
check_that 'round 1: three counts are kept' wait_until 60 kept 3
lab_dataplane_spawn
again
check 'round 1: three were taken over' '1 3' "$(told 3) $(lab_ask limits.returned status)"
counted_on 1

used 2 # and is stopped in good order
proc_end "$LAB/pids/dataplane" TERM
lab_dataplane_spawn
again
check 'round 2: three more, and that of a client without messages' 1 "$(told 7)"
counted_on 2

used 3 # both are killed, the data plane first
proc_end "$LAB/pids/dataplane" KILL
check_that 'round 3: eleven are kept' wait_until 60 kept 11
proc_end "$LAB/pids/controlplane" KILL
check 'round 3: for nobody else to read' 600 "$(stat -c %a "$LAB/state/limits.counts")"
lab_dataplane_spawn
lab_controlplane_spawn
again
counted_on 3

used 4 # the control plane ends in good order, then the data plane is killed
proc_end "$LAB/pids/controlplane" TERM
proc_end "$LAB/pids/dataplane" KILL
lab_dataplane_spawn
lab_controlplane_spawn
again
counted_on 4
kept_now=$(stat -c %Y "$LAB/state/limits.counts")
check_that 'what is known is written down' test "$kept_now" -gt 0

exec {TO}>&-
eval "exec ${HOLD[1]}>&-" # the end of its input
wait "$HOLD_PID" || :
wire_end
