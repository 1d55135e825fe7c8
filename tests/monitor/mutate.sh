#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# mutate.sh BUILD_DIR [CALL...]: removes each handler of the monitor once. Prints TAP, one test a call.
# In a copy of the image that traps all it may, the call's entry in the table of handlers leads to one
# that does nothing, or returns 0. Some test has to fail: a machine test of the call, the hostile guest
# with this call alone, or one of the monitor's guests with two processors. Equivalent mutants are
# listed below; a listed one that is killed fails.
set -u

arguments="[CALL...]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
shift
calls=" $* "
longest=$limit # for runs with the right image
STEPS=300     # of the hostile guest
# The first slot of API 3.0 alone, but for the numbers that it shares
FIRST_OF_3=$(awk '$2 == "VMI_CALL_LAST" { print $3 + 1 }' "$build/gen/vmi/calls.h")

elf=$build/monitor/monitor.elf
unsealed=$build/monitor/monitor-all.rom # not sealed yet
HOST_BASE=0x8000000000               # monitor.ld

# Why a handler that does nothing cannot be told from the right one; nothing: it can.
cannot_differ() {
    case $1 in
    IODelay)
        echo "a write to port 80h leaves nothing behind" ;;
    InvalPage | FlushTLB)
        echo "VMRUN of these engines drops all; the suite monitor-calls looks at the VMCB" ;;
    WBINVD)
        echo "no cache is emulated" ;;
    UpdatePxE | UpdatePxELong | MachineToPhysical | PhysicalToMachine | SetLazyMode)
        echo "it does nothing anyway" ;;
    *) return 1 ;;
    esac
}

# No guest here makes these calls of API 3.0 yet.
# --- the image ----------------------------------------------------------------------------------

# Offset of a symbol in the monitor.
offset_of() {
    echo $((0x$(nm "$elf" | awk -v name="$1" '$3 == name { print $1 }') - HOST_BASE))
}

# Where monitor.bin lies in the image: in front of the hypercall ROM, 16 bytes of alignment aside.
find_blob() {
    size=$(wc -c <"$build/monitor/monitor.bin")
    end=$(od -An -tu4 -j32 -N4 "$unsealed" | tr -d ' ')
    for pad in 0 16; do
        blob=$((end - pad - (size + 15) / 16 * 16))
        ! cmp -s -i "0:$blob" -n "$size" "$build/monitor/monitor.bin" "$unsealed" || return 0
    done
    return 1
}

# put_pointer FILE OFFSET VALUE: eight bytes, the low one first
put_pointer() {
    value=$3 bytes=
    for _ in 1 2 3 4 5 6 7 8; do
        bytes=$bytes$(printf '\\%03o' $((value & 255)))
        value=$((value >> 8))
    done
    # shellcheck disable=SC2059 # the format is the bytes
    printf "$bytes" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# The address that the table has for the handler at index $1.
handler_at() {
    od -An -v -tx8 -j$((blob + table + 8 * $1)) -N8 "$unsealed" | tr -d ' '
}

# The handler at index $1, of slot $2, does nothing; one that does nothing as it is returns 0, or stops.
break_handler() {
    broken=$none
    if [ $((0x$(handler_at "$1"))) = $((HOST_BASE + none)) ]; then
        broken=$zero
        [ "$2" -lt "$FIRST_OF_3" ] || broken=$stops # EAX is scratch, and the hostile guest is of API 13
    fi
    cp "$unsealed" "$work/broken.bin" && chmod u+w "$work/broken.bin" &&
        put_pointer "$work/broken.bin" $((blob + table + 8 * $1)) $((HOST_BASE + broken)) &&
        "$build/romsum" "$work/broken.bin" -o "$work/broken.rom"
}

# --- what fails ---------------------------------------------------------------------------------

# The names of tests that fail; a run that does not complete fails too.
failures() {
    sed -n 's/^not ok - //p' "$1"
    run_completed "$1" || echo "the run did not complete"
}

# run KERNEL ENGINE ROM COMMAND LINE: what fails. Many guests hang without a handler; a run that takes ten times as long as
# with the right image has.
run() {
    icount=''
    [ "$1" != alarm ] || icount=1
    eval "limit=\${limit_$1:-$longest}"
    run_engine "$2" "$build/guest/$1.img" "$3" "$work/out" "$4"
    failures "$work/out" | sort >"$work/failures"
}

news() {
    comm -13 "$work/expected-$1" "$work/failures" | head -1
}

killed_by() {
    if [ "$2" -ge "$FIRST_OF_3" ]; then
        run machine qemu-svm "$work/broken.rom" "api=3 only=${1%3}"
        seen=$(news machine-3)
        [ -z "$seen" ] || { echo "machine: $seen"; return; }
        run monitor qemu-svm-smp "$work/broken.rom" ""
        seen=$(news monitor)
        [ -z "$seen" ] || echo "monitor: $seen"
        return
    fi
    run machine qemu-svm "$work/broken.rom" "only=$1"
    seen=$(news machine)
    [ -z "$seen" ] || { echo "machine: $seen"; return; }
    run hostile qemu-svm "$work/broken.rom" "slot=$2 steps=$STEPS tcg=1"
    seen=$(news hostile)
    [ -z "$seen" ] || { echo "hostile: $seen"; return; }
    for guest in alarm monitor; do
        run "$guest" qemu-svm-smp "$work/broken.rom" ""
        seen=$(news "$guest")
        [ -z "$seen" ] || { echo "$guest: $seen"; return; }
    done
}

# expect KERNEL ENGINE COMMAND LINE [NAME]: what fails with the right image
expect() {
    begun=$(date +%s)
    run "$1" "$2" "$build/vmi-monitor-all.rom" "$3"
    eval "limit_$1=$((30 + 10 * ($(date +%s) - begun)))"
    mv "$work/failures" "$work/expected-${4:-$1}"
}

# --- all ------------------------------------------------------------------------------------------

check "the monitor is found in its image" find_blob
table=$(offset_of monitor_handlers)
none=$(offset_of call_none)
zero=$(offset_of call_zero)
stops=$(offset_of call_shutdown)
find_blob
expect machine qemu-svm ""
expect machine qemu-svm "api=3" machine-3
expect hostile qemu-svm "steps=$STEPS tcg=1"
expect monitor qemu-svm-smp ""
expect alarm qemu-svm-smp ""
same "the hostile guest finds nothing wrong with the right image" "" "$(cat "$work/expected-hostile")"

grep -o '^    vmi_handler \*[A-Za-z0-9]*;  *[/]\*  *[0-9]*:' "$build/gen/vmi/handlers.h" |
    sed 's/^[^*]*\*\([A-Za-z0-9]*\);[^0-9]*\([0-9]*\):/\1 \2/' >"$work/handlers"
index=0
while read -r name slot; do
    at=$index
    index=$((index + 1))
    [ $((0x$(handler_at "$at"))) != 0 ] || continue # not served: never a trap
    case $calls in
    "  " | *" $name "*) ;;
    *) continue ;;
    esac
    break_handler "$at" "$slot"
    by=$(killed_by "$name" "$slot")
    if why=$(cannot_differ "$name"); then
        same "without its handler $name is the same: $why" "" "$by"
    elif [ -n "$by" ]; then
        pass "without its handler $name is killed ($by)"
    else
        fail "without its handler $name is killed"
    fi
done <"$work/handlers"

finish
