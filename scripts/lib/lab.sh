# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The lab: a subscriber, a box and a server, each in a network namespace of its own, joined by two
# virtual wires, so that nothing but the data plane connects subscriber and server.
#
#   NAME-sub                     NAME-box                      NAME-net
#   10.77.0.1 fd77::1  a1 ===== a0 | data plane | b0 ===== b1  10.77.0.2 fd77::2, Postfix on port 25
#
# LAB_FAULTY="before behind" makes the wire before or behind the box, or both, a faulty one: netfault
# stands in it, in a namespace NAME-flt, and harms as lab_fault says.
#
# LAB_TOPOLOGY=routed: the box is not in the wire but beside a router, which sends it the mail of both
# directions (TCP 25) and everything else straight; addresses of subscriber and server stay what they are.
#
#   NAME-sub a1 ===== r-sub | NAME-rtr | r-net ===== b1 NAME-net       10.77.0.1 - 10.77.0.2, fd77::1 - fd77::2
#                       192.0.2.1 r-a   r-b 198.51.100.1
#                               |         |
#                       192.0.2.2 a0     b0 198.51.100.2               NAME-box
#
# LAB_TOPOLOGY=single-arm: the same with r-a and a0 alone. A faulty wire is then that of subscriber or server.
#
# Sourced behind step.sh by scripts/demo and tests/wire/lib.sh. Everything that runs has its pid
# under $LAB/pids, everything written lies under $LAB; lab_down undoes it all, in any state.

LAB_CLIENT4=10.77.0.1 LAB_CLIENT6=fd77::1
LAB_SERVER4=10.77.0.2 LAB_SERVER6=fd77::2
LAB_SERVERS4=10.77.0.240/28 # more of the server's, where a test gives it such
LAB_ROUTER6=fe80::1 # the router's on the server's wire

# lab_init NAME DIR: sets the names, changes nothing.
lab_init() {
	LAB_NAME=$1
	LAB=$2
	NS_SUB=$1-sub NS_BOX=$1-box NS_NET=$1-net NS_FLT=$1-flt NS_RTR=$1-rtr
	LAB_TOPOLOGY=${LAB_TOPOLOGY:-bridge}
	LAB_CONF=$LAB/mailweir.yaml
	LAB_SOCKETS=$LAB # folder of link.sock and rpc.sock
	LAB_MAIL=$LAB/mail
	LAB_INBOX=$LAB_MAIL/inbox
	LAB_MTU=${LAB_MTU:-1500}
	LAB_PORTS=${LAB_PORTS:-$(lab_ports_kind)}
}

in_sub() { ip netns exec "$NS_SUB" "$@"; }
in_box() { ip netns exec "$NS_BOX" "$@"; }
in_net() { ip netns exec "$NS_NET" "$@"; }
in_rtr() { ip netns exec "$NS_RTR" "$@"; }
lab_is_routed() { [ "$LAB_TOPOLOGY" != bridge ]; }
lab_has_two_arms() { [ "$LAB_TOPOLOGY" != single-arm ]; }

# lab_spawn NAME NAMESPACE COMMAND...: a process in the background, its output in $LAB/NAME.log.
lab_spawn() {
	local name=$1 ns=$2
	shift 2
	setsid ip netns exec "$ns" "$@" >>"$LAB/$name.log" 2>&1 </dev/null &
	LAB_SPAWNED=$!
	proc_record "$LAB/pids/$name" "$LAB_SPAWNED"
	disown "$LAB_SPAWNED" 2>/dev/null || :
}

lab_log_tail() { # NAME: what a process said last, for an error message
	tail -n 3 "$LAB/$1.log" 2>/dev/null | tr '\n' ' '
}

# Both ends of a wire carry frames as a real cable does: whole, with checksums, no larger than the MTU.
lab_offloads_off() { # NAMESPACE INTERFACE
	local feature
	ip netns exec "$1" ethtool -K "$2" tx off tso off gso off gro off txvlan off rxvlan off >/dev/null 2>&1 && return 0
	for feature in tx tso gso gro txvlan rxvlan; do # a driver without one of them refuses all
		ip netns exec "$1" ethtool -K "$2" "$feature" off >/dev/null 2>&1 || :
	done
}

# lab_cable NAMESPACE END NAMESPACE END: one virtual wire, both ends up.
lab_cable() {
	ip link add "$4" netns "$3" type veth peer name "$2" netns "$1"
	lab_offloads_off "$1" "$2"
	lab_offloads_off "$3" "$4"
	ip -n "$1" link set "$2" mtu "$LAB_MTU" up
	ip -n "$3" link set "$4" mtu "$LAB_MTU" up
}

# lab_wire SIDE NEAR_NAMESPACE NEAR_END FAR_NAMESPACE FAR_END: from what stands in the middle, the box or the
# router, to subscriber or server; faulty where that is wanted.
lab_wire() {
	case " ${LAB_FAULTY:-} " in
	*" $1 "*)
		lab_cable "$2" "$3" "$NS_FLT" "$1-box"
		lab_cable "$NS_FLT" "$1-far" "$4" "$5"
		lab_fault "$1"
		;;
	*) lab_cable "${@:2}" ;;
	esac
}

# lab_fault before|behind OPTIONS...: from now on that wire harms frames so. Forth is from subscriber
# to server on both. Frames that are under way when it changes are lost.
lab_fault() {
	local side=$1 from=far to=box lines
	shift
	[ "$side" = before ] || from=box to=far
	lab_fault_end "$side"
	lines=$(grep -c 'netfault: up' "$LAB/fault-$side.log" 2>/dev/null) || :
	lab_spawn "fault-$side" "$NS_FLT" "$(program netfault)" "$@" "$side-$from" "$side-$to"
	wait_until 60 lab_fault_up "$side" "${lines:-0}" || die "netfault: $(lab_log_tail "fault-$side")"
}
lab_fault_up() { [ "$(grep -c 'netfault: up' "$LAB/fault-$1.log")" -gt "$2" ]; }

# lab_fault_end SIDE [PATH]: ends it; prints a count, such as forth.dropped.
lab_fault_end() {
	proc_end "$LAB/pids/fault-$1"
	[ -z "${2:-}" ] || tail -n 1 "$LAB/fault-$1.log" | "$PYTHON" "$ROOT/scripts/lib/pick.py" "$2"
}

lab_namespaces() {
	local ns
	for ns in "$NS_SUB" "$NS_BOX" "$NS_NET" ${LAB_FAULTY:+"$NS_FLT"} $(lab_is_routed && echo "$NS_RTR"); do
		ip netns add "$ns"
		ip -n "$ns" link set lo up
	done
	# The kernel in the middle has no part in it: no address, no forwarding, no neighbour discovery.
	for ns in "$NS_BOX" ${LAB_FAULTY:+"$NS_FLT"}; do
		ip netns exec "$ns" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
			echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
			echo 0 >/proc/sys/net/ipv4/ip_forward'
	done
}

lab_addresses() {
	ip -n "$NS_SUB" addr add $LAB_CLIENT4/24 dev a1
	ip -n "$NS_SUB" addr add 10.77.0.66/24 dev a1
	ip -n "$NS_SUB" addr add $LAB_CLIENT6/64 dev a1 nodad
	ip -n "$NS_NET" addr add $LAB_SERVER4/24 dev b1
	if lab_is_routed; then
		ip -n "$NS_NET" addr add $LAB_SERVER6/128 dev b1 nodad
		lab_subscribers fd77::/64
	else
		ip -n "$NS_NET" addr add $LAB_SERVER6/64 dev b1 nodad
	fi
}

# The router: an ordinary Linux one. Subscribers' addresses and the server's are of one network, so it stands in
# for each of them on the other's link (proxy ARP; proxy NDP for the server, a route for the subscribers); what
# makes it send us the mail are the rules of docs/operations.md.
lab_router() {
	in_rtr sh -c 'cd /proc/sys/net
		echo 1 >ipv4/ip_forward
		echo 1 >ipv6/conf/all/forwarding
		for i in all default r-sub r-net r-a r-b; do
			[ -d ipv4/conf/$i ] || continue
			echo 0 >ipv4/conf/$i/rp_filter
			echo 0 >ipv4/conf/$i/send_redirects
			case $i in r-sub | r-net)
				echo 1 >ipv4/conf/$i/proxy_arp
				echo 1 >ipv6/conf/$i/proxy_ndp
				echo 0 >ipv4/neigh/$i/proxy_delay
				echo 0 >ipv6/neigh/$i/proxy_delay
				;;
			r-a | r-b) echo 1 >ipv4/conf/$i/accept_local ;; # its own errors come back by us
			esac
		done'
	ip -n "$NS_RTR" addr add 100.64.1.1/32 dev r-sub
	ip -n "$NS_RTR" addr add 100.64.2.1/32 dev r-net
	ip -n "$NS_RTR" addr add 192.0.2.1/30 dev r-a
	ip -n "$NS_RTR" addr add fd00:a::1/64 dev r-a nodad
	ip -n "$NS_RTR" route add 10.77.0.0/24 dev r-sub
	ip -n "$NS_RTR" route add $LAB_SERVER4/32 dev r-net
	ip -n "$NS_RTR" route add $LAB_SERVERS4 dev r-net
	ip -n "$NS_RTR" route add fd77::/64 dev r-sub
	ip -n "$NS_RTR" route add $LAB_SERVER6/128 dev r-net
	ip -n "$NS_RTR" neigh add proxy $LAB_SERVER6 dev r-sub
	ip -n "$NS_RTR" addr add $LAB_ROUTER6/64 dev r-net nodad
	if lab_has_two_arms; then
		ip -n "$NS_RTR" addr add 198.51.100.1/30 dev r-b
		ip -n "$NS_RTR" addr add fd00:b::1/64 dev r-b nodad
	fi
	# From the subscribers by the one arm, from the Internet by the other, or by the only one.
	lab_router_sends 101 r-sub 192.0.2.2 fd00:a::2 r-a
	if lab_has_two_arms; then
		lab_router_sends 102 r-net 198.51.100.2 fd00:b::2 r-b
	else
		lab_router_sends 102 r-net 192.0.2.2 fd00:a::2 r-a
	fi
	lab_router_marks
}

# lab_router_sends TABLE FROM VIA4 VIA6 BY: mail, of either direction, that comes in by FROM.
lab_router_sends() {
	local key family
	for family in -4 -6; do
		for key in sport dport; do
			ip -n "$NS_RTR" $family rule add iif "$2" ipproto tcp $key 25 lookup "$1"
		done
		ip -n "$NS_RTR" $family rule add iif "$2" fwmark 25 lookup "$1"
		ip -n "$NS_RTR" $family rule add iif lo fwmark 25 lookup "$1"
	done
	ip -n "$NS_RTR" -4 route add default via "$3" dev "$5" table "$1"
	ip -n "$NS_RTR" -6 route add default via "$4" dev "$5" table "$1"
}

# What shows no port where rules look for it: fragments, and errors about mail, the router's own too.
lab_router_marks() {
	in_rtr nft -f - <<'END' || die 'nftables cannot mark what the router sends us'
table inet mail {
	chain error4 {
		@th,136,8 6 @th,224,16 25 meta mark set 25
		@th,136,8 6 @th,240,16 25 meta mark set 25
	}
	chain error6 {
		@th,112,8 6 @th,384,16 25 meta mark set 25
		@th,112,8 6 @th,400,16 25 meta mark set 25
	}
	chain choose {
		icmp type { destination-unreachable, time-exceeded, parameter-problem } jump error4
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } jump error6
		ip frag-off & 0x3fff != 0 ip protocol tcp meta mark set 25
		frag nexthdr 6 meta mark set 25
	}
	chain others {
		type filter hook prerouting priority mangle
		iifname { "r-sub", "r-net" } jump choose
	}
	chain own {
		type route hook output priority mangle
		jump choose
	}
}
END
}

# lab_subscribers PREFIX: of a network whose addresses the subscriber has; the server's way there.
lab_subscribers() {
	! lab_is_routed || ip -n "$NS_RTR" route replace "$1" dev r-sub
	case $LAB_TOPOLOGY:$1 in
	bridge:* | *.*) ip -n "$NS_NET" route replace "$1" dev b1 ;;
	*) ip -n "$NS_NET" route replace "$1" via $LAB_ROUTER6 dev b1 ;;
	esac
}

# Of raw frames: what subscriber and server send to, and an address of the subscriber's that no kernel has.
lab_mac() { ip netns exec "$1" cat "/sys/class/net/$2/address"; } # NAMESPACE INTERFACE
lab_mac_from_sub() { if lab_is_routed; then lab_mac "$NS_RTR" r-sub; else lab_mac "$NS_NET" b1; fi; }
lab_mac_from_net() { if lab_is_routed; then lab_mac "$NS_RTR" r-net; else lab_mac "$NS_SUB" a1; fi; }
lab_stranger() { # ADDRESS
	local ns=$NS_NET by=b1
	! lab_is_routed || ns=$NS_RTR by=r-sub
	ip -n "$ns" neigh add "$1" dev $by nud permanent lladdr "$(lab_mac "$NS_SUB" a1)"
}

# lab_up_routed: namespaces, wires, addresses of the box beside a router.
lab_up_routed() {
	lab_wire before "$NS_RTR" r-sub "$NS_SUB" a1
	lab_wire behind "$NS_RTR" r-net "$NS_NET" b1
	lab_cable "$NS_BOX" a0 "$NS_RTR" r-a
	! lab_has_two_arms || lab_cable "$NS_BOX" b0 "$NS_RTR" r-b
	lab_router
	lab_addresses
}

# lab_up: namespaces, wires, addresses.
lab_up() {
	mkdir -p "$LAB/pids" "$LAB/state" "$LAB_SOCKETS"
	chmod 755 "$LAB"
	lab_namespaces
	if lab_is_routed; then
		lab_up_routed
		return
	fi
	lab_wire before "$NS_BOX" a0 "$NS_SUB" a1
	lab_wire behind "$NS_BOX" b0 "$NS_NET" b1
	lab_addresses
}

# lab_vlan VID: a VLAN on both wires, subscriber 10.77.VID.1, server 10.77.VID.2. Kernels without
# VLAN sub-interfaces get them from vlan_tap.py; the frames on the wire are the same.
lab_vlan() {
	local vid=$1 side ns parent
	for side in 1 2; do
		if [ "$side" = 1 ]; then ns=$NS_SUB parent=a1; else ns=$NS_NET parent=b1; fi
		if ! ip -n "$ns" link add link $parent name "v$vid" type vlan id "$vid" 2>/dev/null; then
			lab_spawn "vlan$vid-$side" "$ns" "$PYTHON" "$ROOT/scripts/lib/vlan_tap.py" $parent "$vid" "v$vid"
			wait_until 60 ip -n "$ns" link show "v$vid" || die "VLAN $vid: $(lab_log_tail "vlan$vid-$side")"
			lab_offloads_off "$ns" "v$vid"
		fi
		ip -n "$ns" link set "v$vid" up
		ip -n "$ns" addr add "10.77.$vid.$side/24" dev "v$vid"
		ip -n "$ns" addr add "fd77:$vid::$side/64" dev "v$vid" nodad
	done
}

# --- the mail server ----------------------------------------------------------------------------

# lab_mail_of SERVER: where it stores; the plain `postfix` in $LAB_MAIL.
lab_mail_of() { if [ "$1" = postfix ]; then printf '%s\n' "$LAB_MAIL"; else printf '%s\n' "$LAB/$1/mail"; fi; }

# lab_postfix_main NAME ADDRESSES MORE
lab_postfix_main() {
	cat <<END
compatibility_level = 3.6
queue_directory = $LAB/$1/queue
data_directory = $LAB/$1/data
maillog_file = $LAB/$1.log
maillog_file_prefixes = $LAB
myhostname = mail.example.net
mydomain = example.net
myorigin = example.net
mydestination =
mynetworks =
inet_interfaces = $2
inet_protocols = all
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtp_host_lookup = native
default_transport = discard
biff = no
virtual_mailbox_domains = example.net
virtual_mailbox_base = $(lab_mail_of "$1")
virtual_mailbox_maps = texthash:$LAB/$1/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 0
queue_minfree = 0
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_timeout = 300s
smtpd_tls_security_level = may
smtpd_tls_chain_files = $LAB/$1/tls.pem
tls_random_source = dev:/dev/urandom
smtp_tls_security_level = none
$3
END
}

lab_postfix_master() {
	cat <<'END'
smtp      inet  n - n - -     smtpd
pickup    unix  n - n 60 1    pickup
cleanup   unix  n - n - 0     cleanup
qmgr      unix  n - n 300 1   qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - -     trivial-rewrite
bounce    unix  - - n - 0     bounce
defer     unix  - - n - 0     bounce
trace     unix  - - n - 0     bounce
verify    unix  - - n - 1     verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - -     proxymap
smtp      unix  - - n - -     smtp
error     unix  - - n - -     error
retry     unix  - - n - -     error
discard   unix  - - n - -     discard
virtual   unix  - n n - -     virtual
anvil     unix  - - n - 1     anvil
scache    unix  - - n - 1     scache
postlog   unix-dgram n - n - 1 postlogd
END
}

lab_listening() { in_net ss -ltnH "sport = :$1" | grep -qF "${2:-:}"; } # PORT [ADDRESS]

# lab_postfix_start: an instance of Debian's Postfix of its own, inside NAME-net.
lab_postfix_start() { lab_postfix_named postfix all ''; }

# lab_postfix_named NAME ADDRESSES MORE: one more; MORE are lines for its main.cf.
lab_postfix_named() {
	local name=$1 dir=$LAB/$1 mail
	mail=$(lab_mail_of "$name")
	mkdir -p "$dir/conf" "$dir/queue" "$dir/data" "$mail"
	chown postfix "$dir/data"
	chown 65534:65534 "$mail"
	printf '%s\n' 'inbox@example.net inbox/' 'second@example.net second/' '@example.net other/' >"$dir/mailboxes"
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=mail.example.net -days 30 \
		-keyout "$dir/key.pem" -out "$dir/cert.pem" >"$LAB/openssl.log" 2>&1
	cat "$dir/key.pem" "$dir/cert.pem" >"$dir/tls.pem"
	chmod 600 "$dir/key.pem" "$dir/tls.pem"
	lab_postfix_main "$name" "$2" "$3" >"$dir/conf/main.cf"
	lab_postfix_master >"$dir/conf/master.cf"
	# `postfix start` makes the queue's folders and leaves the master process in the background.
	setsid ip netns exec "$NS_NET" postfix -c "$dir/conf" start >>"$LAB/$name-start.log" 2>&1 </dev/null ||
		die "$name: $(lab_log_tail "$name-start")"
	wait_until 60 test -s "$dir/queue/pid/master.pid" || die "$name: no master process: $(lab_log_tail "$name")"
	proc_record "$LAB/pids/$name" "$(tr -d ' ' <"$dir/queue/pid/master.pid")"
	wait_until 60 lab_listening 25 "${2#all}" || die "$name: not listening: $(lab_log_tail "$name")"
}

lab_queue_empty() { lab_queue_empty_of postfix; } # nothing of the server is still on its way to a mailbox
lab_queue_empty_of() { # SERVER
	local queue=$LAB/$1/queue
	[ -z "$(find "$queue/incoming" "$queue/active" "$queue/maildrop" -type f 2>/dev/null | head -n 1)" ]
}

# lab_stored FILE: what became of a message at the server: equal, absent, twice, differs at N.
lab_stored() {
	wait_until 60 lab_queue_empty || warn "postfix: its queue does not empty"
	"$PYTHON" "$ROOT/scripts/lib/mailbox.py" "${2:-$LAB_INBOX}" same "$1"
}

# --- the product --------------------------------------------------------------------------------

# Which kind of DPDK port: af_xdp leaves every frame as it is; af_packet is there on every kernel
# and takes any MTU, but its driver puts IP fragments together and makes 802.1ad tags 802.1Q.
lab_ports_kind() {
	if [ "$LAB_MTU" -le 3000 ] && "$PYTHON" -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null; then
		echo af_xdp
	else
		echo af_packet
	fi
}

lab_device() { # NUMBER INTERFACE: the DPDK device string of a port
	case $LAB_PORTS in
	af_packet) printf 'net_af_packet%s,iface=%s,qdisc_bypass=1' "$1" "$2" ;;
	*) printf 'net_%s%s,iface=%s' "$LAB_PORTS" "$1" "$2" ;;
	esac
}

lab_worker_core() { [ "$(nproc)" -gt 1 ] && echo 1 || echo 0; }

lab_config_ports() {
	lab_is_routed || printf '  mode: pair\n  pairs: [[access, core]]\n'
	printf '  ports:\n    - {name: access, dev: "%s"}\n' "$(lab_device 0 a0)"
	! lab_has_two_arms || printf '    - {name: core, dev: "%s"}\n' "$(lab_device 1 b0)"
	lab_is_routed || return 0
	printf '  mode: routed\n  interfaces:\n'
	printf '    - {name: before, port: access, addresses: [192.0.2.2/30, "fd00:a::2/64"]}\n'
	if lab_has_two_arms; then
		printf '    - {name: behind, port: core, addresses: [198.51.100.2/30, "fd00:b::2/64"]}\n'
		printf '  routes:\n    - {to: any, via: 198.51.100.1}\n    - {to: any, via: "fd00:b::1"}\n'
		printf '    - {to: 10.77.0.0/24, via: 192.0.2.1}\n    - {to: 10.77.0.2, via: 198.51.100.1}\n'
		printf '    - {to: %s, via: 198.51.100.1}\n' $LAB_SERVERS4
		printf '    - {to: "fd77::/64", via: "fd00:a::1"}\n    - {to: "fd77::2", via: "fd00:b::1"}\n'
	else
		printf '  routes:\n    - {to: any, via: 192.0.2.1}\n    - {to: any, via: "fd00:a::1"}\n'
	fi
}

# No hugepages: of two data planes that start at once each would see the last ones free.
lab_config_pages() { case ${LAB_DATAPLANE:-} in *hugepages:*) ;; *) echo '  hugepages: off' ;; esac; }

# lab_config: writes $LAB_CONF. What a test changes comes in LAB_DATAPLANE (more keys of that
# section), LAB_CONTROL (of control), LAB_RULES (file), LAB_SLABS, LAB_SESSION, LAB_CONTENT (keys of the profiles), LAB_POLICIES (the list).
lab_config() {
	local policies="  - {name: refused, source: 10.77.0.66/32, destination: any, action: reject, comment: the second subscriber}
  - {name: internal, source: any, destination: any, action: inspect, session: internal, content: spam}"
	[ -n "${LAB_POLICIES+set}" ] && policies=$LAB_POLICIES
	cat >"$LAB_CONF" <<END
# Written by scripts/lib/lab.sh: a subscriber on port "access", the Internet on port "core".
dataplane:
$(lab_config_ports)
  idle: sleep
  main_core: 0
  workers: [$(lab_worker_core)]
  file_prefix: $LAB_NAME
  flows: 20000
  messages: 256
  slabs: ${LAB_SLABS:-16384}
$(lab_config_pages)
${LAB_DATAPLANE:-}
control:
  link: $LAB_SOCKETS/link.sock
  rpc: $LAB_SOCKETS/rpc.sock
  state_dir: $LAB/state
  event_log: $LAB/events.jsonl
${LAB_CONTROL:-}
pickup: {ports: [25], incoming: proxy, outgoing: proxy}
contexts:
  - {name: default, ports: [$(lab_has_two_arms && echo access, core || echo access)], by_vlan: false}
rules: {file: ${LAB_RULES:-$ROOT/config/rules/shipped.rules}}
session_profiles:
  internal: {${LAB_SESSION:-prevent_encryption: false}}
content_profiles:
  spam: {${LAB_CONTENT:-threshold: 5, action: reject}}
${policies:+policies:
$policies}
END
}

lab_dataplane_spawn() { lab_spawn dataplane "$NS_BOX" "$(program mailweir-dataplane)" -c "$LAB_CONF"; }
lab_controlplane_spawn() { lab_spawn controlplane "$NS_BOX" "$(program mailweir-controlplane)" -c "$LAB_CONF"; }
lab_cli() { "$(program mailweirctl)" "$@" --socket "$LAB_SOCKETS/rpc.sock"; }

# lab_ask PATH VERB...: one value of what mailweirctl answers.
lab_ask() {
	local path=$1
	shift
	lab_cli "$@" --json 2>/dev/null | "$PYTHON" "$ROOT/scripts/lib/pick.py" "$path"
}

lab_version() { lab_ask dataplane.image_version status; } # of the policy in force
lab_attached() { [ "$(lab_ask attached status)" = true ]; }
lab_ready() {
	local version port
	lab_attached && version=$(lab_version) && [ "$version" -gt 0 ] || return 1
	for port in ${LAB_PORT_NAMES:-access $(lab_has_two_arms && echo core)}; do
		[ "$(lab_ask "ports.name=$port.up" ports list)" = true ] || return 1
	done
}

# lab_start: both daemons, until a policy is in force and both ports are up.
lab_start() {
	lab_dataplane_spawn
	lab_controlplane_spawn
	wait_until 60 lab_ready && return 0
	proc_pid "$LAB/pids/dataplane" >/dev/null || warn "data plane ended: $(lab_log_tail dataplane)"
	proc_pid "$LAB/pids/controlplane" >/dev/null || warn "control plane ended: $(lab_log_tail controlplane)"
	return 1
}

# lab_send ARGUMENTS...: the raw client, from the subscriber's side.
lab_send() { in_sub "$PYTHON" "$ROOT/scripts/lib/smtp_client.py" "$@"; }

# lab_message FILE ARGUMENTS...: a message to send; its token is the file's name.
lab_message() {
	local file=$1
	shift
	"$PYTHON" "$ROOT/scripts/lib/message.py" --out "$file" --token "$(basename "$file")" "$@"
}

# --- the end ------------------------------------------------------------------------------------

# lab_counters: what this data plane has counted, where the suite sums it up (scripts/counters).
lab_counters() {
	local file
	[ -n "${MAILWEIR_TEST_COUNTERS:-}" ] || return 0
	proc_pid "$LAB/pids/dataplane" >/dev/null || return 0
	file=$(mktemp "$MAILWEIR_TEST_COUNTERS/$LAB_NAME-XXXXXX.json")
	lab_cli stats get --json >"$file" 2>/dev/null || rm -f "$file"
}

# lab_down: ends everything of this lab, whatever is there of it; quiet where nothing is.
lab_down() {
	local record ns pid
	lab_counters
	for record in controlplane dataplane postfix; do
		proc_end "$LAB/pids/$record" || :
	done
	for record in "$LAB"/pids/*; do
		[ ! -f "$record" ] || proc_end "$record" || :
	done
	rm -rf "/run/dpdk/${LAB_NAME:?}" # what DPDK keeps of a process that was killed
	if [ "$LAB_SOCKETS" != "$LAB" ]; then
		rm -f "$LAB_SOCKETS"/link.sock* "$LAB_SOCKETS"/rpc.sock* # their locks too
		rmdir "$LAB_SOCKETS" 2>/dev/null || :
	fi
	for ns in "$NS_SUB" "$NS_BOX" "$NS_NET" "$NS_FLT" "$NS_RTR"; do
		[ -e "/run/netns/$ns" ] || continue
		# What is left in our own namespaces are children of what we started.
		for pid in $(ip netns pids "$ns" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null || :
		done
		ip netns del "$ns" || :
		rm -rf "/etc/netns/$ns"
	done
}
