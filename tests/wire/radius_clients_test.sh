#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Accounting by clients that are not ours: radclient in both byte orders, with 3GPP attributes and IPv6, with
# a wrong secret, without an attribute, from nobody known; and FreeRADIUS, which copies to us what it hears.
# What is bound is asked of the control plane; what is refused is counted by its reason and NAS.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# account CLIENT STATUS SUBSCRIBER SESSION ATTRIBUTE...: from 127.0.0.CLIENT; 0 where it is answered.
account() {
	local from=$1 who=$3
	printf '%s\n' "Acct-Status-Type=$2" "Acct-Session-Id=$4" "NAS-IP-Address=127.0.0.$from" \
		"Packet-Src-IP-Address=127.0.0.$from" ${who:+"Calling-Station-Id=$who"} "${@:5}" |
		in_box radclient -q -r 1 -t 1 "127.0.0.1:${PORT:-1813}" acct "${SECRET:-secret-$from}" >>"$LAB/radclient.log" 2>&1
}
# addresses SUBSCRIBER: that it has now, in order.
addresses() {
	lab_cli endpoints get "$1" --json 2>/dev/null |
		"$PYTHON" -c 'import json, sys; print(*sorted(json.load(sys.stdin)["addresses"]))' 2>/dev/null || echo none
}
has() { [ "$(addresses "$1")" = "$2" ]; }
has_now() { # WHAT SUBSCRIBER ADDRESSES
	wait_until 60 has "$2" "$3" || :
	check "$1" "$3" "$(addresses "$2")"
}
counted() { lab_ask "nas.name=$1.counts.$2" radius status; } # NAS REASON

wire_begin
lab_up
lab_config
for n in 2 3 4 5 6 7; do
	printf 'secret-%s\n' "$n" >"$LAB/nas$n.key"
done
printf 'copykey' >"$LAB/copy.key"
chmod 600 "$LAB"/*.key
cat >>"$LAB_CONF" <<END
radius:
  listen: "127.0.0.1:1813"
  nas:
    - {name: network, prefix: 127.0.0.2/32, secret_file: $LAB/nas2.key, address: [Framed-IP-Address, Framed-IPv6-Prefix, Delegated-IPv6-Prefix, Framed-IPv6-Address]}
    - {name: host, prefix: 127.0.0.3/32, secret_file: $LAB/nas3.key, byte_order: host}
    - {name: imsi, prefix: 127.0.0.4/32, secret_file: $LAB/nas4.key, id: 3GPP-IMSI}
    - {name: silent, prefix: 127.0.0.5/32, secret_file: $LAB/nas5.key, respond: false}
    - {name: trusted, prefix: 127.0.0.6/32, secret_file: $LAB/nas6.key, validate: false}
    - {name: copies, prefix: 127.0.0.1/32, secret_file: $LAB/copy.key}
END
lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"

check_that 'network order: acknowledged' account 2 Start 4917010 s1 Framed-IP-Address=192.168.1.10
has_now 'network order: bound' 4917010 192.168.1.10/32
check_that 'host order: acknowledged' account 3 Start 4917011 s1 Framed-IP-Address=10.1.168.192
has_now 'host order: bound' 4917011 192.168.1.10/32
check 'an address in use goes to who has it now' none "$(addresses 4917010)"
check_that 'the old session ends' account 2 Stop 4917010 s1 Framed-IP-Address=192.168.1.10
has_now 'which takes nothing from the new one' 4917011 192.168.1.10/32
check_that '3GPP attributes' account 4 Start 4917012 s1 Framed-IP-Address=10.9.0.4 3GPP-IMSI=262011234567890 3GPP-SGSN-Address=10.0.0.9 3GPP-RAT-Type=1
has_now '3GPP-IMSI is who it is' 262011234567890 10.9.0.4/32
check_that 'IPv6' account 2 Start 4917013 s2 Framed-IPv6-Prefix=2001:db8:1::/64 Delegated-IPv6-Prefix=2001:db8:2::/56 Framed-IPv6-Address=2001:db8:3::7
has_now 'IPv6: prefixes and address' 4917013 '2001:db8:1::/64 2001:db8:2::/56 2001:db8:3::7/128'
check_that 'interim news' account 2 Interim-Update 4917013 s2 Framed-IPv6-Prefix=2001:db8:1::/64
check_that 'its end' account 2 Stop 4917013 s2 Framed-IPv6-Prefix=2001:db8:1::/64 Delegated-IPv6-Prefix=2001:db8:2::/56 Framed-IPv6-Address=2001:db8:3::7
has_now 'IPv6: nothing is left' 4917013 none
check_that 'a login at a third NAS' account 6 Start user@example.com s1 Framed-IP-Address=10.9.0.6
SECRET=wrong account 6 Start other@example.com s2 Framed-IP-Address=10.9.0.7 || : # it does not believe our answer
has_now 'not proved, but taken' other@example.com 10.9.0.7/32
if account 5 Start 4917015 s1 Framed-IP-Address=10.9.0.5; then check 'a NAS that wants no answers gets one' no yes; fi
has_now 'is heard' 4917015 10.9.0.5/32
check_that 'Accounting-On' account 3 Accounting-On '' on
has_now 'it clears what that NAS had' 4917011 none
has_now 'and no other' 262011234567890 10.9.0.4/32

# What is not proved, or says nothing, is told by nobody.
before=$(counted network forged)
if SECRET=wrong account 2 Start 4917016 s3 Framed-IP-Address=10.9.0.8; then check 'a wrong secret is answered' no yes; fi
check 'a wrong secret binds nobody' none "$(addresses 4917016)"
check_that 'a wrong secret is counted' test "$(counted network forged)" -gt "$before"
check_that 'no address: acknowledged' account 2 Start 4917017 s4
check_that 'no address: counted' test "$(counted network no_address)" -gt 0
if SECRET=any account 9 Start 4917018 s5 Framed-IP-Address=10.9.0.9; then check 'a stranger is answered' no yes; fi
check_that 'a stranger is counted' test "$(lab_ask strangers radius status)" -gt 0

# A carrier's own server, which copies to us.
mkdir -p "$LAB/freeradius"
chmod 700 "$LAB/freeradius"
sed "s#@DIR@#$LAB/freeradius#" "$ROOT/tests/wire/freeradius.conf" >"$LAB/freeradius/radiusd.conf"
lab_spawn freeradius "$NS_BOX" freeradius -fxx -l stdout -d "$LAB/freeradius"
up() { grep -q 'Ready to process requests' "$LAB/freeradius.log"; }
wait_until 60 up || die "FreeRADIUS: $(lab_log_tail freeradius)"
for n in 1 2 3 4 5; do
	PORT=11813 SECRET=naskey check_that "FreeRADIUS takes session $n" account 1 Start "subscriber$n" "c$n" "Framed-IP-Address=10.8.0.$n"
done
for n in 1 2 3 4 5; do
	has_now "and copies it to us: $n" "subscriber$n" "10.8.0.$n/32"
done
PORT=11813 SECRET=naskey check_that 'FreeRADIUS takes the end of one' account 1 Stop subscriber3 c3 Framed-IP-Address=10.8.0.3
has_now 'and copies that, too' subscriber3 none
proc_end "$LAB/pids/freeradius"
wire_end
