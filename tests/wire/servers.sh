# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Servers other than the lab's Postfix, each in NAME-net at an address of its own, without DNS, TLS
# and limits, taking all mail for everybody into $LAB/SERVER/mail/inbox. Exim and OpenSMTPD are only
# unpacked by scripts/setup. Sourced behind lib.sh.

SERVERS=${MAILWEIR_CACHE:-/var/cache/mailweir}
EXIM=$SERVERS/exim/usr/sbin/exim4
OPENSMTPD=$SERVERS/opensmtpd

# server_there PROGRAM: skips the test where it cannot run.
server_there() {
	[ -x "$1" ] || skip "no $1 (scripts/setup fetches it)"
	ldd "$1" | grep -q 'not found' && skip "$1 lacks $(ldd "$1" | awk '/not found/ { print $1 }' | tr '\n' ' ')"
	return 0
}

# server_users NAME...: users that a program wants to be known; `ip netns exec` lays these files over /etc.
server_users() {
	local name folder=/etc/netns/$NS_NET
	mkdir -p "$folder"
	[ -f "$folder/passwd" ] || cp /etc/passwd /etc/group "$folder/"
	for name; do
		printf '%s:x:65534:65534::/nonexistent:/usr/sbin/nologin\n' "$name" >>"$folder/passwd"
		printf '%s:x:65534:\n' "$name" >>"$folder/group"
	done
}

# exim_start ADDRESS: nothing for all of them.
exim_start() {
	local dir=$LAB/exim mail
	mail=$(lab_mail_of exim)
	mkdir -p "$dir/queue" "$dir/log" "$mail"
	chown -R 65534:65534 "$dir" "$mail"
	cat >"$dir/exim.conf" <<END
primary_hostname = mail.example.net
spool_directory = $dir/queue
exim_path = $EXIM
log_file_path = $dir/log/%s
pid_file_path = $dir/queue/exim.pid
exim_user = 65534
exim_group = 65534
never_users =
daemon_smtp_ports = 25
local_interfaces = ${1:-<; 0.0.0.0 ; ::0}
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = take
acl_smtp_data = take
message_size_limit = 0
chunking_advertise_hosts = *
received_header_text = Received: from [\$sender_host_address] by \$primary_hostname
smtp_enforce_sync = true
smtp_accept_max = 500
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
  directory = $mail/inbox
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add
  user = 65534
  group = 65534
END
	chown root "$dir/exim.conf"
	chmod 644 "$dir/exim.conf"
	server_users Debian-exim
	lab_spawn exim "$NS_NET" "$EXIM" -C "$dir/exim.conf" -bdf -q1h
	wait_until 60 lab_listening 25 "$1" || die "exim: $(lab_log_tail exim)"
}
exim_idle() { [ -z "$(find "$LAB/exim/queue/input" -type f 2>/dev/null | head -n 1)" ]; }

# opensmtpd_start ADDRESS. Its folders are compiled in: it gets a mount namespace with its own.
opensmtpd_start() {
	local dir=$LAB/opensmtpd mail
	mail=$(lab_mail_of opensmtpd)
	mkdir -p "$dir/queue" "$dir/run" "$mail"
	chmod 711 "$dir/queue" "$dir"
	chown 65534:65534 "$mail"
	cat >"$dir/smtpd.conf" <<END
listen on $1 port 25 hostname mail.example.net
smtp max-message-size 1G
table who { "@" = "nobody" }
table users { "nobody" = "65534:65534:$mail" }
action "store" maildir "$mail/inbox" virtual <who> userbase <users>
match from any for any action "store"
END
	cat >"$dir/start" <<END
set -e
mount --make-rprivate /
mount -t tmpfs none /var/lib
mkdir -p /var/lib/opensmtpd/empty /var/lib/lab
mount --bind "$LAB" /var/lib/lab
mount -t tmpfs none /usr/libexec
mkdir /usr/libexec/opensmtpd
mount --bind "$OPENSMTPD/usr/libexec/opensmtpd" /usr/libexec/opensmtpd
mount --bind "$dir/queue" /var/spool
mkdir -p -m 711 /var/spool/smtpd
mount -t tmpfs none /run
mkdir -p "$LAB"
mount --bind /var/lib/lab "$LAB"
exec "$OPENSMTPD/usr/sbin/smtpd" -d -f "$dir/smtpd.conf"
END
	server_users opensmtpd opensmtpq
	lab_spawn opensmtpd "$NS_NET" sh "$dir/start"
	wait_until 60 lab_listening 25 "$1" || die "opensmtpd: $(lab_log_tail opensmtpd)"
}
opensmtpd_idle() { [ -z "$(find "$LAB/opensmtpd/queue/smtpd/queue" -type f 2>/dev/null | head -n 1)" ]; }
