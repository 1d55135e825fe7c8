#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD [STEP]: flips every bit, or every STEPth, of every slot's body, of its last byte and of the code behind the
# slots. A flip that neither the slot suite nor decoding kills is listed with its reason in tests/flips/survivors, or
# killed on a machine. TAP.
set -u

arguments="[STEP]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/mutants/machine.sh
. "$top/tests/mutants/machine.sh"
step=${2:-1}

# SLOT:OFFSET:SIZE of each body, its part outside, and the last byte of the slot. INT3 between them is never executed.
parts() {
    outside "$1"
    nm -S "$1" | awk '
        function hex(s, i, v) {
            for (i = 1; i <= length(s); i++) v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
            return v
        }
        $3 == "T" && $4 != "get_reloc" && hex($1) >= 128 && hex($1) < 4096 && !($1 in seen) {
            seen[$1]
            slot = int(hex($1) / 32)
            print slot ":" $1 ":" $2
            if (!(slot in last)) printf "%d:%x:1\n", slot, slot * 32 + 31
            last[slot]
        }'
}

# unlisted SURVIVORS < LOG: the survivors that are not in the list; a line of it is slot, instruction, what it becomes
# (an extended regular expression for all of it), reason
unlisted() {
    awk -F'\t' '
        FNR == NR { if (!/^#/ && NF == 4) { n++; slot[n] = $1; was[n] = $2; is[n] = "^(" $3 ")$" } next }
        /^survives/ {
            split($0, word, " ")
            rest = $0
            sub(/^survives [0-9]+ [0-9a-f]+ [0-7] /, "", rest)
            at = index(rest, " -> ")
            before = substr(rest, 1, at - 1)
            after = substr(rest, at + 4)
            sub(/^[a-z0-9 ]+: /, "", after)
            for (i = 1; i <= n; i++)
                if (slot[i] == word[2] && before ~ "^(" was[i] ")$" && after ~ is[i]) next
            print
        }' "$1" -
}

# flips API IMAGE ELF FILTER: FILTER chooses parts
flips() {
    api=$1
    dir=$build/flips/$api
    rm -rf "$dir"
    mkdir -p "$dir"
    # shellcheck disable=SC2046 # one word for each part
    "$build/tests/flips/flips" "$2" "$dir" "$step" $(parts "$3" | awk -F: "$4") > "$dir/log" || {
        fail "API $api: flips_completed"
        return
    }
    unlisted tests/flips/survivors < "$dir/log" > "$dir/unlisted"
    on_machine=0
    while read -r _ slot at bit instruction; do
        name=$(awk -F'\t' -v slot="$slot" -v column="$([ "$api" = 3 ] && echo 3 || echo 2)" '
            $1 == slot && $column != "-" { print $4 }' calls.tsv)
        engine=$(killed_by "$build" "$dir/$slot-$at-$bit" "${name:-unassigned}")
        if [ -n "$engine" ]; then
            on_machine=$((on_machine + 1))
            pass "API $api: flip is killed on $engine: $slot $name at $at, bit $bit: $instruction"
        else
            fail "API $api: flip is killed on a machine: $slot $name at $at, bit $bit: $instruction"
        fi
    done < "$dir/unlisted"
    # flips T killed K decoded D alike A survived S
    # shellcheck disable=SC2046
    set -- $(grep '^flips' "$dir/log")
    check "API $api: most_flips_are_killed" test "$4" -gt "$(($2 / 2))"
    echo "# API $api: flips: $2 in all, $4 killed by running, $6 by decoding, $on_machine on a machine; $8 decode alike," \
        "$((${10} - on_machine)) others survive"
}

flips 13 "$build/vmi-native.rom" "$build/vmi-native.elf" 1
# What API 13 does not have.
# shellcheck disable=SC2016 # awk's
flips 3 "$build/policy/all.rom" "$build/vmi-3-native.elf" '$1 == 4 || $1 == 85 || $1 >= 87'
finish
