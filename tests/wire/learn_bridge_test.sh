#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Learn mode with three ports: flooding, learning, moving; and mail is read there too.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
WIRE_THIRD=$LAB_NAME-third
lab_up
ip netns add "$WIRE_THIRD"
lab_wire third "$NS_BOX" c0 "$WIRE_THIRD" c1
lab_postfix_start
lab_config
sed -i -e 's/mode: pair/mode: learn/' -e '/^  pairs:/d' \
	-e "s|^    - {name: core.*|&\n    - {name: third, dev: \"$(lab_device 2 c0)\"}|" \
	-e 's/ports: \[access, core\]/ports: [access, core, third]/' "$LAB_CONF"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane)"
while read -r line; do
	check "${line#* }" ok "${line%% *}"
done < <("$PYTHON" "$ROOT/tests/wire/frames.py" learn "$NS_SUB" a1 "$NS_NET" b1 "$WIRE_THIRD" c1)
mail 'clean mail across the learning bridge' '250, equal' "$(message learn --size 20000)" --host $LAB_SERVER4
mail 'spam across the learning bridge' '550 5.7.1, absent' "$(message learn-spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
