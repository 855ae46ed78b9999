#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Access rules and the lists of a session profile, with Postfix: what the client is told, what the server
# got, what the log says; each with its rule and without it. A list's file is read anew by a commit.
# Long: one session behind the other.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

reply() { awk -v w="$1" '$2 == w { $1 = $2 = ""; sub(/^ */, ""); print; exit }' "$LAB/client.out"; }
send() { lab_send --host $LAB_SERVER4 "$@" >"$LAB/client.out" || :; }
# Of the last event with an id that the client was told: a field's value.
logged() { # FIELD
	local id
	id=$(grep -o 'mw-[0-9a-v]\{13\}' "$LAB/client.out" | head -1)
	there() { grep -q "\"id\":\"${id#mw-}\"" "$LAB/events.jsonl"; }
	wait_until 60 there || :
	grep "\"id\":\"${id#mw-}\"" "$LAB/events.jsonl" | sed "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/" | tail -1
}
add() { # TEXT: at the end of the configuration
	printf '%s\n' "$1" >>"$LAB_CONF"
	check_that 'a commit' lab_cli config commit "$LAB_CONF"
}
without() { # from `access:` on
	sed -i '/^access:/,$d' "$LAB_CONF"
	check_that 'a commit' lab_cli config commit "$LAB_CONF"
}

wire_begin
LAB_SESSION="prevent_encryption: true, error_delay_s: 0, error_delay_step_s: 0, blocked_senders: \"*@blocked.example\", blocked_senders_file: $LAB/blocked, safe_senders: friend@example.com, safe_recipients: abuse@example.net, blocked_recipients: nobody@example.net"
printf '# nobody yet\n' >"$LAB/blocked"
wire_run
clean=$(message clean)
spam=$(message spam --plant "$SPAM_TEXT")

# Without a rule all of this reaches the server.
for to in closed later trap vip; do
	send --to $to@example.net --message "$clean"
	check "no rule: $to is taken" 250 "$(outcome 1)"
done

add 'access:
  - {name: partner, sender: boss@example.com, recipient: closed@example.net, action: relay}
  - {name: closed, recipient: closed@example.net, action: reject}
  - {name: later, recipient: later@example.net, action: tempfail}
  - {name: trap, recipient: trap@example.net, action: discard}
  - {name: vip, recipient: vip@example.net, action: bypass}
  - {name: dialup, helo: "*.dyn.example", action: reject}'
mail 'reject: nobody gets it' '550 5.7.1, absent' "$(message closed)" --to closed@example.net --host $LAB_SERVER4
check 'reject: what the client is told' '550 5.7.1 Relay access denied.' "$(reply rcpt | sed 's/ (mw-[0-9a-v]\{13\})$//')"
check 'reject: the rule in the log' closed "$(logged access_rule)"
check 'reject: its class' access "$(logged classifier)"
id=$(grep -o 'mw-[0-9a-v]\{13\}' "$LAB/client.out" | head -1)
lab_cli explain "$id" >"$LAB/words" 2>&1 || :
check_that 'explain names the rule' grep -qF 'access rule "closed"' "$LAB/words"
send --to '"CLOSED"@Example.NET.' --message "$clean"
check 'another spelling' 550 "$(reply rcpt | cut -c1-3)"
send --to 'closed@example.net@' --message "$clean"
check 'one that Postfix reads so' 501 "$(reply rcpt | cut -c1-3)"
check 'VT and FF, blanks to Postfix' '220 250 250 550 250 221' "$(in_sub "$PYTHON" "$ROOT/tests/wire/smtp_talk.py" "$LAB/talk" $LAB_SERVER4 10.77.0.1 \
	$'EHLO\vme' $'MAIL\vFROM:<a@example.com>' $'RCPT\vTO:\f<closed@example.net>' $'RCPT\vTO:\f<inbox@example.net>' | tr '\n' ' ' | sed 's/ $//')"
check 'a word behind CR and VT' '220 250 250 500 closed' "$(in_sub "$PYTHON" "$ROOT/tests/wire/smtp_talk.py" "$LAB/talk" $LAB_SERVER4 10.77.0.1 \
	'EHLO me' 'MAIL FROM:<a@example.com>' $'RCPT\r\vTO:<closed@example.net>' | tr '\n' ' ' | sed 's/ $//')"
send --to closed@example.net --from boss@example.com --message "$clean"
check 'relay above it' 250 "$(outcome 1)"
send --to later@example.net --message "$clean"
check 'tempfail' '451 4.7.1' "$(reply rcpt | cut -c1-9)"
check 'tempfail: the rule in the log' later "$(logged access_rule)"
mail 'discard: the client is told 250, nobody gets it' '250, absent' "$(message trap)" --to trap@example.net --host $LAB_SERVER4
discarded() { grep '"verdict":"discarded"' "$LAB/events.jsonl" | grep -q '"access_rule":"trap"'; }
wait_until 60 discarded || :
check_that 'discard: the rule in the log' discarded
send --to inbox@example.net --to trap@example.net --pipeline --message "$clean"
check 'a recipient of the other kind' '452 4.5.3' "$(grep -m2 ' rcpt ' "$LAB/client.out" | tail -1 | cut -d' ' -f3,4)"
send --to vip@example.net --message "$spam"
check 'bypass: spam goes through' 250 "$(outcome 1)"
bypassed() { grep '"verdict":"unscanned"' "$LAB/events.jsonl" | grep -q '"reason":"not_scanned_access".*"access_rule":"vip"'; }
wait_until 60 bypassed || :
check_that 'bypass: reason and rule in the log' bypassed
send --to vip@example.net --to inbox@example.net --message "$spam"
check 'but not with another recipient' '550 5.7.1' "$(outcome 1)"
send --helo a.dyn.example --message "$clean"
check 'by the name in HELO' 550 "$(reply rcpt | cut -c1-3)"
check_that 'a warning of a rule that bypasses' sh -c "'$(program mailweirctl)' config check '$LAB_CONF' 2>&1 | grep -q 'access rule \"vip\" bypasses the scans'"
for name in access_rejected access_tempfailed access_discarded access_split not_scanned_access; do
	check_that "counted: $name" test "$(counter $name)" -gt 0
done

without
send --to closed@example.net --message "$clean"
check 'the rule is gone, the recipient taken' 250 "$(outcome 1)"

# Lists of the session profile.
send --from a@blocked.example --message "$clean"
check 'blocked sender' '550 5.7.1 Sender is on a blocklist' "$(reply mail | sed 's/ (mw-[0-9a-v]\{13\})$//')"
check 'its class' list "$(logged classifier)"
send --to nobody@example.net --message "$clean"
check 'blocked recipient' '550 5.7.1 Recipient is on a blocklist' "$(reply rcpt | sed 's/ (mw-[0-9a-v]\{13\})$//')"
send --from friend@example.com --message "$spam"
check 'safe sender: spam goes through' 250 "$(outcome 1)"
send --to abuse@example.net --message "$spam"
check 'safe recipient: spam goes through' 250 "$(outcome 1)"
send --message "$spam"
check 'others are scanned' '550 5.7.1' "$(outcome 1)"
send --from a@new.example --message "$clean"
check 'a sender that no list has' 250 "$(outcome 1)"
printf '*@new.example\n' >"$LAB/blocked"
check_that 'a commit of the same text' lab_cli config commit "$LAB_CONF"
send --from a@new.example --message "$clean"
check 'the file was read anew' 550 "$(reply mail | cut -c1-3)"
printf 'a b@new.example\n' >"$LAB/blocked"
check_that 'a bad file fails the commit' sh -c "! '$(program mailweirctl)' config commit '$LAB_CONF' -s '$LAB_SOCKETS/rpc.sock' 2>'$LAB/words'"
check_that 'with its line' grep -q 'blocked:1:1: pattern byte 2 is 0x20' "$LAB/words"
send --from a@new.example --message "$clean"
check 'and the old one stays' 550 "$(reply mail | cut -c1-3)"
wire_end
