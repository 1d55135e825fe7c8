#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# shapes.sh BUILD: one kernel as several compilers, languages and calling conventions make it, with the kit as it is built:
# it works without a ROM, on the native ROM, where every call traps, and in ring 1; before its sites are linked, linked and
# unlinked. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/guest/places.sh
. tests/guest/places.sh
flags="-m32 -march=i586 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only"
flags="$flags -g -Wall -Wextra -Werror -Wpedantic -I$build/gen -Iinclude"

# kernel SHAPE LINKER COMPILER OPTION...: WORK/SHAPE.elf
kernel() {
    name=$1 linker=$2
    shift 2
    # shellcheck disable=SC2086
    "$@" $flags -c -o "$work/$name.o" tests/guest/shape.c && link "$name" "$linker"
}

cp "$build/tests/guest/shape.o" "$work/c11.o" # made as the demo kernel is
check "a_kernel_is_made: c11" link c11 ld && places c11
check "a_kernel_is_made: c89" kernel c89 ld gcc -std=gnu89 -O2 && places c89
check "a_kernel_is_made: cpp" kernel cpp ld g++ -std=c++11 -fno-exceptions -fno-rtti -O1 -x c++ && places cpp
check "a_kernel_is_made: clang" kernel clang ld.lld clang -std=c11 -O2 && places clang
check "a_kernel_is_made: regparm" kernel regparm ld gcc -std=c11 -Os -mregparm=3 -mrtd && places regparm

finish
