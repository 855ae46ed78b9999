#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What cannot start says why in one line and ends: 1 for the environment, 2 for the configuration.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# start PROGRAM FILE: its exit status and what it said at level err or worse.
start() {
	local status=0
	in_box timeout 60 "$(program "$1")" -c "$2" >"$LAB/start.log" 2>&1 || status=$?
	printf '%s\n' "$status"
}
said() { grep -c -- "$1" "$LAB/start.log" || :; }

# other FILE SED...: the running configuration with names of its own and a change.
other() {
	local file=$1
	shift
	sed -e "s|$LAB/link|$LAB/other-link|; s|$LAB/rpc|$LAB/other-rpc|; s|$LAB/state|$LAB/other-state|" \
		-e "s/file_prefix: .*/file_prefix: ${LAB_NAME}o/" "$@" "$LAB_CONF" >"$LAB/$file"
}

wire_begin
wire_run
other nodev.yaml -e 's/iface=a0/iface=nosuch0/'
check 'a device that does not exist: exit' 1 "$(start mailweir-dataplane "$LAB/nodev.yaml")"
check 'one line names it' 1 "$(said nosuch0)"
other nopci.yaml -e 's|net_[a-z_]*0,[^"]*|0000:ff:1f.7|'
check 'a PCI address that does not exist: exit' 1 "$(start mailweir-dataplane "$LAB/nopci.yaml")"
check 'one line names it' 1 "$(said 0000:ff:1f.7)"
other taken.yaml
check 'devices that another instance has: exit' 1 "$(start mailweir-dataplane "$LAB/taken.yaml")"
check 'one line names the first' 1 "$(said 'a0')"
check 'the same instance twice: exit' 1 "$(start mailweir-dataplane "$LAB_CONF")"
check 'the same control plane twice: exit' 1 "$(start mailweir-controlplane "$LAB_CONF")"
check 'and says that there is another' 1 "$(said 'another control plane')"
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
