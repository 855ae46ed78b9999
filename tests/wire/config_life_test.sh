#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A configuration's life under real mail: a commit that has to be confirmed goes back by itself, also
# over a killed control plane; revert; a whole configuration, with a list of senders, out of one state
# directory and into another, where the list's file is gone.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

spam() { mail "$1" "$2" "$(message "$3" --plant "$SPAM_TEXT")" --host $LAB_SERVER4; }
# in_force REVISION: the control plane and the data plane have it.
in_force() { [ "$(lab_ask config.revision status) $(lab_ask dataplane.image_version status)" = "$1 $1" ]; }
state() { lab_ask "revisions.revision=$1.state" config list; }

# answer_to SENDER: the reply to its MAIL.
answer_to() {
	lab_send --host $LAB_SERVER4 --from "$1" --message "$LAB/sent/first" >"$LAB/client.out" || :
	awk '$2 == "mail" { print $3; exit }' "$LAB/client.out"
}

wire_begin
LAB_SESSION='prevent_encryption: false, blocked_senders_file: blocked'
printf 'one@example.com\n' >"$LAB/blocked"
wire_run
spam 'the first revision: spam' '550 5.7.1, absent' first
sed 's/action: inspect/action: pass/' "$LAB_CONF" >"$LAB/pass.yaml"
check 'a difference before the commit' '1 1' \
	"$(lab_cli config diff --file "$LAB/pass.yaml" | grep -c '^-[^-]') $(lab_cli config diff --file "$LAB/pass.yaml" | grep -c '^+[^+]')"
check_that 'a commit to be confirmed' lab_cli config commit "$LAB/pass.yaml" --confirm 10 --comment 'all passes'
spam 'holds at once: spam' '250, equal' tried
check 'it waits' unconfirmed "$(state 2)"
check_that 'meanwhile other changes are refused' sh -c "! '$(program mailweirctl)' -s '$LAB_SOCKETS/rpc.sock' rules add --scope body --score 1 --literal x"
proc_end "$LAB/pids/controlplane" KILL
lab_controlplane_spawn
wait_until 60 in_force 2 || :
check 'it waits on behind a killed control plane' unconfirmed "$(state 2)"
spam 'and still holds: spam' '250, equal' waits
proc_end "$LAB/pids/controlplane" KILL
# The time runs out while nobody is there.
sed -i 's/"confirm_until_s": [0-9]*/"confirm_until_s": 1000/' "$LAB/state/revision.json"
lab_controlplane_spawn
wait_until 60 in_force 1 || :
check 'over: the one before is in force again' 'in_force not_confirmed' "$(state 1) $(state 2)"
spam 'spam' '550 5.7.1, absent' back
check_that 'the log is loud about it' grep -E 'err: .*revision 2 was not confirmed in time' "$LAB/controlplane.log"
check_that 'another one, confirmed' lab_cli config commit "$LAB/pass.yaml" --confirm 10
check_that 'confirm' lab_cli config confirm
check 'stays' in_force "$(state 3)"
spam 'spam' '250, equal' stays
check_that 'revert to the first' lab_cli config revert 1
spam 'spam' '550 5.7.1, absent' reverted
printf 'two@example.com\n' >"$LAB/blocked"
check_that 'a commit of another list' lab_cli config commit
check 'the list is the difference' '-one@example.com +two@example.com' "$(lab_cli config diff | grep '^[-+][^-+]' | paste -sd' ')"
check 'one may send, two may not' '250 550' "$(answer_to one@example.com) $(answer_to two@example.com)"
check_that 'revert to the first again' lab_cli config revert 1
check 'two may send, one may not' '550 250' "$(answer_to one@example.com) $(answer_to two@example.com)"
rm "$LAB/blocked"
check_that 'a rule more' lab_cli rules add --scope body --score 100 --literal 'carried over the border'
check_that 'export' lab_cli config export --output "$LAB/site.tar"
before=$(lab_cli config get | tail -n +2)
proc_end "$LAB/pids/controlplane" KILL
rm -rf "$LAB/state"
lab_controlplane_spawn
wait_until 60 lab_ready || :
check 'a new state directory has no rule of ours' '' "$(lab_ask rules.id=1000000.text rules list || :)"
check_that 'check of the import' lab_cli config import "$LAB/site.tar" --check
check_that 'import' lab_cli config import "$LAB/site.tar"
check 'the same configuration' "$before" "$(lab_cli config get | tail -n +2)"
check 'and the list with it' '550 250' "$(answer_to one@example.com) $(answer_to two@example.com)"
mail 'and the rule with it' '550 5.7.1, absent' "$(message carried --plant 'carried over the border')" --host $LAB_SERVER4
printf 'two@example.com\n' >"$LAB/blocked"
torn=$(lab_ask config.revision status)
truncate -s -100 "$LAB/state/revisions/$(printf %010d "$torn").revision"
proc_end "$LAB/pids/controlplane" KILL
lab_controlplane_spawn
wait_until 60 lab_ready || :
check_that 'a torn revision is named in the log' grep "err: .*revision $torn: skipped: the file is torn or was changed" "$LAB/controlplane.log"
spam 'and the file given at start holds: spam' '550 5.7.1, absent' torn
wire_end
