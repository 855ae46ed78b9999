#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every key that a commit changes and that holds for all connections, with two values: the same spam is read
# and refused under the one and goes by unread under the other. The rest of such keys: session_settings_test.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

TO=$LAB_SERVER4
HIS="protected_domains: {example.net: {servers: [$LAB_SERVER4]}}"
OTHER='protected_domains: {example.net: {servers: [10.77.0.9]}}'

# put LINE...: commits the lab's configuration with these top-level keys instead of its own.
put() {
	local line key
	cp "$LAB_CONF" "$LAB/put.yaml"
	for line in "$@"; do
		key=${line%%:*}
		sed -i "/^$key:/{:a;N;/\n[a-z]/!{\$!ba;};s/^.*\n//;}" "$LAB/put.yaml"
		printf '%s\n' "$line" >>"$LAB/put.yaml"
	done
	lab_cli config commit "$LAB/put.yaml" >"$LAB/commit.out" 2>&1 || cat "$LAB/commit.out"
}
fate() {
	lab_send --host "$TO" --message "$LAB/sent/spam" >"$LAB/client.out" 2>&1 || :
	case $(outcome 1) in 550*) echo read ;; 250*) echo unread ;; *) echo neither ;; esac
}
# both KEY LINES LINES: under the first it is read, under the second it is not.
both() {
	put "${@:2:$#-2}" "$READ"
	check "$1: $READ" read "$(fate)"
	put "${@:2:$#-2}" "${!#}"
	check "$1: ${!#}" unread "$(fate)"
}

wire_begin
LAB_POLICIES='  - {name: all, action: inspect, content: spam}'
wire_run
message spam --plant "$SPAM_TEXT" >/dev/null
READ='pickup: {ports: [25]}' both pickup.ports 'pickup: {ports: [26]}'
READ='pickup: {outgoing: proxy}' both pickup.outgoing 'pickup: {outgoing: pass}'
READ='pickup: {incoming: proxy}' both pickup.incoming "$HIS" 'pickup: {incoming: pass}'
READ='pickup: {by_ingress: [{ingress: core, incoming: pass, outgoing: pass}]}' both 'pickup.by_ingress[].ingress' \
	'pickup: {by_ingress: [{ingress: access, incoming: pass, outgoing: pass}]}'
READ='pickup: {by_ingress: [{ingress: access, incoming: pass, outgoing: proxy}]}' both 'pickup.by_ingress[].outgoing' \
	'pickup: {by_ingress: [{ingress: access, incoming: pass, outgoing: pass}]}'
READ='pickup: {by_ingress: [{ingress: access, incoming: proxy, outgoing: pass}]}' both 'pickup.by_ingress[].incoming' \
	"$HIS" 'pickup: {by_ingress: [{ingress: access, incoming: pass, outgoing: pass}]}'
READ=$OTHER both 'protected_domains.*.servers' 'pickup: {incoming: pass}' "$HIS"
READ="rules: {file: $LAB_RULES}" both rules.file 'rules: {file: ""}'

# Whom to ask for domains, and how long: what a MAIL is told, and whether that took more than a second. A busy machine
# makes late of soon now and then, never soon of late: what comes late is asked once more, about another domain.
asked() { # DNS DOMAIN EXPECTED
	local start try seen
	put 'session_profiles: {asks: {check_sender_domain: resolved, error_delay_s: 0}}' "dns: $1" \
		'policies: [{name: all, action: inspect, session: asks}]'
	for try in $(seq 20); do
		start=$(date +%s%N)
		lab_send --host $LAB_SERVER4 --from "a@$2.try$try.example" --message "$LAB/sent/spam" >"$LAB/client.out" 2>&1 || :
		seen="$(awk '$2 == "mail" { print $3; exit }' "$LAB/client.out") $([ $((($(date +%s%N) - start) / 1000000)) -gt 1000 ] && echo late || echo soon)"
		[ "$seen" != "$3" ] || break
	done
	check "dns: $1" "$3" "$seen"
}
ip -n "$NS_BOX" link set lo up
lab_spawn dns "$NS_BOX" "$PYTHON" "$ROOT/tests/wire/dns_server.py" 127.0.0.1 5300
wait_until 60 grep -q 'dns_server: up' "$LAB/dns.log" || die "the DNS: $(lab_log_tail dns)"
asked '{servers: ["127.0.0.1:5300"], timeout_ms: 200}' gone.one '550 soon'
asked '{servers: ["127.0.0.1:5301"], timeout_ms: 200}' gone.two '451 soon' # nobody is there
asked '{servers: ["127.0.0.1:5300"], timeout_ms: 200}' silent.one '451 soon'
asked '{servers: ["127.0.0.1:5300"], timeout_ms: 1800}' silent.two '451 late'
wire_end
