#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# STARTTLS: by default it passes and is counted as not read; under prevent_encryption the keyword is
# masked, a client that insists is refused by the server itself, and all of it is counted.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# tls_mail FILE [plain]: sends by TLS, or (plain) by STARTTLS followed by something that is not TLS.
tls_mail() {
	in_sub "$PYTHON" - "$LAB_SERVER4" "$1" "${2:-}" <<'END'
import smtplib
import ssl
import sys

host, path, plain = sys.argv[1:4]
session = smtplib.SMTP(host, 25, "client.example.com", timeout=60)
session.ehlo()
print("offered", "yes" if session.has_extn("starttls") else "no")
if plain:
    print("starttls", session.docmd("STARTTLS")[0])
    try:
        session.send(b"MAIL FROM:<a@example.com>\r\n")
        print("behind", session.getreply()[0])
    except (OSError, smtplib.SMTPException):
        print("behind closed")
    sys.exit()
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
session.starttls(context=context)
with open(path, "rb") as message:
    session.sendmail("sender@example.com", ["inbox@example.net"], message.read())
print("sent")
session.quit()
END
}

wire_begin
wire_run
spam=$(message hidden --plant "$SPAM_TEXT")
check 'encrypted mail passes' 'offered yes sent' "$(tls_mail "$spam" | tr '\n' ' ' | sed 's/ $//')"
check 'and arrives whole, though it is spam' equal "$(lab_stored "$spam")"
check_that 'counted as not read' test "$(counter pass_tls)" = 1
check 'what is not TLS behind STARTTLS is reset' 'offered yes starttls 220 behind closed' \
	"$(tls_mail "$spam" plain | tr '\n' ' ' | sed 's/ $//')"
check 'and counted' 1 "$(counter starttls_without_tls)"

sed -i 's/prevent_encryption: false/prevent_encryption: true/' "$LAB_CONF"
check_that 'a commit prevents encryption' lab_cli config commit "$LAB_CONF"
check 'the keyword is masked, an insisting client gets a 5xx and goes on' 'offered no starttls 5xx behind 250' \
	"$(tls_mail "$spam" plain | sed 's/^starttls 5[0-9][0-9]$/starttls 5xx/' | tr '\n' ' ' | sed 's/ $//')"
check 'masked sessions are counted' 1 "$(counter starttls_masked)"
check 'refused commands are counted' 1 "$(counter starttls_refused)"
mail 'spam in clear is read' '550 5.7.1, absent' "$(message clear --plant "$SPAM_TEXT")" --host $LAB_SERVER4
wire_end
