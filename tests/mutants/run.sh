#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD [STEP]: runs the slot suite on every mutant, or every STEPth, of every slot. A mutant that it does not kill
# runs on a machine (QEMU, then Bochs) through the tests of its call. TAP, one test for each mutant that came that far.
set -u

arguments="[STEP]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/mutants/machine.sh
. "$here/machine.sh"
step=${2:-1}

# mutate API IMAGE ELF
mutate() {
    api=$1
    dir=$build/mutants/$api
    rm -rf "$dir"
    mkdir -p "$dir"
    # shellcheck disable=SC2046 # one word for each part
    "$build/tests/mutants/mutate" "$2" "$dir" "$step" $(outside "$3") > "$dir/log" || {
        fail "API $api: equivalent_mutants_survive" "$(grep -B1 '^# but it was killed' "$dir/log")"
    }
    grep '^# equivalent' "$dir/log"
    # mutants T killed K decoded D equivalent E survived S
    # shellcheck disable=SC2046
    set -- $(grep '^mutants' "$dir/log")
    [ $# = 10 ] || { fail "API $api: mutate_completed"; return; }
    total=$2 killed=$4 decoded=$6 equivalent=$8 on_machine=0
    check "API $api: most_mutants_are_killed_without_a_machine" test "$killed" -gt 0
    while read -r slot name kind; do
        engine=$(killed_by "$build" "$dir/$slot-$name-$kind" "$name")
        if [ -n "$engine" ]; then
            on_machine=$((on_machine + 1))
            pass "API $api: mutant is killed on $engine: $slot $name $kind"
        else
            fail "API $api: mutant is killed on a machine: $slot $name $kind" "see $dir/$slot-$name-$kind.*.log"
        fi
    done < "$dir/list"
    left=$((total - killed - decoded - on_machine - equivalent))
    counted="$total in all, $killed killed by running, $decoded by decoding, $on_machine on a machine;"
    counted="$counted $equivalent equivalent; $left survived"
    echo "# API $api: mutants: $counted"
    [ "$step" != 1 ] || check "API $api: docs/results.md has these numbers" grep -q ": $counted" docs/results.md
    same "API $api: every_mutant_that_is_not_equivalent_is_killed" 0 $left
}

mutate 13 "$build/vmi-native.rom" "$build/vmi-native.elf"
mutate 3 "$build/policy/all.rom" "$build/vmi-3-native.elf"
finish
