#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# For a Linux router beside Mailweir: sends it the mail while it is well, leaves it what it has while it drains, and
# sends everything straight while it does not answer. It asks the health port (dataplane.health) several times a
# second; three questions in a row without an answer are a dead box, found in less than 2 s.
#
#   router-track.sh -p PORT -c ADDRESS [-c ADDRESS]... [-t MAIL_PORT]
#                   -a FROM,VIA,BY [-a ...]
#
#   -c  addresses of Mailweir to ask: all must answer (one of each arm, of each family)
#   -a  what comes in by the interface FROM goes to the next hop VIA by the interface BY; once for each direction and
#       family: -a eth0,192.0.2.2,eth2 -a eth1,198.51.100.2,eth3 -a eth0,fd00:a::2,eth2 ...
#   -t  TCP port of the mail (25)
#
#   state  new connections   those that it has   what came of the questions
#   up     by Mailweir       by Mailweir         taken
#   drain  straight          by Mailweir         refused by one: it lives and takes no more
#   dead   straight          straight            three without an answer
#
# A connection that began straight stays straight: the kernel remembers (conntrack) at its SYN which way it goes, in
# both directions. Rules and routes of ours carry the mark and table 7925, and go when the script ends (SIGTERM,
# SIGINT); what it sets in /proc/sys stays. Needs bash, ip, nft, timeout, and root. One line on standard output for
# each change.
set -u
export LC_ALL=C

PORT='' MAIL=25 MARK=7925 TABLE=7925
ASK_S=0.3      # a question may take so long
PAUSE_S=0.1    # between two rounds of questions
MISSES_DEAD=3  # rounds without an answer
CHECKS=() ARMS=()

usage() {
	sed -n '/^# *router-track.sh -p/,/^# *-t/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
while getopts p:c:a:t: option; do
	case $option in
	p) PORT=$OPTARG ;;
	c) CHECKS+=("$OPTARG") ;;
	a) ARMS+=("$OPTARG") ;;
	t) MAIL=$OPTARG ;;
	*) usage ;;
	esac
done
[ -n "$PORT" ] && [ ${#CHECKS[@]} -gt 0 ] && [ ${#ARMS[@]} -gt 0 ] && [ $# = $((OPTIND - 1)) ] || usage

say() { printf '%s %s\n' "$(date +%T.%3N)" "$*"; }

# Each arm has a table: two directions may leave by two interfaces.
each_arm() { # add|del
	local i from via by family
	for i in "${!ARMS[@]}"; do
		IFS=, read -r from via by <<<"${ARMS[$i]}"
		family=-4
		[ "${via#*:}" = "$via" ] || family=-6
		ip $family rule "$1" iif "$from" fwmark $MARK lookup $((TABLE + i)) pref $((100 + i)) 2>/dev/null
		ip $family rule "$1" iif lo fwmark $MARK lookup $((TABLE + i)) pref $((100 + i)) 2>/dev/null
		[ "$1" = del ] || ip $family route replace default via "$via" dev "$by" table $((TABLE + i))
	done
}

# Mail comes back on an arm with its own addresses: any that there is a way to is right there (2; of this value and
# that of `all` the kernel takes the larger), and the router's own, of its errors.
arms_open() {
	local by
	for by in "${ARMS[@]##*,}"; do
		echo 2 >"/proc/sys/net/ipv4/conf/$by/rp_filter" && echo 1 >"/proc/sys/net/ipv4/conf/$by/accept_local" || return 1
	done
}

# The router's own errors about mail go by Mailweir, too: what that has acknowledged only it can send again, smaller.
# What comes back from Mailweir on the arms is the same connection once more, perhaps with other numbers: conntrack is
# not to see it. Where Mailweir speaks in the server's place conntrack misses the server's half: what it then finds
# invalid is Mailweir's.
nft_load() {
	local arms from
	arms=$(printf '"%s"\n' "${ARMS[@]##*,}" | sort -u | paste -sd ,)
	from=$(printf '"%s"\n' "${ARMS[@]%%,*}" | sort -u | paste -sd ,)
	nft -f - <<-END || return 1
		table inet mailweir_track
		delete table inet mailweir_track
		table inet mailweir_track {
			chain raw {
				type filter hook prerouting priority raw;
				iifname { $arms } tcp sport $MAIL notrack
				iifname { $arms } tcp dport $MAIL notrack
			}
			chain new {
			}
			chain way {
				type filter hook prerouting priority mangle;
				tcp dport $MAIL tcp flags & (syn|ack) == syn jump new
				ct mark $MARK meta mark set $MARK
				ct state invalid iifname { $from } tcp dport $MAIL meta mark set $MARK
				ct state invalid iifname { $from } tcp sport $MAIL meta mark set $MARK
			}
			chain own {
				type route hook output priority mangle;
				meta l4proto { icmp, ipv6-icmp } ct state related ct mark $MARK meta mark set $MARK
			}
		}
	END
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal
}

# May new connections go by Mailweir? The mark of a connection whose client begins anew on the same ports goes first.
new_set() { # yes|no
	nft -f - <<-END
		flush chain inet mailweir_track new
		add rule inet mailweir_track new ct mark set $([ "$1" = yes ] && echo $MARK || echo 0)
	END
}

leave() {
	each_arm del
	nft delete table inet mailweir_track 2>/dev/null
	exit 0
}

# up: taken; drain: refused; none: no answer in time, or no way there.
ask() { # ADDRESS
	local told
	told=$(timeout "$ASK_S" bash -c 'exec 3<>"/dev/tcp/$1/$2"' ask "$1" "$PORT" 2>&1) && echo up && return
	case $told in
	*refused*) echo drain ;;
	*) echo none ;;
	esac
}

# All at once: a round takes no longer than one question. The worst answer counts.
round() {
	local address answers
	answers=$(for address in "${CHECKS[@]}"; do ask "$address" & done; wait)
	case $answers in
	*none*) echo none ;;
	*drain*) echo drain ;;
	*) echo up ;;
	esac
}

enter() { # STATE
	case $1 in
	up) new_set yes ;;
	*) new_set no ;;
	esac
	[ "$1" = dead ] && each_arm del
	[ "$state" = dead ] && [ "$1" != dead ] && each_arm add
	say "$1 (was $state)"
	state=$1
}

each_arm del
arms_open && nft_load || exit 1
trap leave TERM INT
state=dead misses=0
say 'dead until Mailweir answers'
while :; do
	seen=$(round)
	if [ "$seen" = none ]; then
		misses=$((misses + 1))
		[ $misses -lt $MISSES_DEAD ] || [ "$state" = dead ] || enter dead
	else
		misses=0
		[ "$seen" = "$state" ] || enter "$seen"
	fi
	sleep "$PAUSE_S" &
	wait $!
done
