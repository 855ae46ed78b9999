#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Shadow commit on live traffic: a candidate runs beside the policy in force while a mix of sessions goes
# by; exactly the sessions that it would have decided differently are reported, each once, and all mail
# goes as the policy in force says. It ends by itself with a commit, with --stop, and with the control plane.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ADDRESSES='10.77.0.70 10.77.0.71 10.77.0.72 10.77.0.73 10.77.0.74 10.77.0.75 10.77.0.76 10.77.0.77 10.77.0.78 10.77.0.79'
# The reports are there: as many differences as are counted, and as many sessions compared.
reported() { [ "$(lab_ask compared config shadow) $(lab_ask different config shadow) $(lab_ask not_told config shadow)" = "$1 $2 0" ]; }
# What the report says of one client's sessions: "stage did code would code", a line each.
of_client() {
	lab_cli config shadow --json | "$PYTHON" -c '
import json, sys
for e in reversed(json.load(sys.stdin)["sessions"]):
    if e["client"] == sys.argv[1]:
        print(e["stage"], e["did"], e["code"], e["would"], e["would_code"], e["candidate_policy"])' "$1"
}
logged() { grep -c '"type":"shadow"' "$LAB/events.jsonl" || :; }

wire_begin
LAB_SESSION='prevent_encryption: true'
cat "$LAB_RULES" - >"$LAB/live.rules" <<END
90001 body 100 l what the live rule alone knows
END
cat "$LAB_RULES" - >"$LAB/candidate.rules" <<END
90002 body 100 l what the candidate alone knows
END
LAB_RULES=$LAB/live.rules
LAB_POLICIES='  - {name: refused, source: 10.77.0.66/32, action: reject}
  - {name: unread, source: 10.77.0.70/32, action: pass}
  - {name: internal, source: any, action: inspect, session: internal, content: spam}'
lab_up
ip -n "$NS_BOX" link set lo up
lab_spawn dns "$NS_BOX" "$PYTHON" "$ROOT/tests/wire/dns_server.py" 127.0.0.1 5300
lab_postfix_start
lab_config
printf 'dns: {servers: ["127.0.0.1:5300"]}\n' >>"$LAB_CONF"
wait_until 60 grep -q 'dns_server: up' "$LAB/dns.log"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
for a in $ADDRESSES; do ip -n "$NS_SUB" addr add "$a/24" dev a1; done
check 'before: no candidate' none "$(lab_ask state config shadow)"

# The candidate: .66 is read, .70 is read, .71 refused, .72 put off; one session at a time of a client and two
# messages an hour, two recipients of a message, nothing for closed@example.net, other rules; the domain of
# .79's sender is looked up.
sed -e 's/^policies:/policies:\n  - {name: away, source: 10.77.0.71\/32, action: reject}\n  - {name: later, source: 10.77.0.72\/32, action: tempfail}\n  - {name: asked, source: 10.77.0.79\/32, action: inspect, session: asks, content: spam}/' \
	-e '/name: refused/d' -e '/name: unread/d' \
	-e 's/prevent_encryption: true/prevent_encryption: true, client_connections: 1, client_messages: 2, client_rate_min: 60, max_recipients: 2/' \
	-e 's/^session_profiles:/session_profiles:\n  asks: {prevent_encryption: true, check_sender_domain: exists}/' \
	-e "s|live.rules|candidate.rules|" "$LAB_CONF" >"$LAB/candidate.yaml"
printf 'access: [{name: shut, recipient: closed@example.net, action: reject}]\n' >>"$LAB/candidate.yaml"
sed 's/client_connections: 1/client_conections: 1/' "$LAB/candidate.yaml" >"$LAB/wrong.yaml"
lab_cli config shadow "$LAB/wrong.yaml" >"$LAB/words" 2>&1 && check 'a wrong candidate' refused taken
check_that 'a wrong candidate is named with its line' grep -E 'wrong.yaml:[0-9]+:[0-9]+: .*client_connections' "$LAB/words"
check_that 'the candidate runs' lab_cli config shadow "$LAB/candidate.yaml" --minutes 30
check 'status names it' "$(lab_ask candidate config shadow)" "$(lab_ask dataplane.shadow_version status)"
check_that 'a second one is refused' sh -c "! '$(program mailweirctl)' -s '$LAB_SOCKETS/rpc.sock' config shadow '$LAB/candidate.yaml'"

spam() { message "$1" --plant "$SPAM_TEXT"; }
mail 'equal under both: clean' '250, equal' "$(message clean)" --host $LAB_SERVER4
mail 'equal under both: spam' '550 5.7.1, absent' "$(spam equal)" --host $LAB_SERVER4
mail 'equal under both: IPv6' '250, equal' "$(message six)" --host $LAB_SERVER6
lab_send --host $LAB_SERVER4 --bind 10.77.0.66 --message "$(message refused)" >"$LAB/client.out" || :
check 'refused now, read by the candidate' 554 "$(told greeting)"
mail 'unread now, read by the candidate: spam' '250, equal' "$(spam unread)" --host $LAB_SERVER4 --bind 10.77.0.70
mail 'read now, refused by the candidate: clean' '250, equal' "$(message away)" --host $LAB_SERVER4 --bind 10.77.0.71
mail 'read now, refused by the candidate: spam' '550 5.7.1, absent' "$(spam awaytoo)" --host $LAB_SERVER4 --bind 10.77.0.71
mail 'read now, put off by the candidate' '250, equal' "$(message later)" --host $LAB_SERVER4 --bind 10.77.0.72
mail 'spam by a live rule only' '550 5.7.1, absent' "$(message old --plant 'what the live rule alone knows')" --host $LAB_SERVER4 --bind 10.77.0.74
mail "spam by a rule of the candidate's only" '250, equal' "$(message new --plant 'what the candidate alone knows')" --host $LAB_SERVER4 --bind 10.77.0.75
mail 'three recipients' '250, equal' "$(message three)" --host $LAB_SERVER4 --bind 10.77.0.76 --to inbox@example.net --to two@example.net --to three@example.net
mail 'two recipients: equal under both' '250, equal' "$(message two)" --host $LAB_SERVER4 --to inbox@example.net --to two@example.net
mail 'a recipient that the candidate refuses' '250, equal' "$(message shut)" --host $LAB_SERVER4 --bind 10.77.0.77 --to inbox@example.net --to closed@example.net
lab_send --host $LAB_SERVER4 --bind 10.77.0.73 --hold-s 3 --message "$(message first)" >"$LAB/first.out" &
first=$!
wait_until 60 grep -q '^1 final 250' "$LAB/first.out" || :
mail 'two at a time of a client' '250, equal' "$(message second)" --host $LAB_SERVER4 --bind 10.77.0.73
wait "$first"
for i in 1 2 3; do mail "message $i of an hour" '250, equal' "$(message hour$i)" --host $LAB_SERVER4 --bind 10.77.0.78; done
mail 'a sender whose domain there is' '250, equal' "$(message there)" --host $LAB_SERVER4 --bind 10.77.0.79 --from a@mx.example
mail 'a sender whose domain is gone' '250, equal' "$(message gone)" --host $LAB_SERVER4 --bind 10.77.0.79 --from a@gone.example

wait_until 60 reported 20 12 || :
check 'compared, alike, different' '20 8 12 0' "$(lab_ask compared config shadow) $(lab_ask same config shadow) $(lab_ask different config shadow) $(lab_ask not_followed config shadow)"
check 'those of the main client' '' "$(of_client $LAB_CLIENT4)$(of_client $LAB_CLIENT6)"
check 'the second subscriber' 'connect refuse 554 inspect None internal' "$(of_client 10.77.0.66)"
check 'unread' 'connect pass None inspect None internal' "$(of_client 10.77.0.70)"
check 'away' 'connect inspect None refuse 554 away
connect inspect None refuse 554 away' "$(of_client 10.77.0.71)"
check 'later' 'connect inspect None refuse 421 later' "$(of_client 10.77.0.72)"
check 'live rule' 'content refuse 550 accept None internal' "$(of_client 10.77.0.74)"
check "the candidate's rule" 'content accept None refuse 550 internal' "$(of_client 10.77.0.75)"
check 'recipients' 'command accept None refuse 452 internal' "$(of_client 10.77.0.76)"
check 'the third message of an hour' 'command accept None refuse 450 internal' "$(of_client 10.77.0.78)"
check 'a domain that is gone' 'command accept None refuse 550 asked' "$(of_client 10.77.0.79)"
check 'the DNS was asked for the candidate alone' '2 0' "$(counter shadow_domains_asked) $(counter domains_asked)"
check 'access rule' 'command accept None refuse 550 internal' "$(of_client 10.77.0.77)"
check 'and its name' 10.77.0.77 "$(lab_ask sessions.would_access_rule=shut.client config shadow)"
lab_cli sessions tail --no-follow --limit 1000 >"$LAB/words"
check 'sessions tail shows them' 1 "$(grep -c 'shadow .* command: accept; candidate [0-9]*, policy internal: refuse 550 access_rejected$' "$LAB/words")"
lab_cli explain "$(lab_ask sessions.would_access_rule=shut.session config shadow)" >"$LAB/words"
check_that 'explain tells it, and that it was not done' grep -F 'access rule "shut". Nothing was done by that.' "$LAB/words"
check 'too many' 'connections accept None cut 421 internal' "$(of_client 10.77.0.73)"
check 'each stands in the log once' 12 "$(logged)"
check 'the counters' '20 12' "$(counter shadow_compared) $(counter shadow_different)"
check 'no live limit was touched' '0 0' "$(counter refused_client_connections) $(counter client_messages_refused)"

check_that '--stop' lab_cli config shadow --stop
check 'it is over' 'over stopped' "$(lab_ask state config shadow) $(lab_ask why config shadow)"
check 'status names none' '' "$(lab_ask dataplane.shadow_version status)"
mail 'behind it nothing is compared' '250, equal' "$(message behind)" --host $LAB_SERVER4 --bind 10.77.0.71
check 'the report stays' '20 12' "$(lab_ask compared config shadow) $(lab_ask different config shadow)"
check_that 'another one' lab_cli config shadow "$LAB/candidate.yaml"
check_that 'a commit' lab_cli config commit "$LAB_CONF"
check 'ends it' 'over another revision came into force' "$(lab_ask state config shadow) $(lab_ask why config shadow)"
check_that 'one beside a commit that may take itself back' lab_cli config commit "$LAB_CONF" --confirm 5
check_that 'begins' lab_cli config shadow "$LAB/candidate.yaml"
check_that 'and ends' lab_cli config revert 1
check 'when that one goes' 'over another revision came into force' "$(lab_ask state config shadow) $(lab_ask why config shadow)"
check 'in the data plane, too' '' "$(lab_ask dataplane.shadow_version status)"
check_that 'one that the data plane leaves alone' lab_cli config shadow "$LAB/candidate.yaml"
proc_end "$LAB/pids/dataplane" KILL
lab_dataplane_spawn
wait_until 60 lab_ready || :
check 'is over' 'over the data plane went' "$(lab_ask state config shadow) $(lab_ask why config shadow)"
mail 'and mail goes on' '250, equal' "$(message afterwards)" --host $LAB_SERVER4 --bind 10.77.0.71
check 'nothing is compared' 0 "$(counter shadow_compared)"
check_that 'and another' lab_cli config shadow "$LAB/candidate.yaml"
proc_end "$LAB/pids/controlplane" KILL
lab_controlplane_spawn
wait_until 60 lab_ready || :
check 'a killed control plane takes it along' 'none ' "$(lab_ask state config shadow) $(lab_ask dataplane.shadow_version status)"
check_that 'the data plane says so' grep 'candidate .*: over: the control plane that asked for it went' "$LAB/dataplane.log"
wire_end
