#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# long.sh BUILD_DIR: the conformance disk on more machines. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/conform-disk/disk.sh
. "$here/disk.sh"

# comes_to NAME CODE IMAGE CALL...: the code, and the calls of the image that are not tested
comes_to() {
    name=$1 code=$2 image=$3
    shift 3
    want result "code $code" "$(result)"
    want failures "" "$(failures)"
    want "not tested" "$*" "$(calls_by_state "$image" "not tested" | tr '\n' ' ' | sed 's/ $//')"
    conclude "$name" "$(tail -n 5 "$out")"
}

# --- QEMU ---------------------------------------------------------------------------------------

on_qemu no-timer none -M pc,pit=off
comes_to without_a_timer_halt_is_not_tested 17 native Halt Shutdown
on_qemu no-screen none -M pc -vga none
comes_to without_a_screen_nothing_of_it_is_tested 17 native Shutdown INSB OUTW OUTSB
on_qemu little "$build/vmi-native.rom" -M pc -m 16
comes_to with_16_mib_all_is_tested 16 "API 13.3" Shutdown
on_qemu q35 "$build/vmi-native.rom" -M q35 -cpu max -smp 2
comes_to the_chip_set_q35_passes 16 "API 13.3" INS INSW OUTS OUTSW # its disk is no IDE disk
on_diskless_qemu usb "$build/vmi-native.rom" -device piix3-usb-uhci -device usb-storage,drive=stick,bootindex=0 \
    -drive "if=none,id=stick,format=raw,file=$build/vmi-conform.img,snapshot=on"
comes_to it_boots_from_a_usb_stick 16 "API 13.3" Shutdown INS INSW OUTS OUTSW

# CLI; HLT; JMP $: nothing goes on by itself. Each of the two tests of Halt hangs.
broken hangs "$(slot_of Halt)" '\372\364\353\376'
out=$work/hangs
: >"$out"
: >"$out.log"
cp "$build/vmi-conform.img" "$out.img"

# stands FROM: whether the monitor has said, behind that many bytes, that the processor is halted with interrupts off
stands() {
    tail -c "+$(($1 + 1))" "$out.log" | grep -q 'EFL=00000[014589cd][0-9a-f]* .*HLT=1'
}
# shellcheck disable=SC2094 # one reads what the other has written
{
    for _ in 1 2; do
        said=$(wc -c <"$out.log")
        for _ in $(seq "$limit"); do
            ! stands "$said" || break
            echo info registers
            sleep 1
        done
        echo system_reset
    done
    for _ in $(seq "$limit"); do
        ! grep -q '^conform: result' "$out" || break
        sleep 1
    done
    echo quit
} | timeout -k 2 "$limit" "$QEMU" -m 64 -display none -nodefaults -vga std -global apic-common.vapic=off -monitor stdio \
    -debugcon "file:$out" -drive "if=ide,index=0,format=raw,file=$out.img" -option-rom "$work/hangs.rom" >"$out.log" 2>&1
want result "code 18" "$(result)"
want failures "Halt hlt ROM" "$(failures | sort -u)"
want "what happened" "the machine was reset" "$(sed -n 's/^failure: .*(hlt): \(.*\) \[.*/\1/p' "$out" | sort -u)"
conclude a_test_that_hangs_is_named_after_a_reset_by_hand "$(tail -n 5 "$out")"

# --- hypervisors --------------------------------------------------------------------------------

on_qemu ring1 "$build/vmi-ring1.rom" -M pc
want result "code 16" "$(result)"
want "wrong calls" "" "$(calls_by_state "API 13.3" WRONG)"
want reasons "no second CPU;the kernel is in ring 1" \
    "$(sed -n 's/^call API 13.3, slot .*: not tested, //p' "$out" | sort -u | tr '\n' ';' | sed 's/;$//')"
conclude in_ring_1_what_can_be_looked_at_is_right "$(tail -n 5 "$out")"

out=$work/monitor
cp "$build/vmi-conform.img" "$out.img"
QEMU=$QEMU64 run_qemu "$out.img" "$build/vmi-monitor-all.rom" "$out" -M pc -cpu EPYC,+svm,+npt
comes_to the_reference_hypervisor_is_right_where_every_call_traps 16 "API 13.3" Shutdown

# --- Bochs --------------------------------------------------------------------------------------

on_bochs bochs 1 "$build/vmi-native.rom"
comes_to bochs_passes 16 "API 13.3" Shutdown
on_bochs bochs-none 1 none
comes_to bochs_passes_without_a_rom 17 native Shutdown
on_bochs bochs-3 1 "$build/policy/all.rom"
want result "code 16" "$(result)"
conclude bochs_passes_with_api_3 "$(tail -n 5 "$out")"

out=$work/bochs-cd
bochs_cd=$build/vmi-conform.iso
dd if=/dev/zero of="$work/blank.img" bs=512 count=2880 2>/dev/null
run_bochs 1 "$work/blank.img" "$build/vmi-native.rom" "$out"
mv "$out.raw" "$out"
comes_to bochs_boots_the_cd 16 "API 13.3" Shutdown OUTS OUTSW

# --- v86 ----------------------------------------------------------------------------------------

reason=$(no_page)
if [ -n "$reason" ]; then
    skip v86_with_a_rom "$reason"
    finish
    exit
fi
on_v86 v86-native native
want result "code 19" "$(result)"
want "failing instructions" "$(echo "$v86_fails" | tr ' ' '\n' | sort)" "$(failures | cut -d ' ' -f 2 | sort)"
want "whose failures" "machine" "$(failures | cut -d ' ' -f 3 | sort -u)"
conclude v86_with_a_rom_fails_the_same_instructions "$(tail -n 8 "$out")" "$(head -n 5 "$out.log")"

on_v86 v86-hypercall hypercall
want result "code 19" "$(result)"
want "failing instructions" "$(echo "$v86_fails" | tr ' ' '\n' | sort)" "$(failures | cut -d ' ' -f 2 | sort)"
want "whose failures" "machine" "$(failures | cut -d ' ' -f 3 | sort -u)"
conclude v86_with_the_hypervisor_in_javascript_fails_the_same_instructions "$(tail -n 8 "$out")" "$(head -n 5 "$out.log")"

on_v86 v86-cd none cd
want result "code 19" "$(result)"
want "failing instructions" "$(echo "$v86_fails" | tr ' ' '\n' | sort)" "$(failures | cut -d ' ' -f 2 | sort)"
conclude v86_boots_the_cd "$(tail -n 8 "$out")" "$(head -n 5 "$out.log")"

finish
