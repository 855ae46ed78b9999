#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A match counts wherever segments are cut: each write is a segment of its own.
# Topologies: routed single-arm
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SPAM='550 5.7.1, absent'
wire_begin
wire_run
mail 'cut in the middle of the phrase' "$SPAM" "$(message cut --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --cut "$SPAM_TEXT"
mail 'one octet a segment around the phrase' "$SPAM" "$(message drip --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --drip "$SPAM_TEXT"
for size in 1 2 3 5 11 37; do
	mail "$size octets a segment" "$SPAM" "$(message "w$size" --size 700 --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --write-size $size
done
mail 'across BDAT chunks' "$SPAM" "$(message bdat --size 700 --plant "$SPAM_TEXT")" --host $LAB_SERVER4 --bdat 13
mail 'in a header, cut' "$SPAM" "$(message header --subject 'so condemned-by-header it is')" --host $LAB_SERVER4 --cut condemned-by-header
mail 'IPv6, 5 octets a segment' "$SPAM" "$(message six --size 700 --plant "$SPAM_TEXT")" --host $LAB_SERVER6 --write-size 5
mail 'clean, 3 octets a segment' '250, equal' "$(message clean --size 700)" --host $LAB_SERVER4 --write-size 3
wire_end
