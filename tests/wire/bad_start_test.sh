#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What cannot start says why in one line and ends: 1 for the environment, 2 for the configuration.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# start PROGRAM FILE: its exit status and what it said at level err or worse.
start() {
	local status=0
	in_box timeout 20 "$(program "$1")" -c "$2" >"$LAB/start.log" 2>&1 || status=$?
	printf '%s\n' "$status"
}
said() { grep -c -- "$1" "$LAB/start.log" || :; }

wire_begin
wire_run
sed "s/iface=a0/iface=nosuch0/; s|$LAB/|$LAB/other-|; s/file_prefix: .*/file_prefix: ${LAB_NAME}o/" "$LAB_CONF" >"$LAB/nodev.yaml"
check 'a device that does not exist: exit' 1 "$(start mailweir-dataplane "$LAB/nodev.yaml")"
check 'one of our lines names it' 1 "$(grep -c 'mailweir-dataplane.*nosuch0' "$LAB/start.log" || :)"
sed "s|dev: \"net_af_[^0]*0[^\"]*\"|dev: \"0000:ff:1f.7\"|; s|$LAB/|$LAB/other-|; s/file_prefix: .*/file_prefix: ${LAB_NAME}o/" "$LAB_CONF" >"$LAB/nopci.yaml"
check 'a PCI address that does not exist: exit' 1 "$(start mailweir-dataplane "$LAB/nopci.yaml")"
check 'one of our lines names it' 1 "$(grep -c 'mailweir-dataplane.*0000:ff:1f.7' "$LAB/start.log" || :)"
check 'the same instance twice: exit' 1 "$(start mailweir-dataplane "$LAB_CONF")"
check 'the same control plane twice: exit' 1 "$(start mailweir-controlplane "$LAB_CONF")"
check 'and names its socket' 1 "$(said "mailweir-controlplane.*$LAB/rpc.sock")"
check 'no file' yes "$([ "$(start mailweir-dataplane "$LAB/nosuch.yaml")" != 0 ] && [ "$(said 'nosuch.yaml')" -ge 1 ] && echo yes || echo no)"
sed 's/mode: pair/mode: piar/; s/flows: 20000/flows: many/' "$LAB_CONF" >"$LAB/bad.yaml"
check 'an error in dataplane: exit' 2 "$(start mailweir-dataplane "$LAB/bad.yaml")"
check 'each with file, line and column' 2 "$(grep -c "$LAB/bad.yaml:[0-9]*:[0-9]*: " "$LAB/start.log" || :)"
status=0
"$(program mailweirctl)" config check "$LAB/bad.yaml" >"$LAB/start.log" 2>&1 || status=$?
check 'config check: exit' 2 $status
check 'both errors at once' 2 "$(grep -c "bad.yaml:[0-9]*:[0-9]*: .*; " "$LAB/start.log" || :)"
check_that 'a good one passes' "$(program mailweirctl)" config check "$LAB_CONF"
status=0
lab_cli config commit "$LAB/bad.yaml" >"$LAB/start.log" 2>&1 || status=$?
check 'commit of a bad one: exit' 2 $status
mail 'and the running instance goes on: clean' '250, equal' "$(message clean)" --host $LAB_SERVER4
mail 'and spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
