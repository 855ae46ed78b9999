#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Truncated and lying TCP headers on the picked-up port: the box lives, mail goes on, memory stays.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
wire_run
for _ in 1 2 3; do
	check_that 'hostile frames from the subscriber' "$PYTHON" "$ROOT/tests/wire/frames.py" throw "$NS_SUB" a1 hostile
	check_that 'hostile frames from the Internet' "$PYTHON" "$ROOT/tests/wire/frames.py" throw "$NS_NET" b1 hostile
done
mail 'clean mail behind them' '250, equal' "$(message clean --size 50000)" --host $LAB_SERVER4
mail 'spam behind them' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
