# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What every script here starts from: where the tree is, one line a step, waiting for a condition,
# and processes that are ended by recorded pid. Sourced, never run. Needs bash, util-linux, procps.

# shellcheck disable=SC2034 # read by the scripts that source this
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${MAILWEIR_BUILD:-$ROOT/build}
PYTHON=/usr/bin/python3
PATH=$PATH:/usr/sbin:/sbin
export PATH
# Messages of tools are matched by scripts, never by the user's language.
export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root() { [ "$(id -u)" = 0 ] || die "needs root; run it with sudo"; }

# wait_until SECONDS COMMAND...: runs COMMAND every 50 ms until it succeeds; 1 when time is up.
wait_until() {
	local limit_ms=$(($1 * 1000)) start_ms
	shift
	start_ms=$(date +%s%3N)
	until "$@" >/dev/null 2>&1; do
		[ $(($(date +%s%3N) - start_ms)) -lt "$limit_ms" ] || return 1
		read -r -t 0.05 <> <(:) || :
	done
}

# A pid alone may by now be somebody else's: the record holds the start time of the process too.
proc_start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# proc_record FILE PID: remembers a process that we started.
proc_record() { printf '%s %s\n' "$2" "$(proc_start "$2")" >"$1"; }

# proc_pid FILE: prints the recorded pid where that very process still runs; else fails.
proc_pid() {
	local pid start
	[ -f "$1" ] || return 1
	read -r pid start <"$1" || return 1
	[ -n "$start" ] && [ "$(proc_start "$pid")" = "$start" ] || return 1
	# A zombie has ended, whoever still has to collect it.
	[ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)" != Z ] || return 1
	printf '%s\n' "$pid"
}

proc_gone() { ! proc_pid "$1" >/dev/null; }

# proc_end FILE [SIGNAL]: ends a recorded process, by KILL where it takes longer than 30 s.
proc_end() {
	local pid
	if pid=$(proc_pid "$1"); then
		kill "-${2:-TERM}" "$pid" 2>/dev/null || :
		if ! wait_until 30 proc_gone "$1"; then
			warn "pid $pid ($(basename "$1")) does not end by ${2:-TERM}, killing it"
			kill -KILL "$pid" 2>/dev/null || :
			wait_until 30 proc_gone "$1" || return 1
		fi
	fi
	rm -f "$1"
}

# program NAME: path of a built program; fails where it is not built.
program() {
	local path
	for path in "$BUILD/dataplane/$1" "$BUILD/controlplane/$1" "$BUILD/controlplane/cli/$1" "$BUILD/tests/tools/$1" "$BUILD/$1"; do
		[ -x "$path" ] && [ -f "$path" ] && printf '%s\n' "$path" && return 0
	done
	return 1
}
