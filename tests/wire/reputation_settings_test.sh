#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every key of reputation: that has an effect, and the trigger of endpoints, with two values: each row is committed
# with the one and then with the other, the same is sent under both, and what is known then of who sent it must be
# what the row says, and must differ. Accounting says who the endpoint is.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# ---- what is looked at

# of KIND WHO EXPRESSION: of what `senders get` or `endpoints get` says: `e` has what the longest prefix has, `d` all.
of() {
	lab_cli "$1" get "$2" --json 2>/dev/null | "$PYTHON" -c "
import json, sys
d = json.load(sys.stdin)
e = max(d.get('entries') or [{}], key=lambda e: int(e['sender'].rpartition('/')[2]) if '/' in e.get('sender', '') else 128)
print($3)" 2>/dev/null || echo nothing
}
who() { printf '10.77.0.%s%s\n' "$([ "$PHASE" = on ] && echo 8 || echo 7)" "$1"; } # NUMBER: a client of this phase
six() { printf 'fd77:%s::1\n' "$([ "$PHASE" = on ] && echo 8 || echo 7)"; }
sender() { of senders "$(who "$1")" "$2"; }
endpoint() { of endpoints "49170-$PHASE-$1" "$2"; }
ran() { if [ -e "$LAB/$PHASE.ran" ]; then echo ran; else echo not; fi; }

# ---- the rows: key, value and what is seen of it in the first phase and in the second, the look
wire_begin
ROWS="\
reputation.endpoint.window_min|15|short|1440|long|endpoint 2 \"'long' if d['calm_s'] > 1000 else 'short'\"
reputation.sender.prefixes4|[32]|1|[32, 24]|2|sender 1 \"len(d['entries'])\"
reputation.sender.prefixes6|[64]|1|[64, 48]|2|of senders \$(six) \"len(d['entries'])\"
reputation.sender.windows_min|[720]|long|[30]|short|sender 1 \"'long' if e['falls'][0]['in_s'] > 3700 else 'short'\"
reputation.sender.spam|100|1.0|50|0.5|sender 1 \"float(e['bad'])\"
reputation.sender.recipient|50|0.5|100|1.0|sender 3 \"float(e['bad'])\"
reputation.sender.auth|50|0.5|200|2.0|sender 4 \"float(e['bad'])\"
reputation.sender.k|4|4|1|1|sender 1 \"round(100 * e['bad'] / e['score'] - e['bad'])\"
reputation.auth.failures|5|free|1|blocked|sender 5 \"'blocked' if e['login_left_s'] else 'free'\"
reputation.auth.block_min|10|short|20|long|sender 6 \"'long' if e['login_left_s'] > 700 else 'short'\"
reputation.geoip_database|\"\"|nowhere|$LAB/places.mmdb|DE|sender 1 \"e['location'] or 'nowhere'\"
reputation.hook.command|\"\"|not|$LAB/hook|ran|ran
session_profiles.*.endpoint_reputation.trigger|5|none|1|auto|endpoint 1 \"d['state']\""

value() { while IFS='|' read -r key off _ on _; do [ "$key" != "$1" ] || if [ "$PHASE" = on ]; then echo "$on"; else echo "$off"; fi; done <<<"$ROWS"; }
# configuration: the lab's, with the values of this phase.
configuration() {
	local map key off on
	sed "s/TRIGGER/$(value 'session_profiles.*.endpoint_reputation.trigger')/" "$LAB_CONF"
	printf 'reputation:\n  geoip_database: %s\n' "$(value reputation.geoip_database)"
	for map in endpoint sender auth hook; do
		printf '  %s:\n' $map
		while IFS='|' read -r key off _ on _; do
			case $key in "reputation.$map."*) printf '    %s: %s\n' "${key##*.}" "$(value "$key")" ;; esac
		done <<<"$ROWS"
	done
}
talk() { in_sub "$PYTHON" "$ROOT/tests/wire/smtp_talk.py" "$LAB/talk" "$@" >>"$LAB/talked" || check "a dialogue of $2" yes no; } # SERVER SOURCE STEP...
spam() { talk "$1" "$2" 'EHLO client' 'MAIL FROM:<a@example.com>' 'RCPT TO:<b@example.net>' DATA ".$SPAM_TEXT"; }
logins() { # ADDRESS NUMBER: so many that fail
	local steps=() n
	for n in $(seq "$2"); do steps+=("AUTH NOTHING$n"); done
	talk $LAB_SERVER4 "$1" 'EHLO client' "${steps[@]}"
}
join() { # NUMBER: that client is an endpoint
	printf '%s\n' Acct-Status-Type=Start "Calling-Station-Id=49170-$PHASE-$1" "Acct-Session-Id=$PHASE-$1" NAS-Identifier=n \
		"Framed-IP-Address=$(who "$1")" |
		in_box radclient -q -r 3 -t 1 127.0.0.1:1813 acct accounting-secret >>"$LAB/radclient.log" 2>&1 ||
		check "accounting of $1 is acknowledged" yes no
}
looked() { # everything has come through when what was sent last is known
	[ "$(endpoint 2 "d['score']")" = 7 ] && [ "$(sender 6 "d['entries'] != []")" = True ]
}
as_said() { [ "$PHASE" = off ] || [ "$(ran)" = ran ]; }

# phase NAME: commits, sends, takes down what each row sees.
phase() {
	local key look n
	PHASE=$1
	configuration >"$LAB/$1.yaml"
	lab_cli config commit "$LAB/$1.yaml" >"$LAB/commit.out" 2>&1 || check "the commit of $1" taken "$(cat "$LAB/commit.out")"
	join 1
	join 2
	spam $LAB_SERVER4 "$(who 1)"
	spam $LAB_SERVER6 "$(six)"
	talk $LAB_SERVER4 "$(who 3)" 'EHLO client' 'MAIL FROM:<a@example.com>' 'RCPT TO:<bad@example.net>'
	logins "$(who 4)" 1
	logins "$(who 5)" 2
	logins "$(who 6)" 7
	for n in 1 2 3 4 5 6 7; do spam $LAB_SERVER4 "$(who 2)"; done
	wait_until 60 looked || check "$1: all is known" yes "$(endpoint 2 d) $(sender 6 d)"
	# One message of spam is what the weights are seen by; a second one is over a trigger of 1.
	while IFS='|' read -r key _ _ _ _ look; do
		case $key in reputation.sender.*) printf '%s|%s\n' "$key" "$(eval "$look" </dev/null || :)" ;; esac
	done <<<"$ROWS" >"$LAB/$1.seen"
	spam $LAB_SERVER4 "$(who 1)"
	scored() { [ "$(endpoint 1 "d['score']")" = 2 ]; }
	wait_until 60 scored || check "$1: the second of spam is known" yes no
	wait_until 60 as_said || :
	while IFS='|' read -r key _ _ _ _ look; do
		case $key in reputation.sender.*) ;; *) printf '%s|%s\n' "$key" "$(eval "$look" </dev/null || :)" ;; esac
	done <<<"$ROWS" >>"$LAB/$1.seen"
}
seen() { grep -F "$2|" "$LAB/$1.seen" | cut -d'|' -f2; }

# LAB_* is read by scripts/lib/lab.sh.
# shellcheck disable=SC2034
LAB_SESSION='endpoint_reputation: {action: monitor, trigger: TRIGGER, duration_min: 60}, sender_reputation: {action: monitor}, auth_reputation: {action: monitor}, max_errors: 0, error_delay_s: 0, error_delay_step_s: 0'
export PYTHONDONTWRITEBYTECODE=1
lab_up
for n in 71 72 73 74 75 76 81 82 83 84 85 86; do
	ip -n "$NS_SUB" addr add "10.77.0.$n/24" dev a1
done
for n in 7 8; do
	ip -n "$NS_SUB" addr add "fd77:$n::1/64" dev a1 nodad
	lab_subscribers "fd77:$n::/64"
done
lab_spawn server4 "$NS_NET" "$PYTHON" "$ROOT/tests/wire/settings_server.py" "$LAB_SERVER4"
lab_spawn server6 "$NS_NET" "$PYTHON" "$ROOT/tests/wire/settings_server.py" "$LAB_SERVER6"
printf '#!/bin/sh\n: >%s\n' "$LAB/on.ran" >"$LAB/hook"
chmod 700 "$LAB/hook"
"$PYTHON" "$ROOT/tests/tools/mmdb_write.py" "$LAB/places.mmdb" 10.77.0.0/24=DE
printf 'accounting-secret\n' >"$LAB/nas.key"
chmod 600 "$LAB/nas.key"
lab_config
printf 'radius: {listen: "127.0.0.1:1813", nas: [{prefix: 127.0.0.0/8, secret_file: %s}]}\n' "$LAB/nas.key" >>"$LAB_CONF"
sed -i 's/TRIGGER/5/' "$LAB_CONF"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
wait_until 60 lab_listening 25 $LAB_SERVER4 || die "the server: $(lab_log_tail server4)"
wait_until 60 lab_listening 25 $LAB_SERVER6 || die "the server: $(lab_log_tail server6)"
sed -i 's/trigger: 5/trigger: TRIGGER/' "$LAB_CONF"
phase off
phase on
while IFS='|' read -r key off off_seen on on_seen _; do
	check "$key: $off, then $on" "$off_seen, then $on_seen" "$(seen off "$key"), then $(seen on "$key")"
	check_that "$key: they differ" [ "$(seen off "$key")" != "$(seen on "$key")" ]
done <<<"$ROWS"
wire_end
