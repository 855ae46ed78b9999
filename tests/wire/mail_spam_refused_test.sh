#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A condemned message gets 550 5.7.1 with an id; the server sees a lost connection and keeps nothing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SPAM='550 5.7.1, absent'
lost() { grep -c 'lost connection after \(DATA\|BDAT\|END-OF-MESSAGE\)' "$LAB/postfix.log" || :; }

wire_begin
wire_run
mail 'a body rule' "$SPAM" "$(message body --plant "$SPAM_TEXT")" --host $LAB_SERVER4
check 'the reply carries an id' 1 "$(grep -c '^1 final 550 5\.7\.1 .*(mw-[0-9a-v]\{13\})' "$LAB/client.out")"
check 'QUIT is answered' 221 "$(told quit)"
check 'and the connection closed in order' fin "$(told closed)"
was_lost() { [ "$(lost)" != 0 ]; }
wait_until 60 was_lost || :
check 'Postfix logs a lost connection after DATA' 1 "$(lost)"
mail 'upper case, 30 kB' "$SPAM" "$(message large --size 30000 --plant "${SPAM_TEXT^^}")" --host $LAB_SERVER4
mail 'at the end of 2 MB' "$SPAM" "$(message end --size 2000000 --plant "$SPAM_TEXT")" --host $LAB_SERVER4
mail 'a regular expression' "$SPAM" "$(message regex --plant 'Order  number 123456')" --host $LAB_SERVER4
mail 'two rules that add up' "$SPAM" "$(message adds --plant 'first half of a score' --plant 'second half of a score')" --host $LAB_SERVER4
mail 'one of the two is not enough' '250, equal' "$(message half --plant 'first half of a score')" --host $LAB_SERVER4
mail 'a header rule' "$SPAM" "$(message header --subject 'Condemned-by-header')" --host $LAB_SERVER4
mail 'the header text in the body is no match' '250, equal' "$(message not-header --plant 'condemned-by-header')" --host $LAB_SERVER4
mail 'a sender rule' "$SPAM" "$(message sender)" --host $LAB_SERVER4 --from condemned-sender@example.com
mail 'a helo rule' "$SPAM" "$(message helo)" --host $LAB_SERVER4 --helo condemned-helo.example
mail 'a recipient rule' "$SPAM" "$(message rcpt)" --host $LAB_SERVER4 --to condemned-recipient@example.net
mail 'pipelined' "$SPAM" "$(message pipelined --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --pipeline
mail 'BDAT in one chunk' "$SPAM" "$(message bdat --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --bdat 100000
mail 'BDAT in chunks of 100' "$SPAM" "$(message bdats --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --bdat 100
mail 'IPv6' "$SPAM" "$(message six --plant "$SPAM_TEXT")" --host $LAB_SERVER6
lab_send --host $LAB_SERVER4 --message "$(message after --plant "$SPAM_TEXT")" --after NOOP >"$LAB/client.out"
check 'a command behind the refusal gets 421' 421 "$(told after)"
two=$(message two-2)
lab_send --host $LAB_SERVER4 --message "$(message two-1 --plant "$SPAM_TEXT")" --message "$two" >"$LAB/client.out"
check 'a second message in the connection: 421' '421 4.7.0, absent' "$(outcome 2), $(lab_stored "$two")"
two=$(message three-2 --plant "$SPAM_TEXT")
lab_send --host $LAB_SERVER4 --message "$(message three-1)" --message "$two" >"$LAB/client.out"
check 'spam behind a clean message' '250 then 550 5.7.1, absent' "$(outcome 1) then $(outcome 2), $(lab_stored "$two")"
check 'nothing is left in the queue' yes "$(lab_queue_empty && echo yes || echo no)"
mail 'clean mail still passes' '250, equal' "$(message clean --size 5000)" --host $LAB_SERVER4
wire_end
