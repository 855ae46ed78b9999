#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Limits of a session profile on connections, messages and recipients, with two workers that both have some
# of them: so many pass, the next is told 421, or 450, by us and its server never hears of it, and what
# ends, or is not taken, makes room for another.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# LAB_* is read by scripts/lib/lab.sh.
# shellcheck disable=SC2034
LAB_POLICIES='  - {name: few, source: 10.77.0.21/32, action: inspect, session: few}
  - {name: rate, source: 10.77.0.22/32, action: inspect, session: rate}
  - {name: total, source: 10.77.0.24/31, action: inspect, session: total}
  - {name: messages, source: 10.77.0.26/32, action: inspect, session: messages}
  - {name: recipients, source: 10.77.0.27/32, action: inspect, session: recipients}
  - {name: sender, source: 10.77.0.28/32, action: inspect, session: sender}
  - {name: others, source: any, action: inspect, session: internal}'
N=12 # connections: all by one of two workers once in 2,048 times

# holder WHAT ADDRESS COUNT [COMMAND]: its answer.
holder() {
	local answer
	printf '%s 10.77.0.%s %s %s\n' "$1" "$2" "$3" "${4:-}" >&"$TO"
	read -r -t 60 answer <&"$FROM" || answer='no answer'
	printf '%s\n' "$answer"
}
# refused WHAT ADDRESS TEXT: one more is told so, with an id.
refused() {
	local told
	told=$(holder open "$2" 1)
	ID=$(grep -o 'mw-[0-9a-v]*' <<<"$told" || echo none)
	check "$1" "0 421 $3, try again later ($ID)" "$told"
}
# all_but_one WHAT ADDRESS COMMAND TEXT: of N + 1 connections that say so one is told no, with an id.
all_but_one() {
	local told
	told=$(holder say "$2" $((N + 1)) "$3")
	ID=$(grep -o 'mw-[0-9a-v]*' <<<"$told" || echo none)
	check "$1" "$N 450 4.7.1 $4 of late, try again later ($ID)" "$told"
}
# both_work WHAT FIRST SECOND: since they had so many connections each worker has had more.
both_work() { check_that "$1" test "$(inspected 0)" -gt "$2" -a "$(inspected 1)" -gt "$3"; }
# inspected WORKER: connections that it read.
inspected() { lab_ask 'counters.name=connections_inspected.value' stats get --worker "$1"; }
explained() { lab_cli explain "$ID" | grep -qF -- "$1"; }
server_heard() { grep -c "[^s]connect from unknown.10.77.0.$1" "$LAB/postfix.log"; }

wire_begin
[ "$(nproc)" -ge 2 ] || skip 'needs two CPUs'
lab_up
lab_postfix_start
lab_config
sed -i -e 's/^  workers: .*/  workers: [0, 1]/' \
	-e "s/^session_profiles:/&\n  few: {client_connections: $N}\n  rate: {client_rate: $N, client_rate_min: 5}\n  total: {total_connections: $N}\n  messages: {client_messages: $N}\n  recipients: {client_recipients: $N}\n  sender: {sender_messages: $N}/" "$LAB_CONF"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
for n in 21 22 23 24 25 26 27 28; do
	ip -n "$NS_SUB" addr add "10.77.0.$n/24" dev a1
done
coproc HOLD { in_sub "$PYTHON" "$ROOT/tests/wire/hold.py" $LAB_SERVER4; }
exec {TO}>&"${HOLD[1]}" {FROM}<&"${HOLD[0]}" # a subshell has not the coprocess's own

check "client_connections: $N pass" "$N" "$(holder open 21 $N)"
check_that 'the first worker has some' test "$(inspected 0)" -gt 0
check_that 'the second, too' test "$(inspected 1)" -gt 0
refused 'one more is refused' 21 '4.7.0 Too many connections at a time'
first=$ID
check 'one ends' 1 "$(holder quit 21 1)"
check 'and another passes' 1 "$(holder open 21 1)"
refused 'but no more' 21 '4.7.0 Too many connections at a time'
check 'another client has its own' 2 "$(holder open 23 2)"
sed "s/client_connections: $N/client_connections: $((N + 2))/" "$LAB_CONF" >"$LAB/raised.yaml"
check_that 'the limit is raised' lab_cli config commit "$LAB/raised.yaml"
check 'two more pass, for those before count on' "2 421" "$(holder open 21 3 | cut -c1-5)"
check 'all end' $((N + 2)) "$(holder quit 21 $((N + 2)))"

check "client_rate: $N pass, which end" "$N $N" "$(holder open 22 $N) $(holder quit 22 $N)"
refused 'one more is refused' 22 '4.7.0 Too many connections of late'
rate=$ID

check "total_connections: $N of two clients pass" "$((N / 2)) $((N / 2))" "$(holder open 24 $((N / 2))) $(holder open 25 $((N / 2)))"
refused 'one more of one is refused' 24 '4.3.2 Too many connections here'
refused 'and of the other' 25 '4.3.2 Too many connections here'
check 'one of the other ends' 1 "$(holder quit 25 1)"
check 'and one of the first passes' 1 "$(holder open 24 1)"

check "without a limit: $((N + 4)) pass" $((N + 4)) "$(holder open 23 $((N + 4)))"
check 'each counted by its limit' '3 1 2 0' \
	"$(counter refused_client_connections) $(counter refused_client_rate) $(counter refused_total_connections) $(counter limit_cells_full)"
connected() { [ "$(server_heard 21)" = $((N + 3)) ] && [ "$(server_heard 22)" = "$N" ]; }
check_that 'the server heard of those that passed' wait_until 60 connected

# Messages and recipients: each connection says what follows, none has its message taken before the last.
for n in 26 27 28; do
	at=("$(inspected 0)" "$(inspected 1)")
	check "$((N + 1)) connections of .$n greet" "$((N + 1)) $((N + 1))" \
		"$(holder open $n $((N + 1))) $(holder say $n $((N + 1)) 'EHLO client.example.com')"
	both_work 'both workers have some' "${at[@]}"
done
mail='MAIL FROM:<sender@example.com>' rcpt='RCPT TO:<inbox@example.net>'
all_but_one "client_messages: $N are open" 26 "$mail" 'Too many messages of this client'
messages=$ID
check 'one is given up' 1 "$(holder say 26 1 RSET)"
check 'and another begins' 1 "$(holder say 26 1 "$mail")"
check "$N recipients" "$N" "$(holder say 26 $N "$rcpt")"
check "$N are sent" "0 354" "$(holder say 26 $N DATA | cut -c1-5)"
check "$N are taken" "$N" "$(holder say 26 $N .)"
check 'and no more' "0 450" "$(holder say 26 2 "$mail" | cut -c1-5)"
check "client_recipients: $((N + 1)) messages" $((N + 1)) "$(holder say 27 $((N + 1)) "$mail")"
all_but_one "... of $N recipients" 27 "$rcpt" 'Too many recipients of this client'
all_but_one "sender_messages: $N are open" 28 "$mail" 'Too many messages of this sender'
check 'another sender has its own' 1 "$(holder say 28 1 RSET | cut -c1)"
check 'which begins' 1 "$(holder say 28 1 'MAIL FROM:<another@example.com>')"
check 'each counted by its limit' '3 1 0 1 0' "$(counter client_messages_refused) $(counter client_recipients_refused) \
$(counter sender_recipients_refused) $(counter sender_messages_refused) $(counter limit_cells_full)"

ID=$first
check_that 'explain: the limit and the value' wait_until 60 explained "the limit is $N, this was $((N + 1))"
check_that 'explain: the policy and its profile' explained 'Policy "few"'
ID=$rate
check_that 'explain: of the rate' explained 'client_rate of their session profile'
ID=$messages
check_that 'explain: of messages' explained 'client_messages of their session profile'
check_that '... and its limit' explained "the limit is $N, this was $((N + 1))"
check 'logged as such' '6 11' "$(grep -c '"classifier":"session_limits".*"code":421' "$LAB/events.jsonl") $(grep -c '"type":"refusal"' "$LAB/events.jsonl")"
exec {TO}>&-
eval "exec ${HOLD[1]}>&-" # the end of its input
wait "$HOLD_PID" || :
wire_end
