#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Without hugepages everything works as well.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
LAB_DATAPLANE='  hugepages: off'
wire_run
check 'status says so' 0 "$(lab_ask dataplane.hugepages status | sed 's/false/0/')"
mail 'clean mail' '250, equal' "$(message clean --size 100000)" --host $LAB_SERVER4
mail 'spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
