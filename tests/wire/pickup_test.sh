#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Pick-up by port and direction, and policies changed by command, on connections that are really made:
# each takes what holds when it begins.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# LAB_* is read by scripts/lib/lab.sh.
# shellcheck disable=SC2034
LAB_POLICIES='  - {name: all, action: inspect, content: spam}'

wire_begin
wire_run
ip -n "$NS_SUB" addr add 10.77.0.11/24 dev a1
spam() { message "$1" --plant "$SPAM_TEXT"; }
policies() { lab_cli policies "$@" >"$LAB/policies.out"; }
order() { lab_cli policies list --json | python3 -c 'import json, sys
print(" ".join(p["name"] for p in json.load(sys.stdin)["policies"]))'; }

mail 'spam is refused' '550 5.7.1, absent' "$(spam first)" --host $LAB_SERVER4 --bind 10.77.0.11
policies insert friend --before all --source 10.77.0.11 --action pass --comment 'for a while'
check 'policies insert' 'friend all' "$(order)"
mail 'a policy put before it passes it' '250, equal' "$(spam friend)" --host $LAB_SERVER4 --bind 10.77.0.11
mail 'and nobody else' '550 5.7.1, absent' "$(spam other)" --host $LAB_SERVER4
policies disable friend
mail 'disabled: refused again' '550 5.7.1, absent' "$(spam disabled)" --host $LAB_SERVER4 --bind 10.77.0.11
policies enable friend
mail 'enabled: passed again' '250, equal' "$(spam enabled)" --host $LAB_SERVER4 --bind 10.77.0.11
policies move friend --down 2>"$LAB/warnings.out"
check 'policies move' 'all friend' "$(order)"
check_that 'names what shadows it' grep -q '"friend" can never match; policy "all"' "$LAB/warnings.out"
mail 'behind the other: refused' '550 5.7.1, absent' "$(spam moved)" --host $LAB_SERVER4 --bind 10.77.0.11
policies set friend --action drop
policies move friend --first
lab_send --host $LAB_SERVER4 --bind 10.77.0.11 --timeout-s 2 >"$LAB/client.out"
check 'set to drop: no answer' 'closed unreachable timed out' "$(grep ^closed "$LAB/client.out")"
policies del friend
check 'policies del' all "$(order)"

# pickup WORDS DOMAINS: commits the lab's configuration with these.
pickup() {
	sed "s|^pickup: .*|pickup: {ports: [25], by_ingress: [{ingress: access, $1}]}\n${2:-}|" "$LAB_CONF" >"$LAB/pickup.yaml"
	lab_cli config commit "$LAB/pickup.yaml" >"$LAB/commit.out" 2>&1 || { cat "$LAB/commit.out"; return 1; }
}
matched() { # MEMBER SERVER: of the subscriber's connection to it
	case $2 in
	*:*) lab_ask "$1" policy match --source $LAB_CLIENT6 --destination "$2" ;;
	*) lab_ask "$1" policy match --source $LAB_CLIENT4 --destination "$2" ;;
	esac
}
domain="protected_domains: {example.net: {servers: [$LAB_SERVER4]}}"

pickup 'incoming: drop, outgoing: proxy'
mail 'no protected domain: outgoing, read' '550 5.7.1, absent' "$(spam outgoing)" --host $LAB_SERVER4
pickup 'incoming: pass, outgoing: proxy' "$domain"
check 'a server of a protected domain: incoming' incoming "$(matched direction $LAB_SERVER4)"
check 'which pickup passes' pass "$(matched pickup $LAB_SERVER4)"
mail 'incoming passed unread' '250, equal' "$(spam incoming)" --host $LAB_SERVER4
check 'its other address is not' outgoing "$(matched direction $LAB_SERVER6)"
mail 'outgoing read' '550 5.7.1, absent' "$(spam outgoing6)" --host $LAB_SERVER6
pickup 'incoming: proxy, outgoing: drop' "$domain"
mail 'incoming read' '550 5.7.1, absent' "$(spam incoming-read)" --host $LAB_SERVER4
mail 'incoming read, clean' '250, equal' "$(message incoming-clean)" --host $LAB_SERVER4
lab_send --host $LAB_SERVER6 --timeout-s 2 >"$LAB/client.out"
check 'outgoing dropped' 'closed unreachable timed out' "$(grep ^closed "$LAB/client.out")"
pickup 'incoming: pass, outgoing: pass'
mail 'all passed' '250, equal' "$(spam passed6)" --host $LAB_SERVER6
wire_end
