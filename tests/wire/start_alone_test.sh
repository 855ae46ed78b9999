#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The data plane alone, on devices that are not there: what it says about its command line, how its
# errors look in a log, and what it keeps of root once it forwards.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# run ARGUMENTS...: its exit status; what it said is in start.log.
run() {
	local status=0
	timeout 60 "$(program mailweir-dataplane)" "$@" >"$LAB/start.log" 2>&1 || status=$?
	printf '%s\n' "$status"
}
said() { grep -c -- "$1" "$LAB/start.log" || :; }
is_ready() { grep -q 'main: ready: ' "$LAB/start.log"; }
# privileges FIELD: its values over all threads, each once.
privileges() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$PID/task/"*/status | sort -u; }
stop() { proc_end "$LAB/pids/alone"; }

wire_begin
trap 'stop; wire_leave' EXIT
mkdir -p "$LAB/pids"
cat >"$LAB/alone.yaml" <<END
dataplane: {mode: pair, hugepages: off, flows: 1000, messages: 100, slabs: 1000, main_core: 1,
  workers: [0], file_prefix: ${LAB_NAME}s, idle: sleep,
  ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}], pairs: [[access, core]]}
control: {link: $LAB/alone/link, user_dataplane: nobody}
END

check 'an unknown option: exit' 2 "$(run --nosuch)"
check 'an unknown level: exit' 2 "$(run -l loud)"
check 'and names it' 1 "$(said '-l loud: no such level')"
check 'no file: exit' 2 "$(run -c "$LAB/nosuch.yaml")"
check 'in the form of a log' 1 "$(said '^mailweir-dataplane: err: main: .*nosuch.yaml')"
check 'a good file: exit of the check' 0 "$(run -c "$LAB/alone.yaml" --check)"
sed 's/nobody/nosuchuser/' "$LAB/alone.yaml" >"$LAB/nouser.yaml"
check 'a user that does not exist: exit' 1 "$(run -c "$LAB/nouser.yaml")"
check 'in the form of a log' 1 "$(said '^mailweir-dataplane: err: main: user nosuchuser: ')"

"$(program mailweir-dataplane)" -c "$LAB/alone.yaml" >"$LAB/start.log" 2>&1 &
PID=$!
proc_record "$LAB/pids/alone" $PID
wait_until 60 is_ready || die "it does not come up: $(tail -n 3 "$LAB/start.log")"
user=$(id -u nobody)
check 'every thread is the user' "$user $user $user $user" "$(privileges Uid | tr '\t' ' ')"
for set in CapPrm CapEff CapInh CapAmb CapBnd; do
	check "no thread has a capability in $set" 0000000000000000 "$(privileges $set)"
done
check 'no thread can gain any' 1 "$(privileges NoNewPrivs)"
check 'the umask' 0027 "$(privileges Umask)"
stop
[ $WIRE_CHECKS -gt 0 ] || die 'checked nothing'
[ $WIRE_FAILED = 0 ]
