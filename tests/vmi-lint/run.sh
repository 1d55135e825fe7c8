#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: vmi-lint on small kernels that are made here, on the kit's own sites, on the demo kernel. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
lint=$build/vmi-lint
flags="-std=c11 -m32 -march=i586 -O2 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables"
flags="$flags -mgeneral-regs-only -Wall -Wextra -Werror -I$build/gen -Iinclude"

# kernel OUT OBJECT...: linked as a kernel with the kit is
cat > "$work/kernel.ld" <<'END'
SECTIONS {
    .text 0x100000 : { *(.text .text.*) }
    .rodata : { *(.rodata .rodata.*) INCLUDE kit.ld }
    .data : { *(.data .bss) }
}
END
kernel() {
    out=$1
    shift
    ld -m elf_i386 -z noexecstack --no-warn-rwx-segments --build-id=none -e 0 -Lkit/kernel -T "$work/kernel.ld" -o "$out" "$@"
}

# found KERNEL [OPTION...]: FUNCTION INSTRUCTION CALL of each finding, between blanks
found() {
    "$lint" --json "$@" 2> "$work/said" | jq -r '.findings[] | "\(.function) \(.instruction) \(.call)"'
}

# status COMMAND...: its status, and what it says
status() {
    seen=$("$@" 2>&1)
    echo "$? $seen"
}

# --- every kind of instruction ---

call_for() { # INSTRUCTION: from the table
    awk -F'\t' -v name="$1" '{ n = split($20, w, " "); for (i = 1; i <= n; i++) if (w[i] == name) call = $4 } END { print call ? call : "null" }' calls.tsv
}
{
    echo "bits 32"
    echo "section .text"
    sed '/^#/d; s/ *| */|/' tests/vmi-lint/kinds | awk -F'|' '{ printf "form_%d: %s\n", NR, $2 }'
} > "$work/kinds.asm"
nasm -f elf32 -o "$work/kinds.o" "$work/kinds.asm" && kernel "$work/kinds.elf" "$work/kinds.o"
found "$work/kinds.elf" > "$work/seen"
sed '/^#/d; s/ *| */|/' tests/vmi-lint/kinds | awk -F'|' '{ print NR, $1, $2 }' > "$work/forms"
while read -r n name form; do
    same "an_instruction_is_found: $form" "form_$n $name $(call_for "$name")" "$(grep "^form_$n " "$work/seen")"
done < "$work/forms"
same no_other_instruction_is_found "$(grep -c '|' tests/vmi-lint/kinds)" "$(wc -l < "$work/seen")"
names=$(sed '/^#/d; s/ *|.*//' tests/vmi-lint/kinds | sort -u)
same the_list_here_has_every_instruction_of_the_table "" \
    "$(awk -F'\t' '!/^#/ && $20 != "replaces" && $20 != "-" { gsub(" ", "\n", $20); print $20 }' calls.tsv | sort | while read -r name; do
        echo "$names" | grep -qx -e "$name" || echo "$name"
    done)"
same the_list_here_has_every_instruction_of_the_program "" \
    "$(sed -n 's/^    {X86_INS_[A-Z0-9]*, "\(.*\)"},/\1/p' tools/vmi-lint/instruction.c | sort -u | while read -r name; do
        echo "$names" | grep -qx -e "$name" || echo "$name"
    done)"

cat > "$work/fine.asm" <<'END'
bits 32
section .text
start:
        mov     ds,ax
        mov     es,[ebx]
        mov     eax,ds
        push    ds
        pop     gs
        lds     eax,[ebx]
        int     80h
        int3
        sysenter
        rdrand  eax
        call    start
        pushad
        mov     eax,0FAFAFAFAh          ; bytes of CLI within an instruction
        mov     dword [0F4F4F4F4h],0F4FBFACFh
        jmp     eax
        call    [eax]
        lock inc dword [eax]
        ds cli                          ; meant
        ds mov  eax,cs
        ret
END
nasm -w-other -f elf32 -o "$work/fine.o" "$work/fine.asm" && kernel "$work/fine.elf" "$work/fine.o"
same what_is_not_sensitive_is_not_found "0 $work/fine.elf: 0 sites, 0 sensitive instructions outside of them, 0 more allowed" \
    "$(status "$lint" "$work/fine.elf")"

# --- what is no code ---

cat > "$work/data.asm" <<'END'
bits 32
section .text
        global  first:function (first.end - first)
first:  nop
        ret
.end:   db      "nolm", 0FAh            ; constants behind a function
        global  table:data 4
table:  db      0FAh, 0FBh, 0F4h, 0CFh
        global  odd:function (odd.end - odd)
        db      0B8h                    ; the beginning of an instruction that is none
odd:    cli
        ret
.end:
label:  sti                             ; no size: up to the next symbol
.local: hlt
END
nasm -f elf32 -o "$work/data.o" "$work/data.asm" && kernel "$work/data.elf" "$work/data.o"
same constants_among_the_code_are_no_instructions "odd cli DisableInterrupts
label sti EnableInterrupts
label hlt Halt" "$(found "$work/data.elf")"

# --- sites ---

for as in nasm gas; do
    want status 0 "$("$lint" "$build/tests/guestkit/$as.elf" > "$work/out"; echo $?)"
    want sites "$(grep -c '^thunk_' "$build/tests/guestkit/thunks-$as.s")" "$("$lint" --json "$build/tests/guestkit/$as.elf" | jq .sites)"
    conclude "the_sites_of_every_call_are_fine: $as" "$(cat "$work/out")"
done
awk -f tests/guestkit/pressure.awk calls.tsv "$build/gen/vmi/sites.h" > "$work/pressure.c"
ld -m elf_i386 -r -o "$work/archive.o" --whole-archive "$build/libvmiguest.a"
for cc in gcc clang; do
    for level in -O0 -O2; do
        # shellcheck disable=SC2086
        $cc $flags -Wno-int-conversion $level -c -o "$work/pressure.o" "$work/pressure.c"
        kernel "$work/pressure.elf" "$work/pressure.o" "$work/archive.o"
        same "sites_and_kit_are_fine: $cc $level" "" "$(found "$work/pressure.elf")$(cat "$work/said")"
    done
done
cp "$build/vmi_native_area.o" "$work/area.o"
echo 'SECTIONS { .text 0x100000 : { *(.text .vmi.native) } }' > "$work/area.ld"
ld -m elf_i386 -T "$work/area.ld" -e 0 -o "$work/area.elf" "$work/area.o"
same the_native_rom_compiled_in_is_fine "" "$(found "$work/area.elf" | grep '^vmi_')"

# --- where it is ---

cat > "$work/where.c" <<'END'
static inline void off(void) {
    __asm__ volatile("cli" : : : "memory");
}
static inline void twice(void) {
    off();
}
void outer(void);
void outer(void) {
    off();
    __asm__ volatile("hlt");
    twice();
}
END
for cc in gcc clang; do
    for dwarf in 4 5; do
        # shellcheck disable=SC2086
        $cc $flags -gdwarf-$dwarf -c -o "$work/where.o" "$work/where.c"
        kernel "$work/where.elf" "$work/where.o"
        same "a_line_and_inlined_functions_are_known: $cc, DWARF $dwarf" "$work/where.c:2: off in outer: cli: vmi_disable_interrupts()
$work/where.c:10: outer: hlt: vmi_halt()
$work/where.c:2: off in twice in outer: cli: vmi_disable_interrupts()" "$("$lint" "$work/where.elf" | sed '$d; s/ (0x[0-9A-F]*)//')"
    done
done
printf 'bits 32\nsection .text\nstart:\n nop\n cli\n' > "$work/where.asm"
printf '.globl start\nstart:\n nop\n cli\n' > "$work/where.s"
nasm -f elf32 -g -F dwarf -o "$work/nasm.o" "$work/where.asm"
as --32 -g -o "$work/gas.o" "$work/where.s"
for as in nasm:asm:5 gas:s:4; do
    kernel "$work/where.elf" "$work/${as%%:*}.o"
    place=${as#*:}
    same "a_line_of_assembly_is_known: ${as%%:*}" "$work/where.${place%:*}:${place#*:}: start (0x100001): cli: vmi_disable_interrupts()" \
        "$("$lint" "$work/where.elf" | sed '$d')"
done
strip -g "$work/where.elf"
same without_dwarf_there_is_the_function "$work/where.elf: start (0x100001): cli: vmi_disable_interrupts()" "$("$lint" "$work/where.elf" | sed '$d')"
strip -s "$work/where.elf"
same without_symbols_there_is_the_address "$work/where.elf: no function (0x100001): cli: vmi_disable_interrupts()" \
    "$("$lint" "$work/where.elf" | sed '$d')"
same json_has_all_of_it '{"address":1048577,"function":null,"offset":null,"inlined":[],"file":null,"line":null,"instruction":"cli","call":"DisableInterrupts","use":"vmi_disable_interrupts()"}' \
    "$("$lint" --json "$work/where.elf" | jq -c '.findings[0]')"

# --- what is allowed ---

# shellcheck disable=SC2086
gcc $flags -g -c -o "$work/where.o" "$work/where.c" && kernel "$work/where.elf" "$work/where.o"
allow() { # TEXT [OPTION...]: the findings that are left, the status, and what else is said
    printf '%s\n' "$1" > "$work/allow"
    shift
    "$lint" --allow "$work/allow" "$@" "$work/where.elf" > "$work/out" 2> "$work/said"
    echo "$? $(sed -n 's/.* (0x[0-9A-F]*): \([a-z]*\): .*/\1/p' "$work/out" | tr '\n' ' ')$(sed "s|$work/||" "$work/said")"
}
same nothing_is_allowed_by_an_empty_file "1 cli hlt cli " "$(allow "# nothing")"
same an_instruction_of_a_function_is_allowed "1 cli cli " "$(allow "outer hlt # here")"
same patterns_are_those_of_the_shell "0 " "$(allow "ou[st]er *")"
same an_inlined_function_is_allowed "1 hlt " "$(allow "off cli")"
same a_caller_that_is_inlined_is_allowed "1 cli hlt " "$(allow "twice c*")"
same each_word_of_a_line_counts "0 vmi-lint: allow: line 2: warning: outer sti allows nothing" "$(allow "
outer cli hlt sti")"
same a_line_that_allows_nothing_is_an_error_if_asked "1 vmi-lint: allow: line 1: warning: gone * allows nothing" "$(allow "gone *
outer *" --strict)"
same a_function_without_an_instruction_is_an_error "1 vmi-lint: allow: line 1: outer without an instruction; * allows all" "$(allow "outer")"
echo "outer hlt" > "$work/allow"
echo "off *" > "$work/allow2"
same two_files_allow_more "0" "$("$lint" --allow "$work/allow" --allow="$work/allow2" "$work/where.elf" > "$work/out"; echo $?)"
same the_last_line_counts "$work/where.elf: 0 sites, 0 sensitive instructions outside of them, 3 more allowed" "$(cat "$work/out")"
echo "gone cli" >> "$work/allow"
same json_has_what_allows_nothing "[{\"file\":\"$work/allow\",\"line\":2,\"function\":\"gone\",\"instruction\":\"cli\"}]" \
    "$("$lint" --json --allow "$work/allow" "$work/where.elf" | jq -c .unused)"

# --- errors ---

error() { # NAME EXPECTED COMMAND...: status and message; WORK stands for the folder
    same "$1" "$2" "$(shift 2; status "$@" | sed "s|$work|WORK|g")"
}
error a_file_that_is_not_there "1 vmi-lint: WORK/gone: No such file or directory" "$lint" "$work/gone"
error a_folder "1 vmi-lint: WORK: Is a directory" "$lint" "$work"
error an_allow_file_that_is_not_there "1 vmi-lint: WORK/gone: No such file or directory" "$lint" --allow "$work/gone" "$work/where.elf"
error no_elf_file "1 vmi-lint: WORK/where.c: at 0x0: no ELF file" "$lint" "$work/where.c"
error an_empty_file "1 vmi-lint: /dev/null: at 0x0: no ELF file" "$lint" /dev/null
error a_file_that_is_not_linked "1 vmi-lint: WORK/where.o: at 0x10: type 1: not linked" "$lint" "$work/where.o"
error a_kernel_of_64_bits "1 vmi-lint: $lint: at 0x4: class 2, not 1: VMI is for 32-bit kernels" "$lint" "$lint"
error no_kernel "2 vmi-lint: no KERNEL.elf given; try vmi-lint --help" "$lint"
error two_kernels "2 vmi-lint: one KERNEL.elf at a time; try vmi-lint --help" "$lint" a b
error an_unknown_option "2 vmi-lint: unknown option --jason; try vmi-lint --help" "$lint" --jason a
error an_option_without_its_file "2 vmi-lint: --allow needs an argument: FILE; try vmi-lint --help" "$lint" a --allow
check a_full_disk_is_an_error sh -c "'$lint' '$work/where.elf' > /dev/full; test \$? = 1"
same help_tells_the_usage "usage: vmi-lint [--allow FILE]... [--json] [--strict] KERNEL.elf" "$("$lint" --help | head -n 1)"
same the_version "vmi-lint $version" "$("$lint" --version)"

# put FILE OFFSET BYTE...: a copy of FILE with these bytes, as WORK/bad
put() {
    cp "$1" "$work/bad"
    at=$2
    shift 2
    for byte; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o "$((byte))")" | dd of="$work/bad" bs=1 seek="$at" conv=notrunc status=none
        at=$((at + 1))
    done
}
le32() { # FILE OFFSET
    od -An -tu4 -j "$2" -N 4 "$1" | tr -d ' '
}
bad() { # NAME EXPECTED
    error "$1" "1 vmi-lint: WORK/bad: $2" "$lint" "$work/bad"
}
small=$work/kinds.elf
put "$small" 5 2 && bad another_byte_order "at 0x5: byte order 2, not 1"
put "$small" 18 62 && bad another_machine "at 0x12: machine 62, not 3 (i386)"
put "$small" 32 0 0 0 0 && bad no_sections "at 0x20: no section table"
put "$small" 46 41 && bad sections_of_another_size "at 0x2E: sections of 41 bytes, not 40"
put "$small" 48 255 255 && bad too_many_sections "at 0x30: 65535 sections do not fit in the file"
put "$small" 50 77 && bad names_in_no_section "at 0x32: the sections' names are in section 77 of $(($(le32 "$small" 48) % 65536))"
table=$(le32 "$small" 32)
entry=$((table + 40)) # of .text
put "$small" $((entry + 16)) 255 255 255 127 && bad a_section_behind_the_file \
    "$(printf 'at 0x%X: section 1, 0x%X bytes from 0x7FFFFFFF, ends behind the file' "$entry" "$(le32 "$small" $((entry + 20)))")"
put "$small" $((entry + 12)) 255 255 255 255 && bad a_section_above_4_gib \
    "$(printf 'at 0x%X: section 1, 0x%X bytes from address 0xFFFFFFFF, passes 4 GiB' "$entry" "$(le32 "$small" $((entry + 20)))")"
put "$small" "$entry" 255 255 && bad a_name_outside_its_table "$(printf 'at 0x%X: name 0xFFFF does not end in its table of %u bytes' "$entry" \
    "$(le32 "$small" $((table + 20 + 40 * ($(le32 "$small" 50) % 65536))))")"

# A kernel with three sites, and their records.
printf '#include "vmi/guest.h"\nvoid f(uint32_t *p);\nvoid f(uint32_t *p) { vmi_disable_interrupts(); vmi_set_pxe(1, p, 1); vmi_halt(); }\n' > "$work/three.c"
# shellcheck disable=SC2086
gcc $flags -c -o "$work/three.o" "$work/three.c" && kernel "$work/three.elf" "$work/three.o"
three=$work/three.elf
section=$(readelf -SW "$three" | sed 's/^ *\[ *[0-9]*\]//' | awk '$1 == ".rodata" { print $3, $4 }')
record=$((0x$(nm "$three" | awk '$3 == "vmi_annotations" { print $1 }') - 0x${section% *} + 0x${section#* }))
hex=$(printf '%X' $record)
same three_sites_are_fine "0 $three: 3 sites, 0 sensitive instructions outside of them, 0 more allowed" "$(status "$lint" "$three")"
put "$three" $record 4 && bad a_record_of_no_call "at 0x$hex: record of call 4, which has no sites"
put "$three" $((record + 12)) 49 && bad a_record_too_long "at 0x$hex: record of a site of 49 bytes, not 1 to 48"
put "$three" $((record + 7)) 64 && bad a_record_elsewhere "$(printf 'at 0x%s: record of a site at address 0x%X, which is no code' "$hex" \
    $(($(le32 "$three" $((record + 4))) % 0x1000000 + 0x40000000)))"
put "$three" $((record + 12)) 14 && check sites_that_overlap sh -c "'$lint' '$work/bad' 2>&1 | grep 'sites at address .* overlap'"
same the_kits_limit_is_the_programs "$(sed -n 's/^#define VMI_SITE_MAX \([0-9]*\).*/\1/p' include/vmi/guest.h)" \
    "$(sed -n 's/^#define SITE_MAX \([0-9]*\).*/\1/p' tools/vmi-lint/sites.c)"

# Anything may be in a file: each byte of header and tables changed, and the file cut, under the sanitizers.
# shellcheck disable=SC2046
clang -std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I"$build/gen" -Iinclude -o "$work/lint" \
    $(find tools -name '*.c' -path '*vmi-lint*') -lcapstone -ldw -lelf
broken() {
    ASAN_OPTIONS=detect_leaks=0 timeout 60 "$work/lint" "$work/bad" > "$work/out" 2>&1
    case $? in 0 | 1) ;; *) echo "$1: status $?: $(head -n 5 "$work/out")" ;; esac
}
# shellcheck disable=SC2086
gcc $flags -g -c -o "$work/three.o" "$work/three.c" && kernel "$three" "$work/three.o"
size=$(stat -c %s "$three")
tables=$(le32 "$three" 32)
same a_changed_byte_breaks_nothing "" "$(
    at=0
    while [ "$at" -lt "$size" ]; do
        for byte in 0 127 255; do
            put "$three" "$at" $byte
            broken "byte $at as $byte"
        done
        # all of the header and of the records, a part of the rest
        if [ "$at" -lt 52 ]; then at=$((at + 1)); elif [ "$at" -lt "$tables" ]; then at=$((at + 149)); else at=$((at + 7)); fi
    done
)"
same a_cut_file_breaks_nothing "" "$(
    at=0
    while [ "$at" -lt "$size" ]; do
        head -c "$at" "$three" > "$work/bad"
        broken "cut at $at"
        at=$((at + 211))
    done
)"

# --- the demo kernel ---

demo=$build/guest/demo.elf
same the_demo_kernel_is_fine 0 "$("$lint" --strict --allow examples/demo/lint.allow "$demo" > "$work/out" 2>&1; echo $?)"
sed 's/vmi_set_cr3((uint32_t)next->space.directory);/__asm__ volatile("mov %0, %%cr3" : : "r"(next->space.directory) : "memory");/' \
    examples/demo/process.c > "$work/process.c"
line=$(grep -n 'mov %0, %%cr3' "$work/process.c" | cut -d: -f1)
# shellcheck disable=SC2086,SC2046
gcc $flags -g -Iexamples/lib -iquote examples/demo -c -o "$work/process.o" "$work/process.c" &&
    ld -m elf_i386 -z noexecstack --build-id=none -Lkit/kernel -T examples/demo/demo.ld -o "$work/demo.elf" "$work/process.o" \
        $(find "$build/guest/examples/lib" "$build/guest/examples/demo" -name '*.o' ! -name process.c.o) "$build/libvmiguest.a"
same an_instruction_put_into_the_demo_is_found "1 $work/process.c:$line: schedule (0x): mov-to-cr3: vmi_set_cr3()" \
    "$(status "$lint" --allow examples/demo/lint.allow "$work/demo.elf" | sed '$d; s/(0x[0-9A-F]*)/(0x)/')"

finish
