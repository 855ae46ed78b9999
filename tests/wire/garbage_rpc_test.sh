#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Garbage on the control socket gets a JSON-RPC error, the connection is kept, nothing falls over.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
wire_run
while read -r line; do
	check "${line#* }" ok "${line%% *}"
done < <("$PYTHON" "$ROOT/tests/wire/rpc_garbage.py" "$LAB/rpc.sock")
check 'mode of the socket' 660 "$(stat -c %a "$LAB/rpc.sock")"
check_that 'a stranger is refused' sh -c "! setpriv --reuid 65534 --regid 65534 --clear-groups $(program mailweirctl) --socket $LAB/rpc.sock status"
check_that 'status still answers' lab_attached
mail 'clean mail' '250, equal' "$(message clean)" --host $LAB_SERVER4
mail 'spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
