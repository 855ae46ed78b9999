#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The router asks our health port (config/examples/router-track.sh, as an operator runs it). The data plane killed:
# mail flows past us, unread, within 2 s; back when it is back, and what began past us is not harmed. Drained: new
# connections go past us, the open one gets its 250 in the middle of its message, none is lost; undone by `--undo`;
# the control plane's restart does not change it. With a deadline what needs us is ended. Dual-arm and single-arm,
# asked by IPv4 and IPv6.
# Long: two topologies, one behind the other.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

HEALTH=2526
TRACK=$ROOT/config/examples/router-track.sh

# The lab's router sends us all mail, whatever we are: here the script does it.
# shellcheck disable=SC2054 # the commas are the script's
track() { # TOPOLOGY
	local table arms=(-a r-sub,192.0.2.2,r-a -a r-sub,fd00:a::2,r-a) checks=(-c 192.0.2.2 -c fd00:a::2)
	for table in 101 102; do
		while in_rtr ip -4 rule del lookup $table 2>/dev/null; do :; done
		while in_rtr ip -6 rule del lookup $table 2>/dev/null; do :; done
	done
	if [ "$1" = routed ]; then
		arms+=(-a r-net,198.51.100.2,r-b -a r-net,fd00:b::2,r-b)
		checks+=(-c 198.51.100.2)
	else
		arms+=(-a r-net,192.0.2.2,r-a -a r-net,fd00:a::2,r-a)
	fi
	lab_spawn track "$NS_RTR" "$TRACK" -p $HEALTH "${checks[@]}" "${arms[@]}"
	wait_until 60 track_is up || die "router-track: $(lab_log_tail track)"
}
track_is() { [ "$(tail -n 1 "$LAB/track.log" | awk '{ print $2 }')" = "$1" ]; }

ask() { # ADDRESS WHAT: what the health port says
	in_rtr "$PYTHON" - "$1" $HEALTH "$2" <<-'END'
		import socket, sys
		try:
		    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 20) as s:
		        s.sendall(sys.argv[3].encode().decode("unicode_escape").encode())
		        s.settimeout(20)
		        text = b""
		        while True:
		            more = s.recv(1000)
		            if not more:
		                break
		            text += more
		        print(text.decode().splitlines()[0])
		except ConnectionRefusedError:
		    print("refused")
		except OSError as error:
		    print("no answer", error)
	END
}
refused() { [ "$(ask "$1" hello)" = refused ]; }

port_speaks() {
	local address
	for address in 192.0.2.2 fd00:a::2; do
		check "$1: $address says that we are well" up "$(ask $address 'hello\r\n')"
		check "$1: ... and in HTTP" 'HTTP/1.0 200 OK' "$(ask $address 'GET / HTTP/1.0\r\n\r\n')"
	done
	check "$1: who may not ask gets nothing" silent "$(ask_from_sub)"
	check_that "$1: ... and is counted" test "$(counter drop_health_source)" -gt 0
}
ask_from_sub() { # from subscribers' side: not in health.from
	ip -n "$NS_SUB" route replace 192.0.2.2 dev a1
	in_sub timeout 2 bash -c "exec 3<>/dev/tcp/192.0.2.2/$HEALTH" 2>/dev/null && echo answered || echo silent
}

connects() { in_sub timeout 0.5 bash -c "exec 3<>/dev/tcp/$LAB_SERVER4/25" 2>/dev/null; }

# Killed: from then on a new connection is tried again and again. On a busy machine the question is once more asked, and
# what a connection costs there anyway, ten times, is no fault of ours.
fails_over() { # TOPOLOGY
	local try killed_ms ms=99999 most
	killed_ms=$(date +%s%3N)
	connects || :
	most=$((2000 + 10 * ($(date +%s%3N) - killed_ms)))
	for try in 1 2 3 4 5 6; do
		killed_ms=$(date +%s%3N)
		proc_end "$LAB/pids/dataplane" KILL
		wait_until 60 connects || break
		ms=$(($(date +%s%3N) - killed_ms))
		printf '%s: mail flows past us %s ms behind the kill\n' "$1" $ms
		[ $ms -gt $most ] || break
		[ $try = 6 ] || back "$1"
	done
	check_that "$1: mail flows past us within 2 s" test $ms -le $most
}

back() {
	lab_dataplane_spawn
	wait_until 60 lab_ready || die "the data plane does not come back: $(lab_log_tail dataplane)"
	wait_until 60 track_is up || check "$1: the router sends us mail again" yes "$(lab_log_tail track)"
}

# open_begin NAME: a message begun and not ended; what was told comes into NAME.out when `go` is there.
open_begin() {
	message "$1" --size 200000 >/dev/null
	in_sub "$PYTHON" "$ROOT/tests/wire/slow_message.py" $LAB_SERVER4 "$LAB/sent/$1" "$LAB/$1.begun" "$LAB/$1.go" \
		>"$LAB/$1.out" 2>&1 &
	OPENED=$!
	wait_until 60 test -e "$LAB/$1.begun" || die "$1: not begun: $(cat "$LAB/$1.out")"
}
open_end() { # NAME PID: ENDED is how it was told, and what arrived
	: >"$LAB/$1.go"
	wait "$2" || :
	ENDED="$(cut -c1-3 "$LAB/$1.out"), $(lab_stored "$LAB/sent/$1")"
}

# sends WHAT NAME ARGUMENTS...: spam, while another message is open at the server; what arrived is looked at later.
sends() {
	lab_send --message "$(message "$2" --plant "$SPAM_TEXT")" "${@:3}" >"$LAB/client.out"
	check "$1" 250 "$(outcome 1)"
}

drain_state() { lab_ask dataplane.drain.state status; }
drain_is() { [ "$(drain_state)" = "$1" ]; }

drains() { # TOPOLOGY
	local open past
	open_begin in-the-middle
	open=$OPENED
	lab_cli drain --wait 10m >"$LAB/drain.out" 2>&1 &
	past=$!
	wait_until 60 track_is drain || check "$1: the router saw the drain" yes "$(lab_log_tail track)"
	wait_until 60 drain_is waiting || check "$1: the drain waits" waiting "$(drain_state)"
	check_that "$1: the health port refuses" refused 192.0.2.2
	check_that "$1: ... by IPv6, too" refused fd00:a::2
	sends "$1: a new connection goes past us, unread" drained --host $LAB_SERVER4
	proc_end "$LAB/pids/controlplane" KILL
	lab_controlplane_spawn
	wait_until 60 lab_ready || die "control plane: $(lab_log_tail controlplane)"
	check "$1: the drain outlives the control plane" waiting "$(drain_state)"
	kill $past 2>/dev/null || : # it lost its control plane
	wait $past 2>/dev/null || :
	lab_cli drain --wait 10m >"$LAB/drain.out" 2>&1 &
	past=$!
	open_end in-the-middle $open
	check "$1: the open session ends well" '250, equal' "$ENDED"
	check "$1: the unread one arrived" equal "$(lab_stored "$LAB/sent/drained")"
	wait_until 60 drain_is drained || check "$1: drained" drained "$(drain_state)"
	wait $past || check "$1: drain --wait ends well" 0 $?
	check_that "$1: ... and says so" grep -q '^drained' "$LAB/drain.out"
	open_begin past-us
	open=$OPENED
	lab_cli drain --undo >/dev/null
	wait_until 60 track_is up || check "$1: the router sends us mail again" yes "$(lab_log_tail track)"
	open_end past-us $open
	check "$1: what began past us is not harmed" '250, equal' "$ENDED"
	mail "$1: mail is read again" '550 5.7.1, absent' "$(message read-again --plant "$SPAM_TEXT")" --host $LAB_SERVER4
}

deadline() { # TOPOLOGY: what is in the middle of a message, bytes of its with us, is reset
	local open
	open_begin too-long
	open=$OPENED
	lab_cli drain --wait 1s --new refuse >"$LAB/drain.out"
	check "$1: the deadline ends it" drained "$(drain_state)"
	check_that "$1: a session was let go or reset" test $(($(counter reset_drain) + $(counter pass_draining))) -gt 0
	open_end too-long $open
	lab_cli drain --undo >/dev/null
	wait_until 60 track_is up || check "$1: the router sends us mail again" yes "$(lab_log_tail track)"
}

# Another router: it moves all mail at once, that of open connections, too.
moves() { # add|del: by us; straight
	local family key
	for family in -4 -6; do
		for key in sport dport; do
			in_rtr ip $family rule "$1" iif r-sub ipproto tcp $key 25 lookup 101
			in_rtr ip $family rule "$1" iif r-net ipproto tcp $key 25 lookup 102
		done
	done
}
speaks() { [ "$(ask "$1" 'hello\r\n')" = up ]; }
up_again() { # WHAT
	lab_dataplane_spawn
	wait_until 60 lab_ready || die "the data plane does not come back: $(lab_log_tail dataplane)"
	wait_until 20 speaks 192.0.2.2 || check "$1" up "$(ask 192.0.2.2 'hello\r\n')"
}

when_done() { # TOPOLOGY
	local read unread past
	proc_end "$LAB/pids/track"
	proc_end "$LAB/pids/dataplane"
	sed -i 's/needs_control_plane: false}/needs_control_plane: false, drain: when_done}/' "$LAB_CONF"
	moves add
	up_again "$1, when_done: the port is up"
	open_begin needs-us
	read=$OPENED
	lab_cli drain --wait 10m >"$LAB/drain.out" 2>&1 &
	past=$!
	wait_until 20 drain_is waiting || check "$1, when_done: the drain waits" waiting "$(drain_state)"
	open_begin began-unread
	unread=$OPENED
	check_that "$1, when_done: a new connection passes unread" test "$(counter pass_draining)" -gt 0
	check "$1, when_done: the port says up while one needs us" 'up up' "$(ask 192.0.2.2 'hello\r\n') $(ask fd00:a::2 'hello\r\n')"
	check "$1, when_done: ... and so does status" 'waiting up' "$(drain_state) $(lab_ask dataplane.health status)"
	: >"$LAB/needs-us.go"
	wait $read || :
	check "$1, when_done: the open session ends well" 250 "$(cut -c1-3 "$LAB/needs-us.out")"
	wait $past || check "$1, when_done: drain --wait ends well" 0 $?
	check "$1, when_done: then it is over" 'drained down' "$(drain_state) $(lab_ask dataplane.health status)"
	check_that "$1, when_done: ... and the port refuses" refused 192.0.2.2
	check_that "$1, when_done: ... by IPv6, too" refused fd00:a::2
	moves del
	proc_end "$LAB/pids/dataplane"
	open_end began-unread $unread
	check "$1, when_done: the move and our stop lose nobody" '250, equal, equal' "$ENDED, $(lab_stored "$LAB/sent/needs-us")"
	mail "$1, when_done: new mail goes straight" '250, equal' "$(message straight --plant "$SPAM_TEXT")" --host $LAB_SERVER4
	moves add
	up_again "$1, when_done: up with a new start"
	lab_cli drain --wait 10s >/dev/null
	check_that "$1, when_done: nobody needs us: it refuses at once" refused 192.0.2.2
	lab_cli drain --undo >/dev/null
	wait_until 20 speaks 192.0.2.2 || check "$1, when_done: undone" up "$(ask 192.0.2.2 'hello\r\n')"
	mail "$1, when_done: undone, spam is refused again" '550 5.7.1, absent' "$(message undone --plant "$SPAM_TEXT")" --host $LAB_SERVER4
}

run() { # TOPOLOGY
	LAB_TOPOLOGY=$1
	LAB_DATAPLANE="  health: {port: $HEALTH, from: [192.0.2.0/24, 198.51.100.0/24, \"fd00::/16\"], needs_control_plane: false}"
	mkdir -p "$LAB/sent"
	wire_run
	track "$1"
	port_speaks "$1"
	mail "$1: spam is refused" '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
	fails_over "$1"
	mail "$1: ... unread" '250, equal' "$(message unread --plant "$SPAM_TEXT")" --host $LAB_SERVER4
	mail "$1: ... and by IPv6" '250, equal' "$(message unread6 --plant "$SPAM_TEXT")" --host $LAB_SERVER6
	open_begin over-the-return
	back "$1"
	lab_send --message "$(message back --plant "$SPAM_TEXT")" --host $LAB_SERVER4 >"$LAB/client.out"
	check "$1: mail comes back with the data plane" '550 5.7.1' "$(outcome 1)"
	open_end over-the-return $OPENED
	check "$1: what began past us is not harmed by the return" '250, equal' "$ENDED"
	drains "$1"
	deadline "$1"
	when_done "$1"
	check_that "$1: the data plane still runs" proc_pid "$LAB/pids/dataplane"
	lab_down
	rm -rf "$LAB"
}

wire_begin
command -v nft >/dev/null || skip 'no nft here'
run routed
run single-arm
[ $WIRE_FAILED = 0 ] || exit 1
