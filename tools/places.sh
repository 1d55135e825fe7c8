#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# places.sh BUILD_DIR: boots one demo kernel file in four places: without a ROM, with a native ROM, with
# the hypercall ROM and the reference hypervisor below, and in ring 1 below the one that Init starts. Then it compares what the kernel
# printed. `make run` calls it. Status 0: all runs succeeded, and kernel and results were the same
# everywhere; 1: otherwise; 2: usage error.
#
# With DISK, KERNEL, ROM, INPUT, SCREENSHOT, GUI or GDB it calls run.sh, where the variables are
# described: one guest in one place. API=3: the ROMs of API 3.0. ENGINE=bochs: under Bochs.
set -eu

[ $# -eq 1 ] || {
    echo "usage: $0 BUILD_DIR" >&2
    exit 2
}
build=$1
tools=$(dirname "$0")
[ -z "${DISK:-}${KERNEL:-}${INITRD:-}${APPEND:-}${FOUND:-}${ROM:-}${INPUT:-}${SCREENSHOT:-}${GUI:-}${GDB:-}" ] || exec "$tools/run.sh" "$build"

api=${API:-13}
engine=${ENGINE:-qemu}
# Bad values are reported by run.sh, once.
case $api in 13 | 3) ;; *) exec "$tools/run.sh" "$build" ;; esac
case $engine in qemu | bochs) ;; *) exec "$tools/run.sh" "$build" ;; esac
case ${TIMEOUT:-0} in *[!0-9]*) exec "$tools/run.sh" "$build" ;; esac
log=${LOG:-$build/run}
kernel=$build/guest/demo.bin
QEMU=${QEMU:-qemu-system-x86_64}
case $api in
13) native=$build/vmi-native.rom ;;
*) native=$build/vmi-3-native.rom ;;
esac
export QEMU API="$api" ENGINE="$engine" GUEST=demo

# Prints why the reference hypervisor cannot run. With `enforce` QEMU fails for a feature that it lacks.
why_no_monitor() {
    [ "$engine" = qemu ] || return 1
    command -v "$QEMU" >/dev/null || {
        echo "$QEMU is not installed"
        return
    }
    ! echo quit | "$QEMU" -M pc -accel tcg -cpu 486,+svm,+npt,enforce -S -nodefaults \
        -display none -monitor stdio >/dev/null 2>&1 || return 1
    echo "$QEMU has no SVM with nested paging"
}

status=0
places=
run_in() { # PLACE TITLE WORDS COMMAND...
    place=$1
    printf '=== %s ===\n%s\n\n' "$2" "$3"
    shift 3
    places="$places $place"
    LOG=$log/$place "$@" "$build" || status=1
    echo
}

mkdir -p "$log"
rm -rf "$log/none" "$log/native" "$log/monitor" "$log/ring1"
reason=$(why_no_monitor) || reason=
if [ "$engine" = qemu ] && [ -z "$reason" ]; then
    # the same machine in all places
    export QEMU_ARGS="-cpu EPYC,+svm,+npt ${QEMU_ARGS:-}"
elif [ "$engine" = qemu ]; then
    QEMU=qemu-system-i386
fi
run_in none "1. No ROM" "Every call site of the kernel holds native instructions, and they stay." env ROM=none "$tools/run.sh"
run_in native "2. The native ROM: $native" \
    "The kernel finds the ROM. Its bodies are the instructions that the sites already hold: nothing to patch." "$tools/run.sh"
if [ -z "$reason" ]; then
    run_in monitor "3. The hypercall ROM, the hypervisor below: $build/vmi-monitor.rom" \
        "The hypervisor serves the calls that trap: the kernel patches those sites into calls." \
        env GUEST=demo POLICY= "$tools/run-monitor.sh"
else
    echo "=== 3. The hypercall ROM, the hypervisor below: skipped, $reason ==="
    echo
fi
run_in ring1 "4. The ring 1 ROM: $build/vmi-ring1.rom" \
    "No virtualization hardware: the kernel's Init starts a hypervisor and comes back in ring 1." \
    env ROM="$build/vmi-ring1.rom" "$tools/run.sh"

# --- what the runs have in common, and what not -------------------------------------------------------

# What the kernel printed in a place, by a pattern with one group
said() {
    sed -n "s/$2/\\1/p" "$log/$1/serial.log" 2>/dev/null | sed -n 1p
}

# A row of the table: TITLE PATTERN
row() {
    printf '%-22s' "$1"
    for place in $places; do
        it=$(said "$place" "$2")
        printf '  %-14s' "${it:--}"
    done | sed 's/ *$//'
    echo
}

# What must be the same in every place. The order of the two processes and the number of ticks may differ.
of() { # kernel|work PLACE
    case $1 in
    kernel) said "$2" '^Demo kernel of vmirom: .*, checksum \([0-9A-F]*\)$' ;;
    work) grep -E '^(primes|queens|serial line|keyboard|Result)' "$log/$2/serial.log" 2>/dev/null | sort || : ;;
    esac
}

# same TITLE kernel|work: prints whether it is the same in all places, and not empty
same() {
    first=$(of "$2" none)
    for place in $places; do
        if [ -z "$first" ] || [ "$(of "$2" "$place")" != "$first" ]; then
            echo "$1: DIFFERENT"
            status=1
            return
        fi
    done
    echo "$1: the same"
}

# gzip ends with the CRC-32 and the length.
crc=$(gzip -c "$kernel" | tail -c 8 | od -An -v -tx1 -N 4 | awk '{ print toupper($4 $3 $2 $1) }')

echo "=== One binary: $kernel, CRC-32 $crc ==="
sha256sum "$kernel" | sed 's/^\([0-9a-f]*\) .*/sha256 \1/'
printf '%-22s' ""
for place in $places; do
    case $place in
    none) printf '  %-14s' "no ROM" ;;
    native) printf '  %-14s' "native ROM" ;;
    monitor) printf '  %-14s' "hypercall ROM" ;;
    ring1) printf '  ring 1 ROM' ;;
    esac
done | sed 's/ *$//'
echo
row "kernel in memory" '^Demo kernel of vmirom: .*, checksum \([0-9A-F]*\)$'
row "ROM in use at" '^[0-9]* call sites, ROM at \([0-9A-F]*h\):.*'
for kind in native inlined called jumped; do
    row "call sites $kind" "^[0-9]* call sites, .* \\([0-9]*\\) $kind.*"
done
row "primes below 20,000" '^primes: result \([0-9]*\),.*'
row "queens on 8 by 8" '^queens: result \([0-9]*\),.*'
row "typed, serial line" '^serial line: \(hello\)$'
row "typed, keyboard" '^keyboard: \(keys\)$'
row "clock ticks" '^clock: \([0-9]*\) ticks.*'
row "process switches" '^clock: .* \([0-9]*\) switches'
row "result" '^Result: \(.*\)'
same "kernel" kernel
[ "$(of kernel none)" = "$crc" ] || {
    echo "the kernel in memory is NOT the one in the file"
    status=1
}
same "what it did" work
exit $status
