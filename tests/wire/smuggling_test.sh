#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A condemned message hidden behind an end of data that not everybody sees never reaches a mailbox,
# whichever way the server reads line ends; and bare LF alone refuses nobody.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# smuggled NAME END: a file for --raw-body: a clean message, END, then commands and a spam message.
smuggled() {
	local file=$LAB/sent/$1
	{
		printf 'Subject: outer\r\nX-Case: %s\r\n\r\nclean outer text' "$1"
		printf '%b' "$2"
		printf 'MAIL FROM:<sender@example.com>\r\nRCPT TO:<inbox@example.net>\r\nDATA\r\n'
		printf 'Subject: inner\r\nX-Inner: %s\r\n\r\n%s\r\n.\r\n' "$1" "$SPAM_TEXT"
	} >"$file"
	printf '%s\n' "$file"
}

wire_begin
wire_run
n=0
for end in '\r\n.\r\n' '\n.\n' '\r\n.\n' '\n.\r\n' '\r.\r' '\r\n.\r' '\r.\r\n' '\r\n\0.\r\n' '\r\n.\0\r\n' '\n.\0\n' '\r\n.\r\r\n' '\r\r\n.\r\n'; do
	n=$((n + 1))
	lab_send --host $LAB_SERVER4 --message "$(smuggled "s$n" "$end")" --raw-body --timeout-s 4 >"$LAB/client.out"
	wait_until 60 lab_queue_empty || :
	check "spam behind $end is not delivered as a message" 0 "$(
		# Inside the outer message its lines are text; as a message of its own they are headers.
		for file in "$LAB_INBOX"/new/*; do
			[ ! -f "$file" ] || sed -n '1,/^$/p' "$file" | grep -h "^X-Inner: s$n" || :
		done | wc -l)"
done
check 'no message with the condemned text is there at all' 0 "$("$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" count "$SPAM_TEXT")"
printf 'Subject: bare\nX-Case: bare\n\nlines that end in LF alone\n..\nstill the same\r\n.\r\n' >"$LAB/sent/bare"
lab_send --host $LAB_SERVER4 --message "$LAB/sent/bare" --raw-body --timeout-s 10 >"$LAB/client.out"
check 'a clean message with bare LF is taken' 250 "$(outcome 1)"
mail 'mail goes on' '250, equal' "$(message clean)" --host $LAB_SERVER4
wire_end
