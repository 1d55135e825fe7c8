#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD_DIR: the KVM example in a virtual machine that has SVM, since the machine here may have none. One boot of
# Linux runs it several times. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
packages=$build/packages-kvm

# ---- what it refuses ----

vmm=$build/examples/kvm/vmm
status_of() {
    "$@" >"$work/out" 2>"$work/err" </dev/null
    echo "$? $(head -n 1 "$work/err")"
}
usage="2 usage: vmm [--bios FILE] [--api 13|3] [--slots hosted|tuned|all|default] [--trap N,...] [--no-rom] [--ask] [--unserved] [--lose] [--tss-available] DISK"
same no_disk_is_wrong_usage "$usage" "$(status_of "$vmm")"
same an_unknown_option_is_wrong_usage "$usage" "$(status_of "$vmm" --slot hosted disk)"
same an_unknown_policy_is_wrong_usage "$usage" "$(status_of "$vmm" --slots most disk)"
same a_disk_that_is_not_there_is_an_error "1 vmm: $work/none: No such file or directory" "$(status_of "$vmm" "$work/none")"
same a_call_that_may_not_trap_is_an_error "1 vmm: the ROM: the call is never exchanged" \
    "$(status_of "$vmm" --trap 4 "$build/guest/kvm.img")"

# ---- one boot ----

names="demo-none demo-hosted demo-hosted-3 demo-most tour-hosted tour-most list list-3 ask ask-3 moved lose"
list=69,64,42,26,22,35,36,37,38
# All but ports and the local APIC, whose devices are the kernel's.
most=$(seq -s, 5 58),71,72,73,74,75,86,87
if "$top/tests/transparency/packages.sh" "$packages" cloud-amd64 >"$work/packages.log" 2>&1; then
    mkdir -p "$work/root/dev"
    for module in irqbypass kvm kvm-amd; do
        cp "$packages"/cloud-amd64/lib/modules/*/kernel/*/*/"$module.ko" "$packages"/cloud-amd64/lib/modules/*/kernel/*/*/*/"$module.ko" \
            "$work/root/" 2>/dev/null
        echo "/$module.ko"
    done >"$work/root/modules"
    cp "$build/tests/kvm/init" "$vmm" /usr/share/seabios/bios.bin "$build/guest/kvm.img" "$build/guest/tour.img" \
        "$build/guest/demo.img" "$work/root/"
    examples/lib/mkdisk.sh --cmdline "$build/guest/demo.img" "$work/root/demo3.img" api=3
    examples/lib/mkdisk.sh --cmdline "$build/guest/kvm.img" "$work/root/kvm3.img" api=3
    cat >"$work/root/runs" <<END
demo-none --bios /bios.bin --no-rom /demo.img
demo-hosted --bios /bios.bin /demo.img
demo-hosted-3 --bios /bios.bin --api 3 /demo3.img
demo-most --bios /bios.bin --tss-available --trap $most /demo.img
tour-hosted --bios /bios.bin /tour.img
tour-most --bios /bios.bin --tss-available --trap $most /tour.img
list --bios /bios.bin --trap $list,45 /kvm.img
list-3 --bios /bios.bin --api 3 --trap $list /kvm3.img
ask --bios /bios.bin --ask /demo.img
ask-3 --bios /bios.bin --ask --api 3 --trap $list /kvm3.img
moved --bios /bios.bin --ask --unserved /demo.img
lose --bios /bios.bin --lose --trap $list,45 /kvm.img
END
    (cd "$work/root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initrd"
    timeout "$limit" qemu-system-x86_64 -M q35 -cpu EPYC,+svm,+npt -accel tcg -m 512 -display none -monitor none -serial stdio \
        -no-reboot -kernel "$packages/cloud-amd64/vmlinuz" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1" \
        </dev/null 2>"$work/qemu.log" | tr -d '\r' >"$work/log"
    check linux_ran_all_of_them grep -qx '=== all done' "$work/log"
else
    for name in $names; do
        skip "$name" "no kernel with KVM: $(tail -n 1 "$work/packages.log")"
    done
    finish
fi

# part NAME: what that run has printed
part() {
    awk -v name="$1" '$0 == "=== " name { inside = 1; next } $1 == "===" && $2 == "end" { inside = 0 } inside' "$work/log"
}

ended() {
    awk -v name="$1" '$1 == "===" && $2 == "end" && $3 == name { print $4 }' "$work/log"
}

served() {
    part "$1" | sed -n 's/^vmm: slot //p' | tr '\n' ' '
}

# ---- the demo and the tour ----

for name in demo-none demo-hosted demo-hosted-3 demo-most; do
    same "the_demo_does_its_work: $name" "33 Result: OK" "$(ended "$name") $(part "$name" | grep '^Result')"
done
# Which part ends first is the clock's.
results() {
    part "$1" | grep -E '^(queens|primes)' | sort
}
same the_demo_does_the_same_with_a_rom_and_without "$(results demo-none)" "$(results demo-hosted)"
same the_demo_does_the_same_where_nearly_all_traps "$(results demo-none)" "$(results demo-most)"
check the_demo_finds_the_rom_where_seabios_put_it sh -c 'printf "%s\n" "$1" | grep -q "^VMI ROM at C0000h: API 13.3"' sh "$(part demo-hosted)"
check the_demo_finds_the_rom_of_api_3 sh -c 'printf "%s\n" "$1" | grep -q "^VMI ROM at C0000h: API 3.0"' sh "$(part demo-hosted-3)"

# Of the rows: there is no PCI, no DMA controller, no second processor.
same the_tour_fails_only_where_there_is_no_such_device "INS INSB OUT OUTW OUTS OUTSB OUTSW " \
    "$(part tour-hosted | awk '$NF == "FAILED" { printf "%s ", $2 }')"
check the_tour_calls_all_calls sh -c 'printf "%s\n" "$1" | grep -q "^83 calls called"' sh "$(part tour-hosted)"
check the_tour_finds_the_rom_unchanged sh -c 'printf "%s\n" "$1" | grep -q "unchanged$"' sh "$(part tour-hosted)"
same hosted_serves_reboot_and_the_timer_calls "43: 2 79: 3 80: 4 81: 1 82: 1 83: 1 84: 1 " "$(served tour-hosted)"

# ---- the kit's default handlers, for nearly all calls ----

# Beside the devices: the emulated processor has no RDPMC, and no breakpoints that come by a VMCB.
same the_default_handlers_do_what_the_tour_expects "SetDR RDPMC INS INSB OUT OUTW OUTS OUTSB OUTSW " \
    "$(part tour-most | awk '$NF == "FAILED" { printf "%s ", $2 }')"
# RDPMC faults, and the tour does not shut down.
same each_of_them_has_served "$(echo "$most" | tr ',' '\n' | grep -vx -e 32 -e 44 | sed 's/$/:/' | tr '\n' ' ')" \
    "$(part tour-most | sed -n 's/^vmm: slot \([0-9]*:\).*/\1/p' | grep -vx '79:\|8[0-4]:' | tr '\n' ' ')"

# ---- calls that trap, in every way that they can end ----

for name in list list-3 ask-3; do
    same "every_call_does_what_it_should: $name" "" "$(part "$name" | grep '^not ok')"
    same "the_guest_has_shut_down: $name" "0 ok - reboot_reboots" "$(ended "$name") $(part "$name" | grep reboot_)"
    same "a_string_is_printed_whole: $name" "[fifteen letters] [fifteen letters] [fifteen letters]" \
        "$(part "$name" | sed -n 's/^string.*: //p' | tr '\n' ' ' | sed 's/ $//')"
done
# 3 strings of 15 bytes and of 256 words, 8 at a time.
same served_by_kind "22: 1 26: 2 35: 1 36: 1 37: 1 38: 1 42: 2 43: 1 44: 1 45: 1 64: 96 69: 6 " "$(served list)"
same served_by_kind_in_api_3 "22: 1 26: 2 35: 1 36: 1 37: 1 38: 1 42: 2 43: 1 44: 1 64: 96 69: 6 " "$(served list-3)"
same every_repeat_and_fault_ended_its_exit "vmm: 114 calls served, 96 repeated, 1 faults, 99 exits ended" \
    "$(part list | grep 'calls served')"

# ---- a host whose CPUID tells nothing ----

for name in ask moved; do
    same "the_demo_does_its_work: $name" "33 Result: OK" "$(ended "$name") $(part "$name" | grep '^Result')"
done
same init_asks_and_is_served "4: 1 " "$(served ask)"
check the_sites_are_linked_then sh -c 'printf "%s\n" "$1" | grep -q "^[1-9][0-9]* call sites, ROM at C0000h"' sh "$(part ask)"
same the_same_image_runs_natively_where_nobody_serves_it "VMI ROM at C0000h: its Init refuses 0" \
    "$(part moved | grep 'its Init refuses') $(part moved | awk '/calls served/ { print $2 }')"

# ---- what is lost otherwise ----

same kvm_takes_a_call_that_repeats_for_done "[fifteen ] [fifteen ] [fifteen ]" "$(part lose | sed -n 's/^string.*: //p' | tr '\n' ' ' | sed 's/ $//')"
check kvm_does_not_start_a_call_over sh -c 'printf "%s\n" "$1" | grep -q "^not ok - a_call_starts_over_behind_a_page_fault"' sh "$(part lose)"

finish
