#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A client with a TCP of its own repeats segments with other bytes, sends some that die between the
# box and the server, resets, FINs and SYNs that the server never sees: what the server stores is
# what was read.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

OWN=10.77.0.99
# trick NAME EXPECTED: what the client is told, one of them; the condemned text is never stored.
trick() {
	local told
	told=$(tail -n 1 "$LAB/$1.out")
	case " $2 " in
	*" $told "*) check "$1: told $told" yes yes ;;
	*) check "$1: told $2" "$2" "$told" ;;
	esac
}
stored() { "$PYTHON" "$ROOT/scripts/lib/mailbox.py" "$LAB_INBOX" count "$1"; }

wire_begin
wire_run
in_net nft -f - <<END 2>"$LAB/nft.log" || skip "nftables cannot do it here: $(head -n 1 "$LAB/nft.log")"
table ip far {
	chain in { type filter hook prerouting priority -300; ip ttl < 10 drop; }
}
END
# The address belongs to no kernel, so none answers for it.
lab_stranger $OWN
for name in decoy_first decoy_last overlap overlap_ahead bad_checksum dying_syn odd_resets urgent urgent_flagged \
	dying_reset dying_fin dying_end; do
	in_sub timeout 120 "$PYTHON" "$ROOT/tests/wire/raw_tcp.py" trick $name a1 "$(lab_mac "$NS_SUB" a1)" "$(lab_mac_from_sub)" \
		$OWN $LAB_SERVER4 "$SPAM_TEXT" "$name." >"$LAB/$name.out" 2>&1 &
done
for job in $(jobs -p); do wait "$job" || :; done
for name in decoy_first overlap; do trick $name 250; done
trick overlap_ahead '250 550'
for name in decoy_last bad_checksum dying_syn odd_resets; do trick $name 550; done
for name in urgent urgent_flagged; do trick $name 250; done
for name in dying_reset dying_fin; do trick $name 'reset fin nothing'; done
trick dying_end '250 421 reset fin nothing'
# Sessions that have died keep a file each in the server's queue until it gives them up.
arrived() { [ "$(stored 'X-Case: ')" -ge 4 ]; }
wait_until 60 arrived || :
check 'the condemned text was never stored' 0 "$(stored "$SPAM_TEXT")"
for name in decoy_first overlap urgent urgent_flagged; do check "$name: stored as it was read" 1 "$(stored "X-Case: $name.")"; done
check_that 'wrong checksums were counted' test "$(counter drop_tcp_checksum)" -gt 0
check_that 'repeats left with the bytes that were read' test "$(counter segments_rewritten)" -gt 0
lab_send --host $LAB_SERVER4 --message "$(message clean)" >"$LAB/client.out"
check 'mail goes on' 250 "$(outcome 1)"
wire_end
