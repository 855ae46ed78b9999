#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The completion that mailweirctl prints, in a bash of its own: every verb and every option that the
# usage names is offered, files where a file is meant, nothing where a value is.
# Usage: cli_completion_test.sh MAILWEIRCTL
set -euo pipefail

MAILWEIRCTL=$1
failed=0
# shellcheck disable=SC1090 # what is tested
. <("$MAILWEIRCTL" --bash-completion)

# offers WORD...: what is offered for the last word, one a line.
offers() {
	COMP_WORDS=(mailweirctl "$@") COMP_CWORD=$#
	COMPREPLY=()
	_mailweirctl
	printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"} | sort
}
expect() { # WHAT EXPECTED SEEN
	[ "$2" = "$3" ] && return 0
	failed=$((failed + 1))
	printf 'NO %s: expected "%s", seen "%s"\n' "$1" "$2" "$3"
}
has() { # WORD LIST
	case $'\n'"$2"$'\n' in *$'\n'"$1"$'\n'*) return 0 ;; esac
	return 1
}

verbs=0
while read -r noun verb; do
	verbs=$((verbs + 1))
	has "$noun" "$(offers '')" || expect "noun $noun is offered" yes no
	has "$verb" "$(offers "$noun" '')" || expect "verb $noun $verb is offered" yes no
	offered=$(offers "$noun" "$verb" --)
	while read -r option; do
		has "$option" "$offered" || expect "$noun $verb offers $option" yes no
	done < <("$MAILWEIRCTL" "$noun" "$verb" --help | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u)
done < <("$MAILWEIRCTL" --help | sed -n 's/^  \([a-z][a-z]*\)  *\([a-z][a-z]*\) .*/\1 \2/p')
expect 'the usage lists verbs' yes "$([ $verbs -ge 13 ] && echo yes || echo $verbs)"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
touch "$folder/one.yaml"
expect 'a file where a file is meant' "$folder/one.yaml" "$(offers config check "$folder/o")"
expect 'a file behind its option' "$folder/one.yaml" "$(offers config commit --file "$folder/o")"
expect 'a path behind --socket' "$folder/one.yaml" "$(offers --socket "$folder/o")"
expect 'help has the nouns' yes "$(has rules "$(offers help '')" && echo yes || echo no)"
expect 'and their verbs' 'add check del list' "$(offers help rules '' | tr '\n' ' ' | sed 's/ $//')"
expect 'nothing where a value is meant' '' "$(offers rules add --score '')"
expect 'a socket in front is no verb' 'rules' "$(offers -s "$folder/sock" ru)"
expect 'a beginning' '--scope --score' "$(offers rules add --sco | tr '\n' ' ' | sed 's/ $//')"
[ $failed = 0 ] || exit 1
