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
same libvmihv_has_no_writable_data "0" "$(size -A "$work/all.o" | awk '$1 ~ /^[.](data|bss)/ && $1 !~ /^[.]data[.]rel[.]ro/ { n += $2 } END { print n + 0 }')"
same libvmihv_keeps_to_general_registers "" "$(objdump -d --no-show-raw-insn "$work/all.o" > "$work/dump" || echo "objdump failed"; grep -E '%(xmm|mm|st|ymm)' "$work/dump" | head -n 3)"
# code OBJECT...: bytes of code
code() {
    size -A "$@" | awk '/^\.text/ { n += $2 } END { print n }'
}
defaults="defaults.o defaults_memory.o defaults_transfer.o paging.o"
core=
for object in "$work"/ar/*.o; do
    case " $defaults " in *" ${object##*/} "*) ;; *) core="$core $object" ;; esac
done
# shellcheck disable=SC2086 # words are wanted
check "libvmihv_has_at_most_5888_bytes_of_code_without_default_handlers" test "$(code $core)" -le 5888
# shellcheck disable=SC2086
check "its_default_handlers_have_at_most_12288_bytes_of_code" test "$(cd "$work/ar" && code $defaults)" -le 12288
# shellcheck disable=SC2086
same nothing_else_of_libvmihv_needs_them "" "$(undefined $core)"

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
        for level in -O0 -O2; do
            rm -f "$work"/*.o
            for source in kit/hypervisor/*.c; do
                [ "$source" != kit/hypervisor/example.c ] || continue
                seen=$seen$($cc -std=c11 $mode $level -ffreestanding -mgeneral-regs-only -fno-stack-protector -Wall -Wextra \
                    -Werror -Wpedantic -I"$build/gen" -Iinclude -c -o "$work/$(basename "$source" .c).o" "$source" 2>&1)
            done
            seen=$seen$(undefined "$work"/*.o 2>&1)
        done
        same "$name" "" "$seen"
    done
done
emulation=

for header in hypercall handlers hypervisor defaults; do
    printf '#include "vmi/%s.h"\ntypedef int empty;\n' $header > "$work/alone.c"
    check "vmi_${header}_h_stands_alone" gcc -std=c11 -ffreestanding -Wall -Wextra -Werror -Wpedantic -I"$build/gen" -Iinclude -c \
        -o "$work/alone.o" "$work/alone.c"
done

# --- one file ---

one=$build/onefile
for target in gcc-m64 gcc-m32 x86_64-linux-gnu i386-linux-gnu aarch64-linux-gnu riscv64-linux-gnu wasm32-unknown-unknown \
    x86_64-pc-windows-msvc aarch64-apple-macos; do
    name="the_one_file_compiles_without_a_warning_or_a_library: $target"
    case $target in
    gcc*) cc="gcc ${target#gcc}" ;;
    *)
        cc="clang --target=$target"
        command -v clang > /dev/null || { skip "$name" "no clang"; continue; }
        ;;
    esac
    seen=
    for level in -O0 -O2 -Os; do
        for file in vmihv vmi_roms; do
            # shellcheck disable=SC2086 # the compiler and its target
            seen=$seen$($cc -std=c11 $level -ffreestanding -Wall -Wextra -Werror -Wpedantic -c -o "$work/$file.o" "$one/$file.c" 2>&1)
        done
    done
    same "$name" "" "$seen"
done
for level in -O0 -O2; do
    gcc -std=c11 $level -ffreestanding -c -o "$work/one.o" "$one/vmihv.c"
    gcc -std=c11 $level -ffreestanding -c -o "$work/roms.o" "$one/vmi_roms.c"
    same "every_global_name_of_the_one_file_begins_with_vmi: $level" "" \
        "$(nm -g --defined-only "$work/one.o" "$work/roms.o" | awk 'NF == 3 && $3 !~ /^(vmi_|__x86[.])/ { print $3 }')"
done
same every_global_name_of_the_archives_begins_with_vmi "" \
    "$(nm -g --defined-only "$build/libvmihv.a" "$build/libvmihv-32.a" | awk 'NF == 3 && $3 !~ /^(vmi_|__x86[.])/ { print $3 }')"
check the_headers_of_the_one_file_are_cplusplus_too g++ -std=c++11 -Wall -Wextra -Werror -Wpedantic -x c++ -fsyntax-only "$one/vmihv.h"

# The tests of the kit, run with the one file in the archive's place.
if cc -o "$work/test_kit" "$build/tests/kit/test_kit.o" "$work/one.o" "$build/tests/unit/unit.a" -lunicorn -lcapstone > "$work/log" 2>&1; then
    same the_one_file_passes_the_tests_of_the_kit "0 fail" \
        "$(timeout "$limit" "$work/test_kit" "$build/vmi-hypercall.rom" "$build/vmi-native.rom" "$build/romsum" \
            "$build/vmi-3-hypercall.rom" "$build/vmi-3-native.rom" > "$work/log" 2>&1; echo "$? $(grep -q '^not ok' "$work/log" || echo fail)")"
else
    fail the_one_file_passes_the_tests_of_the_kit "$(cat "$work/log")"
fi

cat > "$work/roms.c" <<'END'
#include <stdio.h>

#include "vmihv.h"

int main(void) {
    for (uint32_t i = 0; i < vmi_embedded_rom_count; i++) {
        const struct vmi_embedded_rom *rom = &vmi_embedded_roms[i];
        char name[64];
        snprintf(name, sizeof(name), "%s.rom", rom->name);
        FILE *file = fopen(name, "wb");
        if (!file || fwrite(rom->bytes, 1, rom->size, file) != rom->size || fclose(file) != 0 ||
            vmi_embedded_rom(rom->api, rom->kind) != rom) {
            return 1;
        }
    }
    return 0;
}
END
mkdir "$work/roms"
check the_one_file_of_images_compiles cc -std=c11 -Wall -Wextra -Werror -I"$one" -o "$work/roms/roms" "$work/roms.c" "$one/vmi_roms.c"
check its_table_is_right sh -c 'cd "$1" && ./roms' sh "$work/roms"
for image in native hypercall 3-native 3-hypercall; do
    check "it_holds_the_image: $image" cmp "$work/roms/vmi-$image.rom" "$build/vmi-$image.rom"
done

cat > "$work/version.c" <<'END'
#include <stdio.h>

#include "vmi/hypervisor.h"

int main(void) {
    printf("%s %d %d.%d.%d\n", VMI_VERSION, VMI_VERSION_NUMBER, VMI_VERSION_MAJOR, VMI_VERSION_MINOR, VMI_VERSION_PATCH);
    return 0;
}
END
same the_headers_have_the_version_of_the_tree "$version $(echo "$version" | awk -F. '{ print $1 * 10000 + $2 * 100 + $3 }') $version" \
    "$(cc -std=c11 -I"$build/gen" -Iinclude -o "$work/version" "$work/version.c" 2>&1 && "$work/version")"

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
