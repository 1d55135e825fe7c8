#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: the kit for kernels as a build sees it: what the archive needs and how large it is; that every compiler and
# assembler makes the same sites, whatever else is in registers; the native ROM that is compiled in. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

freestanding="-std=c11 -m32 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables"
freestanding="$freestanding -mgeneral-regs-only -Wall -Wextra -Werror -I$build/gen -Iinclude"
levels="-O0 -O1 -O2 -O3 -Os"
sources="find link thunk look overlay text boot"

# --- the archive ---

mkdir "$work/ar"
(cd "$work/ar" && ar x "$build/libvmiguest.a")
ld -m elf_i386 -r -o "$work/all.o" "$work"/ar/*.o
same libvmiguest_needs_nothing_but_itself_and_kit_ld "vmi_annotations vmi_annotations_end vmi_translations vmi_translations_end" \
    "$(nm -u "$work/all.o" | awk '{ printf "%s%s", sep, $2; sep = " " }')"
same libvmiguest_has_no_writable_data "0 0" "$(size -B "$work/all.o" | awk 'NR == 2 { print $2, $3 }')"
same libvmiguest_keeps_to_general_registers "" "$(objdump -d --no-show-raw-insn "$work/all.o" | grep -E '%(xmm|mm|st|ymm)' | head -n 3)"
code=$(size -A "$work/ar/find.o" "$work/ar/link.o" "$work/ar/thunk.o" | awk '/^\.text/ { n += $2 } END { print n }')
check "finding_and_linking_are_at_most_3584_bytes_of_code" test "$code" -le 3584
echo "# $code bytes"

for cc in gcc clang; do
    seen=
    for level in $levels; do
        for source in $sources; do
            # shellcheck disable=SC2086
            seen=$seen$($cc $freestanding -Wpedantic $level -c -o "$work/$source.o" "kit/kernel/$source.c" 2>&1)
        done
        (cd "$work" && ld -m elf_i386 -r -o all.o find.o link.o thunk.o look.o overlay.o text.o boot.o --defsym vmi_annotations=0 --defsym vmi_annotations_end=0 \
            --defsym vmi_translations=0 --defsym vmi_translations_end=0)
        seen=$seen$(nm -u "$work/all.o")
    done
    same "guest_kit_compiles_without_a_warning_or_a_library_by_$cc" "" "$seen"
    printf '#include "vmi/guest.h"\ntypedef int empty;\n' > "$work/alone.c"
    # shellcheck disable=SC2086
    check "vmi_guest_h_stands_alone_by_$cc" $cc $freestanding -Wpedantic -c -o "$work/alone.o" "$work/alone.c"
done

# A kernel of any age, and one whose headers clash with the compiler's.
cat > "$work/old.c" <<'END'
#ifdef OWN
typedef signed char int8_t;
typedef int int32_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
__extension__ typedef unsigned long long uint64_t;
#define VMI_OWN_TYPES
#endif
#include "vmi/guest.h"
#if defined(OWN) && (defined(NULL) || defined(offsetof) || defined(UINT32_MAX) || defined(__bool_true_false_are_defined))
#error the headers are included
#endif
unsigned ring(uint32_t *at);
unsigned ring(uint32_t *at) {
    vmi_set_pxe(vmi_get_pxe(at), at + 1, VMI_PAGE_PT);
    vmi_set_dr(3, vmi_get_interrupt_mask());
    return vmi_kernel_ring();
}
END
quiet() { # COMPILER STANDARD
    # shellcheck disable=SC2086
    for own in "" -DOWN; do
        case $1 in
        *++) $1 $cpp -Wpedantic -std="$2" $own -O2 -x c++ -c -o "$work/old.o" "$work/old.c" || return 1 ;;
        *) $1 $freestanding -Wpedantic -std="$2" $own -O2 -c -o "$work/old.o" "$work/old.c" || return 1 ;;
        esac
    done
}
cpp=$(echo "$freestanding" | sed 's/-std=c11/-fno-exceptions -fno-rtti/')
for standard in gnu89 gnu99 c99 c11 gnu17; do
    for cc in gcc clang; do
        check "guest_h_is_quiet_with_own_types_too: $cc $standard" quiet $cc $standard
    done
done
for standard in c++11 c++14 c++17 c++20; do
    for cc in g++ clang++; do
        check "guest_h_is_quiet_with_own_types_too: $cc $standard" quiet $cc $standard
    done
done

# A file in the other syntax: the macros change to theirs and back.
cat > "$work/intel.s" <<'END'
.ifdef VMI_INTEL
.intel_syntax noprefix
.endif
.include "vmi/sites-gas.inc"
.text
vmi_disable_interrupts
vmi_set_pxe %esi, "8(%edi,%eax,4)", $1
vmi_allocate_page %ebx, %esi
.ifdef VMI_INTEL
mov eax, 5
.else
mov $5, %eax
.endif
vmi_set_pxe
END
as --32 --fatal-warnings -I"$build/gen" -Iinclude -o "$work/att.o" "$work/intel.s"
for as in "as --32 --fatal-warnings" "clang -m32 -c -Werror -Wno-unused-command-line-argument"; do
    check "sites_in_a_file_of_the_other_syntax: ${as%% *}" sh -c "{ echo '.set VMI_INTEL, 1'; cat '$work/intel.s'; } > '$work/intel1.s' &&
        $as -I'$build/gen' -Iinclude -o '$work/intel.o' '$work/intel1.s' && objdump -dr '$work/att.o' | tail -n +4 > '$work/att.txt' &&
        objdump -dr '$work/intel.o' | tail -n +4 | cmp - '$work/att.txt'"
done

# --- sites ---

# LLDT and LTR have registers of 16 bits, a call's push one of 32.
for as in nasm as clang; do
    for reg in ax cx dx bx bp si di; do
        case $as in
        nasm)
            printf '%%include "vmi/sites-nasm.inc"\nsection .text\nbits 32\nvmi_set_ldt e%s\nvmi_set_tr e%s\nvmi_set_tr [ebx + e%s*2 + 4]\n' $reg $reg $reg > "$work/selector.s"
            nasm -Werror -f elf32 -I"$build/gen/" -Iinclude/ -o "$work/selector.o" "$work/selector.s"
            ;;
        *)
            printf '.include "vmi/sites-gas.inc"\n.text\nvmi_set_ldt %%e%s\nvmi_set_tr %%e%s\nvmi_set_tr "4(%%ebx,%%e%s,2)"\n' $reg $reg $reg > "$work/selector.s"
            if [ "$as" = as ]; then as="as --32 --fatal-warnings"; else as="clang -m32 -Werror -c"; fi
            $as -I"$build/gen" -Iinclude -o "$work/selector.o" "$work/selector.s"
            ;;
        esac
        same "a_selector_may_be_in_any_register: ${as%% *}, e$reg" "lldt %$reg ltr %$reg ltr 0x4(%ebx,%e$reg,2) push %e$reg push %e$reg push 0x4(%ebx,%e$reg,2)" \
            "$(objdump -d --no-show-raw-insn -j .text "$work/selector.o" | grep -oE 'l(ldt|tr)w? *[%0].*' | sed 's/lldtw/lldt/; s/ltrw/ltr/' | tr -s ' ' | tr '\n' ' ')$(
                objdump -D --no-show-raw-insn -j .vmi.translation.stack "$work/selector.o" | grep -oE 'push.*' | sed 's/pushl/push/' | tr -s ' ' | tr '\n' ' ' | sed 's/ $//')"
        as=${as%% *}
    done
done

link_blob() { # OUT OBJECT...
    out=$1
    shift
    ld -m elf_i386 -z noexecstack --no-warn-rwx-segments --fatal-warnings --build-id=none -Lkit/kernel \
        -T tests/guestkit/blob.ld -o "$out.elf" "$@" "$build/tests/guestkit/blob.o" "$build/libvmiguest.a" &&
        objcopy -O binary -j .blob "$out.elf" "$out.bin"
}

check nasm_and_gas_make_the_same_sites_and_records cmp "$build/tests/guestkit/nasm.bin" "$build/tests/guestkit/gas.bin"
clang -m32 -I"$build/gen" -Iinclude -c -o "$work/thunks.o" "$build/tests/guestkit/thunks-gas.s" && link_blob "$work/clang" "$work/thunks.o"
check clang_makes_the_same_sites_and_records cmp "$work/clang.bin" "$build/tests/guestkit/gas.bin"

awk -f tests/guestkit/pressure.awk calls.tsv "$build/gen/vmi/sites.h" > "$work/pressure.c"
for cc in gcc clang; do
    for level in $levels "-O2 -fno-omit-frame-pointer"; do
        name="wrappers_lose_nothing_where_all_registers_are_live: $cc $level"
        check "$name" sh -c "$cc $freestanding -Wno-int-conversion $level -c -o '$work/pressure.o' '$work/pressure.c'"
        link_blob "$work/pressure" "$work/pressure.o"
        same "$name: run" "" "$(timeout "$limit" "$build/tests/guestkit/test_pressure" "$work/pressure.bin" calls.tsv 2>&1 || echo "status $?")"
    done
done

# In the other syntax too, which a kernel may have its own assembly in.
{
    cat "$work/pressure.c"
    echo 'void serialize(void) { vmi_serialize(); }'
    echo 'unsigned ring(void) { return vmi_kernel_ring(); }'
} > "$work/syntax.c"
for cc in gcc clang; do
    # shellcheck disable=SC2086
    $cc $freestanding -Wno-int-conversion -O2 -c -o "$work/att.o" "$work/syntax.c"
    # shellcheck disable=SC2086
    check "sites_are_the_same_in_intel_syntax: $cc" sh -c "$cc $freestanding -Wno-int-conversion -O2 -masm=intel -c \
        -o '$work/intel.o' '$work/syntax.c' && cmp '$work/att.o' '$work/intel.o'"
done

# Whatever a kernel's descriptors are.
cat > "$work/entry.c" <<'END'
#include "vmi/guest.h"
void set(void *table, const uint32_t *p, uint32_t index);
void set(void *table, const uint32_t *p, uint32_t index) {
#if KIND == 0
    vmi_write_gdt_entry(table, index, (uint64_t)p[1] << 32 | p[0]);
    vmi_write_idt_entry(table, 14, 0x00008E0000080000);
#elif KIND == 1
    vmi_write_gdt_entry_dwords(table, index, p[0], p[1]);
    vmi_write_idt_entry_dwords(table, 14, 0x00080000, 0x00008E00);
#else
    static const uint32_t gate[2] = {0x00080000, 0x00008E00};
    vmi_write_gdt_entry_from(table, index, p);
    vmi_write_idt_entry_from(table, 14, gate);
#endif
}
END
for cc in gcc clang; do
    for kind in 0 1 2; do
        # shellcheck disable=SC2086
        $cc $freestanding -O2 -DKIND=$kind -c -o "$work/entry.o" "$work/entry.c"
        objdump -d "$work/entry.o" > "$work/entry$kind.txt"
    done
    check "descriptors_of_each_kind_are_written_alike: $cc" sh -c "cmp '$work/entry0.txt' '$work/entry1.txt' && cmp '$work/entry0.txt' '$work/entry2.txt'"
done

# A jump costs cycles where a NOP with prefixes costs none.
same no_site_begins_with_a_jump "" "$(grep -E 'db +0xeb' "$build/gen/vmi/sites-nasm.inc")"

# The function is as large as with the padded instruction alone: the compiler sees nothing but a barrier.
cat > "$work/cost.c" <<'END'
#include "vmi/guest.h"
#ifdef BARE
#define disable() __asm__ volatile(".byte 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0xfa" : : : "memory")
#else
#define disable() vmi_disable_interrupts()
#endif
uint32_t cost(uint32_t *p, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e) {
    uint32_t x = p[0], y = p[1];
    disable();
    p[2] = x + y * a;
    return p[3] + (a ^ b) * c + (d - e) * x;
}
END
for cc in gcc clang; do
    for level in $levels; do
        # shellcheck disable=SC2086
        $cc $freestanding $level -DBARE -c -o "$work/bare.o" "$work/cost.c"
        # shellcheck disable=SC2086
        $cc $freestanding $level -c -o "$work/cost.o" "$work/cost.c"
        objcopy -O binary -j .text "$work/bare.o" "$work/bare.bin"
        objcopy -O binary -j .text "$work/cost.o" "$work/cost.bin"
        if [ "$level" = -O0 ]; then
            continue # an inlined function leaves traces there
        fi
        check "disabling_interrupts_costs_the_compiler_nothing: $cc $level" cmp "$work/bare.bin" "$work/cost.bin"
    done
done

# Records and alternatives are no instructions of the function.
cat > "$work/small.c" <<'END'
#include "vmi/guest.h"
static void drop_fpu(void) {
    vmi_set_cr0(vmi_get_cr0() | 8);
}
void twice(void) {
    drop_fpu();
    drop_fpu();
}
END
for cc in gcc clang; do
    # shellcheck disable=SC2086
    $cc $freestanding -O2 -c -o "$work/small.o" "$work/small.c"
    same "a_small_function_with_sites_is_inlined: $cc" "" "$(nm "$work/small.o" | grep ' drop_fpu$')"
done

# Two files with the same call: 16 bytes each, and one alternative.
for n in 1 2; do
    printf '#include "vmi/guest.h"\nvoid f%s(void) { vmi_disable_interrupts(); vmi_disable_interrupts(); }\n' $n > "$work/f$n.c"
    # shellcheck disable=SC2086
    gcc $freestanding -O2 -c -o "$work/f$n.o" "$work/f$n.c"
done
cat > "$work/two.ld" <<'END'
SECTIONS { .text 0x10000 : { *(.text) } .vmi : { INCLUDE kit.ld } }
END
ld -m elf_i386 -Lkit/kernel -T "$work/two.ld" -o "$work/two.elf" "$work/f1.o" "$work/f2.o"
address() { # FILE SYMBOL
    echo $((0x$(nm "$1" | awk -v s="$2" '$3 == s { print $1 }')))
}
two=$work/two.elf
same a_record_has_16_bytes 64 "$(($(address "$two" vmi_annotations_end) - $(address "$two" vmi_annotations)))"
same sites_of_one_call_share_an_alternative 5 "$(($(address "$two" vmi_translations_end) - $(address "$two" vmi_translations)))"
objcopy -O binary -j .vmi "$two" "$work/two.bin"
site=$(printf '%08x' "$(address "$two" f1)" | sed 's/\(..\)\(..\)\(..\)\(..\)/\4 \3 \2 \1/')
same the_record_is_that_of_2006_but_for_its_last_byte "24 00 00 00 $site 08 05 07 80" \
    "$(od -An -tx1 -N16 "$work/two.bin" | sed 's/^ //' | awk '{ print $1, $2, $3, $4, $5, $6, $7, $8, $13, $14, $15, $16 }')"

# --- a kernel's own calling convention ---

cat > "$work/convention.c" <<'END'
#include "vmi/guest.h"
extern VMI_CDECL void work(void *argument);
extern VMI_CDECL void say(const char *text);
extern struct vmi_linkage linkage;
extern struct vmi_rom roms[4];
extern const struct vmi_rom *rom;
extern uint32_t n;
extern const char *text;
void use(void);
void use(void) {
    n = vmi_find(roms, roms, 4);
    rom = vmi_start(roms, n, VMI_SPEAKS_13);
    rom = vmi_boot(&linkage, roms, roms, 4, VMI_SPEAKS_13, say);
    text = vmi_verdict_text(n);
    text = vmi_link_text((int)n);
    n = vmi_link_space(&linkage);
    n = vmi_thunk_space(&linkage);
    n = (uint32_t)vmi_link(&linkage, rom);
    n = (uint32_t)vmi_site_kind(&linkage, n);
    n = vmi_may_park(&linkage, n);
    n = vmi_overlay(rom, vmi_native_area);
    linkage.alone(work, &linkage);
    n = (uint32_t)vmi_unlink(&linkage);
}
END
for cc in gcc clang; do
    # shellcheck disable=SC2086
    check "a_kernel_calls_every_function: $cc" $cc $freestanding -O2 -c -o "$work/convention.o" "$work/convention.c"
    objdump -dr "$work/convention.o" > "$work/convention"
    for convention in -mregparm=3 -mrtd "-mregparm=3 -mrtd"; do
        # shellcheck disable=SC2086
        $cc $freestanding -O2 $convention -c -o "$work/convention.o" "$work/convention.c" 2> /dev/null
        objdump -dr "$work/convention.o" | cmp -s - "$work/convention"
        same "the_archive_is_called_its_own_way: $cc $convention" 0 $?
    done
done
same no_function_of_the_archive_is_left_out "$(nm -g "$build/libvmiguest.a" | awk '$2 == "T" && $3 !~ /^vmi_(native|kit)_/ { print $3 }' | sort)" \
    "$(nm -u "$work/convention.o" | awk '$2 ~ /^vmi_/ && $2 != "vmi_native_area" { print $2 }' | sort)"

# --- a kernel in C++ ---

# Both files have the inline function, and the linker keeps one: so it has to be with the records.
sed 's/^void use(void);$/extern "C" void use();/' "$work/convention.c" > "$work/kernel1.cc"
for n in 1 2; do
    cat >> "$work/kernel$n.cc" <<END
#include "vmi/guest.h"
inline void shared(uint32_t value) { vmi_set_cr3(value); vmi_write_gdt_entry(nullptr, value, value); }
template <typename T> void counted(T value) { vmi_set_cr0(value); }
void own$n() { shared($n); counted<uint32_t>($n); vmi_clts(); }
END
done
for cc in g++ clang++; do
    for std in -std=c++11 -std=c++20; do
        for n in 1 2; do
            # shellcheck disable=SC2086
            check "a_kernel_in_cpp_compiles: $cc $std, $n" $cc $cpp -Wpedantic $std -O0 -c -o "$work/kernel$n.o" "$work/kernel$n.cc"
        done
        same "the_archive_keeps_its_names: $cc $std" "" "$(nm -u "$work/kernel1.o" | grep '_Z.*vmi')"
        for linker in ld ld.lld; do
            records="not linked"
            $linker -m elf_i386 -Lkit/kernel -T "$work/two.ld" -e 0 --unresolved-symbols=ignore-all -o "$work/cpp.elf" \
                "$work/kernel1.o" "$work/kernel2.o" > "$work/said" 2>&1 &&
                records=$((($(address "$work/cpp.elf" vmi_annotations_end) - $(address "$work/cpp.elf" vmi_annotations)) / 16))
            same "an_inline_function_has_its_records_once: $cc $std, $linker" 5 "$records"
            rm -f "$work/cpp.elf"
        done
    done
done

# --- the native ROM compiled in ---

area=$build/vmi_native_area.o
same the_area_has_16_kib "$(printf '%06x' 16384)" "$(readelf -SW "$area" | sed 's/^ *\[ *[0-9]*\]//' | awk '$1 == ".vmi.native" { print $5 }')"
same the_area_is_on_a_page_boundary 4096 "$(readelf -SW "$area" | awk '/\.vmi\.native / { print $NF }')"
nm "$area" | awk '$3 ~ /^vmi_area_/ { sub(/^vmi_area_/, "", $3); print $1, $3 }' | sort > "$work/labels"
awk -F'\t' '$2 ~ /^[0-9]+$/ { printf "%08x %s\n", $2 * 32, $4 }' calls.tsv | sort > "$work/expected"
check every_call_has_its_label_in_the_area diff "$work/expected" "$work/labels"
objcopy -O binary -j .vmi.native "$area" "$work/area.bin"
check the_area_is_the_native_rom_behind_its_header cmp -i 128 -n $(($(stat -c %s "$build/vmi-native.bin") - 128)) "$work/area.bin" "$build/vmi-native.bin"
same the_area_is_not_taken_for_a_rom "cc cc" "$(od -An -tx1 -N2 "$work/area.bin" | sed 's/^ //')"

finish
