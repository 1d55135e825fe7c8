#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The reference hypervisor: run.sh BUILD_DIR, prints TAP. Under QEMU and Bochs, with every policy:
# the tour, the machine tests as they run natively, a guest that tries the monitor, and one
# that tries its alarms; again with two processors. ENGINES="qemu-svm bochs-svm qemu-svm-smp
# bochs-svm-smp" in the environment chooses.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
tools=$top/tools

rom_of() {
    case $1 in
    tuned) echo "$build/vmi-monitor.rom" ;;
    *) echo "$build/vmi-monitor-$1.rom" ;;
    esac
}

# --- the image ----------------------------------------------------------------------------------

# Bytes 8 to 11 of every 2 KiB: no guest may take a part of the image for a VMI ROM.
shows_no_vmi() {
    od -An -v -tx1 -w2048 "$1" | awk 'substr($0, 1, 6) == " 55 aa" && substr($0, 25, 12) == " 63 56 6d 69" { bad = 1 } END { exit bad }'
}

for policy in all tuned; do
    check "the image is sealed ($policy)" "$build/romsum" --check "$(rom_of $policy)"
    check "no 2 KiB of the image look like a VMI ROM ($policy)" shows_no_vmi "$(rom_of $policy)"
done
if shows_no_vmi "$build/vmi-hypercall.rom"; then
    fail "the hypercall ROM looks like one"
else
    pass "the hypercall ROM looks like one"
fi

# --- the tour -----------------------------------------------------------------------------

run_tour() {
    POLICY=$2
    engine=${1%-svm}
    out=$work/tour-$engine-$2
    POLICY=$POLICY ENGINE=$engine LOG=$out.d TIMEOUT=$limit "$tools/run-monitor.sh" "$build" >"$out" 2>&1
}

tour_tests() {
    check "$1: the tour finds every call at work ($2)" run_tour "$1" "$2"
    check "$1: it ran on the hypercall ROM ($2)" grep -q 'VMI hypercall ROM' "$work/tour-${1%-svm}-$2"
}

run_tour_3() {
    API=3 LOG=$work/tour-3.d TIMEOUT=$limit "$tools/run-monitor.sh" "$build" >"$work/tour-3" 2>&1 &&
        grep -q 'VMI 3.0 hypercall ROM' "$work/tour-3"
}

# The native ROM comes first in the machine's memory; the guest is to find ours.
run_beside_native() {
    QEMU_ARGS="-option-rom $build/vmi-native.rom" run_tour qemu-svm tuned &&
        grep -q 'VMI hypercall ROM' "$work/tour-qemu-tuned" &&
        [ "$(grep -c 'VMI API' "$work/tour-qemu-tuned")" = 2 ]
}

# --- a kernel of one's own -------------------------------------------------------------------------

# ends_by NAME NASM-OPTION...: it runs to its end, behind the line by which a guest is known, and the figures are printed
ends_by() {
    name=$1
    shift
    out=$work/kernel.out
    nasm "$@" -o "$work/kernel.bin" "$top/tests/guest/kernel.asm"
    status=0
    KERNEL=$work/kernel.bin APPEND="Detected VMI ROM version 13.3" LOG=$work/kernel.d TIMEOUT=$limit \
        "$tools/run-monitor.sh" "$build" >"$out" 2>&1 || status=$?
    want "status" 0 "$status"
    want "its end" 1 "$(grep -c '^run: VMI found: .* (ended; logs in ' "$out")"
    want "figures" 1 "$(grep -c '^# monitor: exits: ' "$out")"
    want "words of the monitor in its output" 0 "$(grep -c monitor "$work/kernel.d/serial.log")"
    conclude "a kernel that $name runs to its end, and the figures come once" "$(cat "$out")"
}

own_kernels() {
    ends_by "ends the emulator" -DLONG
    ends_by "resets by the keyboard" -DPORT=0x64 -DBYTE=0xFE
    ends_by "resets by port 92h" -DPORT=0x92 -DBYTE=1
    ends_by "resets by port CF9h" -DPORT=0xCF9 -DBYTE=6
    ends_by "faults three times" -DTRIPLE
}

# --- guests with tests of their own ----------------------------------------------------------------

# What cannot be the same as natively, and is not wrong.
differs() {
    case $2:$3 in
    *:no_other_time_is_kept)
        echo "the monitor keeps time" ;;
    *:alarms_never_fire)
        echo "the monitor's do" ;;
    *:written_limit_is_enforced)
        echo "a served INSB takes ES for flat, as the ABI has it" ;;
    all*:exchanges_are_locked)
        echo "looks for LOCK in the slot, where there is a trap" ;;
    all*:page_calls_spare_entries)
        echo "VMRUN flushes, or SetPxE may flush more than it must" ;;
    *:inval_page_spares_the_neighbour* | all*:flush_spares_globals_unless_told*)
        echo "every VMRUN of these engines drops all translations" ;;
    *) return 1 ;;
    esac
}

# Results of a guest under one engine and policy, as tests of ours.
report() {
    while IFS= read -r line; do
        name=${line#*ok - }
        name=${name%% # SKIP *}
        case $line in
        "ok - "*" # SKIP "*) ;;
        "ok - "*) pass "$1: $name ($2)" ;;
        "not ok - "*)
            if reason=$(differs "$1" "$2" "$name"); then
                echo "# $1: $name ($2) differs: $reason"
            else
                fail "$1: $name ($2)"
            fi
            ;;
        "# monitor: FAULT"* | "# monitor: unknown"*) fail "$1: the monitor keeps running ($2)" "$line" ;;
        esac
    done <"$3"
    check "$1: the guest completed ($2)" run_completed "$3"
}

# What a test came to: ok, skipped or not, a line each.
results() {
    sed -n 's/^ok - \(.*\) # SKIP .*/\1 skipped/p; t
        s/^ok - \(.*\)/\1 ok/p; s/^not ok - \([^ ]*\).*/\1 failed/p' "$1" | sort -u
}

# The machine tests as they run natively on the same engine: every one has to come to the same. An
# image of API 3.0 that traps answers with other calls than a native one, so that some are missing.
compare() {
    native=$work/native-$1-${3:-api=13}
    if [ ! -f "$native" ]; then
        rom=$build/vmi-native.rom
        [ -z "$3" ] || rom=$build/policy/all.rom
        run_engine "$1" "$build/guest/machine.img" "$rom" "$native.out" "$3"
        results "$native.out" >"$native"
    fi
    results "$4" >"$4.results"
    join -a 1 -e missing -o 0,1.2,2.2 "$native" "$4.results" >"$4.compared"
    while read -r name before now; do
        [ "$before" != "$now" ] || continue
        [ "$now" != missing ] || [ -z "$3" ] || continue
        reason=$(differs "$1" "$2" "$name") || reason=
        [ -n "$reason" ] || fail "$1: $name ($2) is $now, natively $before"
    done <"$4.compared"
    check "$1: there is something to compare ($2${3:+, $3})" test "$(wc -l <"$native")" -gt 100
}

# The kernel's name, an engine, a policy, the kernel's command line
guest_tests() {
    kernel=$1 engine=$2 policy=$3
    shift 3
    out=$work/$kernel-$engine-$policy
    icount=
    [ "$kernel" != alarm ] || icount=1
    run_engine "$engine" "$build/guest/$kernel.img" "$(rom_of "$policy")" "$out" "$*"
    icount=
    report "$engine" "$policy${1:+, $*}" "$out"
    case $kernel-$* in
    machine-only=*) ;; # their verdicts are all that there is
    machine-*) compare "$engine" "$policy" "$*" "$out" ;;
    esac
}

for engine in ${ENGINES:-qemu-svm bochs-svm qemu-svm-smp bochs-svm-smp}; do
    case $engine in
    qemu*) program=$QEMU64 ;;
    *) program=$BOCHS ;;
    esac
    command -v "$program" >/dev/null || {
        skip "$engine" "$program is not installed"
        continue
    }
    guest_tests monitor "$engine" tuned
    case $engine in
    *-smp)
        guest_tests alarm "$engine" tuned smp
        check "$engine: the guest found two processors" grep -q "^# two processors" "$work/monitor-$engine-tuned"
        ;;
    *)
        [ "$engine" = bochs-svm ] || guest_tests alarm "$engine" all
        guest_tests alarm "$engine" tuned
        tour_tests "$engine" tuned
        [ "$engine" = bochs-svm ] || tour_tests "$engine" all
        ;;
    esac
    case $engine in
    bochs-svm-smp) guest_tests machine "$engine" all "only=$smp_only" ;;
    bochs-svm) # each policy and each API once, since Bochs takes three times as long
        guest_tests machine "$engine" all
        guest_tests machine "$engine" tuned api=3
        ;;
    *)
        for policy in all tuned; do
            guest_tests machine "$engine" "$policy"
            [ "$engine" = qemu-svm-smp ] || guest_tests machine "$engine" "$policy" api=3
        done
        ;;
    esac
    [ "$engine" != qemu-svm ] || check "$engine: the tour finds every call of API 3.0 at work" run_tour_3
    [ "$engine" != qemu-svm ] || own_kernels
    [ "$engine" != qemu-svm ] ||
        check "$engine: a native ROM beside it is not found" run_beside_native
done

# --- x2APIC: the alarms' timer by its MSRs --------------------------------------------------------

# Without icount: with it QEMU stops at the timer's MSRs.
x2apic_alarms() {
    out=$work/alarm-x2apic
    "$mkdisk" --cmdline "$build/guest/alarm.img" "$out.img" x2apic
    : >"$out"
    # shellcheck disable=SC2086 # two options
    QEMU=$x2apic_qemu run_qemu "$out.img" "$(rom_of tuned)" "$out" -M pc -cpu EPYC,+svm,+npt,+x2apic -accel tcg $x2apic_data
    report x2apic tuned "$out"
}

find_x2apic
if [ -n "$x2apic_qemu" ]; then
    x2apic_alarms
else
    skip "x2apic" "no QEMU with x2APIC, neither installed nor in backports"
fi

finish
