#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# check.sh BUILD: the goals for exits and instructions, which -icount makes the same on every
# machine. TAP.
set -u

build=$1
. tests/tap.sh
# shellcheck source=tests/bench/count.sh
. "$(dirname "$0")/count.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# --- each call by itself ---

# made LOG: calls that the guest made, as served gives them; those of a name are added up
made() {
    awk '/^bench [0-9]/ { sub(/\(.*/, "", $3); n[$3] += $5 } END { for (name in n) if (n[name]) print name, n[name] }' "$1"
}

# traps_by COLUMN KIND...: names of the calls of API 13 whose slot is of one of these kinds
traps_by() {
    awk -F'\t' -v column="$1" -v kinds=" $2 " '!/^#/ && $2 ~ /^[0-9]+$/ && index(kinds, " " $column " ") { print $4 }' calls.tsv
}

# expected_served LOG NAMES: of these calls as many as the guest made. RDPMC is none under QEMU: it faults.
expected_served() {
    made "$1" | awk -v names="$2" 'BEGIN { n = split(names, name, "\n"); for (i = 1; i <= n; i++) of[name[i]] = 1 }
        $1 in of { print }'
}

# one_exit_each NAME IMAGE TRAPPING-CALLS
one_exit_each() {
    check "the_calls_are_made_${1}" count bench "$2" "$work/$1"
    expected_served "$work/$1" "$3" | sort >"$work/expected"
    same "no_call_takes_a_second_exit_$1" "$(sum <"$work/expected")" "$(exits_by "$work/$1" VMMCALL)"
    same "the_calls_that_exit_are_those_that_trap_$1" "$(grep -v '^RDPMC ' "$work/expected")" "$(served "$work/$1" | sort)"
}

one_exit_each where_everything_traps monitor-all "$(traps_by 14 "trap native nop must")"
one_exit_each tuned monitor-tuned "$(traps_by 15 trap)"

# --- the workload ---

done_by() {
    grep -E '^workload (by|done)' "$1"
}

check the_workload_runs_natively count workload none "$work/native"
check the_workload_runs_under_the_monitor_without_its_rom count workload monitor-tuned "$work/unused" native
check the_workload_runs_where_everything_traps count workload monitor-all "$work/all"
check the_workload_runs_tuned count workload monitor-tuned "$work/few"

by_calls=$(done_by "$work/native" | sed 's/by instructions/by calls/')
same the_work_by_instructions_is_the_same_under_the_monitor "$(done_by "$work/native")" "$(done_by "$work/unused")"
same the_work_by_calls_is_the_same_where_everything_traps "$by_calls" "$(done_by "$work/all")"
same the_work_by_calls_is_the_same_tuned "$by_calls" "$(done_by "$work/few")"

same a_guest_that_makes_no_call_has_no_exit 0 "$(exits_by "$work/unused" VMMCALL)"
check a_guest_that_makes_no_call_runs_no_instruction_more test "$(instructions "$work/unused")" -le "$(instructions "$work/native")"
same every_exit_of_the_workload_is_a_call "$(served "$work/all" | sum)" "$(exits_by "$work/all" VMMCALL)"
check tuned_has_at_most_one_exit_for_twenty test $((20 * $(exits "$work/few"))) -le "$(exits "$work/all")"
check tuned_takes_at_most_1_05_of_the_native_instructions \
    test $((100 * $(instructions "$work/few"))) -le $((105 * $(instructions "$work/native")))

# --- a mainline kernel by policy ---

mkdir "$work/half"
check a_mainline_kernel_runs_with_each_policy mainline "$calls_only" "$work"
check a_mainline_kernel_whose_processes_compute_runs_with_each_policy mainline "$half_user" "$work/half"
check the_calls_are_made_natively count bench native "$work/native-calls"

# costs_at_most HUNDRED-THOUSANDTHS NONE ROM
costs_at_most() {
    test "$(ratio "$2" "$3")" -le "$1"
}

check minimal_costs_at_most_1_005_where_half_is_user_work \
    costs_at_most 100500 "$work/half/mainline-none" "$work/half/mainline-minimal"
check minimal_costs_at_most_1_0075_where_nothing_is_user_work \
    costs_at_most 100750 "$work/mainline-none" "$work/mainline-minimal"
check full_costs_at_most_1_05_where_nothing_is_user_work costs_at_most 105000 "$work/mainline-none" "$work/mainline-full"

# explained NONE ROM: what the operations do not explain is less than 4 instructions for each kind of them
explained() {
    shares "$work/native-calls" "$1" "$2" | awk -F' *[|] *' '{ print } $2 == "left over" { left = $5 < 0 ? -$5 : $5 }
        $4 ~ /^[-+]/ { kinds++ } END { exit !(kinds > 20 && left < 4 * kinds) }'
}

for policy in minimal full; do
    check "every_operation_has_its_share_of_what_${policy}_costs" explained "$work/mainline-none" "$work/mainline-$policy"
done

finish
