#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# config/examples/carrier.yaml beside a router, in front of Postfix: its interfaces, pick-up, profiles and policies
# as they ship, only devices, cores, memory and paths are the lab's, and its networks are routes beside the
# example's own. STARTTLS and DIGEST-MD5 are hidden and refused, PLAIN stays,
# nobody sends mail before AUTH, pipelined commands keep their order and count. In a copy with one policy less and
# one more, sessions without a policy and sessions in TLS are counted apart. carrier-single-arm.yaml does the same
# by one arm.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

EXAMPLE=$ROOT/config/examples/carrier.yaml
OUTSIDER=192.0.2.7
TRUSTED=10.77.0.66
LAB_TOPOLOGY=routed
# shellcheck disable=SC2034 # read by scripts/lib/lab.sh
LAB_PORT_NAMES='port2 port3'

# The lab's server has an address of the subscribers' network, and by IPv6 all are of one.
carrier_routes() {
	! lab_has_two_arms || printf '/^  routes:/a\\%s%s' "    - {to: $LAB_SERVER4, via: 198.51.100.1}\\n" \
		"    - {to: \"fd77::/64\", via: \"fd00:a::1\"}\\n    - {to: \"$LAB_SERVER6\", via: \"fd00:b::1\"}"
}
# carrier_config: the example with the lab's devices, cores, memory and paths in it.
carrier_config() {
	sed -e "s|0000:3b:00\.0|$(lab_device 0 a0)|" -e "s|0000:3b:00\.1|$(lab_device 1 b0)|" \
		-e 's/^  idle: .*/  idle: sleep/' -e 's/^  hugepages: .*/  hugepages: auto/' \
		-e "s/^  workers: .*/  workers: [$(lab_worker_core)]/" \
		-e "/^dataplane:/a\\  file_prefix: $LAB_NAME\\n  flows: 20000\\n  messages: 256\\n  slabs: 16384" \
		-e "$(carrier_routes)" \
		-e "s|^rules: .*|rules: {file: $LAB_RULES}|" "$EXAMPLE" >"$LAB_CONF"
	(umask 077 && echo secret >"$(dirname "$LAB_CONF")/ggsn1.key") # of the NAS in it
	cat >>"$LAB_CONF" <<END
control:
  link: $LAB_SOCKETS/link.sock
  rpc: $LAB_SOCKETS/rpc.sock
  state_dir: $LAB/state
  event_log: $LAB/events.jsonl
END
}
as_shipped() { # nothing of pick-up, profiles and policies differs from the example
	cmp <(sed -n '/^pickup:/,$p' "$EXAMPLE" | grep -v '^rules:') \
		<(sed -n '/^pickup:/,/^control:/p' "$LAB_CONF" | grep -vE '^(rules|control):')
}

# carrier_lab: both ends, the router, Postfix with an account, the box with the example.
carrier_lab() {
	mkdir -p "$LAB"
	lab_up
	for n in 21 22; do ip -n "$NS_SUB" addr add "10.77.0.$n/24" dev a1; done
	ip -n "$NS_SUB" addr add $OUTSIDER/32 dev a1
	lab_subscribers $OUTSIDER/32
	carrier_postfix
	carrier_config
	check_that "the policy is the example's" as_shipped
	lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
}

# A Postfix with an account, and a trace of what it hears from two clients. Debian's looks for smtpd.conf in
# the folder sasl beside its main.cf.
carrier_postfix() {
	mkdir -p "$LAB/postfix/conf/sasl"
	printf '%s\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' "sasldb_path: $LAB/users" \
		'mech_list: PLAIN LOGIN DIGEST-MD5' >"$LAB/postfix/conf/sasl/smtpd.conf"
	printf 'secret' | saslpasswd2 -p -c -f "$LAB/users" -u example.net inbox
	chown postfix "$LAB/users"
	lab_postfix_named postfix all "smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = example.net
debug_peer_list = 10.77.0.21 10.77.0.22
debug_peer_level = 1"
}

# talk SOURCE STEP...: the codes of all replies; these themselves are in $LAB/talk.
talk() { in_sub "$PYTHON" "$ROOT/tests/wire/smtp_talk.py" "$LAB/talk" "$LAB_SERVER4" "$@" 2>&1 || :; }
offers() { grep -q "^250[- ]$1" "$LAB/talk"; }
hides() { ! offers "$1"; }
mechanisms() { tr -d '\r' <"$LAB/talk" | sed -n 's/^250-AUTH //p' | tr ' ' '\n' | sort | tr '\n' ' '; }
traced() { # CLIENT: the verbs that the server heard, in order
	sed -n "s/.* < unknown\[$1\]: *\([A-Z]*\).*/\1/p" "$LAB/postfix.log" | tr '\n' ' '
}
traced_to() { [ "$(traced "$1" | wc -w)" -ge "$2" ]; } # CLIENT COUNT
explained() { lab_cli explain "$(grep -o 'mw-[0-9a-v]*' "$LAB/talk" | head -1)" >"$LAB/words"; }
says() { check_that "it says: $1" grep -qF -- "$1" "$LAB/words"; }
logged() { grep -q "$1" "$LAB/events.jsonl"; }

wire_begin
command -v saslpasswd2 >/dev/null || skip 'no saslpasswd2 (scripts/setup installs it)'
carrier_lab

# What the server offers, heard beside it, and what a subscriber hears of that.
in_net "$PYTHON" "$ROOT/tests/wire/smtp_talk.py" "$LAB/talk" $LAB_SERVER4 $LAB_SERVER4 'EHLO beside' >/dev/null
greeting=$(head -n 1 "$LAB/talk")
check_that 'the server offers STARTTLS' offers STARTTLS
check 'and DIGEST-MD5, LOGIN, PLAIN' 'DIGEST-MD5 LOGIN PLAIN ' "$(mechanisms)"
check 'a subscriber says EHLO' '220 250 221' "$(talk $LAB_CLIENT4 'EHLO client')"
check 'the greeting is the server'"'"'s' "$greeting" "$(head -n 1 "$LAB/talk")"
check_that 'STARTTLS is masked' hides STARTTLS
check_that 'PIPELINING is not' offers PIPELINING
check 'DIGEST-MD5 is masked, LOGIN and PLAIN are kept' 'DIGEST-MDX LOGIN PLAIN ' "$(mechanisms)"
check 'both are counted' '1 1' "$(counter starttls_masked) $(counter auth_mechanisms_masked)"

check 'who insists on STARTTLS is refused and may go on' '220 250 502 250 221' \
	"$(talk $LAB_CLIENT4 'EHLO client' STARTTLS NOOP)"
check_that 'with an id' grep -q '^502 5\.5\.1 STARTTLS not available (mw-[0-9a-v]\{13\})' "$LAB/talk"
check 'that is counted' 1 "$(counter starttls_refused)"
wait_until 60 logged '"reason":"starttls_refused"' || :
check_that 'and logged' logged '"type":"refusal".*"code":502,"id":"[0-9a-v]\{13\}","reason":"starttls_refused"'
check_that 'and explained by its id' explained
says 'Policy "internal", number 1 of the list'
says 'session profile "internal_session_profile"'
says 'starttls_refused (STARTTLS commands refused by prevent_encryption)'
check 'who insists on DIGEST-MD5 is refused, PLAIN works' '220 250 504 235 221' \
	"$(talk $LAB_CLIENT4 'EHLO client' 'AUTH DIGEST-MD5' 'AUTH!')"
check 'that is counted' 1 "$(counter auth_mechanisms_refused)"

check 'MAIL before AUTH gets 530, after AUTH it works' '220 250 530 235 250 250 354 250 221' \
	"$(talk $LAB_CLIENT4 'EHLO client' 'MAIL FROM:<a@example.com>' 'AUTH!' 'MAIL FROM:<a@example.com>' \
		'RCPT TO:<inbox@example.net>' DATA '.after authentication')"
check_that 'in words' grep -q '^530 5\.7\.0 Authentication required (mw-[0-9a-v]\{13\})' "$LAB/talk"
check 'that is counted' 1 "$(counter mail_refused_no_auth)"
wait_until 60 lab_queue_empty || :
check 'the message is there' 1 "$("$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" count 'after authentication')"
check 'spam is refused, AUTH or not' '220 250 235 250 250 354 550 221' \
	"$(talk $LAB_CLIENT4 'EHLO client' 'AUTH!' 'MAIL FROM:<a@example.com>' 'RCPT TO:<inbox@example.net>' DATA ".$SPAM_TEXT")"
if command -v swaks >/dev/null; then
	in_sub swaks --server $LAB_SERVER4 --ehlo client --from a@example.com --to inbox@example.net --auth \
		--auth-user inbox --auth-password secret --tls-optional --body 'by swaks' >"$LAB/swaks" 2>&1 || :
	check_that 'swaks finds a mechanism by itself' grep -q '^<-  235' "$LAB/swaks"
	check_that 'and its mail goes, in clear' grep -q '^<-  250 2.0.0 Ok: queued' "$LAB/swaks"
fi

# Commands in groups: what the server heard, and what the client was told, in order, one for one.
group='MAIL FROM:<a@example.com>|RCPT TO:<inbox@example.net>|RCPT TO:<second@example.net>|DATA'
check 'a group of commands is answered in order' '220 250 235 250 250 250 354 250 250 250 250 221' \
	"$(talk 10.77.0.21 'EHLO client' 'AUTH!' "$group" '.in a group' 'RSET|NOOP|VRFY inbox@example.net' |
		sed 's/252 221$/250 221/')"
wait_until 60 traced_to 10.77.0.21 10 || :
check 'the server heard it so' 'EHLO AUTH MAIL RCPT RCPT DATA RSET NOOP VRFY QUIT ' "$(traced 10.77.0.21)"
check 'before AUTH the first of a group is refused, in its turn' '220 250 250 530 250 250 221' \
	"$(talk 10.77.0.22 'EHLO client' 'RSET|MAIL FROM:<a@example.com>|RSET|NOOP')"
wait_until 60 traced_to 10.77.0.22 6 || :
check 'the server heard as many commands' 'EHLO RSET NOOP RSET NOOP QUIT ' "$(traced 10.77.0.22)"

# The rest of the world is under the second policy, with the same rules.
check 'who is no subscriber needs AUTH, too' '220 250 530 221' "$(talk $OUTSIDER 'EHLO client' 'MAIL FROM:<a@example.com>')"
wait_until 60 logged "\"client\":\"$OUTSIDER\".*\"policy\":\"external\"" || :
check_that 'by the policy below' logged "\"client\":\"$OUTSIDER\".*\"policy\":\"external\".*\"reason\":\"mail_refused_no_auth\""

# A copy: no policy for the rest of the world, and one subscriber who is trusted with TLS.
check 'so far every session was read' '0 0' "$(counter pass_no_policy) $(counter pass_tls)"
tls=(STARTTLS 'TLS!' 'EHLO client' 'MAIL FROM:<a@example.com>')
sed -i -e '/- name: external/,/content: antispam/d' \
	-e '/^session_profiles:/a\  trusted: {prevent_encryption: false}' \
	-e "/^policies:/a\\  - {name: trusted, source: $TRUSTED/32, action: inspect, session: trusted, content: antispam}" "$LAB_CONF"
check_that 'a commit of that copy' lab_cli config commit "$LAB_CONF"
check 'who is no subscriber has no policy: TLS' '220 250 220 250 250 221' "$(talk $OUTSIDER 'EHLO client' "${tls[@]}")"
check 'counted as without a policy, not as TLS' '1 0' "$(counter pass_no_policy) $(counter pass_tls)"
check 'the trusted subscriber uses TLS' '220 250 220 250 250 221' "$(talk $TRUSTED 'EHLO client' "${tls[@]}")"
check 'counted as TLS, not as without a policy' '1 1' "$(counter pass_no_policy) $(counter pass_tls)"
check 'another subscriber is refused it' '220 250 502 221' "$(talk $LAB_CLIENT4 'EHLO client' STARTTLS)"
check 'counted as refused, not as unread' '2 1 1' "$(counter starttls_refused) $(counter pass_no_policy) $(counter pass_tls)"

# By one arm.
lab_down
rm -rf "$LAB"
# shellcheck disable=SC2034 # read by scripts/lib/lab.sh
LAB_TOPOLOGY=single-arm LAB_PORT_NAMES=port2
EXAMPLE=$ROOT/config/examples/carrier-single-arm.yaml
carrier_lab
check 'one arm: MAIL before AUTH gets 530, after AUTH it works' '220 250 530 235 250 250 354 250 221' \
	"$(talk $LAB_CLIENT4 'EHLO client' 'MAIL FROM:<a@example.com>' 'AUTH!' 'MAIL FROM:<a@example.com>' \
		'RCPT TO:<inbox@example.net>' DATA '.by one arm')"
check 'one arm: spam is refused' '220 250 235 250 250 354 550 221' \
	"$(talk $LAB_CLIENT4 'EHLO client' 'AUTH!' 'MAIL FROM:<a@example.com>' 'RCPT TO:<inbox@example.net>' DATA ".$SPAM_TEXT")"
check 'one arm: who is no subscriber needs AUTH, too' '220 250 530 221' "$(talk $OUTSIDER 'EHLO client' 'MAIL FROM:<a@example.com>')"
wait_until 60 lab_queue_empty || :
check 'one arm: the message is there' 1 "$("$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" count 'by one arm')"
wire_end
