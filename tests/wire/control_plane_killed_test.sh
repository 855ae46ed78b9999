#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The control plane is killed and started again in a loop under mail: verdicts go on, and the data
# plane's descriptors, mappings, children and memory are afterwards what they were before.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ROUNDS=${WIRE_KILL_ROUNDS:-100}
WARM=3 # rounds before the first count: what is taken once stays

data_pid() { proc_pid "$LAB/pids/dataplane-self"; }
descriptors() { find "/proc/$(data_pid)/fd" -mindepth 1 2>/dev/null | wc -l; }
mappings() { wc -l <"/proc/$(data_pid)/maps"; }
children() { pgrep -c -P "$(data_pid)" || :; }
rss_kb() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$(data_pid)/status"; }

# once FILE-NAME: mail in the background's rhythm, one clean and one spam.
traffic() {
	local n=0 clean spam out
	clean=$(message bg-clean --size 3000) spam=$(message bg-spam --plant "$SPAM_TEXT")
	while [ ! -e "$LAB/stop" ]; do
		n=$((n + 1))
		out=$(lab_send --host $LAB_SERVER4 --message "$clean" --timeout-s 60; lab_send --host $LAB_SERVER4 --message "$spam" --timeout-s 60)
		printf '%s\n' "$out" | awk '/ final / { print $3 }' | tr '\n' ' ' >>"$LAB/traffic"
		printf '\n' >>"$LAB/traffic"
	done
}

detached() { ! proc_pid "$LAB/pids/controlplane" >/dev/null; }
cycle() {
	proc_end "$LAB/pids/controlplane" KILL
	wait_until 60 detached
	lab_controlplane_spawn
	wait_until 60 lab_attached || check "round $1: attached again" yes no
}
settled() { [ "$(lab_version)" = "$VERSION" ]; }

wire_begin
wire_run
proc_record "$LAB/pids/dataplane-self" "$(proc_pid "$LAB/pids/dataplane")"
VERSION=$(lab_version)
traffic &
BACKGROUND=$!
for round in $(seq $WARM); do cycle "$round"; done
# Descriptors come and go with the attachment: count in the same state each time.
before="$(descriptors) $(mappings) $(children)"
rss=$(rss_kb)
for round in $(seq "$ROUNDS"); do cycle "$round"; done
wait_until 60 settled || :
check 'policy version as before' "$VERSION" "$(lab_version)"
same() { [ "$(descriptors) $(mappings) $(children)" = "$before" ]; }
wait_until 60 same || :
check 'descriptors, mappings, children' "$before" "$(descriptors) $(mappings) $(children)"
grown=$(($(rss_kb) - rss))
check 'resident memory has grown by less than 2 MB' yes "$([ $grown -lt 2048 ] && echo yes || echo "$grown kB")"
touch "$LAB/stop"
wait "$BACKGROUND"
check 'every pair of messages got 250 and 550' 0 "$(grep -vc '^250 550 $' "$LAB/traffic" || :)"
check 'there was mail all the time' yes "$([ "$(wc -l <"$LAB/traffic")" -gt 10 ] && echo yes || wc -l <"$LAB/traffic")"
wire_end
