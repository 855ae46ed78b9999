#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Limits of a session profile on connections, with two workers that both have some of them: so many pass,
# the next is told 421 by us and its server never hears of it, and what ends makes room for another.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# LAB_* is read by scripts/lib/lab.sh.
# shellcheck disable=SC2034
LAB_POLICIES='  - {name: few, source: 10.77.0.21/32, action: inspect, session: few}
  - {name: rate, source: 10.77.0.22/32, action: inspect, session: rate}
  - {name: total, source: 10.77.0.24/31, action: inspect, session: total}
  - {name: others, source: any, action: inspect, session: internal}'
N=12 # connections: all by one of two workers once in 2,048 times

# holder WHAT ADDRESS COUNT: its answer.
holder() {
	local answer
	printf '%s 10.77.0.%s %s\n' "$@" >&"$TO"
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
	-e "s/^session_profiles:/&\n  few: {client_connections: $N}\n  rate: {client_rate: $N, client_rate_min: 5}\n  total: {total_connections: $N}/" "$LAB_CONF"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
for n in 21 22 23 24 25; do
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
check_that 'the server heard of those that passed' wait_until 5 connected

ID=$first
check_that 'explain: the limit and the value' wait_until 5 explained "the limit is $N, this was $((N + 1))"
check_that 'explain: the policy and its profile' explained 'Policy "few"'
ID=$rate
check_that 'explain: of the rate' explained 'client_rate of their session profile'
check 'logged as such' '6 6' "$(grep -c '"classifier":"session_limits".*"code":421' "$LAB/events.jsonl") $(grep -c '"type":"refusal"' "$LAB/events.jsonl")"
exec {TO}>&-
eval "exec ${HOLD[1]}>&-" # the end of its input
wait "$HOLD_PID" || :
wire_end
