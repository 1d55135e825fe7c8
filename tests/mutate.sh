#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# mutate.sh BUILD STEP: every STEPth mutant of every slot goes through the slot suite; what that does not notice runs on
# a machine (QEMU, then Bochs) through the tests of its call. TAP, one test a mutant that came that far.
set -u

build=$1
step=$2
. tests/tap.sh
dir=$build/mutants
rm -rf "$dir"
mkdir -p "$dir"

# Where the bodies of 30, 31 and 85 go on outside their slots: SLOT:OFFSET:SIZE
outside=$(nm -S "$build/vmi-native.elf" | awk '
    $4 == "set_dr" { print "30:" $1 ":" $2 }
    $4 == "get_dr" { print "31:" $1 ":" $2 }
    $4 == "relocate" || $4 == "has_cpuid" { print "85:" $1 ":" $2 }')

# shellcheck disable=SC2086 # one word for each part
"$build/tests/unit/mutate" "$build/vmi-native.rom" "$dir" "$step" $outside > "$dir/log" || {
    fail mutants_that_cannot_differ_are_not_noticed "$(grep -B1 '^# but it was noticed' "$dir/log")"
}
grep '^# equivalent' "$dir/log"
# mutants T killed K decoded D equivalent E survived S
set -- $(grep '^mutants' "$dir/log")
[ $# = 10 ] || { fail mutate_came_to_its_end; finish; exit 1; }
total=$2 killed=$4 decoded=$6 equivalent=$8
check most_mutants_are_noticed_without_a_machine test "$killed" -gt 0

on_machine=0
while read -r slot name kind; do
    mutant=$dir/$slot-$name-$kind
    noticed=
    if "$build/romsum" "$mutant.bin" -o "$mutant.rom"; then
        for engine in qemu bochs; do
            tests/machine/run-one.sh "$build" "$mutant.rom" "$engine" "$name" > "$mutant.$engine.log" 2>&1
            if [ $? = 1 ]; then
                noticed=$engine
                break
            fi
        done
    fi
    if [ -n "$noticed" ]; then
        on_machine=$((on_machine + 1))
        pass "mutant is noticed on $noticed: $slot $name $kind"
    else
        fail "mutant is noticed on a machine: $slot $name $kind" "see $mutant.*.log"
    fi
done < "$dir/list"

echo "# mutants: $total in all, $killed noticed by running, $decoded by decoding, $on_machine on a machine;" \
    "$equivalent cannot differ; $((total - killed - decoded - on_machine - equivalent)) not noticed"
same every_mutant_that_can_differ_is_noticed 0 $((total - killed - decoded - on_machine - equivalent))
finish
