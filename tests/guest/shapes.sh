#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# shapes.sh BUILD: one kernel as several compilers, languages and calling conventions make it, with the kit as it is built:
# it works without a ROM, on the native ROM, where every call traps, and in ring 1; before its sites are linked, linked and
# unlinked. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
flags="-m32 -march=i586 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only"
flags="$flags -g -Wall -Wextra -Werror -Wpedantic -I$build/gen -Iinclude"
nasm -Werror -f elf32 -I"$build/gen/" -Iinclude/ -o "$work/entry.o" tests/guest/shape.asm

# kernel SHAPE LINKER COMPILER OPTION...: WORK/SHAPE.elf
kernel() {
    name=$1 linker=$2
    shift 2
    # shellcheck disable=SC2086
    "$@" $flags -c -o "$work/$name.o" tests/guest/shape.c && $linker -m elf_i386 -z noexecstack -Lkit/kernel -T tests/guest/shape.ld -o "$work/$name.elf" \
        "$work/entry.o" "$work/$name.o" "$build/libvmiguest.a"
}

# boot PLACE SHAPE: what it says, without what differs between places
boot() {
    script=run.sh rom='' policy=''
    case $1 in
    without) rom=none ;;
    native) rom=$build/vmi-native.rom ;;
    hypercall) script=run-monitor.sh policy=all ;;
    ring1) script=run-ring1.sh ;;
    esac
    LOG=$work/log TIMEOUT=$limit KERNEL=$work/$2.elf FOUND='shape: right' ROM=$rom POLICY=$policy "tools/$script" "$build" \
        > "$work/out" 2>&1 < /dev/null
    echo "$?"
    grep -aoE '^(before|linked|not linked|unlinked|wrong|shape): .*' "$work/log/serial.log"
}

places() { # SHAPE
    for place in without native hypercall ring1; do
        case $place in
        without) linked="not linked" ;;
        *) linked=linked ;;
        esac
        same "a_kernel_works: $1, $place" "0
before: all is as it should
$linked: all is as it should
unlinked: all is as it should
shape: right" "$(boot "$place" "$1")"
        called=$(sed -n 's/^VMI sites: .* \([0-9]*\) called.*/\1/p' "$work/log/serial.log")
        case $place in
        without | native) same "no_site_is_called: $1, $place" 0 "$called" ;;
        *) check "sites_are_called: $1, $place" test "${called:-0}" -gt 10 ;;
        esac
    done
    check "vmi_lint_finds_nothing_but_what_is_said: $1" "$build/vmi-lint" --strict --allow tests/guest/shape.allow "$work/$1.elf"
}

check "a_kernel_is_made: c89" kernel c89 ld gcc -std=gnu89 -O2 && places c89
check "a_kernel_is_made: cpp" kernel cpp ld g++ -std=c++11 -fno-exceptions -fno-rtti -O1 -x c++ && places cpp
check "a_kernel_is_made: clang" kernel clang ld.lld clang -std=c11 -O2 && places clang
check "a_kernel_is_made: regparm" kernel regparm ld gcc -std=c11 -Os -mregparm=3 -mrtd -masm=att && places regparm

finish
