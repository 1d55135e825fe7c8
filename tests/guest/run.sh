#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Tests of the tour and of tools/run.sh. usage: tests/guest/run.sh BUILD_DIR
# Needs the ROMs and BUILD_DIR/guest/tour.img. Prints TAP; status 0 on success.
set -eu

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/bytes.sh
. "$top/tests/bytes.sh"
rom=$build/vmi-native.rom
log=$work/log
cd "$work"

# --- the table ------------------------------------------------------------------------------------

in_13=$(awk -F'\t' '$2 ~ /^[0-9]+$/' "$top/calls.tsv" | wc -l)
in_3=$(awk -F'\t' '$3 ~ /^[0-9]+$/' "$top/calls.tsv" | wc -l)

# answered RELOC...: how many calls API 3.0 has of these kinds
answered() {
    awk -F'\t' -v kinds=" $* " '$3 ~ /^[0-9]+$/ && index(kinds, " " $18 " ")' "$top/calls.tsv" | wc -l
}

# all_but NUMBER CALLS: the tour's last line, where so many calls are not shown
all_but() {
    if [ "$1" = 0 ]; then
        echo "$2 calls called, 0 failed"
    else
        echo "$(($2 - $1)) calls called, 0 failed, $1 not shown"
    fi
}
entries_3=$((in_3 + 2)) # Init and GetRelocationInfo have no number

# --- the guest ------------------------------------------------------------------------------------

# run NAME=VALUE...: tools/run.sh with that environment; sets status, output is in ./out
run() {
    status=0
    env LOG="$log" GUEST=tour TIMEOUT="$limit" "$@" "$top/tools/run.sh" "$build" >out 2>&1 </dev/null || status=$?
}

last() {
    tail -n 1 out
}

# Rows of the table: NUMBER NAME, words, MARK
rows() {
    grep -E '^[ 0-9][0-9] [A-Z]' out || :
}

# The verdict of the row for a call
mark() {
    rows | awk -v number="$1" '$1 == number { print $NF }'
}

lines_with() {
    grep -c -- "$1" "${2:-out}" || :
}

# with_call NUMBER BYTE...: ./changed.rom, where the call has that body
with_call() {
    number=$1
    shift
    cp "$rom" changed.rom
    poke changed.rom $((number * 32)) "$@"
    seal changed.rom
}

# --- all is well ----------------------------------------------------------------------------------

run QEMU_ARGS="-chardev file,id=seabios,path=$work/seabios.log \
    -device isa-debugcon,iobase=0x402,chardev=seabios"
want status 0 "$status"
want "last line" "$(all_but 0 "$in_13")" "$(last)"
conclude "tour_calls_everything_on_two_processors"

want "calls in the table" "$(seq 4 $((in_13 + 3)))" "$(rows | awk '{ print $1 }' | sort -n)"
want "rows that are ok" "$in_13" "$(rows | grep -c ' ok$')"
want "lines above 79 columns" 0 "$(awk 'length($0) > 79' out | wc -l | tr -d ' ')"
conclude "tour_prints_a_row_for_each_call"

address=$(sed -n "s/^  \\(000[CD][0-9A-F]*h\\) .* VMI API.*/\\1/p" out) # where the BIOS put it
segment=${address#000} segment=${segment%0h}
size=$(wc -c <"$rom" | tr -d ' ')
want "ROM" 1 "$(lines_with "^  $address  *$size bytes  VMI API 13.3, checksum right\$")"
want "PCI" 1 "$(lines_with "^  PCI 15ad:0801, ROM revision ${version%.*}\$")"
want "strings" 1 "$(lines_with "^  Plug and Play: \"vmirom\", \"VMI native ROM $version\"\$")"
conclude "tour_prints_what_it_found"

want "CRC-32 in memory" 1 "$(lines_with "CRC-32 of the image $(crc_of "$rom")\$")"
want "CRC-32 at the end" 1 "$(lines_with "CRC-32 $(crc_of "$rom"), unchanged\$")"
conclude "image_in_memory_is_the_file_before_and_after"

# The guest was booted three times.
entry=$(echo "$segment" | tr A-F a-f):0003
want "times run" 3 "$(lines_with "Running option rom at $entry" seabios.log)"
want "complaints" "" \
    "$(grep -i -E 'checksum|warning|rom.*(fail|error|too|invalid)' seabios.log || :)"
conclude "seabios_runs_the_rom_without_complaint"

run QEMU_ARGS="-smp 1"
want status 0 "$status"
want "last line" "$(all_but 1 "$in_13")" "$(last)"
want "Shutdown" 1 "$(lines_with '^44 Shutdown .*not shown: needs a second processor')"
conclude "tour_accepts_one_processor"

run QEMU_ARGS="-M q35"
want status 0 "$status"
want "rows that failed" "" "$(rows | grep FAILED)"
want "last line" "$(all_but 0 "$in_13")" "$(last)"
conclude "tour_runs_on_q35"

run ENGINE=bochs
want status 0 "$status"
want "last line" "$(all_but 1 "$in_13")" "$(last)"
want "ROM" 1 "$(lines_with '^  000CA000h .* checksum right$')"
want "CRC-32" 1 "$(lines_with "CRC-32 $(crc_of "$rom"), unchanged\$")"
conclude "tour_runs_under_bochs_with_true_rom"

run SCREENSHOT="$work/tour.png"
want status 0 "$status"
want "first bytes" "PNG" "$(dd if=tour.png bs=1 skip=1 count=3 2>/dev/null)"
conclude "screenshot_is_a_png"

# --- API 3.0 --------------------------------------------------------------------------------------

full=$(answered always lean full)
run API=3
want status 0 "$status"
want "last line" "$(all_but $((in_3 - full)) $entries_3)" "$(last)"
want "calls in the table" "$(seq 0 $((in_3 - 1)))" "$(rows | awk '{ print $1 }' | sort -n)"
want "lines above 79 columns" 0 "$(awk 'length($0) > 79' out | wc -l | tr -d ' ')"
want "ROM" 1 "$(lines_with '^  000[CD][0-9A-F]*h .* VMI API 3.0, checksum right$')"
want "licence" 1 "$(lines_with '^  licence "GPL v2"$')"
want "policy" 1 "$(lines_with "^ - GetRelocationInfo  *a CALL for $full of $in_3 numbers, else NONE  *ok\$")"
conclude "tour_calls_what_the_rom_of_api_3_answers_with"

run API=3 POLICY=minimal
want status 0 "$status"
want "last line" "$(all_but $((in_3 - $(answered always))) $entries_3)" "$(last)"
conclude "tour_goes_by_the_policy"

run API=3 ROM="$build/policy/all.rom" ENGINE=bochs
want status 0 "$status"
want "last line" "$(all_but $(($(answered host) + 1)) $entries_3)" "$(last)"
conclude "tour_calls_everything_of_api_3_under_bochs"

run API=3 ROM="$build/policy/all.rom"
want status 0 "$status"
want "last line" "$(all_but "$(answered host)" $entries_3)" "$(last)"
conclude "tour_calls_everything_of_api_3_on_two_processors"

cp "$build/policy/all.rom" changed.rom
poke changed.rom $((22 * 32)) 0xC3
seal changed.rom
run API=3 ROM=changed.rom
want status 1 "$status"
want "mark of SetCR3" FAILED "$(mark 17)"
want "failed rows" 1 "$(rows | grep -c FAILED)"
conclude "set_cr3_of_api_3_that_does_nothing_fails"

# --- POST -----------------------------------------------------------------------------------------

nasm -DCOPIES -o copies.img "$here/says.asm"
run DISK=copies.img ROM=none
sed 's/ *$//' "$log/serial.log" >screen-without
run DISK=copies.img ROM="$rom"
sed 's/ *$//' "$log/serial.log" >screen-with
want "lines that the ROM adds" "vmirom VMI native ROM $version at $segment" \
    "$(grep -v '^$' screen-with | grep -v -x -F -f screen-without)"
want "how many" 1 $(($(grep -c . screen-with) - $(grep -c . screen-without)))
conclude "post_prints_one_line"

# The ROM of API 13 is the lower one: POST ran there first.
run DISK=copies.img
sed 's/ *$//' "$log/serial.log" >screen-with
want "lines that the ROMs add" "vmirom VMI native ROM $version at, vmirom VMI 3.0 native ROM $version at, " \
    "$(grep '^vmirom' screen-with | sed 's/ at .*/ at,/' | tr '\n' ' ')"
conclude "own_guest_gets_the_roms_of_both_apis"

# --- no ROM, or one that is not for us ------------------------------------------------------------

# went_on_natively NAME LINE: the guest said that line once, made no call, and did its own work
went_on_natively() {
    want status 3 "$status"
    want "its line" 1 "$(lines_with "^$2\$")"
    want "lines about going on" 1 "$(lines_with 'going on natively')"
    want "native work" 1 \
        "$(lines_with '^Native: processor by .*, [1-9][0-9][0-9]* timer ticks counted, no call made')"
    want "rows" 0 "$(rows | wc -l | tr -d ' ')"
    conclude "$1"
}

run ROM=none
went_on_natively "no_rom_goes_on_natively" "No VMI ROM from C0000h to DFFFFh; going on natively."

cp "$rom" changed.rom
poke changed.rom 4500 $((($(byte_at changed.rom 4500) + 1) % 256))
dd if=/dev/zero of=zero8 bs=8 count=1 2>/dev/null
run ROM=changed.rom QEMU_ARGS="-fw_cfg name=etc/optionroms-checksum,file=zero8"
went_on_natively "wrong_checksum_goes_on_natively" \
    "VMI ROM at $address refused: its bytes sum to 01h, not to 0; going on natively."

cp "$rom" changed.rom
poke changed.rom 12 0 3
seal changed.rom
run ROM=changed.rom
went_on_natively "foreign_major_goes_on_natively" \
    "VMI ROM at $address refused: API 3.0, wanted 13; going on natively."

run API=3 ROM="$rom"
went_on_natively "api_3_guest_goes_on_natively_without_its_rom" \
    "VMI ROM at $address refused: API 13.3, wanted 3; going on natively."

with_call 4 0x83 0xC8 0xFF 0xC3 # or eax, -1; ret
run ROM=changed.rom
went_on_natively "refused_init_goes_on_natively" \
    "VMI ROM at $address refused: Init returned FFFFFFFFh; going on natively."

run ROM=changed.rom ENGINE=bochs
went_on_natively "refused_init_goes_on_natively_under_bochs" \
    "VMI ROM at 000CA000h refused: Init returned FFFFFFFFh; going on natively."

# The hypercall ROM, where nobody serves it: QEMU itself is a foreign hypervisor, unless it is told to keep quiet.
hypercall=$build/vmi-hypercall.rom
run ROM="$hypercall"
went_on_natively "hypercall_rom_refuses_under_a_foreign_hypervisor" \
    "VMI ROM at $address refused: Init returned FFFFFFFFh; going on natively."
run ROM="$hypercall" QEMU_ARGS="-cpu qemu32,-hypervisor"
went_on_natively "hypercall_rom_refuses_without_a_hypervisor" \
    "VMI ROM at $address refused: Init returned FFFFFFFFh; going on natively."
run ROM="$hypercall" ENGINE=bochs
went_on_natively "hypercall_rom_refuses_without_a_hypervisor_under_bochs" \
    "VMI ROM at 000CA000h refused: Init returned FFFFFFFFh; going on natively."

# --- calls that do wrong --------------------------------------------------------------------------

# fails NAME NUMBER BYTE...: with that body the row of the call, and no other, is FAILED
fails() {
    name=$1
    shift
    with_call "$@"
    run ROM=changed.rom
    want status 1 "$status"
    want "mark" FAILED "$(mark "$1")"
    want "failed rows" "$1" "$(rows | awk '/FAILED/ { print $1 }')"
    conclude "$name"
}

fails "set_cr3_that_does_nothing_fails" 22 0xC3
fails "iret_that_comes_back_fails" 39 0xC3
fails "shutdown_that_comes_back_fails" 44 0xC3
fails "reboot_that_comes_back_fails" 43 0xC3
fails "call_that_faults_fails" 60 0x0F 0x0B # ud2
# sub esp, 8; and dword [esp], 0; lidt [esp]; int3: a reset
fails "call_that_resets_the_machine_fails" 87 \
    0x83 0xEC 0x08 0x83 0x24 0x24 0x00 0x0F 0x01 0x1C 0x24 0xCC

with_call 41 0xEB 0xFE # jmp $
for seconds in 3 30 300; do # as many as it takes to come there
    run ROM=changed.rom TIMEOUT=$seconds
    [ "$(rows | grep -c ' ok$')" -lt 37 ] || break
done
want status 1 "$status"
want "what it says" 1 "$(lines_with "^run: did not end within $seconds s, stopped; logs in ")"
want "the rows until then" 37 "$(rows | grep -c ' ok$')"
conclude "call_that_hangs_ends_by_the_watchdog"

# --- guests of one's own --------------------------------------------------------------------------

# refuses NAME MESSAGE NAME=VALUE...: status 2 and one line
refuses() {
    name=$1 message=$2
    shift 2
    run "$@"
    want status 2 "$status"
    want output "run: $message" "$(cat out)"
    conclude "$name"
}

refuses "missing_disk_is_a_usage_error" "DISK: absent.img: no such file" DISK=absent.img
refuses "missing_kernel_is_a_usage_error" "KERNEL: absent: no such file" KERNEL=absent
refuses "missing_rom_is_a_usage_error" "ROM: absent.rom: no such file" ROM=absent.rom
refuses "disk_and_kernel_are_a_usage_error" "DISK or KERNEL, not both" \
    DISK=copies.img KERNEL=copies.img
refuses "unknown_api_is_a_usage_error" "API: 4: 13 or 3" API=4
refuses "api_with_a_disk_is_a_usage_error" \
    "API is for our guests: yours chooses for itself" API=3 DISK=copies.img
refuses "unknown_guest_is_a_usage_error" "GUEST: tours: demo or tour" GUEST=tours
refuses "unknown_input_is_a_usage_error" "INPUT: mouse: serial or screen" GUEST=demo INPUT=mouse
refuses "input_to_the_tour_is_a_usage_error" "INPUT is for the demo kernel" INPUT=serial
refuses "append_without_kernel_is_a_usage_error" "INITRD and APPEND need KERNEL" APPEND=quiet

echo "no kernel" >no-kernel
run KERNEL=no-kernel
want status 1 "$status"
want "QEMU's message" 1 "$(grep -c '^run: VMI not found (qemu: .*; logs in ' out)"
conclude "a_bad_kernel_is_reported_with_qemu_s_message"

# finds NAME LINE: the guest of ./says.img is reported to have said that line
finds() {
    cp says.img before.img
    run DISK=says.img
    want status 0 "$status"
    want "line" 1 "$(lines_with "^run: VMI found: $2 (")"
    want "disk" same "$(cmp -s says.img before.img && echo same)"
    conclude "$1"
}

misses() {
    run DISK=says.img
    want status 1 "$status"
    want "line" 1 "$(lines_with '^run: VMI not found (ended; logs in ')"
    conclude "$1"
}

nasm "-DSAYS='Detected VMI ROM version 13.3'" -o says.img "$here/says.asm"
finds "linux_13_is_found" "Detected VMI ROM version 13.3"

mainline="VMI: Found a b, API version 3.0, ROM version 0.1"
nasm "-DSAYS='$mainline',10,'Booting paravirtualized kernel on vmi'" -o says.img "$here/says.asm"
finds "mainline_linux_is_found" "$mainline"

nasm "-DSAYS='$mainline',10,'Booting paravirtualized kernel on bare hardware'" \
    -o says.img "$here/says.asm"
misses "mainline_linux_that_refused_is_not_found"

nasm "-DSHOWS='mach: VMWare VMI ROM version 13.3 detected'" -o says.img "$here/says.asm"
finds "sanos_is_found_on_the_screen" "VMWare VMI ROM version 13.3 detected"

nasm -o says.img "$here/says.asm"
misses "silent_guest_is_not_found"

nasm -o kernel.bin "$here/kernel.asm"
run KERNEL=kernel.bin APPEND="Detected VMI ROM version 13.0, really"
want status 0 "$status"
want "line" 1 "$(lines_with '^run: VMI found: Detected VMI ROM version 13.0 (')"
conclude "kernel_gets_its_command_line"

# An unknown kernel is found by FOUND, and all of its output is waited for.
nasm "-DSAYS='84 sites linked',10,'# monitor: exits: CPUID 2',13,10,'# monitor: calls: SetCR3 1'" -o says.img "$here/says.asm"
run DISK=says.img FOUND='[0-9]* sites linked'
want status 0 "$status"
want "line" 1 "$(lines_with '^run: VMI found: 84 sites linked (ended; logs in ')"
want "figures" 2 "$(lines_with '^# monitor: [a-z]*: [A-Z0-9a-z]* [0-9]*$')"
conclude "a_guest_is_found_by_its_own_words"
nasm "-DSAYS='Detected VMI ROM version 13.3'" -o says.img "$here/says.asm"
run DISK=says.img FOUND='[0-9]* sites linked'
want status 1 "$status"
want "line" 1 "$(lines_with '^run: VMI not found (ended; logs in ')"
conclude "a_guest_is_not_found_by_others_words"
refuses "words_without_a_guest_are_a_usage_error" "FOUND is for a guest of your own" FOUND=linked

finish
