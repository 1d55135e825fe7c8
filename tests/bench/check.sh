#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# check.sh BUILD: the goals for exits and instructions, which -icount makes the same on every
# machine. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/bench/count.sh
. "$here/count.sh"

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
one_exit_each tuned monitor "$(traps_by 15 trap | grep -v GetCycleCounter)" # RDTSC, in the monitor's ROM

# IODelay, Pause and their kin do nothing: what is left is the way there and back.
check an_empty_round_trip_takes_at_most_200_instructions test "$(awk '$1 == "bench" && $3 == "Pause" { print $4 }' "$work/where_everything_traps")" -le 200

# Init of a hypercall image makes no call: what it costs are the exits of its CPUIDs.
check init_takes_at_most_900_instructions test "$(awk '$1 == "bench" && $3 == "Init" { print $4 }' "$work/where_everything_traps")" -le 900

# --- the workload ---

done_by() {
    grep -E '^workload (by|done)' "$1"
}

check the_workload_runs_natively count workload none "$work/native"
check the_workload_runs_under_the_monitor_without_its_rom count workload monitor "$work/unused" native
check the_workload_runs_where_everything_traps count workload monitor-all "$work/all"
check the_workload_runs_tuned count workload monitor "$work/few"
check exits_can_be_traced trace "$work/traced.rom"
check the_workload_runs_traced count workload "$work/traced.rom" "$work/few-traced"

by_calls=$(done_by "$work/native" | sed 's/by instructions/by calls/')
same the_work_by_instructions_is_the_same_under_the_monitor "$(done_by "$work/native")" "$(done_by "$work/unused")"
same the_work_by_calls_is_the_same_where_everything_traps "$by_calls" "$(done_by "$work/all")"
same the_work_by_calls_is_the_same_tuned "$by_calls" "$(done_by "$work/few")"

same a_guest_that_makes_no_call_has_no_exit 0 "$(exits_by "$work/unused" VMMCALL)"
check a_guest_that_makes_no_call_runs_no_instruction_more test "$(instructions "$work/unused")" -le "$(instructions "$work/native")"
same every_exit_of_the_workload_is_a_call "$(served "$work/all" | sum)" "$(exits_by "$work/all" VMMCALL)"
same no_work_is_left_out_where_it_is_traced "$by_calls" "$(done_by "$work/few-traced")"
check tuned_has_at_most_one_exit_for_a_thousand test $((1000 * $(exits_at_work "$work/few-traced"))) -le "$(exits_by "$work/all" VMMCALL)"
check the_workload_runs_on_the_native_rom count workload native "$work/by-rom"
# costs HUNDREDTHS MONITOR NATIVE
costs() {
    test $((100 * $(instructions "$2"))) -le $(($1 * $(instructions "$3")))
}
check tuned_takes_at_most_1_01_of_the_native_rom_s_instructions costs 101 "$work/few" "$work/by-rom"

# --- guests that are busy with devices ---

# devices LOAD
devices() {
    count devices native "$work/$1-native" "$1" && count devices monitor "$work/$1-tuned" "$1"
}

check a_guest_with_a_console_and_keys_runs devices console
check a_guest_with_a_ticking_apic_runs devices timer
for load in console timer; do
    same "the_work_of_the_guest_is_the_same: $load" "$(done_by "$work/$load-native" | grep 'done')" "$(done_by "$work/$load-tuned" | grep 'done')"
done
check tuned_takes_at_most_1_01_of_a_console_s_instructions costs 101 "$work/console-tuned" "$work/console-native"
check tuned_takes_at_most_1_02_of_a_ticking_guest_s_instructions costs 102 "$work/timer-tuned" "$work/timer-native"
check the_guest_ticks_often test "$(ticks "$work/timer-tuned")" -ge 500
# The guest sets its local APIC up by a few stores.
same every_end_of_interrupt_is_one_exit "yes 0" "$(test "$(exits_by "$work/timer-tuned" NPF)" -le $(($(ticks "$work/timer-tuned") + 20)) && echo yes) \
$(exits_by "$work/timer-tuned" step)"

# --- a mainline kernel by policy ---

mkdir "$work/half"
check a_mainline_kernel_runs_with_each_policy mainline "$calls_only" "$work"
check a_mainline_kernel_whose_processes_compute_runs_with_each_policy mainline "$half_user" "$work/half"
check the_calls_are_made_natively count bench native "$work/native-calls"

# costs_at_most HUNDRED-THOUSANDTHS NONE ROM
costs_at_most() {
    echo "$(ratio "$2" "$3") hundred-thousandths, at most $1"
    test "$(ratio "$2" "$3")" -le "$1"
}

# What the fitted load shows, and 0.002: policy, calls and faults only, half user work.
while read -r policy none half; do
    check "$policy costs at most $none hundred-thousandths where nothing is user work" \
        costs_at_most "$none" "$work/mainline-none" "$work/mainline-$policy"
    check "$policy costs at most $half hundred-thousandths where half is user work" \
        costs_at_most "$half" "$work/half/mainline-none" "$work/half/mainline-$policy"
done <<END
minimal 103234 102216
lean 102584 101784
full 105473 103703
END

# explained NONE ROM: what the operations do not explain is less than 4 instructions for each kind of them
explained() {
    shares "$work/native-calls" "$1" "$2" | awk -F' *[|] *' '{ print } $2 == "left over" { left = $5 < 0 ? -$5 : $5 }
        $4 ~ /^[-+]/ { kinds++ } END { exit !(kinds > 20 && left < 4 * kinds) }'
}

for policy in minimal lean full; do
    check "every_operation_has_its_share_of_what_${policy}_costs" explained "$work/mainline-none" "$work/mainline-$policy"
done

# --- every way to make a call ---

check every_call_is_made_in_every_way count variants native "$work/variants"
check the_workload_runs_with_sites count workload native "$work/linked" sites
check the_workload_runs_with_what_they_are_to_cost count workload none "$work/contract" contract
same the_work_by_sites_is_the_same "$(done_by "$work/native" | sed 's/by instructions/by sites/')" "$(done_by "$work/linked")"
same the_work_by_what_they_are_to_cost_is_the_same \
    "$(done_by "$work/native" | sed 's/by instructions/by contract/')" "$(done_by "$work/contract")"

# ways: a line for each call, NUMBER NAME INLINE LINKED CALLED POINTER; what does not come out even is no number
ways() {
    awk '/^variant / { key = $2 " " $3; if (!(key in seen)) order[++n] = key; seen[key]
            each[key, $4] = $7 % $6 ? "uneven" : $7 / $6 }
        END { for (i = 1; i <= n; i++) { k = order[i]
            print k, each[k, "inline"], each[k, "linked"], each[k, "called"], each[k, "pointer"] } }' "$work/variants"
}

ways >"$work/ways"
same no_site_is_changed_on_the_native_rom "inlined 0 called 0" "$(sed -n 's/^sites native [1-9][0-9]* //p' "$work/variants")"
# All calls of API 13 but Init and GetRelocationInfo have sites; four cannot be counted in a loop; IRET has two lines.
same every_call_with_a_site_is_counted "$(awk -F'\t' '!/^#/ && $2 ~ /^[0-9]+$/ { n++ } END { print n - 2 - 4 + 1 }' calls.tsv) 4" \
    "$(wc -l <"$work/ways") $(grep -c '^uncounted ' "$work/variants")"
# SetDR and GetDR have the register's number as an argument: the kit has a function for them.
same linked_on_the_native_rom_a_call_is_1_000_of_the_bare_instruction "SetDR GetDR" \
    "$(awk '$3 > 0 && $4 != $3 { printf "%s%s", sep, $2; sep = " " }' "$work/ways")"
same a_call_that_natively_does_nothing_is_one_instruction "" "$(awk '$3 == 0 && $4 != 1' "$work/ways")"

# called_costs: what a called site and a call through a table have to take, in the form of ways: CALL, the slot's
# instructions with the RET, pushes and their removal; a site longer than prefixes can be has a jump too.
called_costs() {
    awk 'FNR == 1 { file++ }
        file == 1 && !/^#/ { split($0, row, "\t"); if (row[8] != "-" && row[12] == "ret") stack[row[1]] = split(row[8], w, " ") }
        file == 2 && $1 == "vmi_record" { is_long[$2 + 0] = $4 < -10 }
        file == 3 && /^bench [0-9]/ { sub(/\(user\)/, "_user", $3); slot[$3] = $4 }
        file == 4 { pushes = stack[$1] ? stack[$1] + 1 : 0
            print $1, $2, $3, $4, 1 + slot[$2] + pushes + is_long[$1], 1 + slot[$2] + pushes }' \
        calls.tsv "$build/gen/vmi/sites-nasm.inc" "$work/native-calls" "$work/ways"
}

called_costs >"$work/called"
check a_called_site_is_call_body_ret_and_pushes diff "$work/called" "$work/ways"
check at_most_four_sites_need_a_jump_to_be_called test "$(awk '$5 > $6' "$work/ways" | wc -l)" -le 4

same no_site_of_the_workload_is_changed_on_the_native_rom "inlined 0 called 0" "$(sed -n 's/^workload sites native [1-9][0-9]* //p' "$work/linked")"
# 1.000
check linked_on_the_native_rom_the_workload_is_1_000_of_bare_instructions \
    test $((2000 * $(instructions "$work/linked"))) -lt $((2001 * $(instructions "$work/contract")))

# shows_every_call FORMAT: the table, as it is where no cycles were taken
shows_every_call() {
    {
        sed -n -e 's/^variant/native &/p' -e 's/^uncounted/native &/p' "$work/variants"
        for key in inline own; do
            echo "work $key $(instructions "$work/contract") $key"
        done
    } | awk -v format="$1" -v cycles_skipped="a reason" -f tests/bench/variants.awk >"$work/table" || return 1
    grep -q 'a reason' "$work/table" || return 1
    awk 'FNR == NR { sub(/_user/, "(user)", $2); missing[$2]; next }
        { for (name in missing) if (index($0, name)) delete missing[name] }
        END { for (name in missing) { print "no " name; bad = 1 } exit bad }' "$work/ways" "$work/table"
}

for format in txt json svg md; do
    check "every_call_is_shown_and_why_no_cycles_were_taken: $format" shows_every_call $format
done

finish
