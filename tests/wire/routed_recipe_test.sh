#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# docs/operations.md, word by word: the router's commands, and the box's `dataplane:`, as they stand under "Beside a
# router", only names of interfaces, devices and networks are the lab's; then router-track.sh as it stands under "The
# health port". With two arms and with one: mail of both families arrives, spam is refused, all else goes straight, and
# mail crosses a link with a smaller MTU, once by the rules and once by the script.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

DOC=$ROOT/docs/operations.md
TRACK=$ROOT/config/examples/router-track.sh

# recipe SECTION FIRST: the indented lines of that section from the one that begins with FIRST, up to the next text.
recipe() {
	awk -v section="## $1" -v first="    $2" '$0 == section { in_it = 1; next } /^## / { in_it = 0 }
		!in_it { next }
		index($0, first) == 1 { taken = 1 }
		taken && !/^    / && !/^$/ { exit }
		taken { print substr($0, 5) }' "$DOC"
}
# as_here: what of it is another machine's. An arm that is not there is the first one again, as the document says.
as_here() {
	local first='s/^\(BEHIND=\)eth3/\1r-b/'
	lab_has_two_arms || first='s/^BEHIND=.*/BEHIND=r-a BEHIND4=192.0.2.2 BEHIND6=fd00:a::2/'
	sed -e 's/^SUBSCRIBERS=eth0 INTERNET=eth1/SUBSCRIBERS=r-sub INTERNET=r-net/' -e 's/^BEFORE=eth2/BEFORE=r-a/' -e "$first"
}
# The lab's router has the same rules by itself: away with them, and what they needed.
router_bare() {
	local family i
	for family in -4 -6; do
		while in_rtr ip $family rule del lookup 101 2>/dev/null || in_rtr ip $family rule del lookup 102 2>/dev/null; do :; done
		in_rtr ip $family route flush table 101
		in_rtr ip $family route flush table 102
	done
	in_rtr nft delete table inet mail 2>/dev/null || :
	for i in all r-a $(lab_has_two_arms && echo r-b); do
		in_rtr sysctl -qw "net/ipv4/conf/$i/rp_filter=1" "net/ipv4/conf/$i/accept_local=0"
	done
}
router_told() {
	recipe 'Beside a router' SUBSCRIBERS= | as_here >"$LAB/recipe"
	check_that "$1: the document's commands run" in_rtr bash -eu "$LAB/recipe"
}

# The box's section, with the lab's devices; subscribers and server of the lab are of one network, so more routes.
box_told() {
	lab_config
	! lab_has_two_arms || {
		recipe 'Beside a router' dataplane: | sed -n '/^  interfaces:/,$p' |
			sed -e 's/port: port2/port: access/' -e 's/port: port3/port: core/' >"$LAB/box"
		printf '    - {to: %s, via: %s}\n' "$LAB_SERVER4" 198.51.100.1 '"fd77::/64"' '"fd00:a::1"' "\"$LAB_SERVER6\"" '"fd00:b::1"' >>"$LAB/box"
		awk -v box="$LAB/box" '/^  interfaces:/ { while ((getline line <box) > 0) print line; skip = 1; next }
			skip && /^  [a-z]/ && !/^  routes:/ { skip = 0 } !skip' "$LAB_CONF" >"$LAB_CONF.told"
		mv "$LAB_CONF.told" "$LAB_CONF"
	}
	check_that "$1: a configuration that can be used" lab_cli config check "$LAB_CONF"
}

mails() { # WHAT
	local tag=${1//[^a-z]/}
	mail "$1: clean mail" '250, equal' "$(message "clean4-$tag" --size 200000)" --host $LAB_SERVER4
	mail "$1: clean mail, IPv6" '250, equal' "$(message "clean6-$tag" --size 200000)" --host $LAB_SERVER6
	mail "$1: spam" '550 5.7.1, absent' "$(message "spam4-$tag" --plant "$SPAM_TEXT")" --host $LAB_SERVER4
	mail "$1: spam, IPv6" '550 5.7.1, absent' "$(message "spam6-$tag" --plant "$SPAM_TEXT")" --host $LAB_SERVER6
}
refusals() { in_rtr nstat -asz IpFragFails Ip6FragFails Icmp6OutPktTooBigs | awk '$1 ~ /^I/ { n += $2 } END { print n + 0 }'; }
# What the router itself says about mail, by an arm to us.
errors_count() {
	in_rtr nft -f - <<-END
		table inet seen {
			counter errors { }
			chain out {
				type filter hook postrouting priority 300
				oifname { "r-a", "r-b" } icmp type destination-unreachable counter name errors
				oifname { "r-a", "r-b" } icmpv6 type packet-too-big counter name errors
			}
		}
	END
}
errors() { in_rtr nft list counter inet seen errors | grep -o 'packets [0-9]*' | cut -d' ' -f2; }
more_errors() { [ "$(errors)" -gt "$1" ]; }
small() { # WHAT
	local before came
	before=$(refusals) came=$(errors)
	in_rtr ip link set r-net mtu 1280
	mails "$1, a smaller MTU"
	check_that "$1: ... the router refused packets" test "$(refusals)" -gt "$before"
	check_that "$1: ... and told us" more_errors "$came"
	in_rtr ip link set r-net mtu 1500
	in_sub ip route flush cache
	in_sub ip -6 route flush cache
}

tracked() { [ "$(tail -n 1 "$LAB/track.log" | awk '{ print $2 }')" = "$1" ]; }
# shellcheck disable=SC2046 # words of the document
track() {
	recipe 'The health port, and the router' router-track.sh |
		sed -e 's/SUBSCRIBERS/r-sub/g' -e 's/INTERNET/r-net/g' -e 's/ARM_BEFORE/r-a/g' -e 's/ARM_BEHIND/r-b/g' >"$LAB/track"
	lab_has_two_arms ||
		sed -i -e 's/-c 198\.51\.100\.2 //' -e 's/198\.51\.100\.2,r-b/192.0.2.2,r-a/' -e 's/fd00:b::2,r-b/fd00:a::2,r-a/' "$LAB/track"
	router_bare
	lab_spawn track "$NS_RTR" "$TRACK" $(sed -e 's/^router-track\.sh//' -e 's/\\$//' "$LAB/track")
	wait_until 20 tracked up || check "$1: the script says up" up "$(lab_log_tail track)"
}

run() { # TOPOLOGY
	LAB_TOPOLOGY=$1
	LAB_DATAPLANE="$(recipe 'The health port, and the router' dataplane: | sed 1d)"
	mkdir -p "$LAB/sent"
	lab_up
	router_bare
	router_told "$1"
	errors_count
	lab_postfix_start
	box_told "$1"
	lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
	mails "$1"
	check_that "$1: other traffic goes straight" in_sub ping -c 3 -i 0.2 -W 2 $LAB_SERVER4
	small "$1"
	track "$1"
	mails "$1, by the script"
	small "$1, by the script"
	check_that "$1: the data plane still runs" proc_pid "$LAB/pids/dataplane"
	check "$1: nothing went by unread" '0 0' "$(counter pass_midstream) $(counter pass_no_policy)"
	lab_down
	rm -rf "$LAB"
}

wire_begin
command -v nft >/dev/null || skip 'no nft here'
run routed
run single-arm
[ $WIRE_FAILED = 0 ] || exit 1
