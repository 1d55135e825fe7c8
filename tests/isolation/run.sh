#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# A guest's ring 0 stays under the reference hypervisor, does not crash it, and finds what it would
# find natively: run.sh BUILD_DIR, prints TAP. Under QEMU and Bochs, with up to nine processors; with
# x2APIC where there is a QEMU that has it: the machine's, or one from Debian's backports, in
# BUILD_DIR/packages.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
kernel=$build/guest/isolation.img
rom=$build/vmi-monitor.rom

# Offsets in the monitor: where its #DB goes, the second entry of 16 bytes; the instruction behind VMRUN, and two functions.
offset_of() {
    nm "$build/monitor/monitor.elf" | awk -v name="$1" '$3 == name { print substr($1, length($1) - 7) }'
}
behind_vmrun=$(objdump -d "$build/monitor/monitor.elf" | awk 'found { print substr($1, length($1) - 5, 5); exit } /vmrun/ { found = 1 }')
places="entry=$(printf '%x' $((0x$(offset_of host_vectors) + 16))) behind=$behind_vmrun"
places="$places run=$(offset_of run_guest) exit=$(offset_of handle_exit)"

# results NAME OUTPUT: the guest's, as tests of ours, and the monitor's own words.
results() {
    tail_of_it=$(grep -a '^# ' "$2" | tail -n 5)
    while IFS= read -r line; do
        case $line in
        "ok - "*) pass "$1: ${line#ok - }" ;;
        "not ok - "*) fail "$1: ${line#not ok - }" "$tail_of_it" ;;
        "# monitor: FAULT"* | "# monitor: unknown"*) fail "$1: the monitor keeps running" "$line" ;;
        esac
    done <"$2"
    check "$1: the guest completes" run_completed "$2"
}

# on_qemu NAME WORDS OPTION...: a run's output in $work/NAME
on_qemu() {
    name=$1 words=$2
    shift 2
    "$mkdisk" --cmdline "$kernel" "$work/$name.img" "$words"
    : >"$work/$name"
    QEMU=${engine:-$QEMU64} run_qemu "$work/$name.img" "${image_rom:-$rom}" "$work/$name" -accel tcg -cpu EPYC,+svm,+npt "$@"
}

qemu_tests() {
    on_qemu "$@"
    results "$1" "$work/$1"
}

bochs_tests() {
    run_engine "$2" "$kernel" "$rom" "$work/$1" "$3"
    results "$1" "$work/$1"
}

# figure NAME REASON: exits of a run for that
figure() {
    awk -v reason="$2" '/^# monitor: exits:/ { for (i = 4; i < NF; i += 2) if ($i == reason) n = $(i + 1) } END { print n + 0 }' "$work/$1"
}

times_figures() {
    grep -a -c '^# monitor: exits:' "$work/$1"
}

# A word in the image.
make_options() {
    "$top/tools/monitor-options.sh" "$build" "$rom" "$work/resets.rom" resets &&
        "$top/tools/monitor-options.sh" "$build" "$rom" "$work/com1.rom" com1
}

# --- one processor --------------------------------------------------------------------------------

qemu_tests one "" -M pc
same "one: the figures come once, at the guest's end" "1 # end" \
    "$(grep -a -c '^# monitor: exits:' "$work/one") $(grep -a -B1 '^# monitor: exits:' "$work/one" | head -n 1)"
qemu_tests features "try=features" -M pc -cpu max
qemu_tests eoi "try=eoi" -M pc
same "eoi: an end of interrupt is one exit, and a few before the first" "105 0" "$(figure eoi NPF) $(figure eoi step)"
qemu_tests resets "try=resets" -M pc
same "resets: the figures come where the monitor resets the machine, and at the end" 3 "$(times_figures resets)"
check "the image can be told to watch the ports that reset, and to print on COM1" make_options
image_rom=$work/resets.rom
qemu_tests resets-watched "try=resets" -M pc
same "resets-watched: the figures come before every reset, and at the end" 6 "$(times_figures resets-watched)"
image_rom=
on_qemu triple "try=triple" -M pc -no-reboot
status=$?
same "triple: the figures come before the reset" "0 1" "$status $(times_figures triple)"
on_qemu com1 "try=eoi" -M pc -serial "file:$work/com1.serial"
same "com1: the serial line is the guest's" "1 0" "$(times_figures com1) $(wc -c <"$work/com1.serial" | tr -d ' ')"
image_rom=$work/com1.rom
on_qemu com1-asked "try=eoi" -M pc -serial "file:$work/com1-asked.serial"
same "com1-asked: the figures are on both" "$(grep -a '^# monitor' "$work/com1-asked")" "$(cat "$work/com1-asked.serial")"
same "com1-asked: they are there" 1 "$(times_figures com1-asked)"
image_rom=
image_rom=$build/vmi-monitor-all.rom
qemu_tests long "try=long $places" -M pc
image_rom=
qemu_tests high "try=high" -M pc -m 6G -cpu EPYC,+svm,+npt,-pdpe1gb

for machine in pc q35; do
    qemu_tests "sleep-$machine" "try=sleep" -M "$machine"
    on_qemu "off-$machine" "try=off" -M "$machine"
    status=$?
    same "off-$machine: S5 powers the machine off" "0 # power off" "$status $(grep -a "^# power\|^not ok" "$work/off-$machine")"
    same "off-$machine: the figures come before" 1 "$(times_figures "off-$machine")"
done

# The guest does not have the monitor, but what POST has put on the screen.
engine=$QEMU
qemu_tests ia32 "screen=needs_long_mode" -M pc
engine=

# --- several --------------------------------------------------------------------------------------

qemu_tests three "try=others processors=3" -M pc -smp 3
qemu_tests q35 "try=others processors=2" -M q35 -smp 2
qemu_tests nine "try=others processors=9" -M pc -smp 9
check "nine: the launch says how many are parked" grep -a -q '^# monitor: launched: processors 8 parked for good 1' "$work/nine"
same "three: no line where none is parked" 0 "$(grep -a -c '^# monitor: launched' "$work/three")"

# --- x2APIC -----------------------------------------------------------------------------------------

find_x2apic
engine=$x2apic_qemu
if [ -n "$engine" ]; then
    # shellcheck disable=SC2086 # two options
    qemu_tests x2apic "try=others x2apic processors=3" -M pc -smp 3 -cpu EPYC,+svm,+npt,+x2apic $x2apic_data
else
    skip "x2apic" "no QEMU with x2APIC, neither installed nor in backports"
fi
engine=

# --- Bochs ------------------------------------------------------------------------------------------

if command -v "$BOCHS" >/dev/null; then
    bochs_tests bochs-one bochs-svm ""
    bochs_tests bochs-resets bochs-svm "try=resets-open"
    bochs_tests bochs-long bochs-svm "try=long $places"
    bochs_tests bochs-two bochs-svm-smp "try=others processors=2"
else
    skip "bochs" "$BOCHS is not installed"
fi

finish
