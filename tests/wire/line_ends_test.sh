#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every form that some server takes for the end of a message, at segment edges too, with commands and
# a condemned message behind it: what Postfix (as lax as 3.7 is, and strict), Exim and OpenSMTPD
# stored is what was read, always. A table says what each was told and stored.
# --all: every cut and every kind, some minutes.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/servers.sh"

NAMES=(postfix postfix-strict exim opensmtpd)
address() { case $1 in postfix) echo 10.77.0.2 ;; postfix-strict) echo 10.77.0.243 ;; exim) echo 10.77.0.244 ;; *) echo 10.77.0.245 ;; esac; }
all_idle() { lab_queue_empty && lab_queue_empty_of postfix-strict && exim_idle && opensmtpd_idle; }
each() { # OPTION FUNCTION: OPTION NAME=what FUNCTION says, for each server
	local name
	for name in "${NAMES[@]}"; do printf '%s\n' "$1" "$name=$("$2" "$name")"; done
}
inbox() { printf '%s/inbox\n' "$(lab_mail_of "$1")"; }
forms() { "$PYTHON" "$ROOT/tests/wire/line_ends.py" "$@" --spam "$SPAM_TEXT"; }

wire_begin
server_there "$EXIM"
server_there "$OPENSMTPD/usr/sbin/smtpd"
lab_up
for name in "${NAMES[@]:1}"; do ip -n "$NS_NET" addr add "$(address "$name")/24" dev b1; done
limits='smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0'
lab_postfix_named postfix "$(address postfix)" "$limits"
lab_postfix_named postfix-strict "$(address postfix-strict)" "$limits
smtpd_forbid_bare_newline = yes"
exim_start "$(address exim)"
opensmtpd_start "$(address opensmtpd)"
LAB_POLICIES="  - {name: unread, source: 10.77.0.66/32, destination: any, action: pass}
  - {name: read, source: any, destination: any, action: inspect, session: internal, content: spam}"
lab_config
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"

mapfile -t servers < <(each --server address)
mapfile -t mailboxes < <(each --mail inbox)
in_sub "$PYTHON" "$ROOT/tests/wire/line_ends.py" run "${servers[@]}" --read $LAB_CLIENT4 --unread 10.77.0.66 \
	--spam "$SPAM_TEXT" --out "$LAB/cases" ${1:+"$1"} >"$LAB/run.txt" || :
said "$LAB/run.txt"
wait_until 60 all_idle || check 'the queues empty' yes no
forms judge --in "$LAB/cases" "${mailboxes[@]}" >"$LAB/judged.txt" || :
sed '/^ok\|^NO/d' "$LAB/judged.txt"
said "$LAB/judged.txt"
check_that 'nothing was stored but what was read and found clean' \
	test "$(sed -n 's/^stored of inspected connections: //p' "$LAB/judged.txt")" -le "$(counter messages_clean)"
wire_end
