#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: a kernel that goes about API 3.0 as mainline Linux does (tests/mainline/kernel.h), under QEMU and Bochs,
# with every policy, with and without PAE; under the reference hypervisor; ROMs that it has to refuse; both APIs in one machine. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
# shellcheck source=tests/bytes.sh
. "$top/tests/bytes.sh"
native=$build/vmi-3-native.rom
out=$work/out

# run ENGINE ROM COMMAND-LINE [OPTION...]: what the kernel says is in $out
run() {
    engine=$1 image=$2
    "$mkdisk" --cmdline "$build/guest/mainline.img" "$work/disk.img" "$3"
    shift 3
    : > "$out"
    case $engine in
    bochs*)
        bochs_model=p4_prescott_celeron_336
        [ "$engine" = bochs ] || bochs_model=ryzen
        run_bochs 1 "$work/disk.img" "$image" "$out"
        tr -d '\r' < "$out.raw" > "$out"
        ;;
    qemu-svm) QEMU=$QEMU64 run_qemu "$work/disk.img" "$image" "$out" -M pc -cpu EPYC,+svm,+npt -accel tcg "$@" ;;
    *) run_qemu "$work/disk.img" "$image" "$out" -M pc -cpu qemu32,+sep -accel tcg "$@" ;;
    esac
}

# says WHAT LINE: the kernel said it once
says() {
    want "$1" 1 "$(grep -a -c -x -- "$2" "$out")"
}

# judge NAME: the test made of the wants since the last one
judge() {
    conclude "$1" "$(tail -n 8 "$out")"
}

figure() {
    sed -n "s/.*$1 \\([0-9][0-9]*\\).*/\\1/p" "$out"
}

found="VMI: Found vmirom VMI 3.0 native ROM $version, API version 3.0, ROM version ${version%.*}"

# --- it finds the ROM, switches to it and runs its processes ---

# runs_well NAME WHERE [OFFERS]: to its end, every bad return being the process's own affair
runs_well() {
    says "last line" "# end on $2"
    want "what a native ROM does not offer" "${3:-0}" "$(grep -a -c '^the ROM [ok]' "$out")"
    says "where it runs" "Booting paravirtualized kernel on $2"
    want "signals" "$(figure 'bad returns')" "$(figure signals)"
    want "kinds of bad returns" ffff "$(sed -n 's/.* kinds //p' "$out")"
    judge "$1"
}

for policy in minimal lean full all; do
    for pae in '' pae; do
        run qemu "$build/policy/$policy.rom" "rounds=128 $pae"
        says "what it found" "$found"
        case $policy in
        minimal) want "kinds of operations by the ROM" 2 "$(sed -n 's/.*ROM (\([0-9]*\) kinds)/\1/p' "$out")" ;;
        lean) want "operations by the ROM: 30,000" yes "$([ "$(figure ',')" -ge 30000 ] && echo yes)" ;;
        *) want "operations by the ROM: 62,500" yes "$([ "$(figure ',')" -ge 62500 ] && echo yes)" ;;
        esac
        runs_well "mainline_runs_on_the_rom: policy $policy${pae:+, PAE}" vmi
    done
done
for run in minimal: lean: full: full:pae; do
    run bochs "$build/policy/${run%:*}.rom" "rounds=128 ${run#*:}"
    says "what it found" "$found"
    runs_well "mainline_runs_on_the_rom_under_bochs: policy ${run%:*}${run#*:}" vmi
done

run qemu "$build/policy/full.rom" "rounds=64 wrong"
runs_well policy_full_is_right_for_the_generation_with_wrong_descriptors vmi
run qemu "$build/policy/all.rom" "rounds=64 wrong"
want "last lines" 0 "$(grep -a -c '^# end' "$out")"
judge the_descriptor_writes_that_it_leaves_out_would_not_be

run bochs none "rounds=64"
runs_well bochs_refuses_natively_what_the_rom_refuses "bare hardware"
run qemu none "rounds=64"
says "last line" "# end on bare hardware"
judge mainline_runs_without_a_rom

# --- under the reference hypervisor, which publishes both ROMs: `all` traps even the returns to user mode ---

run_hypercalls() {
    emulator=$1 policy=$2 rom=$build/vmi-monitor$3.rom
    for pae in '' pae; do
        run "$emulator-svm" "$rom" "rounds=$4 $pae"
        says "the ROM of API 13" "VMI: Found mismatched rom version 13.3"
        says "what it found" "VMI: Found vmirom VMI 3.0 hypercall ROM $version, API version 3.0, ROM version ${version%.*}"
        says "the timer" "the ROM offers a timer"
        want "operations by the ROM: most" yes \
            "$([ "$(sed -n 's/^operations .*, \([0-9]*\) of them.*/\1/p' "$out")" -ge $((500 * $4)) ] && echo yes)"
        want "complaints of the monitor's" 0 "$(grep -a -c '^# monitor: \(FAULT\|unknown\|a ROM\)' "$out")"
        runs_well "mainline_runs_on_the_hypercall_rom: $emulator, policy $policy${pae:+, PAE}" vmi 1
    done
}
for svm in qemu bochs; do
    run_hypercalls $svm all -all 64
    run_hypercalls $svm tuned '' 64
    run $svm-svm "$build/vmi-monitor-all.rom" "rounds=64 wrong"
    runs_well "the_hypercall_rom_is_right_for_the_generation_with_wrong_descriptors: $svm" vmi 1
done

# --- ROMs that it refuses, or takes with a warning ---

# change OFFSET BYTE...: $work/changed.rom, sealed again
change() {
    cp "$native" "$work/changed.rom"
    chmod u+w "$work/changed.rom"
    while [ $# -gt 0 ]; do
        poke "$work/changed.rom" "$1" "$2"
        shift 2
    done
    seal "$work/changed.rom"
}

# goes_on_natively NAME LINE: it says the line and does its work without the ROM
goes_on_natively() {
    run qemu "$work/changed.rom" "rounds=32"
    says "its line" "$2"
    says "where it runs" "Booting paravirtualized kernel on bare hardware"
    says "last line" "# end on bare hardware"
    judge "$1"
}

licence=$(od -An -tu2 -j22 -N2 "$native")
change $((licence + 3)) 32 # GPL?v2
change $((licence + 1)) $((0x53)) # GSL v2
goes_on_natively wrong_licence_is_refused "VMI: Non GPL license \`GSL v2' found for ROM. Not used."
change 22 0
goes_on_natively missing_licence_is_refused "VMI: Non GPL license \`unspecified' found for ROM. Not used."
change 24 0
goes_on_natively missing_pcir_is_refused "VMI: ROM does not contain PCI header."
change 13 4
goes_on_natively wrong_major_is_refused "VMI: Found mismatched rom version 4.0"
change 128 131 129 200 130 255 131 195 # or eax, -1; ret
goes_on_natively failing_init_is_refused "VMI ROM failed to initialize! (ffffffff)"
cp "$build/vmi-3-hypercall.rom" "$work/changed.rom"
goes_on_natively hypercall_rom_is_refused_without_a_hypervisor "VMI ROM failed to initialize! (ffffffff)"

change 38 2 # PCI device 0802h
run qemu "$work/changed.rom" "rounds=32"
says "its warning" "VMI: ROM from unknown manufacturer"
runs_well_without_all() {
    says "last line" "# end on vmi"
    judge "$1"
}
runs_well_without_all other_pci_ids_are_a_warning
change 26 0
run qemu "$work/changed.rom" "rounds=32"
says "what it found" "VMI: Found UNKNOWN UNKNOWN, API version 3.0, ROM version ${version%.*}"
runs_well_without_all missing_pnp_header_is_no_matter

# --- both APIs in one machine: SeaBIOS loads in reverse order of names ---

run qemu "$build/vmi-native.rom" "rounds=32" -option-rom "$native"
says "the ROM of API 13" "VMI: Found mismatched rom version 13.3"
says "the ROM of API 3.0" "$found"
says "last line" "# end on vmi"
at_3=$(sed -n 's/^the ROM is at //p' "$out")
judge mainline_finds_its_rom_behind_that_of_api_13

LOG=$work/log TIMEOUT=$limit GUEST=tour QEMU_ARGS="-option-rom $native" "$top/tools/run.sh" "$build" > "$out" 2>&1 < /dev/null
want status 0 $?
at_13=$(sed -n 's/^  000\([CD][0-9A-F]*\)h .* VMI API 13.3, .*/\1/p' "$out")
want "the ROM of API 3.0" 1 "$(grep -c "^  000$(echo "$at_3" | tr a-f A-F)h .* VMI API 3.0, checksum right" "$out")"
want "API 13 is the lower one" yes "$([ $((0x$at_13)) -lt $((0x$at_3)) ] && echo yes)"
judge api_13_guest_finds_its_rom_below_that_of_api_3

finish
