#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The exporter as scrapers see it: promtool and a strict reader of OpenMetrics accept it, every reason
# is in it, what the counters say moves with mail, and a scrape is whole while the data plane is away.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PROMTOOL=${MAILWEIR_CACHE:-/var/cache/mailweir}/prometheus/usr/bin/promtool
[ -x "$PROMTOOL" ] || skip 'promtool is not there: scripts/setup unpacks it'
"$PYTHON" -c 'import prometheus_client' 2>/dev/null || skip 'no python3-prometheus-client'

scrape() { "$PYTHON" "$ROOT/tests/wire/scrape.py" "$LAB/metrics.sock" "$1" >"$LAB/$1" 2>"$LAB/$1.err"; }
# value SAMPLE: of the last scrape in OpenMetrics, all workers together; "none" where it is not there.
value() {
	awk -v s="$1" '{ name = $1; sub(/\{worker="[0-9]+"\}$/, "", name) }
		name == s { sum += $2; seen = 1 } END { print seen ? sum : "none" }' "$LAB/openmetrics"
}
valid() { # WHAT
	check_that "$1: OpenMetrics that its reader takes" scrape openmetrics
	check_that "$1: the older form comes, too" scrape text
	check_that "$1: promtool takes that" "$PROMTOOL" check metrics <"$LAB/text"
}
reasons() { sed -n 's/^REASON(\w*, \(\w*\), "[^"]*", "\([a-z0-9_]*\)".*/\1 \2/p' "$ROOT/dataplane/engine/reasons.def"; }
missing() { # reasons that the scrape lacks
	local kind name
	while read -r kind name; do
		name=${name/%_nanoseconds/_seconds}
		case $kind in GAUGE | PEAK) ;; *) name=${name}_total ;; esac
		grep -q "^mailweir_$name{worker=\"0\"} " "$LAB/openmetrics" || printf '%s ' "$name"
	done < <(reasons)
}
own() { sed -n 's/^METRIC(\w*, \w*, "[^"]*", "\([a-z0-9_]*\)".*/\1/p' "$ROOT/controlplane/serve/serve_metrics.def"; }
own_missing() {
	local name
	while read -r name; do
		grep -q "^# TYPE mailweir_$name " "$LAB/openmetrics" || printf '%s ' "$name"
	done < <(own)
}
link_is() { scrape openmetrics && [ "$(value mailweir_link_attached)" = "$1" ]; }

wire_begin
LAB_CONTROL="  metrics: $LAB/metrics.sock"
printf 'accounting-secret\n' >"$LAB/nas.key"
chmod 600 "$LAB/nas.key"
LAB_POLICIES="  - {name: refused, source: 10.77.0.66/32, destination: any, action: reject}
  - {name: internal, source: any, destination: any, action: inspect, session: internal, content: spam}
radius: {listen: \"127.0.0.1:1813\", nas: [{prefix: 127.0.0.0/8, secret_file: $LAB/nas.key}]}"
wire_run
begun=$SECONDS
mail 'clean mail' '250, equal' "$(message clean)" --host $LAB_SERVER4
mail 'spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
valid 'attached'
check 'there are many reasons' yes "$([ "$(reasons | wc -l)" -gt 90 ] && echo yes || reasons | wc -l)"
check 'every reason is in it' '' "$(missing)"
check 'every metric of our own is in it' '' "$(own_missing)"
check 'messages' 2 "$(value mailweir_messages_total)"
check 'one was rejected' 1 "$(value mailweir_messages_rejected_total)"
refused() { scrape openmetrics && value 'mailweir_policy_refusals_total{policy="internal",reason="messages_rejected"}'; }
refused_is() { [ "$(refused)" = "$1" ]; }
wait_until 60 refused_is 1 || :
check 'and is said to have refused it' 1 "$(refused)"
check 'nothing else' 1 "$(grep -c '^mailweir_policy_refusals_total' "$LAB/openmetrics")"
check 'stats has it by policy, too' 1 "$(lab_ask policies.policy=internal.refused.messages_rejected stats get)"
check 'the policy was hit' 2 "$(value 'mailweir_policy_connections_total{policy="internal"}')"
check 'revision in force' "$(lab_version)" "$(value mailweir_image_version)"
check 'a port' 1 "$(value 'mailweir_port_up{port="access"}')"
check 'no connection passed unread' 0 "$(value mailweir_connections_not_scanned_ratio)"
check 'no fallback' 0 "$(value mailweir_config_fallback)"
# Who polls is not busy: it shall be told from one that has no time left.
check 'a worker worked, but hardly' yes "$(awk -v busy="$(value mailweir_worker_busy_seconds_total)" -v up=$((SECONDS - begun)) \
	'BEGIN { print (busy > 0 && busy < up / 2) ? "yes" : busy " s of " up }')"
proc_end "$LAB/pids/dataplane" KILL
wait_until 60 link_is 0 || :
check 'killed: the link is down' 0 "$(value mailweir_link_attached)"
valid 'killed'
check 'killed: what it counted is left out' none "$(value mailweir_messages_total)"
lab_dataplane_spawn
wait_until 60 lab_ready || :
check_that 'started again: the link is up' link_is 1
valid 'started again'
check 'started again: it counts from 0' 0 "$(value mailweir_messages_total)"
wire_end
