# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What every wire test starts from: a lab with names of its own (scripts/lib/lab.sh), taken down by
# a trap; checks that print one line each; exit status 0 passed, 1 failed, 125 skipped.
#
# A test sources this, calls wire_begin, brings up what it needs, checks, and calls wire_end.

# shellcheck source=scripts/lib/step.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/step.sh"
# shellcheck source=scripts/lib/lab.sh
. "$ROOT/scripts/lib/lab.sh"

WIRE_FAILED=0
WIRE_CHECKS=0
# shellcheck disable=SC2034 # read by the tests
SPAM_TEXT='this body text is condemned by the test rules'

skip() { # REASON
	printf 'skipped: %s\n' "$*"
	exit 125
}

wire_leave() {
	local status=$?
	trap - EXIT
	lab_down
	rm -rf "/run/dpdk/$LAB_NAME"[a-z] # of a second data plane
	[ -z "${WIRE_THIRD:-}" ] || ip netns del "$WIRE_THIRD" 2>/dev/null || :
	if [ $status = 0 ] || [ $status = 125 ]; then
		rm -rf "$LAB"
	else
		printf 'logs are in %s\n' "$LAB"
	fi
	exit $status
}

# wire_begin: names that no other test has, programs that are built.
wire_begin() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	ip netns list >/dev/null 2>&1 || skip 'no network namespaces here'
	local name
	for name in mailweir-dataplane mailweir-controlplane mailweirctl; do
		program $name >/dev/null || skip "$name is not built"
	done
	lab_init "w$$" "/run/mailweir-w$$"
	LAB_RULES=$ROOT/tests/wire/test.rules
	trap wire_leave EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -p "$LAB/sent"
}

# wire_run: namespaces, Postfix, both daemons; ready for mail.
wire_run() {
	lab_up
	lab_postfix_start
	lab_config
	lab_start || die "the daemons do not come up: $(lab_log_tail dataplane) $(lab_log_tail controlplane)"
}

# check WHAT EXPECTED SEEN
check() {
	WIRE_CHECKS=$((WIRE_CHECKS + 1))
	if [ "$2" = "$3" ]; then
		printf 'ok %s\n' "$1"
	else
		WIRE_FAILED=$((WIRE_FAILED + 1))
		printf 'NO %s: expected "%s", seen "%s"\n' "$1" "$2" "$3"
	fi
}

# check_that WHAT COMMAND...: passes where the command succeeds.
check_that() {
	local what=$1
	shift
	if "$@" >/dev/null 2>&1; then check "$what" yes yes; else check "$what" yes "no ($*)"; fi
}

# said FILE: the lines of a program's output that are checks, as ours.
said() {
	local verdict what
	while read -r verdict what; do
		check "$what" ok "$verdict"
	done < <(grep -E '^(ok|NO) ' "$1")
}

wire_end() {
	proc_pid "$LAB/pids/dataplane" >/dev/null || check 'the data plane still runs' yes no
	[ $WIRE_CHECKS -gt 0 ] || die 'checked nothing'
	[ $WIRE_FAILED = 0 ] || exit 1
	exit 0
}

# message NAME ARGUMENTS...: makes a message, prints its path.
message() {
	lab_message "$LAB/sent/$1" "${@:2}"
	printf '%s\n' "$LAB/sent/$1"
}

# outcome NUMBER: what the client was told in the end about its message NUMBER, from client.out.
outcome() {
	awk -v n="${1:-1}" '$1 == n { code = $3; more = $4 } END {
		if (code == "") print "no reply"
		else if (code ~ /^[45]/ && more ~ /^[0-9]\.[0-9]\.[0-9]+$/) print code, more
		else print code }' "$LAB/client.out"
}

# told WHAT: the reply to `quit`, `greeting`, `after`, or how the connection `closed`.
told() { awk -v w="$1" '$1 == w { print $2; exit }' "$LAB/client.out"; }

# mail WHAT EXPECTED FILE ARGUMENTS...: sends one message; EXPECTED is "reply, fate in the mailbox".
mail() {
	local what=$1 expected=$2 file=$3
	shift 3
	lab_send --message "$file" "$@" >"$LAB/client.out"
	check "$what" "$expected" "$(outcome 1), $(lab_stored "$file")"
}

# counter NAME: a counter of the data plane, all workers together.
counter() { lab_ask "counters.name=$1.value" stats get; }
