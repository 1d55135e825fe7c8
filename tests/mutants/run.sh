#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD [STEP]: every mutant, or every STEPth, of every slot goes through the slot suite; what that does not notice runs on
# a machine (QEMU, then Bochs) through the tests of its call. TAP, one test a mutant that came that far.
set -u

arguments="[STEP]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/noticed.sh
. "$top/tests/machine/noticed.sh"
step=${2:-1}

# Where bodies go on outside their slots: SLOT:OFFSET:SIZE
outside() {
    nm -S "$1" | awk '
        $4 == "set_dr" { print "30:" $1 ":" $2 }
        $4 == "get_dr" { print "31:" $1 ":" $2 }
        $4 == "set_present" { print "87:" $1 ":" $2 }
        $4 == "iret_look" { print "39:" $1 ":" $2 }
        $4 == "relocate" || $4 == "answer" || $4 == "has_cpuid" || $4 == "get_reloc" { print "85:" $1 ":" $2 }'
}

# mutate API IMAGE ELF
mutate() {
    api=$1
    dir=$build/mutants/$api
    rm -rf "$dir"
    mkdir -p "$dir"
    # shellcheck disable=SC2046 # one word for each part
    "$build/tests/mutants/mutate" "$2" "$dir" "$step" $(outside "$3") > "$dir/log" || {
        fail "API $api: equivalent_mutants_survive" "$(grep -B1 '^# but it was noticed' "$dir/log")"
    }
    grep '^# equivalent' "$dir/log"
    # mutants T killed K decoded D equivalent E survived S
    # shellcheck disable=SC2046
    set -- $(grep '^mutants' "$dir/log")
    [ $# = 10 ] || { fail "API $api: mutate_completed"; return; }
    total=$2 killed=$4 decoded=$6 equivalent=$8 noticed=0
    check "API $api: most_mutants_are_noticed_without_a_machine" test "$killed" -gt 0
    while read -r slot name kind; do
        engine=$(on_machine "$build" "$dir/$slot-$name-$kind" "$name")
        if [ -n "$engine" ]; then
            noticed=$((noticed + 1))
            pass "API $api: mutant is noticed on $engine: $slot $name $kind"
        else
            fail "API $api: mutant is noticed on a machine: $slot $name $kind" "see $dir/$slot-$name-$kind.*.log"
        fi
    done < "$dir/list"
    left=$((total - killed - decoded - noticed - equivalent))
    counted="$total in all, $killed killed by running, $decoded by decoding, $noticed on a machine;"
    counted="$counted $equivalent equivalent; $left survived"
    echo "# API $api: mutants: $counted"
    [ "$step" != 1 ] || check "API $api: docs/results.md has these numbers" grep -q ": $counted" docs/results.md
    same "API $api: every_mutant_that_is_not_equivalent_is_killed" 0 $left
}

mutate 13 "$build/vmi-native.rom" "$build/vmi-native.elf"
mutate 3 "$build/policy/all.rom" "$build/vmi-3-native.elf"
finish
