#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Each call's handler in ring 1 once left out: mutate.sh BUILD_DIR [CALL...], prints TAP. Its entry in
# the table of C's handlers leads to one that does nothing, and what is served beside the entry is C's
# meanwhile; then what is served beside the entry returns at once. Somebody has to notice: the hostile
# guest, the machine tests of the call, the guest with alarms, the one that tries what ring 1 is about.
# What none can show is listed below; a listed one that is noticed fails.
set -u

arguments="[CALL...]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
shift
calls=" $* "
STEPS=3000 # of the hostile guest
HV_BASE=$((0xFFC00000))
HEADER=32 # of the ROM behind the first, before the hypervisor

elf=$build/ring1/ring1.elf
payload=$build/ring1/payload.rom

# Why a handler that does nothing cannot be told from the right one; nothing: it can.
cannot_differ() {
    case $1 in
    WBINVD) echo "no cache is emulated" ;;
    *) return 1 ;;
    esac
}

# --- the image ----------------------------------------------------------------------------------

address_of() {
    echo $((0x$(nm "$elf" | awk -v name="$1" '$3 == name { print $1 }')))
}

# The first place of two instructions, one behind the other
place_of() {
    echo $((0x$(objdump -d "$elf" | awk -v first="$1" -v second="$2" '
        $0 ~ second && at { print at; exit }
        { at = "" }
        $0 ~ first { at = substr($1, 1, length($1) - 1) }')))
}

# put FILE ADDRESS VALUE: four bytes at an address of the hypervisor's, the low one first
put() {
    value=$3 bytes=
    for _ in 1 2 3 4; do
        bytes=$bytes$(printf '\\%03o' $((value & 255)))
        value=$((value >> 8))
    done
    # shellcheck disable=SC2059 # the format is the bytes
    printf "$bytes" | dd of="$1" bs=1 seek=$(($2 - HV_BASE + HEADER)) conv=notrunc 2>/dev/null
}

get() {
    od -An -v -tu4 -j $(($1 - HV_BASE + HEADER)) -N 4 "$payload" | tr -d ' '
}

begin_mutant() {
    cp "$payload" "$work/payload" && chmod u+w "$work/payload"
}

end_mutant() {
    "$build/romsum" --quiet "$work/payload" -o "$work/payload.rom" &&
        cat "$build/ring1/rom.rom" "$work/payload.rom" >"$work/broken.rom"
}

# --- who notices --------------------------------------------------------------------------------

# run GUEST ROM COMMAND-LINE [OPTION...]
run() {
    "$mkdisk" --cmdline "$build/guest/$1.img" "$work/disk.img" "$3"
    image=$2
    shift 3
    : >"$work/out"
    run_qemu "$work/disk.img" "$image" "$work/out" -M q35 -cpu qemu32,+mtrr -accel tcg "$@"
    { sed -n 's/^not ok - //p' "$work/out" && grep '^# block' "$work/out"; run_completed "$work/out" || echo "the run is not whole"; } |
        sort >"$work/results"
}

# What comes with the right image
expect() {
    name=$1 begun=$(date +%s)
    shift
    run "$@"
    eval "limit_$name=$((20 + 8 * ($(date +%s) - begun)))"
    mv "$work/results" "$work/expected-$name"
}

# look NAME GUEST COMMAND-LINE [OPTION...]: what is new with the broken one
look() {
    name=$1 guest=$2 words=$3
    shift 3
    eval "limit=\$limit_$name"
    run "$guest" "$work/broken.rom" "$words" "$@"
    comm -13 "$work/expected-$name" "$work/results" | head -n 1
}

noticed_by() {
    seen=$(look hostile ring1-hostile "init steps=$STEPS")
    [ -z "$seen" ] || { echo "hostile: $seen"; return; }
    seen=$(look machine machine "init only=$1")
    [ -z "$seen" ] || { echo "machine: $seen"; return; }
    seen=$(look alarm alarm "init smp" -smp 2 -icount shift=5,sleep=off -rtc clock=vm)
    [ -z "$seen" ] || { echo "alarm: $seen"; return; }
    seen=$(look ring1 ring1 "" -smp 3)
    [ -z "$seen" ] || { echo "ring1: $seen"; return; }
    seen=$(look tour tour "api=3" -smp 2)
    [ -z "$seen" ] || echo "tour: $seen"
}

judge() {
    what=$1 call=$2
    by=$(noticed_by "$call")
    if why=$(cannot_differ "$call"); then
        same "$what $call is the same: $why" "" "$by"
    elif [ -n "$by" ]; then
        pass "$what $call is noticed ($by)"
    else
        fail "$what $call is noticed"
    fi
}

# --- all ------------------------------------------------------------------------------------------

table=$(address_of calls)
served=$(address_of served)
slow=$(address_of slow)
nothing=$(place_of 'xor +%eax,%eax' 'ret *$')
returns=$(place_of 'pop +%ebx' 'iret')
right=$build/vmi-ring1.rom
expect hostile ring1-hostile "$right" "init steps=$STEPS"
expect machine machine "$right" init
expect alarm alarm "$right" "init smp" -smp 2 -icount shift=5,sleep=off -rtc clock=vm
expect ring1 ring1 "$right" "" -smp 3
expect tour tour "$right" "api=3" -smp 2
check "the guests have something to say" test "$(wc -l <"$work/expected-hostile")" -eq 3

awk -F'\t' '!/^#/ && $1 ~ /^[0-9]+$/ { print $1, $4 }' calls.tsv | sort -u >"$work/calls"
while read -r slot call; do
    case $calls in
    "  " | *" $call "*) ;;
    *) continue ;;
    esac
    if [ "$(get $((table + 4 * slot)))" != 0 ]; then
        begin_mutant
        put "$work/payload" $((table + 4 * slot)) "$nothing"
        put "$work/payload" $((served + 4 * slot)) "$slow"
        end_mutant
        judge "without its handler in C" "$call"
    fi
    if [ "$(get $((served + 4 * slot)))" != "$slow" ]; then
        begin_mutant
        put "$work/payload" $((served + 4 * slot)) "$returns"
        end_mutant
        judge "without what serves it beside the entry" "$call"
    fi
done <"$work/calls"

finish
