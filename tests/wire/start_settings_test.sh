#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every key that takes effect at a start, with two values: both daemons are started with the ones and then
# with the others, on devices that bring nothing, and each key has its own look at what came of it. What is
# seen must be what the row says, and must differ.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# ---- what is looked at

say() { sed -n "s/$1/\\1/p" "$LAB/$PHASE.dp.log" | head -n 1; } # a part of the data plane's log
memory() { say ".*memory: .* \([0-9]*\) $1.*"; }
status_of() { sed -n "s/^$2:[[:space:]]*\([^[:space:]]*\).*/\1/p" "/proc/$1/status"; }
threads() { # NAME: the CPUs of the data plane's threads of that name
	local task
	for task in "/proc/$DP/task/"*; do
		if grep -q "$1" "$task/comm"; then sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$task/status"; fi
	done | sort -u | paste -sd,
}
# Which of the two a data plane does first with nothing to do: sleep often or burn a third of a second.
idles() {
	local switches ticks
	for _ in $(seq 2000); do
		ticks=$(cat "/proc/$DP/task/"*/stat | awk '{ n += $14 + $15 } END { print n }')
		switches=$(cat "/proc/$DP/task/"*/status | awk '/^voluntary/ { n += $2 } END { print n }')
		if [ $((ticks - TICKS)) -ge 33 ]; then echo burns && return; fi
		if [ "$switches" -ge 1000 ]; then echo sleeps && return; fi
	done
	echo neither
}
huge() { # did it look for huge pages?
	if grep -qE 'memory: (.* MB of hugepages|ordinary pages:)' "$LAB/$PHASE.dp.log"; then echo looked; else echo not; fi
}
# mapped FILTER: how many MB are mapped with that behind the addresses.
mapped() {
	grep -E -- "$1" "/proc/$DP/maps" | sed -E 's/^([0-9a-f]+)-([0-9a-f]+) .*/0x\2 0x\1/' | {
		local to from bytes=0
		while read -r to from; do bytes=$((bytes + to - from)); done
		echo $((bytes >> 20))
	}
}
than() { if [ "$1" -ge "$2" ]; then echo more; else echo less; fi; } # NUMBER LIMIT
there() { if [ -e "$1" ]; then echo there; else echo absent; fi; }
based() { if grep -q '^7a0000000000-' "/proc/$DP/maps"; then echo there; else echo elsewhere; fi; }
heard() { if ss -lunH "sport = :$1" | grep -q .; then echo open; else echo closed; fi; } # PORT
peer() { say ".*port $1: .*, peer \([a-z]*\).*"; }

# ---- the rows: key, value and what is seen of it at the first start and at the second, the look
wire_begin
[ "$(nproc)" -ge 2 ] || skip 'needs two CPUs'
GROUP=$(id -gn nobody)
PORT=41813
ROWS="\
dataplane.idle|sleep|sleeps|poll|burns|idles
dataplane.hugepages|off|not|auto|looked|huge
dataplane.main_core|0|0|1|1|status_of DP Cpus_allowed_list
dataplane.workers|[1]|1|[0]|0|threads worker
dataplane.flows|1000|1000|2000|2000|memory flows
dataplane.messages|100|100|200|200|memory messages
dataplane.slabs|1000|1000|2000|2000|memory slabs
dataplane.limit_cells|1000|1000|2000|2000|memory 'limit cells'
dataplane.bindings|1000|1000|2000|2000|memory bindings
dataplane.senders|1000|1000|2000|2000|memory senders
dataplane.memory_mb|128|less|400|more|than \$(mapped ' rw-. .* (0 *|.*/memfd:seg.*)$') 380
dataplane.image_max_mb|8|less|24|more|than \$(mapped mailweir-link) 48
dataplane.file_prefix|${LAB_NAME}p|absent|${LAB_NAME}q|there|there /run/dpdk/${LAB_NAME}q
dataplane.eal_args|[]|elsewhere|[--base-virtaddr=0x7a0000000000]|there|based
dataplane.mode|pair|core|learn||peer access
control.link|$LAB/off/link.sock|absent|$LAB/on/link.sock|there|there $LAB/on/link.sock
control.rpc|$LAB/off/rpc.sock|absent|$LAB/on/rpc.sock|there|there $LAB/on/rpc.sock
control.state_dir|$LAB/off/state|absent|$LAB/on/state|there|there $LAB/on/state/revision.json
control.event_log|$LAB/off/events|absent|$LAB/on/events|there|there $LAB/on/events
control.metrics|\"\"|absent|$LAB/on/metrics|there|there $LAB/on/metrics
control.group|\"\"|root|$GROUP|$GROUP|stat -c %G $LAB/\$PHASE/rpc.sock
control.user_dataplane|\"\"|0|nobody|$(id -u nobody)|status_of DP Uid
control.user_controlplane|\"\"|0|nobody|$(id -u nobody)|status_of CP Uid
store.file|memory|absent|\"\"|there|there $LAB/on/state/mailweir.db
radius.listen|[]|closed|\"127.0.0.1:$PORT\"|open|heard $PORT"

# settings SECTION: its keys as YAML, with the values of this phase.
settings() {
	local key off on
	while IFS='|' read -r key off _ on _; do
		case $key in "$1".*) printf '  %s: %s\n' "${key#*.}" "$([ "$PHASE" = on ] && echo "$on" || echo "$off")" ;; esac
	done <<<"$ROWS"
}
ready() { grep -q 'main: ready: ' "$LAB/$PHASE.dp.log"; }
settled() { [ "$("$(program mailweirctl)" -s "$LAB/$PHASE/rpc.sock" status --json 2>/dev/null | "$PYTHON" "$ROOT/scripts/lib/pick.py" attached)" = true ]; }

# phase NAME PORTS: starts both daemons, takes down what each row sees in $LAB/NAME.seen, ends them.
phase() {
	local key look
	PHASE=$1
	mkdir -p "$LAB/$1"
	chmod 777 "$LAB/$1"
	{
		printf 'dataplane:\n%s\n' "$2" && settings dataplane && printf 'control:\n' && settings control
		printf 'store:\n' && settings store && printf 'radius:\n' && settings radius
		printf 'policies: [{name: all, action: pass}]\n'
	} >"$LAB/$1.yaml"
	"$(program mailweir-dataplane)" -c "$LAB/$1.yaml" >"$LAB/$1.dp.log" 2>&1 &
	DP=$!
	proc_record "$LAB/pids/start" $DP
	wait_until 60 ready || die "the data plane: $(tail -n 3 "$LAB/$1.dp.log")"
	TICKS=$(cat "/proc/$DP/task/"*/stat | awk '{ n += $14 + $15 } END { print n }')
	"$(program mailweir-controlplane)" -c "$LAB/$1.yaml" >"$LAB/$1.cp.log" 2>&1 &
	CP=$!
	proc_record "$LAB/pids/started" $CP
	wait_until 60 settled || die "the control plane: $(tail -n 3 "$LAB/$1.cp.log")"
	while IFS='|' read -r key _ _ _ _ look; do
		look=${look/ DP / $DP } look=${look/ CP / $CP }
		printf '%s|%s\n' "$key" "$(eval "$look" </dev/null 2>/dev/null || :)"
	done <<<"$ROWS" >"$LAB/$1.seen"
	proc_end "$LAB/pids/started"
	proc_end "$LAB/pids/start"
}
seen() { sed -n "s/^$2|//p" "$LAB/$1.seen"; }

mkdir -p "$LAB/pids"
leave() {
	proc_end "$LAB/pids/started" || :
	proc_end "$LAB/pids/start" || :
	rm -rf "/run/dpdk/${LAB_NAME}p" "/run/dpdk/${LAB_NAME}q"
}
leave
trap 'leave; wire_leave' EXIT
phase off '  ports: [{name: access, dev: "net_null0,no-rx=1"}, {name: core, dev: "net_null1,no-rx=1"}]
  pairs: [[access, core]]'
phase on '  ports: [{name: left, dev: "net_null2,no-rx=1", mtu: 1400}, {name: core, dev: "net_null1,no-rx=1"}]'
while IFS='|' read -r key off off_seen on on_seen _; do
	check "$key: $off, then $on" "$off_seen, then $on_seen" "$(seen off "$key"), then $(seen on "$key")"
	check_that "$key: they differ" [ "$(seen off "$key")" != "$(seen on "$key")" ]
done <<<"$ROWS"
port() { sed -n 's/.*port \([a-z]*\): \(net_null[0-9]\).*, MTU \([0-9]*\).*/\1 \2 \3/p' "$LAB/$1.dp.log" | head -n 1; }
check 'dataplane.ports[]: name, dev and mtu' 'access net_null0 1500, then left net_null2 1400' "$(port off), then $(port on)"
[ $WIRE_CHECKS -gt 0 ] || die 'checked nothing'
[ $WIRE_FAILED = 0 ]
