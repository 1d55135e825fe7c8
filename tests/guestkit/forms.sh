#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# forms.sh BUILD [long]: sites with every combination of registers and every form of memory operand, made by each assembler:
# a sample of them, or with `long` all. TAP.
set -u

arguments="[long]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

parts=41 # as many cases as have room in one piece of a kernel

# assemble ASSEMBLER BLOB: BLOB.bin from BLOB.s
assemble() {
    case $1 in
    nasm) nasm -Werror -f elf32 -I"$build/gen/" -Iinclude/ -o "$2.o" "$2.s" ;;
    gas) as --32 --fatal-warnings -I"$build/gen" -Iinclude -o "$2.o" "$2.s" ;;
    clang) clang -m32 -Werror -I"$build/gen" -Iinclude -c -o "$2.o" "$2.s" ;;
    esac &&
        ld -m elf_i386 -z noexecstack --no-warn-rwx-segments --fatal-warnings --build-id=none -Lkit/kernel \
            -T tests/guestkit/blob.ld -o "$2.elf" "$2.o" "$build/tests/guestkit/blob.o" "$build/libvmiguest.a" &&
        objcopy -O binary -j .blob "$2.elf" "$2.bin"
}

# intel ASSEMBLER: the last part once more, as a file in the other syntax that has the macros alone
intel() {
    awk 'NR == 1 { print ".set VMI_INTEL, 1" }
        /^\.include/ { print; print ".intel_syntax noprefix"; next }
        /^ *(vmi|\.)/ || /:$/ { print; next }
        { print ".att_syntax prefix"; print; print ".intel_syntax noprefix" }' "$work/$1.s" > "$work/$1-intel.s"
    check "sites_in_a_file_in_intel_syntax_are_the_same: $1" assemble "$1" "$work/$1-intel"
    check "sites_in_a_file_in_intel_syntax_are_the_same: $1, bytes" cmp "$work/$1.bin" "$work/$1-intel.bin"
}

# part ASSEMBLER PHASE: builds it and runs its cases; what they print goes to $work/said
part() {
    blob=$work/$1
    awk -v as="$1" -v every=$parts -v phase="$2" -f tests/guestkit/forms.awk calls.tsv "$build/gen/vmi/sites-nasm.inc" > "$blob.s" 2> "$work/cases" || return 1
    assemble "$1" "$blob" &&
        "$build/tests/guestkit/test_forms" "$blob.bin" "$build/vmi-native.rom" "$build/policy/all.rom" > "$work/said" 2>&1
}

try() {
    : > "$work/said"
    if part "$1" "$2" && grep -q "^1\.\.24$" "$work/said"; then
        pass "sites_with_operands_of_any_kind_are_right: $1, $2 of $parts"
    else
        fail "sites_with_operands_of_any_kind_are_right: $1, $2 of $parts" "$(grep -v '^ok' "$work/said" | head -n 20)"
    fi
}

if [ "${2:-}" = long ]; then
    for assembler in nasm gas clang; do
        phase=0
        while [ $phase -lt $parts ]; do
            try $assembler $phase
            phase=$((phase + 1))
        done
    done
else
    try nasm 3
    try gas 18
    intel gas
    try clang 29
    intel clang
fi

# Every part together has all that there are; the seven registers of both masks are in each.
same all_cases_are_in_some_part "$((14 * (parts - 1) + $(awk -v as=gas -v every=1 -v phase=0 -f tests/guestkit/forms.awk calls.tsv "$build/gen/vmi/sites-nasm.inc" 2> /dev/null | grep -c '^case_')))" \
    "$(phase=0
    while [ $phase -lt $parts ]; do
        awk -v as=gas -v every=$parts -v phase=$phase -f tests/guestkit/forms.awk calls.tsv "$build/gen/vmi/sites-nasm.inc" 2> /dev/null
        phase=$((phase + 1))
    done | grep -c '^case_')"

finish
