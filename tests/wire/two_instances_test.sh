#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two demos at once, with other names, sockets and namespaces, both as expected.
# Long: two demos at once.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
first=x$(printf %x $$) second=y$(printf %x $$)
"$ROOT/scripts/demo" --name "$first" >"$LAB/first.txt" 2>&1 &
one=$!
"$ROOT/scripts/demo" --name "$second" >"$LAB/second.txt" 2>&1 &
two=$!
status=0
wait $one || status=$?
check 'the first' 0 $status
status=0
wait $two || status=$?
check 'the second' 0 $status
grep -h ' NO$' "$LAB/first.txt" "$LAB/second.txt" || :
check_that 'nothing of the first is left' test ! -e "/run/netns/$first-sub"
check_that 'nothing of the second is left' test ! -e "/run/netns/$second-sub"
[ $WIRE_FAILED = 0 ] || exit 1
