#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# places.sh BUILD_DIR: boots the demo kernel, one file, in three places: on the machine as it is,
# with a native ROM, and with the hypercall ROM of the reference hypervisor below it. Then it
# compares what the kernel said. `make run` calls it. Status 0: all went well, and the kernel and
# what it did were the same everywhere; 1: not so; 2: asked for wrongly.
#
# With DISK, KERNEL, ROM, INPUT, SCREENSHOT, GUI or GDB it is run.sh, which has the variables: one guest
# in one place. API=3: the ROMs of API 3.0. ENGINE=bochs: under Bochs.
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
# What run.sh refuses it is to refuse once.
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

# Says why there is no hypervisor to be had. QEMU counts a feature that it lacks as an error with `enforce`.
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
rm -rf "$log/none" "$log/native" "$log/monitor"
reason=$(why_no_monitor) || reason=
if [ "$engine" = qemu ] && [ -z "$reason" ]; then
    # the same machine in all three places
    export QEMU_ARGS="-cpu EPYC,+svm,+npt ${QEMU_ARGS:-}"
elif [ "$engine" = qemu ]; then
    QEMU=qemu-system-i386
fi
run_in none "1. No ROM" "Each call site of the kernel holds native instructions; so they stay." env ROM=none "$tools/run.sh"
run_in native "2. The native ROM: $native" \
    "The BIOS loads it, the kernel finds it. Its bodies are the sites' own instructions: nothing to change." "$tools/run.sh"
if [ -z "$reason" ]; then
    run_in monitor "3. The hypercall ROM, the hypervisor below: $build/vmi-monitor.rom" \
    "What its calls do, the hypervisor does: the kernel makes calls of its sites." \
        env GUEST=demo POLICY= "$tools/run-monitor.sh"
else
    echo "=== 3. The hypercall ROM, the hypervisor below: skipped, $reason ==="
    echo
fi

# --- what they have in common, and what not -----------------------------------------------------------

# What the kernel said in a place, by a pattern with one group
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

# What is to be the same in every place. Neither the order of two processes nor how often the clock ticked is work.
of() { # kernel|work PLACE
    case $1 in
    kernel) said "$2" '^Demo kernel of vmirom: .*, checksum \([0-9A-F]*\)$' ;;
    work) grep -E '^(primes|queens|serial line|keyboard|Result)' "$log/$2/serial.log" 2>/dev/null | sort || : ;;
    esac
}

# same WORDS kernel|work: says whether it is the same of all, and not nothing
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
    monitor) printf '  hypercall ROM' ;;
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
    echo "the kernel in memory: NOT that of the file"
    status=1
}
same "what it did" work
exit $status
