#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD_DIR: the conformance disk on several machines. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/conform-disk/disk.sh
. "$here/disk.sh"

in_13=$(awk -F'\t' '$2 ~ /^[0-9]+$/' calls.tsv | wc -l)
in_3=$(($(awk -F'\t' '$3 ~ /^[0-9]+$/' calls.tsv | wc -l) + 2)) # Init and GetRelocationInfo have no number
answered=$(($(awk -F'\t' '$3 ~ /^[0-9]+$/ && $18 ~ /always|lean/' calls.tsv | wc -l) + 2))

# --- QEMU ---------------------------------------------------------------------------------------

on_qemu both "$build/vmi-native.rom" -M pc -cpu max -smp 2 -accel tcg,thread=multi -option-rom "$build/vmi-3-native.rom"
want status 33 "$status"
want result "code 16" "$(result)"
want "API 13.3" "$in_13 calls, $in_13 right, 0 wrong, 0 not tested" "$(summary "API 13.3")"
want "API 3.0" "$in_3 calls, 0 wrong, $((in_3 - answered)) answered NONE" \
    "$(summary "API 3.0" | sed 's/, [0-9]* right//; s/, [0-9]* not tested//')"
want "calls of API 3.0 that nobody makes" "SetLDT" "$(calls_by_state "API 3.0" "not tested" | tr '\n' ' ' | sed 's/ $//')"
want "what it says on the serial line" "$(cat "$out")" "$(tr -d '\r' <"$out.serial")"
conclude both_apis_pass_on_a_new_processor "$(tail -n 5 "$out")"

on_qemu old none -M isapc -cpu 486 -accel tcg
want status 35 "$status"
want result "code 17" "$(result)"
want calls "$in_13 calls, 0 wrong" "$(summary native | sed 's/, [0-9]* right//; s/, [0-9]* not tested//')"
want "what such a machine lacks" "IN: no PCI;RDMSR: no MSRs;RDTSC: no TSC;APICRead: no local APIC;GetPxELong: no PAE;" \
    "$(for call in IN RDMSR RDTSC APICRead GetPxELong; do
        sed -n "s/^call native, slot [0-9]*: $call.*: not tested, /$call: /p" "$out"
    done | tr '\n' ';')"
conclude without_a_rom_an_old_machine_passes_in_what_it_has "$(tail -n 5 "$out")"

cd_on_qemu cd "$build/vmi-3-native.rom"
want status 33 "$status"
want result "code 16" "$(result)"
conclude the_cd_boots_the_same_kernel "$(tail -n 5 "$out")"

(umask 077 && TZ=Asia/Tokyo tools/conform-disk/mkiso.sh "$build/vmi-conform.img" "$work/again.iso")
check the_cd_has_the_same_bytes_when_it_is_made_again cmp "$work/again.iso" "$build/vmi-conform.iso"

same the_disk_has_one_active_partition "80 00 02 00 7f 01 52 4f 01 00 00 00 3f 0b 00 00" \
    "$(od -An -tx1 -j 446 -N 16 "$build/vmi-conform.img" | sed 's/^ //')"

# --- wrong ROMs ---------------------------------------------------------------------------------

# with_screen NAME ROM: the kernel halts instead of ending QEMU, and the screen stays: its rows are in $out.rows
with_screen() {
    out=$work/$1
    : >"$out"
    cp "$build/vmi-conform.img" "$out.img"
    {
        for _ in $(seq 600); do
            ! grep -q '^conform: result' "$out" || break
            sleep 0.1
        done
        sleep 0.2
        echo "pmemsave 0xb8000 4000 \"$out.cells\"" # without quotes it would divide
        echo quit
    } | timeout -k 2 "$limit" "$QEMU" -m 64 -display none -nodefaults -vga std -global apic-common.vapic=off -monitor stdio \
        -debugcon "file:$out" -drive "if=ide,index=0,format=raw,file=$out.img" -option-rom "$2" >"$out.log" 2>&1
    od -An -v -tu1 -w160 "$out.cells" | awk '{
        row = ""
        for (i = 1; i <= NF; i += 2) row = row sprintf("%c", $i)
        sub(/ +$/, "", row)
        print row
    }' >"$out.rows"
}
# MOV EAX,CR3 for MOV EAX,CR2
broken cr2 "$(slot_of GetCR2)" '\017\040\330\303'
with_screen wrong "$work/cr2.rom"
want result "code 18" "$(result)"
want failures "GetCR2 mov-from-cr2 ROM" "$(failures)"
want "what is wrong" "GetCR2" "$(calls_by_state "API 13.3" WRONG)"
want "what was expected and seen" "GetCR2: expected edcba987, seen 00000000 [cr2_is_set_and_got]" \
    "$(sed -n 's/^failure: .*(mov-from-cr2): \(.*\) (the ROM.*/\1/p' "$out")"
want "a call that only its test makes" "its test failed at another call" \
    "$(sed -n 's/^call API 13.3, slot [0-9]*: SetCR2.*: not tested, //p' "$out")"
conclude a_wrong_slot_is_named_with_what_it_did "$(tail -n 5 "$out")"
want title " vmirom $version conformance disk" "$(sed -n 1p "$out.rows")"
want counts " API 13.3: $in_13 calls, $((in_13 - 3)) right, 1 wrong, 2 not tested" "$(grep '^ API' "$out.rows")"
want failures " ROM: GetCR2 (mov-from-cr2): GetCR2: expected edcba987, seen 00000000" "$(grep expected "$out.rows")"
want "not tested" " Not tested: SetCR2, Shutdown" "$(grep '^ Not' "$out.rows")"
want verdict " FAIL: the ROM. Code 18" "$(sed -n 25p "$out.rows")"
conclude the_summary_fits_the_screen "$(cat "$out.rows")"

# MOV AL,FEh; OUT 64h,AL; JMP $
broken reset "$(slot_of FlushTLB)" '\260\376\346\144\353\376'
on_qemu resets "$work/reset.rom"
want status 37 "$status"
want failures "FlushTLB" "$(failures | cut -d ' ' -f 1 | sort -u)"
want "what happened" "the machine was reset" "$(sed -n 's/^failure: API 13.3: FlushTLB: \(.*\) \[.*/\1/p' "$out" | sort -u)"
want "calls behind it" "Reboot" "$(calls_by_state "API 13.3" right | grep -x Reboot)"
conclude a_slot_that_resets_the_machine_is_named_and_the_rest_is_tested "$(tail -n 5 "$out")"

cp "$build/vmi-native.rom" "$work/sum.rom"
printf '\001' | dd of="$work/sum.rom" bs=1 seek=$((127 * 32 + 20)) conv=notrunc 2>/dev/null
on_bochs sum 1 "$work/sum.rom"
want result "code 18" "$(result)"
want "the ROM" "VMI ROM of API 13.3 at CA000h, 5120 bytes: bad checksum" "$(sed -n 's/^# \(VMI ROM\)/\1/p' "$out" | sort -u)"
want "the instructions" "$in_13 calls, $((in_13 - 1)) right, 0 wrong, 1 not tested" "$(summary native)"
conclude a_wrong_sum_is_named_and_the_instructions_pass_under_bochs "$(tail -n 5 "$out")"

on_qemu refused "$build/vmi-hypercall.rom"
want status 41 "$status"
want result "code 20" "$(result)"
want failures "Init  ROM" "$(failures)"
want "the instructions" "$in_13 calls, $((in_13 - 1)) right, 0 wrong, 1 not tested" "$(summary native)"
conclude where_init_refuses_the_instructions_are_tested "$(tail -n 5 "$out")"

# --- v86 ----------------------------------------------------------------------------------------

reason=$(no_page)
if [ -n "$reason" ]; then
    skip v86_fails_the_listed_instructions_and_no_other "$reason"
else
    on_v86 v86 none
    want result "code 19" "$(result)"
    want "failing instructions" "$(echo "$v86_fails" | tr ' ' '\n' | sort)" "$(failures | cut -d ' ' -f 2 | sort)"
    want "whose failures" "machine" "$(failures | cut -d ' ' -f 3 | sort -u)"
    conclude v86_fails_the_listed_instructions_and_no_other "$(tail -n 8 "$out")" "$(head -n 5 "$out.log")"
fi

finish
