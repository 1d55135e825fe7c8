# shellcheck shell=sh disable=SC2154
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Sourced behind tests/tap.sh: runs of the conformance disk, whose output on port E9h is in $out afterwards, and the
# status in $status. What tests/machine/engines.sh can do is done there.

# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
# shellcheck source=tests/page/page.sh
. "$top/tests/page/page.sh"

# The instructions that fail in v86: no watchpoints, PCI's address register and VGA's as other than bytes, CMOS's memory.
# shellcheck disable=SC2034 # for those who source this
v86_fails="mov-to-dr outl outb inw"

# on_qemu NAME ROM OPTION...: the disk; ROM: none for none
on_qemu() {
    out=$work/$1 qemu_rom=$2
    shift 2
    cp "$build/vmi-conform.img" "$out.img"
    run_qemu "$out.img" "$qemu_rom" "$out" -serial "file:$out.serial" "$@"
    status=$?
}

# cd_on_qemu NAME ROM OPTION...: the CD, without a disk
cd_on_qemu() {
    out=$work/$1 qemu_rom=$2
    shift 2
    timeout -k 2 "$limit" "$QEMU" -m 64 -display none -nodefaults -vga std -global apic-common.vapic=off \
        -device isa-debug-exit,iobase=0xf4,iosize=1 -debugcon "file:$out" -cdrom "$build/vmi-conform.iso" -boot d \
        -option-rom "$qemu_rom" "$@" </dev/null >"$out.log" 2>&1
    status=$?
}

# on_bochs NAME CPUS ROM
on_bochs() {
    out=$work/$1
    cp "$build/vmi-conform.img" "$out.img"
    run_bochs "$2" "$out.img" "$3" "$out"
    mv "$out.raw" "$out"
}

# on_v86 NAME PLACE [DISK]: in Node; the places are those of examples/page/machine.mjs
on_v86() {
    out=$work/$1
    timeout -k 2 "$limit" node tests/page/machines.mjs "$build" "${3:-conform}" default "$2" >"$out.all" 2>"$out.log"
    lines "$2" "$out.all" >"$out"
}

# The last line
result() {
    sed -n 's/^conform: result: .*, \(code [0-9]*\)\r*$/\1/p' "$out"
}

# summary IMAGE: the line of "API 13.3", "API 3.0" or "native"
summary() {
    sed -n "s/^conform: $1: \([0-9].*\)/\1/p" "$out" | tr -d '\r'
}

# failures: CALL INSTRUCTION WHOSE, by call
failures() {
    sed -n 's/^failure: [^:]*: \([A-Za-z0-9]*\)\( (\([^)]*\))\)\{0,1\}: .*] (the \([A-Za-z]*\).*/\1 \3 \4/p' "$out" | sort
}

# calls_by_state IMAGE WORD: the names of its calls of which the output says so
calls_by_state() {
    sed -n "s/^call $1, slot [0-9]*: \([A-Za-z0-9]*\)[^:]*: $2.*/\1/p" "$out"
}

# broken NAME SLOT BYTES: the native ROM with other bytes in a slot, sealed again
broken() {
    cp "$build/vmi-native.rom" "$work/$1.rom"
    # shellcheck disable=SC2059 # the bytes are in octal
    printf "$3" | dd of="$work/$1.rom" bs=1 seek=$(($2 * 32)) conv=notrunc 2>/dev/null
    "$build/romsum" --quiet "$work/$1.rom"
}

# slot_of CALL: by calls.tsv
slot_of() {
    awk -F'\t' -v name="$1" '$4 == name && $2 != "-" { print $1 }' calls.tsv
}
