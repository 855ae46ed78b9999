#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Another server than Postfix: Exim, which closes after the 11th odd command and reads line ends its own way.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

EXIM=${MAILWEIR_CACHE:-/var/cache/mailweir}/exim/usr/sbin/exim4
[ -x "$EXIM" ] || skip "no Exim in $EXIM (scripts/setup fetches it)"
ldd "$EXIM" | grep -q 'not found' && skip "Exim lacks $(ldd "$EXIM" | awk '/not found/ { print $1 }' | tr '\n' ' ')"

exim_start() {
	mkdir -p "$LAB/exim/spool" "$LAB/exim/log" "$LAB_MAIL"
	chown -R 65534:65534 "$LAB/exim" "$LAB_MAIL"
	cat >"$LAB/exim/exim.conf" <<END
primary_hostname = mail.example.net
spool_directory = $LAB/exim/spool
exim_path = $EXIM
log_file_path = $LAB/exim/log/%s
pid_file_path = $LAB/exim/spool/exim.pid
exim_user = 65534
exim_group = 65534
never_users =
daemon_smtp_ports = 25
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = take
acl_smtp_data = take
message_size_limit = 0
chunking_advertise_hosts = *
received_header_text = Received: by \$primary_hostname
smtp_enforce_sync = true
check_spool_space = 0
keep_environment =
begin acl
take:
  accept
begin routers
box:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = $LAB_INBOX
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add
  user = 65534
  group = 65534
END
	chown root "$LAB/exim/exim.conf"
	chmod 644 "$LAB/exim/exim.conf"
	# Debian's Exim wants its own user to be known; `ip netns exec` lays these files over /etc.
	mkdir -p "/etc/netns/$NS_NET"
	{ cat /etc/passwd && echo 'Debian-exim:x:65534:65534::/nonexistent:/usr/sbin/nologin'; } >"/etc/netns/$NS_NET/passwd"
	{ cat /etc/group && echo 'Debian-exim:x:65534:'; } >"/etc/netns/$NS_NET/group"
	lab_spawn exim "$NS_NET" "$EXIM" -C "$LAB/exim/exim.conf" -bdf -q1h
	wait_until 10 lab_listening 25 || die "exim: $(lab_log_tail exim)"
}
delivered() { [ -z "$(find "$LAB/exim/spool/input" -type f 2>/dev/null | head -n 1)" ]; }
lab_queue_empty() { delivered; }

wire_begin
lab_up
exim_start
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
