#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The data plane is killed under mail and started again: how long the wire was cut is printed;
# sessions go on; nothing unread is taken by the server but on connections that began before the
# policy was in force again, and their segments are counted.
# Alone: how long the wire is cut.
set -euo pipefail
. "$(dirname "$0")/lib.sh"


wire_begin
lab_up
lab_spawn sink "$NS_NET" "$PYTHON" "$ROOT/tests/wire/many_sessions.py" serve $LAB_SERVER4 "$LAB/taken"
wait_until 60 lab_listening 25 || die "server: $(lab_log_tail sink)"
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
lab_spawn ping "$NS_SUB" ping -D -n -i 0.02 $LAB_SERVER4
in_sub "$PYTHON" "$ROOT/tests/wire/many_sessions.py" send $LAB_SERVER4 "$LAB/asked" --sessions 2000 --parallel 20 \
	--spam "$SPAM_TEXT" --spam-every 2 &
clients=$!
under_way() { [ "$(counter messages_clean)" -gt 100 ]; }
wait_until 60 under_way || check 'mail is under way' yes no
killed_ms=$(date +%s%3N)
proc_end "$LAB/pids/dataplane" KILL
lab_dataplane_spawn
wait_until 60 lab_ready || check 'attached again' yes no
ready=$(date +%s.%N)
ready_ms=$(date +%s%3N)
read_again() { [ "$(counter messages_rejected)" -gt 100 ]; }
wait_until 60 read_again || check 'mail is read again' yes no
wait $clients || check 'the clients come to an end' yes no
unread=$(($(counter pass_midstream) + $(counter pass_no_policy_image)))
proc_end "$LAB/pids/ping" INT
proc_end "$LAB/pids/sink"
printf 'the wire was cut for %s ms; the policy was in force %s ms behind the kill; %s segments passed unread\n' \
	"$(sed -n 's/^\[\([0-9.]*\)\].*time=.*/\1/p' "$LAB/ping.log" | awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { printf "%d", most * 1000 }')" \
	$((ready_ms - killed_ms)) "$unread"
"$PYTHON" "$ROOT/tests/wire/many_sessions.py" judge "$LAB/asked" "$LAB/taken" --unread-until "$ready" >"$LAB/judged.txt" || :
sed -n '/^condemned/p' "$LAB/judged.txt"
# A message whose verdict or reply died with the process is its client's to send again.
said <(grep -v 'clean messages are told 250\|anything else is not' "$LAB/judged.txt")
check_that 'what passed unread was counted' test "$unread" -gt 0
wire_end
