#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The hostile guest in ring 0 and in ring 1: hostile.sh BUILD_DIR [STEPS], prints TAP. Bochs makes a
# tenth of them. SEED, and ENGINES="new bochs", in the environment choose. Of the first block of steps
# that differs those steps are shown.
set -u

arguments="[STEPS]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
steps=${2:-10000}
seed=${SEED:-1}
limit=$((limit + steps / 20))

# Of the hypervisor, from its entries to the end of its constants
constants() {
    objdump -h "$build/ring1/ring1.elf" | while read -r _ name size at _; do
        [ "$name" != .rodata ] || echo $((0x$size + 0x$at - 0xFFC01000))
    done
}

# run ENGINE ROM OUTPUT COMMAND-LINE
run() {
    "$mkdisk" --cmdline "$build/guest/ring1-hostile.img" "$work/disk.img" "$4"
    : >"$3"
    case $1 in
    bochs)
        # shellcheck disable=SC2034 # engines.sh
        bochs_model=corei7_sandy_bridge_2600k
        run_bochs 1 "$work/disk.img" "$2" "$3"
        ;;
    new) run_qemu "$work/disk.img" "$2" "$3" -M q35 -cpu max -accel tcg ;;
    esac
}

# both ENGINE OPTIONS: $work/0 and $work/1
both() {
    run "$1" "$build/vmi-native.rom" "$work/0" "$2"
    run "$1" "$build/vmi-ring1.rom" "$work/1" "$2 init size=$(constants)"
}

# Where a symbol is
address_of() {
    echo $((0x$(nm "$build/ring1/ring1.elf" | awk -v name="$1" '$3 == name { print $1 }')))
}

blocks() {
    grep -a '^# block' "$work/$1" >"$work/$1.blocks"
}

for engine in ${ENGINES:-new bochs}; do
    count=$steps
    [ "$engine" = new ] || count=$((steps / 10))
    both "$engine" "seed=$seed steps=$count"
    blocks 0
    blocks 1
    check "$engine: the guest ran in ring 0, and in ring 1" grep -q '^# ring 1' "$work/1"
    check "$engine: it came to its end in ring 0" run_completed "$work/0"
    check "$engine: it came to its end in ring 1" run_completed "$work/1"
    check "$engine: the hypervisor's code, constants and descriptors stay" grep -a -q '^ok - the hypervisor' "$work/1"
    check "$engine: blocks of steps there are" test "$(wc -l <"$work/0.blocks")" -eq $((count / 1000))
    name="$engine: what steps leave in ring 1 is what they leave in ring 0"
    if cmp -s "$work/0.blocks" "$work/1.blocks"; then
        pass "$name"
    else
        block=$(diff "$work/0.blocks" "$work/1.blocks" | sed -n 's/^[<>] # block \([0-9]*\):.*/\1/p' | head -n 1)
        both "$engine" "seed=$seed from=${block}000 steps=1000 show=1"
        fail "$name" "$(diff "$work/0" "$work/1" | grep -a step | head -n 8)" \
            "$(diff "$work/0" "$work/1" | sed -n 's/^[<>] # step \([0-9]*\) .*/\1/p' | sort -u | head -n 4 | while read -r n; do
                grep -a -m 1 "^# step $n " "$work/0"
            done)"
    fi
    run "$engine" "$build/vmi-ring1.rom" "$work/2" \
        "seed=$seed steps=$count init size=$(constants) served=$(address_of served) slow=$(address_of slow)"
    blocks 2
    check "$engine: calls that are served beside the entry do what their likes in C do" cmp -s "$work/0.blocks" "$work/2.blocks"
done

finish
