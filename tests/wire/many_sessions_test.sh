#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Many small sessions, 50 at a time, while frames are lost and reordered each way: every message
# arrives intact or is refused whole, and flows, slabs, messages and packet buffers are in the end as
# many as at the start. --sessions N for more than a few (10,000 take some minutes), --loss, --reorder.
# Long: a link that loses frames.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SESSIONS=400 LOSS=3 REORDER=5
while [ $# -gt 0 ]; do
	case $1 in
	--sessions) SESSIONS=$2 ;;
	--loss) LOSS=$2 ;;
	--reorder) REORDER=$2 ;;
	*) die "usage: $0 [--sessions N] [--loss PERCENT] [--reorder PERCENT]" ;;
	esac
	shift 2
done

gauges() {
	local name
	for name in flows slabs_used messages_open; do printf '%s ' "$(counter $name)"; done
}
# A frame may have been under way when they were first counted, so there may be fewer now.
as_at_start() { [ "$(gauges)" = "$START" ] && [ "$(counter packet_buffers)" -le "$BUFFERS" ]; }
many() { "$PYTHON" "$ROOT/tests/wire/many_sessions.py" "$@"; }
lost() { lab_fault_end before "$1.dropped"; }

export LAB_FAULTY='before behind'
wire_begin
program netfault >/dev/null || skip 'netfault is not built'
lab_up
lab_spawn sink "$NS_NET" "$PYTHON" "$ROOT/tests/wire/many_sessions.py" serve $LAB_SERVER4 "$LAB/taken"
wait_until 60 lab_listening 25 || die "server: $(lab_log_tail sink)"
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
# Those that the ports hold: told twice a second, and one port may have its own before the other.
buffers_rest() {
	local now
	now=$(counter packet_buffers)
	[ "$now" = "$BUFFERS" ] || SAME=0
	BUFFERS=$now SAME=$((SAME + 1))
	[ "$now" -gt 0 ] && [ "$SAME" -gt 10 ]
}
BUFFERS=0 SAME=0
wait_until 60 buffers_rest || :
START=$(gauges)
lab_fault before --seed 11 --loss "$LOSS" --reorder "$REORDER" --hold 3ms --port 25
lab_fault behind --seed 12 --loss "$LOSS" --reorder "$REORDER" --hold 3ms --port 25
in_sub "$PYTHON" "$ROOT/tests/wire/many_sessions.py" send $LAB_SERVER4 "$LAB/asked" --sessions "$SESSIONS" \
	--parallel 50 --spam "$SPAM_TEXT" || check 'the clients come to an end' yes no
wait_until 100 as_at_start || :
check 'flows, slabs, messages as at the start' "$START" "$(gauges)"
check_that 'no more packet buffers than at the start' as_at_start
proc_end "$LAB/pids/sink"
many judge "$LAB/asked" "$LAB/taken" >"$LAB/judged.txt" || :
said "$LAB/judged.txt"
check_that 'frames were lost on the wire before the box' test "$(lost forth)" -gt $((SESSIONS / 10))
wire_end
