#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every key of profiles, policies and access rules, on and off, against a scripted server: what the client
# saw, what the server saw, what was logged. Both settings of all keys stand in one configuration, each
# under a policy for a client address of its own. The table is settings_table.py; a key of the schema that has
# no row there, and no other test named that has it both ways, fails, and so does one that makes no difference.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

HERE=$ROOT/tests/wire
export PYTHONDONTWRITEBYTECODE=1

wire_begin
lab_up
# 10.77.101.0/24 and 10.77.102.0/24 are the subscriber's, every address of them.
in_sub ip route add local 10.77.101.0/24 dev lo
in_sub ip route add local 10.77.102.0/24 dev lo
lab_subscribers 10.77.0.0/16
ip -n "$NS_BOX" link set lo up
lab_spawn dns "$NS_BOX" "$PYTHON" "$HERE/dns_server.py" 127.0.0.1 5300
lab_spawn server "$NS_NET" "$PYTHON" "$HERE/settings_server.py" "$LAB_SERVER4"
LAB_RULES=$LAB/own.rules
{
	cat "$HERE/test.rules"
	printf '%s\n' '[one]' '901 body 100 il a text of one group' '[two]' '902 body 100 il a text of the other'
} >"$LAB_RULES"
lab_config
sed -i '/^session_profiles:/,$d' "$LAB_CONF"
"$PYTHON" "$HERE/settings_client.py" config >>"$LAB_CONF"
printf 'dns: {servers: ["127.0.0.1:5300"]}\n' >>"$LAB_CONF"
printf '%s\n' '# both' a@example.com b@example.net >"$LAB/listed"
printf '%s\n' "$LAB_SERVER4" >"$LAB/servers"
wait_until 60 grep -q 'dns_server: up' "$LAB/dns.log" || die "the DNS: $(lab_log_tail dns)"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
wait_until 60 lab_listening 25 || die "the server: $(lab_log_tail server)"
in_sub "$PYTHON" "$HERE/settings_client.py" run "$LAB_SERVER4" "$LAB_SOCKETS/rpc.sock" "$LAB/events.jsonl" \
	"$LAB/server.log" >"$LAB/settings" || check 'the client ends well' yes no
grep -v '^ok' "$LAB/settings" || :
said "$LAB/settings"
"$PYTHON" "$HERE/settings_client.py" keys "$ROOT" >"$LAB/keys" || check 'the keys are read' yes no
said "$LAB/keys"
wire_end
