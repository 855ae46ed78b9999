#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Ports with an MTU of 9,000: frames of that size cross, mail in such segments is read.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
LAB_MTU=9000 LAB_PORTS=af_packet
wire_run
frames() { lab_is_routed || "$PYTHON" "$ROOT/tests/wire/frames.py" pair "$NS_SUB" a1 "$NS_NET" b1 jumbo; }
while read -r line; do
	check "${line#* }" ok "${line%% *}"
done < <(frames)
check_that 'ping of 8,972 octets that must not be fragmented' in_sub ping -c 2 -i 0.2 -W 20 -M "do" -s 8972 $LAB_SERVER4
mail 'clean mail, 1 MB' '250, equal' "$(message jumbo --size 1000000)" --host $LAB_SERVER4
mail 'spam in one large segment' '550 5.7.1, absent' "$(message jumbo-spam --size 8000 --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
