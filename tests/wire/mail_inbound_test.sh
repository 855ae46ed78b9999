#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Mail from the Internet towards a subscriber's server is read like mail the other way.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
lab_up
# The server stands behind the access port, the client behind the core port.
# shellcheck disable=SC2034 # read by scripts/lib/lab.sh
{ outside=$NS_NET NS_NET=$NS_SUB && NS_SUB=$outside; }
lab_postfix_start
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
mail 'clean, IPv4' '250, equal' "$(message clean4 --size 20000)" --host $LAB_CLIENT4
mail 'clean, IPv6' '250, equal' "$(message clean6)" --host $LAB_CLIENT6
mail 'spam, IPv4' '550 5.7.1, absent' "$(message spam4 --plant "$SPAM_TEXT")" --host $LAB_CLIENT4
mail 'spam, IPv6, BDAT' '550 5.7.1, absent' "$(message spam6 --plant "$SPAM_TEXT")" --host $LAB_CLIENT6 --bdat 500
check_that 'the server saw the client by its own address' grep -q "connect from unknown\[$LAB_SERVER4\]" "$LAB/postfix.log"
wire_end
