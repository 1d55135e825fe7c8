#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: vmi-conform on our images, on one that takes every liberty, on ROMs with one thing wrong. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
conform=$build/vmi-conform

# --- ROMs ---

byte() { # FILE OFFSET
    od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' '
}
put() { # FILE OFFSET BYTE...
    put_file=$1
    put_at=$2
    shift 2
    for put_byte; do
        # shellcheck disable=SC2059 # an octal escape
        printf "\\$(printf %03o "$((put_byte))")"
    done | dd of="$put_file" bs=1 seek="$((put_at))" conv=notrunc status=none
}
sum() { # FILE
    od -An -v -tu1 "$1" | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum % 256 }'
}
seal() { # FILE: its lengths, and a sum of 0
    blocks=$(($(wc -c < "$1") / 512))
    put "$1" 2 "$blocks"
    put "$1" $(($(byte "$1" 0x18) + 16)) "$blocks"
    put "$1" 6 $((($(byte "$1" 6) + 256 - $(sum "$1")) % 256))
}

awk -f tests/conform/liberties.awk calls.tsv > "$work/liberties.inc"
# rom NAME [IMAGE]: what roms.asm makes, sealed
answer_3=$(nm "$build/vmi-3-native.elf" | awk '$3 == "GetRelocationInfo3" { print "0x" $1 }')
rom() {
    nasm -Werror -f bin "-I$build/" "-I$work/" "-DROM=$1" "-DIMAGE=\"${2:-vmi-native.rom}\"" "-DGetRelocationInfo3=$answer_3" \
        -o "$work/$1.rom" tests/conform/roms.asm && seal "$work/$1.rom"
}
# copy NAME IMAGE: to be changed
copy() {
    cp "$build/$2" "$work/$1.rom"
}

# judge FILE [OPTION...]: $work/json, and $status
judge() {
    "$conform" --json "$@" > "$work/json" 2> "$work/said"
    status=$?
}
# complaints: everything that is wrong, a line each
complaints() {
    jq -r '.[] | (.firmware[] | "firmware: \(.code) at \(.offset)"),
        (.images[] | (.guests[] | select(.right | not) | "\(.guest) \(.reason)"),
            (.calls[] | select(.verdict == "wrong") | "\(.call) \(.reason)"))' "$work/json" 2>&1
}
# wrong NAME SENTENCE PATTERN...: the ROM has these complaints, in this order, and no others
wrong() {
    judge "$work/$1.rom" --rounds 8
    sentence=$2
    shift 2
    seen=$(complaints)
    want status 1 "$status"
    want number "$#" "$(printf '%s\n' "$seen" | grep -c .)"
    line=0
    for pattern; do
        line=$((line + 1))
        this=$(printf '%s\n' "$seen" | sed -n "${line}p")
        # shellcheck disable=SC2254 # a pattern
        case $this in
        $pattern) ;;
        *) want complaint "$pattern" "$this" ;;
        esac
    done
    conclude "$sentence" "$seen"
}

# --- what is right ---

rows() { # CONDITION: of the table, how many
    awk -F'\t' "!/^#/ && \$1 != \"slot\" && ($1)" calls.tsv | wc -l
}
calls_13=$(rows '$2 != "-"')
calls_3=$(rows '$3 != "-"')
# right FILE SENTENCE COUNTS GUESTS: the calls of each image by verdict, and what the guests make of them
right() {
    judge "$1"
    want complaints "" "$(complaints)"
    want status 0 "$status"
    want counts "$3" "$(jq -r '[.[].images[].calls | group_by(.verdict)[] | "\(length) \(.[0].verdict)"] | join(", ")' "$work/json")"
    want guests "$4" "$(jq -r '[.[].images[].guests[].verdict] | join(" ")' "$work/json")"
    conclude "$2"
}
right "$build/vmi-native.rom" the_native_image_is_right "$calls_13 right" "takes takes other-api"
hosts=$(rows '$18 == "host"')
right "$build/policy/all.rom" every_call_that_an_image_of_api_3_can_have_is_right "$hosts absent, $((calls_3 - hosts + 2)) right" \
    "other-api other-api takes"
lean=$(rows '$18 == "always" || $18 == "lean"')
right "$build/policy/lean.rom" what_a_policy_leaves_out_is_absent "$((calls_3 - lean)) absent, $((lean + 2)) right" "other-api other-api takes"
judge "$build/vmi-3-native.rom"
want complaints "" "$(complaints)"
want status 0 "$status"
conclude the_native_image_of_api_3_is_right
for image in vmi-hypercall vmi-3-hypercall vmi-ring1 vmi-ring1-control; do
    judge "$build/$image.rom"
    want complaints "" "$(complaints)"
    want status 0 "$status"
    want guests natively "$(jq -r '[.[].images[].guests[].verdict | select(. != "other-api")] | unique | join(" ")' "$work/json")"
    conclude "as_far_as_it_can_be_judged_an_image_is_right: $image"
    mv "$work/json" "$work/$image.json"
done
# What the table says of the slots: those that trap are not judged, and no other.
same the_calls_of_the_hypercall_image_that_trap_are_not_judged \
    "$(awk -F'\t' '!/^#/ && $1 != "slot" && $2 != "-" && ($14 == "trap" || $14 == "must") { print $4 }' calls.tsv)" \
    "$(jq -r '.[].images[].calls[] | select(.verdict == "not-judged") | .call' "$work/vmi-hypercall.json")"
same two_images_in_one_file_are_both_judged "0 8192" "$(jq -r '[.[].images[].offset] | join(" ")' "$work/vmi-ring1.json")"

rom takes_liberties
right "$work/takes_liberties.rom" a_rom_that_takes_every_liberty_is_right "$((2 * calls_13)) right" "takes takes other-api"
same its_calls_are_judged_where_relocation_leads_too "$calls_13" \
    "$(jq '[.[].images[].calls[] | select(.by == "relocation")] | length' "$work/json")"
rom as_it_is
check an_image_that_is_assembled_anew_is_the_same_one cmp "$build/vmi-native.rom" "$work/as_it_is.rom"

copy minor vmi-native.rom
put "$work/minor.rom" 12 0
seal "$work/minor.rom"
right "$work/minor.rom" a_rom_of_api_13_0_need_not_serve_sanos "$(rows '$2 != "-" && $5 == "13.0"') right" "takes dies other-api"
rom jumps vmi-3-native.rom
right "$work/jumps.rom" iret_may_be_entered_by_a_jump "$((calls_3 - lean)) absent, $((lean + 2)) right" "other-api other-api takes"
rom locks_a_register
right "$work/locks_a_register.rom" code_that_the_emulator_gives_up_on_is_not_judged "1 not-judged, $((calls_13 - 1)) right" "takes takes other-api"

# --- what is wrong: the header ---

copy bad_sum vmi-native.rom
put "$work/bad_sum.rom" 6 $((($(byte "$work/bad_sum.rom" 6) + 1) % 256))
wrong bad_sum a_wrong_sum_is_named "firmware: sum at 6"
copy bad_signature vmi-native.rom
put "$work/bad_signature.rom" 1 0xAB
seal "$work/bad_signature.rom"
wrong bad_signature a_wrong_signature_is_named "firmware: not-rom at 0" "Linux 2.6.16 * does not see it: the signature is 55 AB, not 55 AA" \
    "Sanos does not see it: *" "mainline * does not see it: *"
copy too_long vmi-native.rom
dd if=/dev/zero bs=512 count=23 status=none >> "$work/too_long.rom"
seal "$work/too_long.rom"
wrong too_long a_rom_too_long_for_linux_2_6_16_is_named "firmware: vmi-length at 2" "Linux 2.6.16 * panics: 33 blocks are more than 32"
license=$(($(byte "$build/vmi-3-native.rom" 0x16) + 256 * $(byte "$build/vmi-3-native.rom" 0x17)))
copy licence vmi-3-native.rom
put "$work/licence.rom" "$license" 0x42 # "B"
seal "$work/licence.rom"
wrong licence a_licence_that_mainline_refuses_is_named "firmware: licence at $license" 'mainline * refuses it: the licence is neither "GPL" nor "GPL v2"'
copy no_pcir vmi-3-native.rom
seal "$work/no_pcir.rom"
put "$work/no_pcir.rom" 0x18 0 0
put "$work/no_pcir.rom" 6 $((($(byte "$work/no_pcir.rom" 6) + 256 - $(sum "$work/no_pcir.rom")) % 256))
wrong no_pcir a_missing_pcir_is_named "firmware: pcir-place at 24" "mainline * refuses it: the PCIR offset is 0"
copy major vmi-native.rom
put "$work/major.rom" 13 9
seal "$work/major.rom"
wrong major an_api_that_nobody_knows_is_named "firmware: vmi-api at 13"

# --- what is wrong: calls ---

# spoilt NAME SENTENCE PATTERN...: a ROM of roms.asm has these complaints
spoilt() {
    rom "$1" "${image:-}"
    wrong "$@"
}
image=
spoilt clobbers_ebx a_clobbered_register_is_named "SetCR3 EBX is ????????, not ????????*"
spoilt pops_mask lost_flags_are_named "SetInterruptMask EFLAGS are *, not *"
spoilt stores_beside a_wrong_write_is_named "SetPxE the byte at 0001???? is ??, not ??*"
spoilt pops_arguments a_stack_that_is_popped_twice_is_named "GetCR0 ESP is 0001????, not 0001*"
spoilt pushes_too_much a_stack_that_is_not_popped_is_named "CLTS goes on at ????????h, outside the image and not where it was called*"
spoilt runs_into_the_next a_body_that_crosses_into_the_next_slot_is_named "CLTS EFLAGS are *"
spoilt writes_low_first an_entry_that_is_half_written_is_named "SetPxELong0 store 1 leaves the entry present and half written: *"
spoilt without_lock a_missing_lock_is_named "TestAndSetPxEBit store 1 to the entry has no LOCK*"
spoilt absolute code_that_runs_at_one_place_alone_is_named "GetCR2 goes on at C02?????h, outside the image *(run at 000CA800h)"
spoilt stores_in_itself a_store_to_the_image_is_named "RDTSC writes to the image, at 435h of it*"
spoilt drops_caches an_invd_is_named "INVD executes INVD, which loses what the caches hold*"
spoilt does_not_flush a_page_that_is_not_flushed_is_named "InvalPage executes no INVLPG, and writes neither CR3 nor CR4*"
spoilt returns_to_its_caller an_iret_through_its_return_address_is_named "IRET *"
spoilt needs_ds a_use_of_a_null_segment_is_named "DisableInterrupts *"
spoilt deep too_much_stack_is_named "GetCR3 uses 36 bytes of stack, and is promised 32*"
spoilt empty an_empty_slot_is_named "OUTB *"
spoilt starts_with_5 a_status_that_is_none_is_named "Init returns 00000005h, neither 0 nor -1*"
spoilt counts_slowly a_frequency_that_linux_divides_by_is_named "GetCycleFrequency returns 999999 Hz: below 1000000 *"
copy changed vmi-native.rom
put "$work/changed.rom" 0x440 0xC3 # CLTS does nothing; the slot still says what may be copied
seal "$work/changed.rom"
wrong changed a_body_is_judged_by_what_it_does_before_its_copy_is "CLTS CR0 is ????????, not ????????*"
spoilt lies_about_copies a_body_that_cannot_be_copied_is_named "WBINVD says that 3 bytes of it may be copied, but *"

# --- what is wrong: answers ---

spoilt answers_none an_answer_that_sanos_panics_at_is_named "Sanos panics: call 45, SetPxE0, is answered with NONE"
spoilt answers_plainly addresses_that_sanos_unmaps_are_named "Sanos dies: it unmaps its low 4 MiB, and IRET is answered with 000?????h"
spoilt answers_outside an_address_outside_the_image_is_named "Sanos dies: *" "SetTR goes on at *" "GetRelocationInfo answers SetTR (11) with CALL_REL to *, outside the image*"
image=vmi-3-native.rom
spoilt has_nothing a_call_that_mainline_cannot_do_without_is_named "mainline * dies: call 33, IRET, is answered with NONE, and it has none of its own"
spoilt answers_7 a_type_that_there_is_not_is_named "mainline *: call 33, IRET, is answered with type 7*" \
    "GetRelocationInfo answers IRET (33) with type 7, which there is not*" "IRET answered with type 7, which there is not"
spoilt jumps_to_a_call a_jump_to_a_call_that_returns_is_named "mainline * stops at a BUG: call 17, SetCR3, is answered with JUMP_REL" \
    "GetRelocationInfo answers SetCR3 (17), which returns, with JUMP_REL*"
spoilt deletes_a_call a_call_that_is_deleted_is_named "GetRelocationInfo answers SetCR3 (17) with NOP, which deletes it*"
spoilt has_half_a_timer half_a_timer_is_named \
    "mainline * dies: call 66, GetCycleFrequency, is answered, so it uses call 67, GetCycleCounter, too, which is answered with NONE"

# --- output ---

"$conform" --rounds 8 --tap "$work/clobbers_ebx.rom" "$build/vmi-3-hypercall.rom" > "$work/tap"
same tap_ends_with_its_plan "1..$(grep -c '^\(not \)\{0,1\}ok ' "$work/tap")" "$(tail -n 1 "$work/tap")"
same tap_numbers_its_tests "$(seq "$(grep -c '^\(not \)\{0,1\}ok ' "$work/tap")")" "$(sed -n 's/^\(not \)\{0,1\}ok \([0-9]*\) .*/\2/p' "$work/tap")"
same tap_has_one_failure "not ok 22 - $work/clobbers_ebx.rom at 0x0: SetCR3 (22)" "$(grep '^not ok' "$work/tap" | sed 's/^not ok [0-9]* /not ok 22 /')"
check tap_says_why sh -c "grep -A1 '^not ok' '$work/tap' | grep -q '^# EBX is'"
check tap_skips_what_is_not_judged grep -q '^ok [0-9]* - .*SetCR2 (16) where GetRelocationInfo leads # SKIP not judged: traps at 2A0h' "$work/tap"
cp "$work/clobbers_ebx.rom" "$work/a # SKIP.rom" # a directive would make its failure none
"$conform" --rounds 8 --tap "$work/a # SKIP.rom" "$work/gone # SKIP.rom" > "$work/tap" 2> "$work/said"
same tap_takes_no_name_for_a_directive "" "$(grep '^\(not \)\{0,1\}ok [0-9]* - .*[^\\]# SKIP\.' "$work/tap")"
check tap_shows_the_name grep -Fq 'a \# SKIP.rom at 0x0: firmware' "$work/tap"
"$conform" --rounds=8 "$work/clobbers_ebx.rom" > "$work/text"
same text_begins_with_the_verdict "$work/clobbers_ebx.rom: wrong" "$(sed -n 1p "$work/text")"
check text_names_place_call_and_reason grep -q '^    at 0x2C0: SetCR3 (22): wrong: EBX is' "$work/text"
same all_lists_every_call "$((calls_3 + 2))" "$("$conform" --all "$build/vmi-3-native.rom" | grep -c '^    at ')"
same another_seed_gives_the_same_verdict "$build/vmi-3-native.rom: right" "$("$conform" --seed 77 "$build/vmi-3-native.rom" | sed -n 1p)"
"$conform" --json "$work/gone" "$build/vmi-3-hypercall.rom" > "$work/json" 2> "$work/said"
same one_bad_file_does_not_keep_others_from_being_judged "false true" "$(jq -r '[.[].right] | join(" ")' "$work/json")"
same the_rules_are_those_of_the_document "$("$conform" --rules)" \
    "$(sed -n 's/^| \([A-Za-z0-9]* ([0-9]*)\) | \(.*\) | .* |$/\1: \2/p' docs/conform.md)"

# --- wrong usage, bad files ---

error() { # NAME EXPECTED COMMAND...
    same "$1" "$2" "$(shift 2; said=$("$@" 2>&1); echo "$?${said:+ $said}" | sed "s|$work|WORK|g")"
}
error no_image "2 vmi-conform: no IMAGE given; try vmi-conform --help" "$conform"
error an_unknown_option "2 vmi-conform: unknown option --jason; try vmi-conform --help" "$conform" --jason a
error an_option_with_a_control_character '2 vmi-conform: unknown option --\x1B[2J; try vmi-conform --help' "$conform" "$(printf -- '--\033[2J')" a
error two_formats "2 vmi-conform: --tap and --json: one of them; try vmi-conform --help" "$conform" --tap --json a
error all_and_json "2 vmi-conform: --all is for text: --tap and --json have every call; try vmi-conform --help" "$conform" --all --json a
for alone in help version rules; do
    error "an_option_that_stands_alone: $alone" "2 vmi-conform: --$alone stands alone; try vmi-conform --help" "$conform" "--$alone" a
done
error a_seed_without_its_number "2 vmi-conform: --seed needs an argument: NUMBER; try vmi-conform --help" "$conform" a --seed
error a_seed_that_is_no_number "2 vmi-conform: --seed 1x: no number from 0 to 4294967295; try vmi-conform --help" "$conform" --seed 1x a
error a_seed_that_is_too_great "2 vmi-conform: --seed 4294967296: no number from 0 to 4294967295; try vmi-conform --help" "$conform" --seed=4294967296 a
error no_rounds "2 vmi-conform: --rounds 0: no number from 1 to 100000; try vmi-conform --help" "$conform" --rounds 0 a
error a_file_that_is_not_there "1 vmi-conform: WORK/gone: No such file or directory" "$conform" "$work/gone"
error a_folder "1 vmi-conform: WORK: is a directory, not a regular file" "$conform" "$work"
: > "$work/empty"
error an_empty_file "1 vmi-conform: WORK/empty: is empty" "$conform" "$work/empty"
printf U > "$work/one"
error a_file_of_one_byte '1 vmi-conform: WORK/one: 1 byte, no VMI ROM' "$conform" "$work/one"
head -c 11 "$build/vmi-native.rom" > "$work/eleven"
error a_file_without_room_for_the_signature '1 vmi-conform: WORK/eleven: 11 bytes, no VMI ROM' "$conform" "$work/eleven"
copy other vmi-native.rom
put "$work/other.rom" 8 0x64
error no_vmi_rom '1 vmi-conform: WORK/other.rom: at 0x8: 64 56 6D 69, not "cVmi": no VMI ROM' "$conform" "$work/other.rom"
head -c 2500 "$build/vmi-native.rom" > "$work/cut.rom"
judge "$work/cut.rom"
want status 1 "$status"
want firmware "length-byte" "$(jq -r '.[].firmware[] | select(.code == "cut-short" and .offset == 2) | "length-byte"' "$work/json")"
want slots "its slot lies outside the image (2500 bytes)" \
    "$(jq -r '.[].images[].calls[] | select(.offset + 32 > 2500) | .reason' "$work/json" | sort -u)"
want sanos "not judged: it asks GetRelocationInfo, which does not come back here" "$(jq -r '.[].images[].guests[1].reason' "$work/json")"
conclude a_rom_that_is_cut_short_is_named
for _ in 1 2 3 4 5; do # 65 ROMs of 2 KiB, more than there is room for
    head -c 2048 "$build/vmi-native.rom"
done > "$work/five.rom"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
    cat "$work/five.rom"
done > "$work/many.rom"
error too_many_roms_are_an_error '1 vmi-conform: WORK/many.rom: at 0x20000: more than 64 VMI ROMs' "$conform" "$work/many.rom"
head -c 100 "$build/vmi-native.rom" > "$work/tiny.rom"
error a_rom_that_is_too_short_is_wrong 1 sh -c "'$conform' '$work/tiny.rom' > '$work/said'"
check and_its_calls_are_not_judged grep -q '^  calls: not judged: 100 bytes are no image$' "$work/said"
check a_full_disk_is_an_error sh -c "'$conform' '$build/vmi-3-hypercall.rom' > /dev/full; test \$? = 1"
same help_tells_the_usage "usage: vmi-conform [--all | --tap | --json] [--seed NUMBER] [--rounds NUMBER] IMAGE..." "$("$conform" --help | head -n 1)"
same the_version "vmi-conform $version" "$("$conform" --version)"
check a_name_may_begin_with_a_hyphen sh -c "cd '$work' && cp licence.rom ./-x && '$conform' -- -x | grep -q '^-x: wrong'"
check mandoc_finds_nothing_in_the_manual_page mandoc -T lint -W warning docs/vmi-conform.1
same the_manual_page_has_every_option "$("$conform" --help | grep -o -e '--[a-z]*' | sort -u)" \
    "$(grep -o 'Fl -[a-z]*\|| -[a-z]*' docs/vmi-conform.1 | sed 's/.* -/--/' | sort -u)"

finish
