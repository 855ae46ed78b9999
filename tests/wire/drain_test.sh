#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A drain in the wire: new connections get 421 or pass unread, as control.drain_new or --new says; the open session in
# the middle of its message ends well; at the deadline of control.drain_wait_s what still needs us is ended; --undo
# brings back what was before. `status` shows it all.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

state_is() { [ "$(lab_ask state drain --show)" = "$1" ]; }
told_now() { # NAME: what the greeting, else the end of a message, was
	lab_send --message "$(message "$1" --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --timeout-s 60 >"$LAB/client.out"
	local greeting
	greeting=$(told greeting)
	if [ "$greeting" = 220 ]; then outcome 1; else printf '%s\n' "$greeting"; fi
}
begin() { # NAME SECONDS_MOST: a message in its middle
	message "$1" --size 100000 >/dev/null
	in_sub "$PYTHON" "$ROOT/tests/wire/slow_message.py" $LAB_SERVER4 "$LAB/sent/$1" "$LAB/$1.begun" "$LAB/$1.go" >"$LAB/$1.out" 2>&1 &
	OPENED=$!
	wait_until 60 test -e "$LAB/$1.begun" || die "$1: not begun: $(cat "$LAB/$1.out")"
}

wire_begin
LAB_CONTROL='  drain_new: refuse
  drain_wait_s: 3'
wire_run
check 'no drain: spam is refused' '550 5.7.1' "$(told_now before)"
check 'and none is shown' off "$(lab_ask state drain --show)"

begin held
lab_cli drain --wait 10m --json >"$LAB/drain.json" &
waiter=$!
wait_until 60 state_is waiting || check 'the drain waits' waiting "$(lab_ask state drain --show)"
one_left() { [ "$(lab_ask connections drain --show)" = 1 ]; }
wait_until 60 one_left || check 'for one connection' 1 "$(lab_ask connections drain --show)"
check 'the metric agrees' 1 "$(counter connections_bound)"
check 'a new connection gets 421' 421 "$(told_now refused)"
check_that '... and it is counted' test "$(counter refused_draining)" -ge 1
check_that 'status shows it' bash -c "'$(program mailweirctl)' status --socket '$LAB_SOCKETS/rpc.sock' | grep -q '^DRAIN: *waiting for 1 connection; .*ARE REFUSED'"
: >"$LAB/held.go"
wait $OPENED || :
check 'the open session ends well' '250, equal' "$(cut -c1-3 "$LAB/held.out"), $(lab_stored "$LAB/sent/held")"
wait $waiter || check 'drain --wait ends with 0' 0 $?
check 'and says so' drained "$("$PYTHON" "$ROOT/scripts/lib/pick.py" state <"$LAB/drain.json")"

lab_cli drain --new pass >/dev/null
check 'changed on the way: a new connection passes unread' 250 "$(told_now passed)"
check_that '... and it is counted' test "$(counter pass_draining)" -ge 1
check 'undone' off "$(lab_ask state drain --undo)"
check 'spam is refused again' '550 5.7.1' "$(told_now again)"

begin late
lab_cli drain >/dev/null
wait_until 60 state_is drained || check 'the configured deadline ends it' drained "$(lab_ask state drain --show)"
check_that 'what still needed us was let go or reset' test $(($(counter reset_drain) + $(counter pass_draining))) -ge 2
: >"$LAB/late.go"
wait $OPENED || :
lab_cli drain --undo >/dev/null
for words in '--undo --show' '--undo --wait 1s' '--new later' '--wait 8d'; do
	# shellcheck disable=SC2086 # words
	check_that "no such drain: $words" bash -c "! '$(program mailweirctl)' drain $words --socket '$LAB_SOCKETS/rpc.sock'"
done
wire_end
