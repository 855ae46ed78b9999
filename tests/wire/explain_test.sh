#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What a client was told is explained from the log: by the id in the reply, by the session's id, while
# the file is where it was and after it was moved away and packed. Addresses and subjects are hashed,
# syslog has all.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

explained() { lab_cli explain "$1" >"$LAB/words" 2>"$LAB/words.err"; }
hash_of() { printf %s "$1" | openssl dgst -sha256 -hmac "$(cat "$LAB/key")" | cut -d' ' -f2 | cut -c1-32; }
says() { check_that "it says: $1" grep -qF -- "$1" "$LAB/words"; }
events() { wc -l <"$LAB/events.jsonl" 2>/dev/null || echo 0; }
logged() { [ "$(events)" -ge "$1" ]; }
id_told() { grep -o 'mw-[0-9a-v]\{13\}' "$LAB/client.out" | head -1; }

wire_begin
printf '0123456789abcdef\n' >"$LAB/key"
chmod 600 "$LAB/key"
LAB_CONTROL="  event_syslog: $LAB/devlog
  event_hash_key: $LAB/key"
wire_run
lab_spawn syslog "$NS_BOX" "$PYTHON" "$ROOT/tests/wire/datagrams.py" "$LAB/devlog"
wait_until 60 test -S "$LAB/devlog" || check 'a syslog daemon' yes no
mail 'spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT" --subject 'Cheap pills')" --host $LAB_SERVER4
id=$(id_told)
wait_until 60 logged 2 || check 'both records are logged' 2 "$(events)"
check_that 'explain by the id of the refusal' explained "$id"
says "10.77.0.1 port "
says 'to 10.77.0.2 port 25'
says 'Policy "internal", number 2 of the list'
says 'session profile "internal"; content profile "spam"'
says 'over the threshold of 5 of content profile "spam".'
says 'Rules that matched: '
says "It was refused; the client was told 550 with id $id."
says '1 message, 1 of them refused'
session=$(sed -n 's/^Session \([0-9a-v]*\):.*/\1/p' "$LAB/words")
cp "$LAB/words" "$LAB/first"
check_that 'explain by the id of the session' explained "$session"
check_that 'says the same' cmp "$LAB/words" "$LAB/first"
check 'one classifier each' 2 "$(grep -cE '"classifier":"(content)"' "$LAB/events.jsonl")"
in_syslog() { grep -c "<22>mailweir-controlplane.*$session" "$LAB/syslog.log" || :; }
both_there() { [ "$(in_syslog)" = 2 ]; }
wait_until 60 both_there || :
check 'syslog has both' 2 "$(in_syslog)"
check 'no address, and no subject, is in the log' 0 "$(grep -ciE 'example.net|pills' "$LAB/events.jsonl" || :)"
says "to <hmac:$(hash_of inbox@example.net)>"
says "Its subject is \"hmac:$(hash_of 'cheap pills')\"."
mv "$LAB/events.jsonl" "$LAB/events.jsonl.1"
gzip "$LAB/events.jsonl.1"
mail 'clean mail' '250, equal' "$(message clean)" --host $LAB_SERVER4
mail 'and again, for the log looks once a second' '250, equal' "$(message clean2)" --host $LAB_SERVER4
anew() { [ -e "$LAB/events.jsonl" ] || lab_send --host "$LAB_SERVER4" --message "$LAB/sent/clean" >/dev/null; [ -e "$LAB/events.jsonl" ]; }
wait_until 60 anew || check 'a new file was begun' yes no
check_that 'explain from the packed file' explained "$id"
check_that 'says the same still' cmp "$LAB/words" "$LAB/first"
lab_send --host "$LAB_SERVER4" --bind 10.77.0.66 --message "$LAB/sent/clean" >"$LAB/client.out" || :
check 'the second subscriber is refused at connect' 554 "$(told greeting)"
id=$(id_told)
refused() { grep -q "\"id\":\"${id#mw-}\"" "$LAB/events.jsonl"; }
wait_until 60 refused || check 'a record of it' yes no
check_that 'explain a refusal at connect' explained "$id"
says 'Policy "refused", number 1 of the list'
says 'Refused at connect with 554: refused_at_connect (connections answered 554 or 421 by a policy); id mw-'
# The same log by control planes that are told otherwise: nothing hashed and no syslog, one of both hashed.
# hashed WHAT LINES...: of the next message, after a start with these lines under control.
hashed() {
	local what=$1 line
	shift
	proc_end "$LAB/pids/controlplane"
	sed -i '/^  event_[sh]/d' "$LAB_CONF"
	for line in "$@"; do sed -i "/^control:/a\\  $line" "$LAB_CONF"; done
	rm -f "$LAB/events.jsonl"
	lab_controlplane_spawn
	wait_until 60 lab_ready || check "$what: the control plane" up 'not up'
	lab_send --host "$LAB_SERVER4" --message "$LAB/sent/spam" >/dev/null || :
	wait_until 60 logged 1 || :
	sed -n 's/.*"from":"\([a-z]*\).*"subject":"\([A-Za-z]*\).*/\1 \2/p' "$LAB/events.jsonl" | head -1
}
heard=$(wc -l <"$LAB/syslog.log")
check 'no event_hash_key: nothing is hashed' 'sender Cheap' "$(hashed none)"
check 'no event_syslog: nothing goes there' "$heard" "$(wc -l <"$LAB/syslog.log")"
check 'event_hash: addresses' 'hmac Cheap' "$(hashed addresses "event_hash_key: $LAB/key" 'event_hash: addresses')"
check 'event_hash: subjects' 'sender hmac' "$(hashed subjects "event_hash_key: $LAB/key" 'event_hash: subjects')"
check_that 'an unknown id is said to be so' sh -c "! '$(program mailweirctl)' explain 0000000000000 -s '$LAB_SOCKETS/rpc.sock' 2>'$LAB/none'"
check_that 'in words' grep -q 'no session and no refusal of that id' "$LAB/none"
check_that 'rubbish is refused' sh -c "! '$(program mailweirctl)' explain '../../etc' -s '$LAB_SOCKETS/rpc.sock'"
wire_end
