#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The control plane kills itself between receiving accounting, writing it, syncing it and acknowledging it, under
# 20,000 records a second (fault_point, preloaded); after each restart every binding that was acknowledged is in
# the store and in memory.
# Alone: it offers a rate, and says which one it reached.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ADDRESSES=20000 RATE=${WIRE_ACCOUNTING_RATE:-20000} SECRET=accounting-secret
# CALL:before|behind:N, each about a second behind the first record; and two at once, among what is repeated.
POINTS='recvmmsg:behind:2000 pwrite64:before:4000 pwrite64:behind:4000 fdatasync:before:200 fdatasync:behind:200
sendmmsg:before:400 sendmmsg:behind:400 fdatasync:before:1 sendmmsg:before:1'

controlplane_spawn() { # [POINT]: where it is to die
	lab_spawn controlplane "$NS_BOX" env ${1:+"LD_PRELOAD=$FAULT" "FAULT_POINT=$1"} "$(program mailweir-controlplane)" -c "$LAB_CONF"
}
ended() { ! proc_pid "$LAB/pids/controlplane" >/dev/null; }
answers() { [ "$(lab_ask on radius status)" = true ]; }
offer() { in_box "$LOAD" 1813 "$RATE" $ADDRESSES "$1" $SECRET "$LAB/state.txt" >"$LAB/load.json"; } # SECONDS
loaded() { "$PYTHON" "$ROOT/scripts/lib/pick.py" "$1" <"$LAB/load.json"; }
reached() { # WHAT
	printf '%s: %s offered in %s ms, %s a second; %s acknowledged, %s repeated, and %s of the life before\n' "$1" \
		"$(loaded offered)" "$(loaded ms)" "$(loaded per_second)" "$(loaded acknowledged)" \
		"$(loaded repeated)" "$(loaded left_over)"
}
# held WHEN: what was acknowledged against the store, and the store against memory.
held() {
	local verdict what count who address
	if ! "$PYTHON" "$ROOT/tests/wire/accounting_check.py" "$LAB/state.txt" "$LAB/state/mailweir.db" >"$LAB/held"; then
		check "$1: the store can be read" yes "$(tail -n 1 "$LAB/held")"
		return
	fi
	while read -r verdict what; do
		check "$1: $what" ok "$verdict"
	done < <(grep -E '^(ok|NO) ' "$LAB/held")
	read -r verdict count who address < <(grep '^live ' "$LAB/held")
	check "$1: all $count bindings of the store are in force" "$count" "$(lab_ask bindings radius status)"
	check "$1: one of them" "$address" "$(lab_ask addresses.0 endpoints get "$who")"
}
die_at() { # POINT; what was acknowledged before is looked at first
	wait_until 60 answers || die "$1: the control plane is not up: $(lab_log_tail controlplane)"
	[ ! -e "$LAB/state.txt" ] || held "$BEFORE"
	offer 15
	check "$1: it died there" true "$(loaded gone)"
	wait_until 60 ended || check "$1: it is gone" yes no
	reached "$1"
	BEFORE=${1%:*}
}

wire_begin
LOAD=$(program accounting_load) || skip 'accounting_load is not built'
FAULT=$(program fault_point.so) || skip 'fault_point is not built'
lab_up
lab_config
printf '%s' $SECRET >"$LAB/nas.key"
chmod 600 "$LAB/nas.key"
cat >>"$LAB_CONF" <<END
radius:
  listen: "127.0.0.1:1813"
  nas: [{name: load, prefix: 127.0.0.1/32, secret_file: $LAB/nas.key}]
END
lab_dataplane_spawn
for point in $POINTS; do
	controlplane_spawn "$point"
	die_at "$point"
done
controlplane_spawn
wait_until 60 answers || die "the control plane is not up: $(lab_log_tail controlplane)"
held "$BEFORE"
offer 1
check 'left alone it lives' false "$(loaded gone)"
reached 'left alone'
check 'all that was offered is acknowledged' "$(loaded offered)" "$(loaded acknowledged)"
held 'left alone'
wait_until 60 lab_ready || check 'the data plane has it back' yes no
wire_end
