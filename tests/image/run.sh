#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: what can be said of the image, its symbols and its sources without running it; and that the build stops
# at what cannot be right. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

rom=$build/vmi-native.rom

# --- the images ---

for image in native:5120 hypercall:5120 3-native:5120 3-hypercall:5120; do
    check "image_is_at_most_${image#*:}_bytes: ${image%:*}" test "$(stat -c %s "$build/vmi-${image%:*}.rom")" -le "${image#*:}"
    check "romsum_accepts_the_image: ${image%:*}" "$build/romsum" --check "$build/vmi-${image%:*}.rom"
done
check romsum_accepts_the_image_in_silence sh -c "[ -z \"\$('$build/romsum' --check '$rom' 2>&1)\" ] && '$build/romsum' --check '$rom'"

for image in native 3-native; do
    headers=$(romheaders "$build/vmi-$image.rom" 2>&1)
    same "romheaders_finds_nothing_not_ok: $image" "" "$(printf '%s\n' "$headers" | grep -iE 'not ok|error')"
    check "romheaders_reads_vendor_device_and_class: $image" sh -c "printf '%s\n' '$headers' | grep -q 'Vendor ID: 0x15ad' \
        && printf '%s\n' '$headers' | grep -q 'Device ID: 0x0801' && printf '%s\n' '$headers' | grep -q 'Class Code: 0x058000'"
    kind=$(file -b "$build/vmi-$image.rom")
    [ $image = native ] && product="VMI native ROM $version" || product="VMI 3.0 native ROM $version"
    for word in 'BIOS (ia32) ROM' 'PCI VMware device=0x0801' 'last ROM' '"vmirom"' "\"$product\""; do
        case $kind in
        *"$word"*) pass "file_names: $image: $word" ;;
        *) fail "file_names: $image: $word" "seen: $kind" ;;
        esac
    done
done

# --- the header, byte by byte: what depends on the whole image is xx ---

major=${version%%.*}
minor=${version#*.}
minor=${minor%%.*}
expected="55 aa xx e9 xx xx xx 00 63 56 6d 69 03 0d 00 00 00 00 00 00 00 00 00 00 20 00 40 00 00 00 00 00
50 43 49 52 ad 15 01 08 00 00 18 00 00 00 80 05 xx xx $(printf '%02x %02x' "$minor" "$major") 00 80 00 00
24 50 6e 50 01 02 00 00 00 xx 00 00 00 00 60 00 67 00 05 80 00 60 00 00 00 00 00 00 00 00 00 00"
header_of() {
    od -An -v -tx1 -N96 "$1" | awk '{ for (i = 1; i <= NF; i++) byte[n++] = $i }
    END {
        for (i = 0; i < 96; i++) {
            if (i >= 56 && i < 64) continue # between the structures
            x = i == 2 || i >= 4 && i <= 6 || i == 48 || i == 49 || i == 73 || strings && i >= 78 && i <= 81
            printf "%s%s", x ? "xx" : byte[i], i == 31 || i == 55 ? "\n" : i < 95 ? " " : ""
        }
    }' strings="${2:-}"
}
same every_byte_of_header_pcir_and_pnp_is_as_specified "$expected" "$(header_of "$rom")"

calls=$(awk -F'\t' '$3 ~ /^[0-9]+$/ { n++ } END { printf "%02x", n }' calls.tsv)
# API 3.0: version, number of calls, virtual top 0, where the licence is; and where the strings are, is not looked at.
expected=$(printf '%s\n' "$expected" | sed -e '1s/03 0d 00 00 00 00 00 00 00 00 00 00 20 00/00 03 '"$calls"' 00 00 00 00 00 00 00 60 00 20 00/' \
    -e '3s/60 00 67 00/xx xx xx xx/')
same every_byte_of_header_pcir_and_pnp_of_api_3_is_as_specified "$expected" "$(header_of "$build/vmi-3-native.rom" 1)"
same the_licence_of_api_3_is_gpl_v2 "47 50 4c 20 76 32 00" "$(od -An -v -tx1 -j96 -N7 "$build/vmi-3-native.rom" | sed 's/^ //')"

# --- their symbols ---

hexadecimal='function hex(s, i, v) {
    for (i = 1; i <= length(s); i++) v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
    return v
}'
for image in native 3-native; do
    elf_of=$build/vmi-$image.elf
    readelf -sW "$elf_of" | awk '$4 == "FUNC" && $3 > 0 { print $2, $3 }' > "$work/functions"
    missing=
    n=4
    while [ $n -lt 128 ]; do
        grep -q "^$(printf '%08x' $((n * 32))) " "$work/functions" || missing="$missing $n"
        n=$((n + 1))
    done
    same "every_slot_has_a_symbol_with_type_and_size: $image" "" "$missing"
    readelf -sW "$elf_of" | awk '($4 == "FUNC" || $4 == "OBJECT") && $5 == "GLOBAL" && $3 > 0 { print $2, $3 }' | sort -u > "$work/sized"
    covered=$(awk "$hexadecimal"' hex($1) >= 4096 { n += $2 } END { print n + 0 }' "$work/sized")
    same "every_byte_behind_the_slots_belongs_to_a_symbol: $image" "$(($(stat -c %s "$build/vmi-$image.bin") - 4096))" "$covered"
done

# --- the hypercall images, and what the images share ---

outside='set_dr get_dr iret_look'
behind() { # ELF API: the code behind the slots that twins have; POST and the strings know the image's name
    nm -S "$1" | awk -v names=" $outside relocate answer set_present${2:- has_cpuid} " 'index(names, " " $4 " ") { print $1, $2, $4 }'
}
bytes_of() { # IMAGE SYMBOL
    # shellcheck disable=SC2046 # words are wanted
    set -- "$1" $(nm -S "$build/vmi-$1.elf" | awk -v s="$2" '$4 == s { print $1, $2 }')
    od -An -v -tx1 -j $((0x$2)) -N $((0x$3)) "$build/vmi-$1.rom"
}
for api in '' 3-; do
    hypercall=$build/vmi-${api}hypercall
    same "out_of_line_code_is_at_the_same_place_in_both_images: $api" "$(behind "$build/vmi-${api}native.elf" $api)" "$(behind "$hypercall.elf" $api)"
    column=$([ -z "$api" ] && echo 2 || echo 3)
    sites=$(od -An -v -tx1 -w32 -N4096 "$hypercall.rom" | grep -c '^ 0f 01 d9 c3 cc cc')
    same "trap_stubs_are_four_bytes_at_the_start_of_their_slots: $api" \
        "$(awk -F'\t' -v c="$column" '$c ~ /^[0-9]+$/ && ($14 == "trap" || $14 == "must")' calls.tsv | wc -l)" "$sites"
    same "no_trap_stands_behind_the_slots: $api" "" "$(objdump -d --start-address=0x1000 "$hypercall.elf" | grep -E 'vmmcall|vmcall')"
done
for image in hypercall 3-native 3-hypercall; do
    for symbol in $outside; do
        same "out_of_line_code_is_the_same_in_all_images: $image: $symbol" "$(bytes_of native "$symbol")" "$(bytes_of "$image" "$symbol")"
    done
done
same only_api_13_has_an_alias "1 1 0 0" "$(for image in native hypercall 3-native 3-hypercall; do nm "$build/vmi-$image.elf"; echo end; done |
    awk '$3 == "relocate" { n++ } $1 == "end" { printf "%s%d", sep, n; n = 0; sep = " " }')"

# A call that both APIs have has one body. Where it goes on elsewhere, the distance differs.
other=$(awk -F'\t' '$2 ~ /^[0-9]+$/ && $3 ~ /^[0-9]+$/ && $13 != "jump" { print $1 }' calls.tsv | while read -r slot; do
    cmp -s -n 32 -i $((slot * 32)) "$rom" "$build/vmi-3-native.rom" || echo "$slot"
done)
same a_call_of_both_apis_has_one_body "" "$other"

# --- position independence and state ---

absolute=$(for o in "$build"/stubs/*/*.o "$build"/rom/relocation.o; do
    readelf -rW "$o" | awk -v o="$o" '/^Relocation section/ { alloc = $3 !~ /debug/ } alloc && /R_386/ && $3 != "R_386_PC32" { print o, $3, $5 }'
done)
same no_32_bit_code_holds_an_address_of_its_own "" "$absolute"
for image in native 3-native; do
    outward=$(objdump -d --no-show-raw-insn "$build/vmi-$image.elf" | awk '/^[0-9a-f]+ </ { post = $2 == "<post>:" || post && $2 ~ /^<post\./ }
        !post && /(call|j[a-z]+) +[0-9a-f]+ </ { print $3 }' | awk 'length($1) > 4')
    same "no_jump_leaves_the_image: $image" "" "$(printf '%s' "$outward" | sort -u | head -n 3)"
    same "the_linked_image_has_one_section_and_it_is_not_writable: $image" "AX" \
        "$(readelf -SW "$build/vmi-$image.elf" | sed 's/^ *\[ *[0-9]*\]//' | awk '$1 ~ /^\./ && $7 ~ /A/ { print $7 }')"
done

# --- reproducible ---

env -u MAKEFLAGS make -s B="$work/again" "$work/again/vmi-native.rom" "$work/again/vmi-3-native.rom" > "$work/log" 2>&1
check the_same_sources_give_the_same_bytes cmp "$rom" "$work/again/vmi-native.rom"
check the_same_sources_give_the_same_bytes_for_api_3 cmp "$build/vmi-3-native.rom" "$work/again/vmi-3-native.rom"

copy_tree() {
    rm -rf "$work/tree"
    mkdir "$work/tree"
    cp -R Makefile VERSION calls.tsv link.ld rom stubs tools include kit examples tests "$work/tree"
}

# A touched source must not leave a stale image behind.
copy_tree
(cd "$work/tree" && env -u MAKEFLAGS make -s B=build build/vmi-native.rom build/vmi-hypercall.rom build/vmi-3-native.rom) > "$work/log" 2>&1
for source in calls.tsv VERSION link.ld stubs/stub.inc stubs/native/mmu.asm stubs/trap/trap.asm rom/header.asm rom/post.asm \
    tools/gencalls/table.awk tools/gencalls/image.awk tools/romsum/seal.c tools/romsum/image.h include/vmi/hypercall.h; do
    touch -d '+1 minute' "$work/tree/$source"
    if (cd "$work/tree" && env -u MAKEFLAGS make -q B=build build/vmi-hypercall.rom build/vmi-3-native.rom) > "$work/log" 2>&1; then
        fail "touched_source_makes_the_image_anew: $source" "make -q found nothing to do"
    else
        pass "touched_source_makes_the_image_anew: $source"
    fi
    touch -d '-1 hour' "$work/tree/$source"
done

# --- one source of truth ---

# The tree is built with the files in build/gen; those who have no generator take the committed ones.
for made in "$build"/gen/vmi/* "$build/gen/calls.md"; do
    case $made in
    *.md) file=docs/${made##*/} ;;
    *) file=include/vmi/${made##*/} ;;
    esac
    if cmp -s "$made" "$file"; then
        pass "committed_file_is_current: $file"
    else
        fail "committed_file_is_current: $file" "calls.tsv gives another one: type \`make regen\`"
    fi
    check "committed_file_is_marked_as_generated: $file" grep -qxF "$file linguist-generated" .gitattributes
done
check changelog_begins_with_the_version_or_what_is_unreleased sh -c \
    "sed -n 's/^## //p' CHANGELOG.md | sed '1{/^Unreleased\$/d}' | sed -n 1p | grep -q '^$version '"

# Over each stub is its contract. What the body does of it is the stub's own: in parentheses, or in front of `of`.
awk -f tools/gencalls/table.awk -f tests/image/contracts.awk calls.tsv | sort > "$work/expected"
awk '/^; [A-Za-z0-9]+ \([0-9]+\): / { contract = $0; next }
    /^;/ { next }
    /^stub [A-Za-z0-9]+$/ { print contract == "" ? "; " $2 ": no contract" : contract }
    { contract = "" }' stubs/native/*.asm rom/relocation.asm |
    sed -e 's/ ([^)]*)//2g' -e 's/clobbers .* of /clobbers /' | sort > "$work/contracts"
check every_stub_has_the_contract_of_its_row diff "$work/expected" "$work/contracts"

missing=$(cat stubs/*.inc stubs/*/*.asm rom/*.asm | grep -o 'docs/[a-z]*\.md, [^.:)]*' | sort -u | while IFS= read -r page; do
    grep -q "^##* ${page#*, }\$" "${page%%,*}" || echo "$page"
done)
same every_page_that_a_stub_names_is_there "" "$missing"

# --- bad rows stop the build, with file and line ---

# bad_row NAME EXPECTED AWK-PROGRAM: the program makes a bad row in calls.tsv
bad_row() {
    awk -F'\t' -v OFS='\t' "$3" calls.tsv > "$work/calls.tsv"
    tap_seen=$(cd "$work" && awk -f "$OLDPWD/tools/gencalls/table.awk" calls.tsv 2>&1) && tap_seen="accepted"
    case $tap_seen in
    "$2"*) pass "$1" ;;
    *) fail "$1" "expected: $2..." "seen:     $tap_seen" ;;
    esac
}

line() {
    awk -F'\t' -v n="$1" '$2 == n { print NR }' calls.tsv
}

bad_row gencalls_refuses_a_gap "calls.tsv:$(line 21): SetCR3: gap before number 22 of API 13: 21 is next" '$2 != 21'
bad_row gencalls_refuses_a_gap_in_api_3 "calls.tsv:$(awk 'END { print NR - 1 }' calls.tsv): gap in API 3.0: number 72 is missing" '$3 != 72'
bad_row gencalls_refuses_a_duplicate_number "calls.tsv:$(line 22): SetCR3: number 21 of API 13 is taken by SetCR2 in line $(line 21)" \
    '$2 == 22 { $1 = $2 = 21 } 1'
bad_row gencalls_refuses_a_duplicate_name "calls.tsv:$(line 22): SetCR2: API 13 has this name in line $(line 21)" \
    '$2 == 22 { $4 = "SetCR2" } 1'
bad_row gencalls_refuses_a_number_that_is_not_its_slot "calls.tsv:$(line 22): SetCR3: number 22 of API 13 must be its slot, not 99" \
    '$2 == 22 { $1 = 99 } 1'
bad_row gencalls_refuses_a_slot_out_of_range "calls.tsv:$(line 22): SetCR3: slot is \`128\`" '$2 == 22 { $1 = 128 } 1'
bad_row gencalls_refuses_an_unknown_kind "calls.tsv:$(line 22): SetCR3: unknown kind of body \`magic\`" '$2 == 22 { $13 = "magic" } 1'
bad_row gencalls_refuses_an_unknown_trap_kind "calls.tsv:$(line 22): SetCR3: unknown trap kind \`x\`" '$2 == 22 { $14 = "x" } 1'
bad_row gencalls_refuses_an_unknown_ring1_kind "calls.tsv:$(line 22): SetCR3: unknown ring1 kind \`x\`" '$2 == 22 { $17 = "x" } 1'
bad_row gencalls_refuses_an_unknown_hosted_kind "calls.tsv:$(line 22): SetCR3: unknown hosted kind \`x\`" '$2 == 22 { $16 = "x" } 1'
bad_row gencalls_refuses_a_hosted_body_that_must_trap "calls.tsv:$(line 79): GetCycleFrequency: is \`must\` but hosted as \`native\`" \
    '$2 == 79 { $16 = "native" } 1'
bad_row gencalls_refuses_an_unknown_relocation "calls.tsv:$(line 22): SetCR3: unknown reloc kind \`x\`" '$2 == 22 { $18 = "x" } 1'
bad_row gencalls_refuses_a_relocation_without_a_call "calls.tsv:$(line 45): SetPxE0: unknown reloc kind \`full\`" '$2 == 45 { $18 = "full" } 1'
bad_row gencalls_refuses_an_unknown_register "calls.tsv:$(line 22): SetCR3: in: unknown register \`EIX\`" '$2 == 22 { $7 = "EIX=value" } 1'
bad_row gencalls_refuses_a_clobbered_result "calls.tsv:$(line 24): GetCR0: clobbers: \`EAX\` is a result" '$2 == 24 { $10 = "EAX" } 1'
bad_row gencalls_refuses_a_missing_column "calls.tsv:$(line 22): the row has 15 columns, not 20" '$2 == 22 { NF = 15 } 1'
bad_row gencalls_refuses_a_wrong_instruction "calls.tsv:$(line 22): SetCR3: replaces: \`CR3\` is not the name of an instruction" '$2 == 22 { $20 = "CR3" } 1'
bad_row gencalls_refuses_an_instruction_of_two_calls "calls.tsv:$(line 22): SetCR3: replaces: \`mov-to-cr2\` is what SetCR2 replaces" \
    '$2 == 22 { $20 = "mov-to-cr2" } 1'
bad_row gencalls_refuses_an_empty_column "calls.tsv:$(line 22): column \`out\` is empty" '$2 == 22 { $9 = "" } 1'

# The two rows of slot 87 share a handler.
first=$(awk -F'\t' '$2 == 87 { print NR }' calls.tsv)
second=$(awk -F'\t' '$1 == 87 && $2 == "-" { print NR }' calls.tsv)
differ="stack, out, returns, trap, tuned or hosted differ from line $first, which has the same slot"
bad_row gencalls_refuses_two_names_in_one_slot "calls.tsv:$second: SetEntry: slot 87 belongs to SetPxELong in line $first" \
    '$1 == 87 && $2 == "-" { $4 = "SetEntry" } 1'
bad_row gencalls_refuses_two_stacks_in_one_slot "calls.tsv:$second: SetPxELong: $differ" '$1 == 87 && $2 == "-" { $8 = "-" } 1'
bad_row gencalls_refuses_two_results_in_one_slot "calls.tsv:$second: SetPxELong: $differ" '$1 == 87 && $2 == "-" { $9 = "-" } 1'
bad_row gencalls_refuses_two_ways_to_return_in_one_slot "calls.tsv:$second: SetPxELong: $differ" \
    '$1 == 87 && $2 == "-" { $12 = "may" } 1'
bad_row gencalls_refuses_two_trap_kinds_in_one_slot "calls.tsv:$second: SetPxELong: $differ" \
    '$1 == 87 && $2 == "-" { $14 = "native" } 1'
bad_row gencalls_refuses_two_tuned_kinds_in_one_slot "calls.tsv:$second: SetPxELong: $differ" \
    '$1 == 87 && $2 == "-" { $15 = "trap" } 1'
bad_row gencalls_refuses_two_handlers_of_one_name \
    "calls.tsv:$(awk -F'\t' '$4 == "SetLazyMode" { print NR }' calls.tsv): AllocatePage3: line $(awk -F'\t' '$4 == "AllocatePage" && $2 == "-" { print NR }' calls.tsv) has a handler called AllocatePage3" \
    '$4 == "SetLazyMode" { $4 = "AllocatePage3" } 1'
bad_row gencalls_refuses_a_bare_return_for_a_call_that_does_not_return \
    "calls.tsv:$(awk -F'\t' '$2 == 39 { print NR }' calls.tsv): IRET: cannot be a bare return, it does not return" \
    '$2 == 39 { $15 = "nop" } 1'

# bad_build NAME EXPECTED: `make` in a copy of the tree must stop and say EXPECTED
bad_build() {
    tap_seen=$(cd "$work/tree" && env -u MAKEFLAGS make -s B=build build/vmi-native.elf build/gen/vmi/sites.h 2>&1) && tap_seen="built"
    case $tap_seen in
    *"$2"*) pass "$1" ;;
    *) fail "$1" "expected: $2" "seen:     $tap_seen" ;;
    esac
}

copy_tree
sed -i '/^stub SetCR3/,/^endstub/d' "$work/tree/stubs/native/control.asm"
bad_build build_refuses_a_row_without_a_body "calls.tsv:$(line 22): SetCR3: no body"
copy_tree
sed -i '/^stub SetCR3/a times 40 nop' "$work/tree/stubs/native/control.asm"
bad_build build_refuses_a_body_that_does_not_fit_its_slot "calls.tsv:$(line 22): SetCR3: the body does not fit its slot of 32 bytes"
copy_tree
sed -i 's/^stub SetCR3/stub SetCR9/' "$work/tree/stubs/native/control.asm"
bad_build build_refuses_a_body_without_a_row "stub SetCR9: no such call in calls.tsv"
copy_tree
sed -i '/^stub SetCR3/,/^endstub/s/^endstub inline/endstub/' "$work/tree/stubs/native/control.asm"
bad_build build_refuses_a_body_that_says_nothing_of_inlining \
    "calls.tsv:$(line 22): SetCR3: its stub ends with \`endstub\`, its row wants \`endstub inline\` (docs/image.md, Inlining)"
copy_tree
sed -i '/^stub SetCR3/,/^endstub/s/^endstub inline/endstub native/' "$work/tree/stubs/native/control.asm"
bad_build build_refuses_to_keep_a_call_that_can_be_inlined \
    "calls.tsv:$(line 22): SetCR3: its stub ends with \`endstub native\`, its row wants \`endstub inline\`"
copy_tree
sed -i '/^stub Reboot/,/^endstub/s/^endstub native/endstub inline/' "$work/tree/stubs/native/processor.asm"
bad_build build_refuses_to_inline_a_body_that_does_not_return \
    "calls.tsv:$(line 43): Reboot: its stub ends with \`endstub\`, its row wants \`endstub native\`"
copy_tree
sed -i '/^stub SetLazyMode/,/^endstub/s/^endstub/endstub inline/' "$work/tree/stubs/native/api3.asm"
bad_build build_refuses_to_inline_a_call_of_api_3_alone \
    "endstub inline: a call that only API 3.0 has ends with endstub alone (docs/image.md, Inlining)"
copy_tree
printf 'section .data\ncounter: dd 1\n' >> "$work/tree/stubs/native/timer.asm"
bad_build build_refuses_writable_data "data, or code outside the sections named above, cannot be in an image"
copy_tree
printf 'section .bss\ncounter: resd 1\n' >> "$work/tree/stubs/native/timer.asm"
bad_build build_refuses_uninitialised_data "data, or code outside the sections named above, cannot be in an image"

finish
