#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The data plane's program is optimised as a whole: few of the engine's functions can still be called from
# outside. Without link-time optimisation it works as well, a third slower, and nobody would see.
#   whole_test.sh PROGRAM LIBRARY
set -eu
in_program=$(nm "$1" | grep -c ' T eng_') || true
in_library=$(nm "$2" | grep -c ' T eng_') || true
echo "functions of the engine that can be called from outside: $in_library, in the program $in_program"
[ "$in_library" -gt 0 ] && [ $((in_program * 4)) -lt "$in_library" ]
