#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A subscriber is known by name, whatever address it has today: it sends spam until it is over the trigger,
# is refused, comes back under another address and is still refused; who gets its old address sends freely;
# when its time is over it may send again. Lists of the operator do what they say; monitor refuses nothing.
# By IPv4 and IPv6, accounting by radclient.
# Long: a block lasts a minute.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# LAB_* is read by scripts/lib/lab.sh.
# shellcheck disable=SC2034
LAB_POLICIES='  - {name: watched, source: 10.77.0.48/29, action: inspect, session: watched, content: spam}
  - {name: internal, source: any, action: inspect, session: internal, content: spam}'
LAB_SESSION='endpoint_reputation: {action: reject, trigger: 2, duration_min: 1}, error_delay_s: 0, error_delay_step_s: 0'

# account STATUS SUBSCRIBER SESSION ATTRIBUTE...: a NAS tells of a session and is answered.
account() {
	printf '%s\n' "Acct-Status-Type=$1" "Calling-Station-Id=$2" "Acct-Session-Id=$3" NAS-Identifier=ggsn "${@:4}" |
		in_box radclient -q -r 3 -t 1 127.0.0.1:1813 acct accounting-secret >>"$LAB/radclient.log" 2>&1 ||
		check "accounting of $2 is acknowledged" yes no
}
join() { account Start "$1" "$1-$2" "$(address_attribute "$2")"; } # SUBSCRIBER ADDRESS
leave() { account Stop "$1" "$1-$2" "$(address_attribute "$2")"; }
address_attribute() {
	case $1 in
	*:*) printf 'Framed-IPv6-Prefix=%s/64\n' "${1%::*}::" ;;
	*) printf 'Framed-IP-Address=%s\n' "$1" ;;
	esac
}
server_of() { if [ "${1#*:}" != "$1" ]; then echo $LAB_SERVER6; else echo $LAB_SERVER4; fi; }
# sends WHAT EXPECTED ADDRESS ARGUMENTS...: one message from there; EXPECTED is the last reply to it.
COUNT=0
sends() {
	local what=$1 expected=$2 address=$3
	COUNT=$((COUNT + 1))
	lab_send --host "$(server_of "$address")" --bind "$address" --message "$(message "m$COUNT" "${@:4}")" >"$LAB/client.out" || :
	check "$what" "$expected" "$(if [ "$(told greeting)" = 220 ]; then outcome 1; else told greeting; fi)"
}
spam() { sends "$1" "$2" "$3" --plant "$SPAM_TEXT" "${@:4}"; }
# A multimedia message on its way by MM3 is mail, with a line or two of its own.
MMS=(--header 'X-Mms-Message-Class: Personal' --header 'X-Mms-Message-ID: 1@mms.example')
# refused WHAT ADDRESS [MORE]: in the greeting, with the words of endpoint reputation, MORE and an id.
MINUTE=', try again in 1 minute' # of a block that has begun for a score
refused() {
	local said
	said=$(in_sub "$PYTHON" "$ROOT/tests/wire/smtp_talk.py" "$LAB/talk" "$(server_of "$2")" "$2" 2>/dev/null; tr -d '\r' <"$LAB/talk" | head -n 1)
	check_that "$1: 5.7.1" grep -q "554 5\.7\.1 Rejected by endpoint reputation${3-} (mw-[0-9a-v]\{13\})" <<<"$said"
	check "$1: no word of relay" '' "$(grep -io 'relay' <<<"$said" || :)"
}
explained() { lab_cli explain "$(grep -o 'mw-[0-9a-v]\{13\}' "$LAB/talk" | head -n 1)" 2>/dev/null | grep -q "(subscriber $1)"; }
blocked() { [ "$(lab_ask state endpoints get "$1")" = auto ]; }
free() { [ "$(lab_ask state endpoints get "$1")" = none ]; }

# holder WHAT ADDRESS COUNT [COMMAND]: its answer (hold.py).
holder() {
	local answer
	printf '%s %s %s %s\n' "$1" "$2" "$3" "${4:-}" >&"$TO"
	read -r -t 60 answer <&"$FROM" || answer='no answer'
	printf '%s\n' "$answer"
}
over_the_trigger() { # WHAT ADDRESS: three messages of spam
	local n
	for n in 1 2 3; do
		spam "$1: spam $n" '550 5.7.1' "$2"
	done
}
story() { # OLD NEW NAME
	local old=$1 new=$2 spammer=491701-$3 honest=491702-$3
	join "$spammer" "$old"
	spam "$3: the first" '550 5.7.1' "$old"
	spam "$3: the second, an MMS" '550 5.7.1' "$old" "${MMS[@]}"
	sends "$3: at the trigger it may still send" 250 "$old"
	spam "$3: over the trigger" '550 5.7.1' "$old"
	wait_until 60 blocked "$spammer" || check "$3: it is blocked" yes no
	refused "$3: over the trigger" "$old" "$MINUTE"
	leave "$spammer" "$old"
	join "$spammer" "$new"
	refused "$3: under another address" "$new" "$MINUTE"
	wait_until 60 explained "$spammer" || check "$3: its id explains who he is" yes no
	join "$honest" "$old"
	sends "$3: the next one at its old address" 250 "$old"
}
told_so() { grep -q "\"endpoint\":\"$1\".*$2\|$2.*\"endpoint\":\"$1\"" "$LAB/events.jsonl"; } # SUBSCRIBER TEXT

wire_begin
lab_up
lab_postfix_start
lab_config
sed -i 's/^session_profiles:/&\n  watched: {endpoint_reputation: {action: monitor, trigger: 2, duration_min: 60}}/' "$LAB_CONF"
printf 'accounting-secret\n' >"$LAB/nas.key"
chmod 600 "$LAB/nas.key"
cat >>"$LAB_CONF" <<END
radius:
  listen: "127.0.0.1:1813"
  nas: [{name: ggsn, prefix: 127.0.0.0/8, secret_file: $LAB/nas.key, context: default, address: [Framed-IP-Address, Framed-IPv6-Prefix]}]
END
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
for n in 31 32 33 34 49; do
	ip -n "$NS_SUB" addr add "10.77.0.$n/24" dev a1
done
# Subscribers of one /64 each.
for n in 1 2; do
	ip -n "$NS_SUB" addr add "fd77:$n::1/64" dev a1 nodad
	lab_subscribers "fd77:$n::/64"
done

story 10.77.0.31 10.77.0.32 four
story fd77:1::1 fd77:2::1 six
# An operator's lists.
join 491703 10.77.0.33
sends 'before it is listed' 250 10.77.0.33
coproc HOLD { in_sub "$PYTHON" "$ROOT/tests/wire/hold.py" $LAB_SERVER4; }
exec {TO}>&"${HOLD[1]}" {FROM}<&"${HOLD[0]}" # a subshell has not the coprocess's own
check 'a session that is open when it is listed' 1 "$(holder open 10.77.0.33 1)"
check 'its first MAIL' 1 "$(holder say 10.77.0.33 1 'MAIL FROM:<a@example.com>')"
lab_cli endpoints block 491703 --comment 'wire test' >/dev/null || check 'endpoints block' yes no
refused 'on the blocklist' 10.77.0.33
check 'RSET' 1 "$(holder say 10.77.0.33 1 RSET)"
check_that 'its next MAIL is refused' grep -q '^0 550 5\.7\.1 Rejected by endpoint reputation (mw-' <<<"$(holder say 10.77.0.33 1 'MAIL FROM:<a@example.com>')"
lab_cli endpoints unblock 491703 >/dev/null || check 'endpoints unblock' yes no
sends 'off the blocklist' 250 10.77.0.33
join 491704 10.77.0.34
lab_cli endpoints exempt 491704 >/dev/null || check 'endpoints exempt' yes no
over_the_trigger 'exempt' 10.77.0.34
sends 'exempt: over the trigger it still sends' 250 10.77.0.34
# Monitor refuses nothing and tells.
join 491705 10.77.0.49
over_the_trigger 'monitor' 10.77.0.49
wait_until 60 blocked 491705 || check 'monitor: it is on the list' yes no
sends 'monitor: it still sends' 250 10.77.0.49
wait_until 60 told_so 491705 monitor || check 'monitor: it is told in the log' yes no
# When its time is over it may send again.
wait_until 90 free 491701-four || check 'its time is over' yes no
sends 'four: after the duration' 250 10.77.0.32
wait_until 60 free 491701-six || check 'its time is over, by IPv6' yes no
sends 'six: after the duration' 250 fd77:2::1
wire_end
