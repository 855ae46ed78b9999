#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Commits of policies, profiles and rules under 50 sessions of mail a second, and commits that fail: no
# session is lost, each has the policy and the profile it began with and the rules in force at its MAIL.
# commit_mail.py tells what each was owed. --seconds N for longer.
# Alone: a load by the clock.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SECONDS_LONG=15 RATE=50
[ "${1:-}" != --seconds ] || SECONDS_LONG=$2
commit_mail() { "$PYTHON" -B "$ROOT/tests/wire/commit_mail.py" "$@"; }
swaps() { lab_ask dataplane.image_swaps status; }
run_said() { sed "s/.*[a-z],\? \([0-9]*\) $1.*/\1/" "$LAB/run.txt"; }
told_of_all() { [ "$(grep -c '"type":"message"' "$LAB/events.jsonl")" -ge "$(run_said messages)" ]; }
empty() { [ "$(counter messages_open) $(counter slabs_used)" = '0 0' ]; }

wire_begin
lab_up
lab_spawn sink "$NS_NET" "$PYTHON" "$ROOT/tests/wire/many_sessions.py" serve $LAB_SERVER4 "$LAB/taken"
wait_until 60 lab_listening 25 || die "server: $(lab_log_tail sink)"
# shellcheck disable=SC2034 # read by scripts/lib/lab.sh
LAB_SESSION='max_recipients: @LIMIT@, error_delay_s: 0, error_delay_step_s: 0' LAB_RULES=$LAB/@SET@.rules
LAB_POLICIES='  - {name: g@GENERATION@, source: any, destination: any, action: inspect, session: internal, content: spam}'
lab_config
mv "$LAB_CONF" "$LAB/template.yaml"
commit_mail first "$LAB" "$LAB/template.yaml" "$LAB_CONF"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
before=$(swaps)
in_sub "$PYTHON" -B "$ROOT/tests/wire/commit_mail.py" run "$LAB" $LAB_SERVER4 "$LAB/template.yaml" "$SECONDS_LONG" $RATE \
	"$(program mailweirctl)" --socket "$LAB_SOCKETS/rpc.sock" >"$LAB/run.txt" || check 'the load comes to an end' yes no
cat "$LAB/run.txt"
wait_until 60 empty || :
check_that 'messages, slabs in use: none' empty
proc_end "$LAB/pids/sink"
wait_until 60 told_of_all || :
commit_mail judge "$LAB" "$LAB/taken" "$LAB/events.jsonl" >"$LAB/judged.txt" || :
said "$LAB/judged.txt"
tail -n 1 "$LAB/judged.txt"
check 'a swap for each commit, none for one that failed' "$(run_said commits)" "$(($(swaps) - before))"
check 'frames the workers lost' '0 0' "$(counter smtp_queue_full) $(counter drop_tx_full)"
wire_end
