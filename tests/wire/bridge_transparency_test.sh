#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Pair mode on af_packet ports: whatever is a frame leaves by the other port with the same bytes.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

frames() { # SET
	local line
	while read -r line; do
		check "${line#* }" ok "${line%% *}"
	done < <("$PYTHON" "$ROOT/tests/wire/frames.py" pair "$NS_SUB" a1 "$NS_NET" b1 "$1")
}

wire_begin
LAB_PORTS=af_packet
LAB_POLICIES=''
lab_up
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane)"
frames plain
frames tagged
frames corrupt
check 'frames dropped' 0 "$(lab_ask ports.name=core.tx_full ports list)"
wire_end
