#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The hypervisor that Init starts: run.sh BUILD_DIR [control], prints TAP; with interrupt control where
# that is said. Guests of both APIs in ring 1 under
# QEMU, on an old and on a new processor, and under Bochs, where the ROM is true ROM and limits are
# enforced: the demo kernel, the tour, the machine tests against their native run, and the kernel that
# goes about API 3.0 as mainline Linux does. ENGINES="old new bochs" in the environment chooses.
set -u

arguments="[control]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
mkdisk=$top/examples/lib/mkdisk.sh
control=${2:-}
lowering=$build/vmi-ring1${control:+-control}.rom # not rom: engines.sh has one
out=$work/out

cpus=1 # of Bochs
many=1 # of QEMU's new machine: with interrupt control the code for several processors is another
[ -z "$control" ] || many=2,sockets=2

# run ENGINE GUEST ROM COMMAND-LINE [OPTION...]: what the guest says on port E9h is in $out
run() {
    engine=$1 image=$3
    "$mkdisk" --cmdline "$build/guest/$2.img" "$work/disk.img" "$4"
    shift 4
    : >"$out"
    rm -f "$work/serial" "$work/serial.txt" "$work"/*.lock
    case $engine in
    bochs)
        bochs_model=corei7_sandy_bridge_2600k bochs_resets=1
        run_bochs "${cpus:-1}" "$work/disk.img" "$image" "$out"
        tr -d '\r' <"$out.raw" >"$out"
        ;;
    pentium) run_qemu "$work/disk.img" "$image" "$out" -M pc -cpu pentium -accel tcg -serial "file:$work/serial" "$@" ;;
    old) run_qemu "$work/disk.img" "$image" "$out" -M pc -cpu qemu32,+mtrr -accel tcg -serial "file:$work/serial" "$@" ;;
    new) run_qemu "$work/disk.img" "$image" "$out" -M q35 -cpu max -smp "$many" -accel tcg -serial "file:$work/serial" "$@" ;;
    esac
    [ ! -f "$work/serial" ] || tr -d '\r' <"$work/serial" >"$work/serial.txt"
}

# says LINE: the guest said it as a whole line; else the last that it and its engine said
says() {
    grep -a -q -x -- "$1" "$out" "$work/serial.txt" 2>/dev/null && return
    tail -n 4 "$out" "$out.log" "$work/serial.txt" 2>/dev/null
    return 1
}

# has PATTERN: the same for a part of a line
has() {
    grep -a -q -- "$1" "$out" && return
    grep -a 'FAILED' "$out"
    tail -n 4 "$out" "$out.log" 2>/dev/null
    return 1
}

# --- the image ----------------------------------------------------------------------------------

# How many 2 KiB of the file look like a VMI ROM
vmi_roms() {
    od -An -v -tx1 -w2048 "$1" | grep -c '^ 55 aa.\{18\} 63 56 6d 69'
}

# The sum of so many blocks of 512 bytes from an offset
sum_of() {
    od -An -v -tu1 -j "$2" -N "$(($3 * 512))" "$1" | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum % 256 }'
}

length_at() {
    od -An -tu1 -j $(($2 + 2)) -N 1 "$1" | tr -d ' '
}

first=$(length_at "$lowering" 0)
check "the image that guests of API 13 find is at most 32 blocks long" test "$first" -le 32
check "its bytes sum to 0" test "$(sum_of "$lowering" 0 "$first")" = 0
check "those of the image of API 3.0 in it do" test "$(sum_of "$lowering" 8192 "$(length_at "$lowering" 8192)")" = 0
check "those of the ROM behind it do" test "$(sum_of "$lowering" $((first * 512)) "$(length_at "$lowering" $((first * 512)))")" = 0
check "two places of the file look like a VMI ROM" test "$(vmi_roms "$lowering")" = 2
check "the two ROMs are the file" test "$((512 * (first + $(length_at "$lowering" $((first * 512))))))" = "$(wc -c <"$lowering")"

# The word that chooses interrupt control, and what it exchanges
changes_back() {
    "$build/romsum" --quiet --flag none -o "$work/changed.rom" "$build/vmi-ring1-control.rom" &&
        cmp "$work/changed.rom" "$build/vmi-ring1.rom"
}

# refuses STATUS ARGUMENT...: romsum ends with it, and the file is not written
refuses() {
    expected=$1
    shift
    rm -f "$work/refused.rom"
    "$build/romsum" "$@" -o "$work/refused.rom" >/dev/null 2>&1
    [ $? = "$expected" ] && [ ! -e "$work/refused.rom" ]
}

check "an unknown flag is wrong usage" refuses 2 --flag interrupts "$lowering"
check "a ROM without flags is refused" refuses 1 --flag interrupt-control "$build/vmi-native.rom"
cp "$lowering" "$work/half.rom"
printf '\003\375' | dd of="$work/half.rom" bs=1 seek=$((8192 + 0x7C)) conv=notrunc 2>/dev/null
check "flags that differ in the two images are refused" refuses 1 --flag none "$work/half.rom"
check "romsum has nothing to say about it" "$build/romsum" --check --strict "$lowering"
check "without the flag it is the same file again" changes_back

# --- the machine tests ----------------------------------------------------------------------------

# What cannot be the same as natively, and is not wrong.
differs() {
    case $1 in
    init_returns_zero) echo "the second Init is refused" ;;
    cpuid_is_the_processors) echo "what ring 1 cannot use is not told" ;;
    gdt_is_loaded_and_read_back | idt_is_loaded_and_read_back) echo "SGDT and SIDT show the hypervisor's tables" ;;
    tr_is_loaded_and_used) echo "STR shows the hypervisor's, and the stack is what UpdateKernelStack said last" ;;
    refused_iret_faults_at_the_site*) echo "the processor itself refuses: QEMU checks no limits, QEMU and Bochs have #NP for a stack" ;;
    iret_left_to_the_processor_faults_in_the_image) echo "it faults at the guest's own site, as at an IRETD" ;;
    iopl_opens_ports_to_ring_3* | iopl_reaches_ring_3_through_sysexit) echo "IOPL is the hypervisor's" ;;
    no_other_time_is_kept | alarms_never_fire) echo "the hypervisor keeps time" ;;
    bad_msr_faults_as_natively) echo "EFER has no bits that lead out of ring 1" ;;
    *) return 1 ;;
    esac
}

results() {
    sed -n 's/^ok - \(.*\) # SKIP .*/\1 skipped/p; t
        s/^ok - \(.*\)/\1 ok/p; s/^not ok - \([^ ]*\).*/\1 failed/p' "$1" | sort -u
}

# compare_machine ENGINE NATIVE-ROM [api=3]: every test comes to what it comes to natively
compare_machine() {
    many=1 # a test of theirs starts another processor natively
    run "$1" machine "$2" "$3"
    results "$out" >"$work/native"
    run "$1" machine "$lowering" "init $3"
    results "$out" >"$work/lowered"
    check "$1: the machine tests complete${3:+, $3}" says "# end"
    join -a 1 -e missing -o 0,1.2,2.2 "$work/native" "$work/lowered" >"$work/compared"
    same=0
    while read -r name before now; do
        if [ "$before" = "$now" ]; then
            same=$((same + 1))
        elif [ "$now" = missing ] && { [ -n "$3" ] || [ "${name#relocation_}" != "$name" ]; }; then
            : # API 3.0 answers with fewer calls; the alias of API 13 is not needed
        elif reason=$(differs "$name"); then
            echo "# $1: $name differs: $reason"
        else
            fail "$1: $name is $now, natively $before${3:+ ($3)}" "$(grep -a -B6 "$name" "$out" | grep -a -v '^ok\|image' | head -8)"
        fi
    done <"$work/compared"
    [ -z "$control" ] || many=2,sockets=2
    check "$1: most of them have the native result${3:+, $3}" test $same -ge "$4"
}

# --- guests ---------------------------------------------------------------------------------------

# The demo kernel: under Bochs its console is no longer port E9h
demo() {
    run "$1" demo "$lowering" "input=none $2"
    check "$1: the demo kernel does its work${2:+, $2}" says "Result: OK"
}

# Init takes the kernel again behind every way to boot again
reboots() {
    run "$1" ring1 "$lowering" "reboots=1"
    check "$1: every reboot leads to an Init that succeeds" says "# boot 4"
}

tour() {
    run "$1" tour "$lowering" "$2"
    check "$1: the tour finds every call at work${2:+, $2}" has ' calls called, 0 failed, [0-9]* differ in ring 1'
}

figure() {
    sed -n "s/.*$1 \\([0-9][0-9]*\\).*/\\1/p" "$out"
}

# Every bad return is the process's own affair; QEMU lets one through, which is beyond a limit
mainline() {
    run "$1" mainline "$lowering" "$2"
    check "$1: the mainline-like kernel completes ($2)" says "# end on vmi"
    kinds=ffff
    [ "$1" = bochs ] || kinds=ff7f
    check "$1: its bad returns are reported as such ($2)" says "system calls .* kinds $kinds"
}

# The same on several processors at once
mainlines() {
    before=$many many=4,sockets=4 cpus=2 count=4
    [ "$1" != bochs ] || count=2
    mainline "$1" "$2 smp"
    check "$1: it runs on $count processors ($2)" says "# $count processors"
    others=$(grep -a -c "^processor [1-9]: .* kinds $kinds" "$out")
    check "$1: their bad returns are reported as such ($2)" test "$others" = $((count - 1))
    many=$before cpus=1
}

# tried ENGINE PROCESSORS [OPTION...]: the guest that tries what ring 1 is about
tried() {
    engine=$1 cpus=$2
    shift 2
    options=
    [ "$engine" != bochs ] || options=global=1 # QEMU's TLB drops global pages
    run "$engine" ring1 "$lowering" "$options" "$@"
    grep -a -E '^(ok|not ok) - ' "$out" >"$work/lines"
    while IFS= read -r line; do
        name=${line#*ok - }
        case $line in
        *"# SKIP "*) echo "# $engine: ${name%% # SKIP *} is not shown: ${name#*SKIP }" ;;
        "ok - "*) pass "$engine: $name ($cpus)" ;;
        *) fail "$engine: $name ($cpus)" "$(grep -a -A1 "$name" "$out")" ;;
        esac
    done <"$work/lines"
    check "$engine: the guest completed ($cpus)" says "# end"
    [ "$cpus" = 1 ] || check "$engine: $cpus processors ran in ring 1" says "# $cpus processors"
    cpus=1
}

# alarms ENGINE PROCESSORS: counters and alarms, as below the SVM monitor
alarms() {
    engine=$1 cpus=$2
    options=init
    set --
    [ "$engine" = bochs ] || set -- -icount shift=5,sleep=off -rtc clock=vm -smp "$cpus,sockets=$cpus"
    [ "$cpus" = 1 ] || options="init smp"
    run "$engine" alarm "$lowering" "$options" "$@"
    grep -a -E '^(ok|not ok) - ' "$out" >"$work/lines"
    while IFS= read -r line; do
        name=${line#*ok - }
        case $line in
        "ok - "*) pass "$engine: $name ($cpus)" ;;
        *)
            if reason=$(alarm_differs "$engine:$name"); then
                echo "# $engine: $name differs: $reason"
            else
                fail "$engine: $name ($cpus)" "$(grep -a -F -A1 "$name" "$out")"
            fi
            ;;
        esac
    done <"$work/lines"
    check "$engine: the guest with alarms came to its end ($cpus)" says "# end"
    cpus=1
}

alarm_differs() {
    case $1 in
    *:its_mask_and_vector_are_kept) echo "a shot that is masked is held: LVTT is periodic" ;;
    bochs:*) return 1 ;;
    *:the_tsc_can_be_set | *:rdmsr_reads_it | *:the_call_sets_it_too) echo "QEMU's WRMSR does not set it" ;;
    *) return 1 ;;
    esac
}

for engine in ${ENGINES:-old new bochs}; do
    case $engine in
    bochs) program=$BOCHS ;;
    *) program=$QEMU ;;
    esac
    command -v "$program" >/dev/null || {
        skip "$engine" "$program is not installed"
        continue
    }
    [ "$engine" = bochs ] || demo "$engine" ""
    [ "$engine" = bochs ] || demo "$engine" api=3
    case $engine in
    old)
        tried old 1
        tried old 4 -smp 4
        ;;
    new) tried new 8 -smp 8,sockets=8 ;;
    bochs) tried bochs 2 ;;
    esac
    reboots "$engine"
    case $engine$control in # each engine that can has one processor in one stage, two in the other
    bochs | newcontrol) alarms "$engine" 2 ;;
    *) alarms "$engine" 1 ;;
    esac
    tour "$engine" ""
    tour "$engine" api=3
    mainline "$engine" "rounds=128"
    mainline "$engine" "rounds=64 alarm"
    check "$engine: its ticks are an alarm's" says "irets .*, ticks [0-9]* of an alarm"
    [ "$engine" = old ] || mainlines "$engine" "rounds=64 pae"
    [ "$engine" = new ] || mainline "$engine" "rounds=64 wrong"
    compare_machine "$engine" "$build/vmi-native.rom" "" 100
    [ "$engine" = old ] || compare_machine "$engine" "$build/policy/all.rom" api=3 50
done
case ${ENGINES:-old} in
*old*) demo pentium "" ;;
esac

finish
