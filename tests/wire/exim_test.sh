#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Another server than Postfix: Exim, which closes after the 11th odd command and reads line ends its own way.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"

lab_queue_empty() { exim_idle; }

server_there "$EXIM"
wire_begin
lab_up
LAB_INBOX=$(lab_mail_of exim)/inbox
exim_start ''
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane)"
mail 'clean, 1 kB' '250, equal' "$(message m1)" --host $LAB_SERVER4
mail 'clean, 1 MB, pipelined' '250, equal' "$(message m2 --size 1000000)" --host $LAB_SERVER4 --pipeline
mail 'clean, BDAT' '250, equal' "$(message m3 --size 100000)" --host $LAB_SERVER4 --bdat 30000
mail 'clean, IPv6' '250, equal' "$(message m4)" --host $LAB_SERVER6
mail 'spam' '550 5.7.1, absent' "$(message s1 --plant "$SPAM_TEXT")" --host $LAB_SERVER4
mail 'spam, pipelined' '550 5.7.1, absent' "$(message s2 --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --pipeline
mail 'spam, BDAT' '550 5.7.1, absent' "$(message s3 --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --bdat 300
mail 'spam, one octet a segment' '550 5.7.1, absent' "$(message s4 --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --drip "$SPAM_TEXT"
wire_end
