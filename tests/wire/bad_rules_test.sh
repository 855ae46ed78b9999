#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A bad rule is refused with its line, its id and Hyperscan's own words; the running rules stay.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wire_begin
wire_run
version=$(lab_version)
cat >"$LAB/bad.rules" <<'END'
1 body 10 - good enough
2 body 10 - unbalanced (parenthesis
3 nowhere 10 - text
END
status=0
"$(program mailweirctl)" rules check "$LAB/bad.rules" >"$LAB/check.txt" 2>&1 || status=$?
check 'rules check: exit' 2 $status
check 'names the lines' yes "$(grep -q 'bad.rules:3' "$LAB/check.txt" && echo yes || echo no)"
printf '1 body 10 - good enough\n2 body 10 - unbalanced (parenthesis\n' >"$LAB/bad.rules"
"$(program mailweirctl)" rules check "$LAB/bad.rules" >"$LAB/check.txt" 2>&1 || :
check 'a bad expression: its line' yes "$(grep -q 'bad.rules:2' "$LAB/check.txt" && echo yes || echo no)"
check 'its id' yes "$(grep -q 'rule 2' "$LAB/check.txt" && echo yes || echo no)"
check "Hyperscan's words" yes "$(grep -qi 'parenthes' "$LAB/check.txt" && echo yes || echo no)"
check_that 'the shipped rules are good' "$(program mailweirctl)" rules check "$ROOT/config/rules/shipped.rules"
status=0
lab_cli rules add --scope body --score 100 '(unclosed' >"$LAB/add.txt" 2>&1 || status=$?
check 'rules add of a bad expression: exit' 2 $status
check 'policy version unchanged' "$version" "$(lab_version)"
mail 'the running rules stay: spam' '550 5.7.1, absent' "$(message spam --plant "$SPAM_TEXT")" --host $LAB_SERVER4
id=$(lab_ask id rules add --scope body --score 100 --literal 'brand new words') || :
check_that 'a good rule is added' test -n "$id"
mail 'and holds' '550 5.7.1, absent' "$(message added --plant 'brand new words')" --host $LAB_SERVER4
proc_end "$LAB/pids/controlplane" KILL
lab_controlplane_spawn
wait_until 60 lab_ready || :
mail 'and still after the control plane was killed' '550 5.7.1, absent' "$(message kept --plant 'brand new words')" --host $LAB_SERVER4
check_that 'it can be deleted' lab_cli rules del "$id"
mail 'then it is gone' '250, equal' "$(message deleted --plant 'brand new words')" --host $LAB_SERVER4
wire_end
