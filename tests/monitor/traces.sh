#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The monitor exits for the same reasons at the same places under QEMU and under Bochs: traces.sh
# BUILD_DIR, prints TAP. A bit in a copy of the image lets it print a line for each exit; the lines of
# the two engines are compared for two guests that do the same on both.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
bochs_starts=10

FEWEST=1000 # exits of the machine tests: fewer are no comparison

# A copy of the image that traps all it may.
make_tracing() {
    "$top/tools/monitor-options.sh" "$build" "$build/vmi-monitor-all.rom" "$work/tracing.rom" trace
}

# The exits of a run, from the guest's first line on, without what differs between the engines and is
# not wrong:
# - the published ROM's place: the BIOS and other option ROMs decide. Its pages are named P and Q; a
#   test has them FFC00000h higher too;
# - ECX and EDX at CPUID (072), which hold what an earlier CPUID or read of CR0 gave;
# - CD and NW (bits 30, 29) of CR0 in SetCR0 (slot 20): Bochs' BIOS leaves the caches off;
# - the CPUID of the INT 15h hook, which the monitor has where there is no PMM: under Bochs;
# - while an alarm is armed interrupts (060) and the PIT's port (07B) exit: when is a matter of time;
# - InvalPage (slot 55) of 40000000h: TCG skips that test, since its INVLPG drops more than a page.
normal_trace() {
    place=$((0x$(sed -n 's/^# VMI ROM of API 13 at \(.....\).*/\1/p' "$1" | head -n 1)))
    p=$(printf '%05X' "$place")
    q=$(printf '%05X' $((place + 4096)))
    tr -d '\r' <"$1" | sed '1,/^# VMI ROM of API 13/d' | sed -n "
        /^# exit/!d
        /^# exit 060/d
        /^# exit 07B/d
        /^# exit 072 .* eax 40000001/d
        /slot 55 .* eax 40000000/d
        s/000${p%???}/000P/g
        s/FFC${p%???}/FFCP/g
        s/000${q%???}/000Q/g
        s/^\(# exit 072 .*\) ecx .*/\1/
        /slot 20/s/ eax E/ eax 8/
        /slot 20/s/ eax 6/ eax 0/
        p"
}

# trace ENGINE: the machine tests' exits in the file $work/ENGINE.trace
trace() {
    run_engine "$1" "$build/guest/machine.img" "$work/tracing.rom" "$work/$1.out"
    normal_trace "$work/$1.out" >"$work/$1.trace"
    run_completed "$work/$1.out"
}

check "the image can be told to trace" make_tracing
for engine in qemu-svm bochs-svm; do
    check "$engine: the guest completes while it is traced" trace "$engine"
done
check "there are many exits" test "$(wc -l <"$work/qemu-svm.trace")" -ge "$FEWEST"
check "the exits are the same under QEMU and Bochs" diff "$work/qemu-svm.trace" "$work/bochs-svm.trace"

run_engine qemu-svm "$build/guest/machine.img" "$build/vmi-monitor-all.rom" "$work/plain.out" "only=SetCR0"
same "nothing is traced unless it is asked for" 0 "$(grep -c '^# exit' "$work/plain.out")"

finish
