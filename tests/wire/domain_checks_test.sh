#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Domains of HELO, sender and recipients checked by the DNS, addresses without a domain, blocked servers:
# each setting off and on. A command waits for its finding, greeting and EHLO never; with a control plane
# that is silent, or gone, mail goes on.
# Long: one command behind the other waits for the DNS.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# LAB_* is read by scripts/lib/lab.sh.
# shellcheck disable=SC2034
LAB_SESSION='check_helo_domain: false, check_sender_domain: off, check_recipient_domain: false, reject_empty_domain: false, blocked_servers: [], blocked_servers_file: ""'

# said_to HELO SENDER RECIPIENT: codes of greeting, EHLO, MAIL, RCPT, and the last two's enhanced ones; $LAB/tenths
# has how many tenths of a second the last two took.
said_to() {
	in_sub "$PYTHON" - "$LAB_SERVER4" "$@" 2>"$LAB/tenths" <<'END'
import smtplib
import sys
import time

host, helo, sender, recipient = sys.argv[1:5]
session = smtplib.SMTP(timeout=60)
start = time.monotonic()
greeting = session.connect(host, 25)[0]
if greeting != 220:
    print(greeting)
    sys.exit()
ehlo = session.ehlo(helo)[0]
early = time.monotonic() - start  # a finding that is waited for takes 1.5 s at least
asked = time.monotonic()
told = [session.docmd("MAIL FROM:<%s>" % sender), session.docmd("RCPT TO:<%s>" % recipient)]
print(greeting, ehlo, "late" if early > 1.2 else "at once", *(
    "%d %s" % (code, text.split()[0].decode()) for code, text in told))
print("%.0f" % ((time.monotonic() - asked) * 10), file=sys.stderr)
session.close()
END
}

# pipelined SENDER: replies to MAIL, RCPT and DATA sent in one piece.
pipelined() {
	in_sub "$PYTHON" - "$LAB_SERVER4" "$1" <<'END'
import smtplib
import sys

session = smtplib.SMTP(sys.argv[1], 25, "mx.example", timeout=60)
session.ehlo("mx.example")
session.send(b"MAIL FROM:<a@%s>\r\nRCPT TO:<inbox@example.net>\r\nDATA\r\n" % sys.argv[2].encode())
print(*(session.getreply()[0] for _ in range(3)))
session.close()
END
}

tenths() { "$@" >/dev/null && cat "$LAB/tenths"; } # said_to...

set_to() { # KEY VALUE
	sed -i "s|$1: [^,}]*|$1: $2|" "$LAB_CONF"
	check_that "a commit sets $1 to $2" lab_cli config commit "$LAB_CONF"
}

asked() { grep -c "^asked $1 " "$LAB/dns.log" || :; }

passes='220 250 at once 250 2.1.0 250 2.1.5'
good=(mx.example a@mx.example inbox@example.net)

wire_begin
lab_up
ip -n "$NS_BOX" link set lo up
lab_spawn dns "$NS_BOX" "$PYTHON" "$ROOT/tests/wire/dns_server.py" 127.0.0.1 5300
lab_postfix_start
lab_config
printf 'dns: {servers: ["127.0.0.1:5300"]}\n' >>"$LAB_CONF"
wait_until 60 grep -q 'dns_server: up' "$LAB/dns.log"
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"

check 'off: nobody is asked about' "$passes" "$(said_to gone.example a@gone.example inbox@example.net)"
check 'off: a recipient is the server'"'"'s matter' '220 250 at once 250 2.1.0 554 5.7.1' \
	"$(said_to mx.example a@mx.example x@gone.example)"
check 'off: so is a sender without a domain' "$passes" "$(said_to mx.example root inbox@example.net)"
check 'and the DNS has heard nothing' 0 "$(grep -c ^asked "$LAB/dns.log" || :)"

set_to check_helo_domain true
check 'HELO: a good one passes' "$passes" "$(said_to "${good[@]}")"
check 'HELO: another is told at MAIL, nothing before is held' '220 250 at once 550 5.5.0 503 5.5.1' \
	"$(said_to gone.helo.example a@mx.example inbox@example.net)"
check 'HELO: one that nobody can tell of is not held at EHLO and passes' "$passes" \
	"$(said_to silent.helo.example a@mx.example inbox@example.net)"
check 'HELO: an address is one' "$passes" "$(said_to '[10.77.0.1]' a@mx.example inbox@example.net)"
set_to check_helo_domain false

set_to check_sender_domain exists
check 'sender: a good one passes' "$passes" "$(said_to "${good[@]}")"
check 'sender: absent' '220 250 at once 550 5.1.8 503 5.5.1' "$(said_to mx.example a@gone.example inbox@example.net)"
check 'sender: takes no mail' '220 250 at once 550 5.1.8 503 5.5.1' \
	"$(said_to mx.example a@nomail.example inbox@example.net)"
check 'sender: the null one passes' "$passes" "$(said_to mx.example '' inbox@example.net)"
check 'sender: one that nobody can tell of passes' "$passes" "$(said_to mx.example a@broken.example inbox@example.net)"
took=$(tenths said_to mx.example a@silent.example inbox@example.net)
check_that "sender: silence is waited for about 1.5 s ($took tenths)" test "$took" -ge 14 -a "$took" -le 45
pipelined slow.example >"$LAB/pipelined" &
pipelined=$!
wait_until 60 grep -q '^asked slow.example ' "$LAB/dns.log" || :
in_box bash -c 'printf go >/dev/udp/127.0.0.1/5300'
wait $pipelined || :
check 'pipelined commands keep their order behind one that waits' '250 250 354' "$(cat "$LAB/pipelined")"
said_to mx.example a@mx2.example inbox@example.net >/dev/null
said_to mx.example a@mx2.example inbox@example.net >/dev/null
check 'the same domain is asked about once' 1 "$(asked mx2.example)"
set_to check_sender_domain resolved
check 'resolved: one that nobody can tell of is put off' '220 250 at once 451 4.3.0 503 5.5.1' \
	"$(said_to mx.example a@broken.two.example inbox@example.net)"
check 'resolved: a good one passes' "$passes" "$(said_to "${good[@]}")"
set_to check_sender_domain off

set_to check_recipient_domain true
check 'recipient: absent' '220 250 at once 250 2.1.0 550 5.1.2' "$(said_to mx.example a@mx.example x@gone.example)"
check 'recipient: a good one passes' "$passes" "$(said_to "${good[@]}")"
set_to check_recipient_domain false

set_to reject_empty_domain true
check 'a sender without a domain is refused' '220 250 at once 553 5.1.7 503 5.5.1' \
	"$(said_to mx.example root inbox@example.net)"
set_to reject_empty_domain false

set_to blocked_servers "[$LAB_SERVER4]"
check 'a blocked server is answered for' 554 "$(said_to "${good[@]}")"
check 'and counted' 1 "$(counter blocked_servers)"
set_to blocked_servers '[192.0.2.1]'
check 'another one is not' "$passes" "$(said_to "${good[@]}")"
printf '# more\n10.77.0.0/30\n' >"$LAB/servers.txt"
set_to blocked_servers_file "$LAB/servers.txt"
check 'one of the file is' 554 "$(said_to "${good[@]}")"
echo 192.0.2.2 >"$LAB/servers.txt"
check_that 'the same configuration once more reads the file anew' lab_cli config commit "$LAB_CONF"
check 'so it is no longer' "$passes" "$(said_to "${good[@]}")"
echo mx.example >"$LAB/servers.txt"
check 'a file that cannot be used is no commit' no \
	"$(lab_cli config commit "$LAB_CONF" >"$LAB/refused.out" 2>&1 && echo yes || echo no)"
check_that 'and the line is named' grep -q 'servers.txt:1:1: "mx.example" is no address' "$LAB/refused.out"
echo 192.0.2.2 >"$LAB/servers.txt"

check 'what was refused is counted by kind' '1 2 1 1 1' \
	"$(counter helo_domain_refused) $(counter sender_domain_refused) $(counter sender_domain_put_off) $(counter recipient_domain_refused) $(counter empty_domain_refused)"

set_to check_sender_domain exists
pid=$(proc_pid "$LAB/pids/controlplane")
kill -STOP "$pid"
took=$(tenths said_to mx.example a@mx3.example inbox@example.net)
kill -CONT "$pid"
check_that "a control plane that hangs costs 2 s ($took tenths)" test "$took" -ge 19 -a "$took" -le 60
kill -KILL "$pid"
check 'one that is gone costs nothing' "$passes" "$(said_to mx.example a@gone4.example inbox@example.net)"
wire_end
