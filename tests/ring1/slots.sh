#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The slots of the ring 1 ROM in ring 1, and every STEPth bit of them flipped: slots.sh BUILD_DIR STEP,
# prints TAP.
set -u

arguments="STEP"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

slots() {
    "$build/tests/ring1/test_ring1_slots" "$build/ring1/rom.rom" "$build/ring1/ring1.bin" "$@"
}

# Of a program's TAP, as tests of ours
report() {
    while IFS= read -r line; do
        case $line in
        "ok "*) pass "${line#ok * - }" ;;
        "not ok "*) fail "${line#not ok * - }" ;;
        *) echo "$line" ;;
        esac
    done
}

slots >"$work/slots" || :
slots "$2" >"$work/flips" || :
grep -v '^1\.\.' "$work/slots" "$work/flips" -h >"$work/all"
report <"$work/all"
check "both came to their end" test "$(grep -c '^1\.\.' "$work/slots")$(grep -c '^1\.\.' "$work/flips")" = 11
finish
