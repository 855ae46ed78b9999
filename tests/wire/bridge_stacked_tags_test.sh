#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Pair mode on af_xdp ports: 802.1ad service tags as well (DPDK's af_packet driver makes them
# 802.1Q, whoever uses it), and mail over these ports.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
[ "$LAB_PORTS" = af_xdp ] || skip 'this kernel has no XDP sockets'
lab_up
lab_postfix_start
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane)"
for set in plain tagged stacked; do
	while read -r line; do
		check "${line#* }" ok "${line%% *}"
	done < <("$PYTHON" "$ROOT/tests/wire/frames.py" pair "$NS_SUB" a1 "$NS_NET" b1 $set)
done
mail 'clean mail over af_xdp' '250, equal' "$(message xdp --size 300000)" --host $LAB_SERVER4
mail 'spam over af_xdp' '550 5.7.1, absent' "$(message xdp-spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
