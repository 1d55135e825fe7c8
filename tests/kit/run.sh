#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: what can be said of the hypervisor's kit from outside: what it needs, how large it is, that its example
# works and is the one in docs/hypercalls.md. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# --- freestanding ---

# undefined OBJECT...: symbols that the kit would need from others
undefined() {
    cat=$work/all.o
    ld -r ${emulation:+-m $emulation} -o "$cat" "$@" || { echo "ld failed"; return; }
    nm -u "$cat" | awk '$2 != "_GLOBAL_OFFSET_TABLE_" { print $2 }'
}

mkdir "$work/ar"
(cd "$work/ar" && ar x "$build/libvmihv.a")
same libvmihv_needs_nothing_but_itself "" "$(undefined "$work"/ar/*.o)"
same libvmihv_has_no_writable_data "0 0" "$(size -B "$work/all.o" | awk 'NR == 2 { print $2, $3 }')"
same libvmihv_keeps_to_general_registers "" "$(objdump -d --no-show-raw-insn "$work/all.o" > "$work/dump" || echo "objdump failed"; grep -E '%(xmm|mm|st|ymm)' "$work/dump" | head -n 3)"
code=$(size -A "$work/all.o" | awk '/^\.text/ { n += $2 } END { print n }')
check "libvmihv_has_at_most_5120_bytes_of_code" test "$code" -le 5120

mkdir "$work/ar32"
(cd "$work/ar32" && ar x "$build/libvmihv-32.a")
emulation=elf_i386
same libvmihv_32_needs_nothing_but_itself "" "$(undefined "$work"/ar32/*.o)"
emulation=

for cc in gcc clang; do
    for mode in -m64 -m32; do
        name=kit_compiles_without_a_warning_or_a_library_by_$cc$mode
        command -v $cc > /dev/null || { skip "$name" "no $cc"; continue; }
        emulation=$([ $mode = -m32 ] && echo elf_i386 || echo elf_x86_64)
        seen=
        for level in -O0 -O1 -O2 -O3 -Os; do
            rm -f "$work"/*.o
            for source in kit/hypervisor/slot.c kit/hypervisor/image.c kit/hypervisor/publish.c kit/hypervisor/serve.c kit/hypervisor/error.c; do
                seen=$seen$($cc -std=c11 $mode $level -ffreestanding -mgeneral-regs-only -fno-stack-protector -Wall -Wextra \
                    -Werror -Wpedantic -I"$build/gen" -Iinclude -c -o "$work/$(basename $source .c).o" $source 2>&1)
            done
            seen=$seen$(undefined "$work"/slot.o "$work"/image.o "$work"/publish.o "$work"/serve.o "$work"/error.o 2>&1)
        done
        same "$name" "" "$seen"
    done
done
emulation=

for header in hypercall handlers hypervisor; do
    printf '#include "vmi/%s.h"\ntypedef int empty;\n' $header > "$work/alone.c"
    check "vmi_${header}_h_stands_alone" gcc -std=c11 -ffreestanding -Wall -Wextra -Werror -Wpedantic -I"$build/gen" -Iinclude -c \
        -o "$work/alone.o" "$work/alone.c"
done

# --- the example ---

check example_has_at_most_150_lines test "$(wc -l < kit/hypervisor/example.c)" -le 150
awk '/^```$/ { inside = 0 } inside { print } /^```c$/ { inside = 1 }' docs/hypercalls.md > "$work/example.c"
check example_is_the_one_in_the_document cmp kit/hypervisor/example.c "$work/example.c"
same example_publishes_runs_and_serves_three_calls "ok
alarm every 4294967296 cycles
the guest is gone" "$(timeout "$limit" "$build/kit/hypervisor/example" "$build/vmi-hypercall.rom" 2>&1)"
same example_refuses_a_native_image "example: no descriptor: not a hypercall image" \
    "$(timeout "$limit" "$build/kit/hypervisor/example" "$build/vmi-native.rom" 2>&1)"

finish
