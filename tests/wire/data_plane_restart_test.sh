#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The data plane is killed and started again: the control plane attaches by itself and the policy
# is in force again without anybody's help.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
wire_run
version=$(lab_version)
proc_end "$LAB/pids/dataplane" KILL
check_that 'with the data plane gone the wire is cut' sh -c "! ip netns exec $NS_SUB ping -c 1 -W 1 $LAB_SERVER4"
detached() { [ "$(lab_ask attached status)" = false ]; }
wait_until 5 detached || :
check_that 'the control plane says so' detached
lab_dataplane_spawn
wait_until 30 lab_ready || :
check 'attached again, same policy' "$version" "$(lab_version || echo none)"
mail 'clean mail' '250, equal' "$(message clean)" --host $LAB_SERVER4
mail 'spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
proc_end "$LAB/pids/dataplane" TERM
check_that 'a planned stop leaves no socket behind' test ! -e "$LAB/link.sock"
lab_dataplane_spawn
wait_until 30 lab_ready || :
mail 'clean mail after the planned stop' '250, equal' "$(message clean2)" --host $LAB_SERVER4
wire_end
