#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Reputation of addresses: over its thresholds a sender is throttled at so many messages of the clock hour,
# put off, refused; each by its own reply, and each told in the log with score and threshold. An operator
# clears one, blocks and exempts. IPv4 and IPv6.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# LAB_* is read by scripts/lib/lab.sh.
# shellcheck disable=SC2034
LAB_POLICIES='  - {name: refuse, source: 10.77.0.52/32, action: inspect, session: refuse, content: spam}
  - {name: late, source: 10.77.0.53/32, action: inspect, session: late, content: spam}
  - {name: watched, source: 10.77.0.54/32, action: inspect, session: watched, content: spam}
  - {name: others, source: any, action: inspect, session: internal, content: spam}'
NO_DELAY='error_delay_s: 0, error_delay_step_s: 0, max_errors: 0, max_recipient_errors: 0'
LAB_SESSION="sender_reputation: {action: reject, throttle_at: 15, throttle_messages: 2, tempfail_at: 55, reject_at: 80}, $NO_DELAY"

server_of() { if [ "${1#*:}" != "$1" ]; then echo $LAB_SERVER6; else echo $LAB_SERVER4; fi; }
COUNT=0
# sends ADDRESS ARGUMENTS...: one message; prints what it came to: the greeting's code, MAIL's, or the message's.
sends() {
	local address=$1 file
	COUNT=$((COUNT + 1))
	file=$(message "m$COUNT-$RANDOM" "${@:2}")
	in_sub "$PYTHON" "$ROOT/scripts/lib/smtp_client.py" --host "$(server_of "$address")" --bind "$address" --message "$file" >"$LAB/client.out" || :
	if [ "$(told greeting)" != 220 ]; then
		told greeting
	elif [ "$(awk '$2 == "mail" { print $3; exit }' "$LAB/client.out")" != 250 ]; then
		awk '$2 == "mail" { print "mail", $3; exit }' "$LAB/client.out"
	else
		outcome 1
	fi
}
spam() { sends "$1" --plant "$SPAM_TEXT"; }
scored() { [ "$(lab_ask entries.0.score senders get "$1" || echo 0)" = "$2" ]; }
score_is() { wait_until 60 scored "$1" "$2" || check "score of $1" "$2" "$(lab_ask entries.0.score senders get "$1" || echo none)"; } # ADDRESS SCORE

wire_begin
lab_up
lab_postfix_start
lab_config
sed -i "s/^session_profiles:/&\n  refuse: {sender_reputation: {action: reject, throttle_at: 0, tempfail_at: 0, reject_at: 50}, $NO_DELAY}\n  late: {sender_reputation: {action: reject, throttle_at: 0, tempfail_at: 0, reject_at: 50}, refuse_at: rcpt, $NO_DELAY}\n  watched: {sender_reputation: {action: monitor, throttle_at: 0, tempfail_at: 0, reject_at: 50}, $NO_DELAY}/" "$LAB_CONF"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
for n in 51 52 53 54 55; do
	ip -n "$NS_SUB" addr add "10.77.0.$n/24" dev a1
done
ip -n "$NS_SUB" addr add fd77:5::1/64 dev a1 nodad
lab_subscribers fd77:5::/64

# Throttled: 2 of spam are a score of 33; what is accepted lowers it to 29, then 25: over 15 all the time.
for n in 1 2; do
	check "throttle: spam $n" '550 5.7.1' "$(spam 10.77.0.51)"
done
score_is 10.77.0.51 33
for n in 1 2; do
	check "throttle: message $n of the hour" 250 "$(sends 10.77.0.51)"
done
score_is 10.77.0.51 25
check 'throttle: one more' 'mail 450' "$(sends 10.77.0.51)"
check_that 'throttle: it is told when the hour is over' grep -q 'in this hour, try again in [1-6]\?[0-9] minutes\? (mw-' "$LAB/client.out"
lab_cli senders clear 10.77.0.51 >/dev/null || check 'senders clear' yes no
cleared() { [ "$(sends 10.77.0.51)" = 250 ]; }
wait_until 60 cleared || check 'throttle: cleared, it sends' yes no

# Put off: 5 of spam are 56.
for n in 1 2 3 4 5; do
	check "tempfail: spam $n" '550 5.7.1' "$(spam fd77:5::1)"
done
score_is fd77:5::1 56
check 'tempfail: in the greeting' 421 "$(sends fd77:5::1)"

# Refused, at the two places.
for address in 10.77.0.52 10.77.0.53 10.77.0.54; do
	for n in 1 2 3 4 5; do
		check "reject: $address: spam $n" '550 5.7.1' "$(spam $address)"
	done
	score_is $address 56
done
check 'reject: in the greeting' 554 "$(sends 10.77.0.52)"
check 'reject: at RCPT' 'no reply' "$(sends 10.77.0.53 | sed 's/^.*$/no reply/')"
check 'reject: what RCPT is told' '550 5.7.1' "$(awk '$2 == "rcpt" { print $3, $4; exit }' "$LAB/client.out")"
check 'monitor: it still sends' 250 "$(sends 10.77.0.54)"
told_so() { grep -q "sender_reputation\|reputation_sender" "$LAB/events.jsonl"; }
wait_until 60 told_so || check 'it is told in the log' yes no

# An operator's lists.
check 'before it is listed' 250 "$(sends 10.77.0.55)"
lab_cli senders block 10.77.0.55 >/dev/null || check 'senders block' yes no
stopped() { [ "$(sends 10.77.0.55)" = 554 ]; }
wait_until 60 stopped || check 'on the blocklist' 554 "$(sends 10.77.0.55)"
lab_cli senders exempt 10.77.0.55 >/dev/null || check 'senders exempt' yes no
released() { [ "$(sends 10.77.0.55)" = 250 ]; }
wait_until 60 released || check 'exempt' 250 "$(sends 10.77.0.55)"
wire_end
