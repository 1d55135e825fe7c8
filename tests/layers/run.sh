#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The monitor's modules only look down, and monitor/common to no monitor: run.sh BUILD_DIR, prints TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# The one call upwards: the host's exceptions.
exception="svm/host host_fault"

layers() {
    awk -f "$here/layers.awk" "$@"
}

# --- the check, on what it has to find --------------------------------------------------------------

mkdir -p "$work/small/common" "$work/small/svm" "$work/small/ring1"

# source FILE LINE...: a source file of the small monitor
source_file() {
    file=$work/small/$1
    shift
    printf '%s\n' "$@" >"$file"
}

# What the check says of the small monitor, a line each, sorted; "none" when it finds nothing.
small() {
    (cd "$work" && ls small/*/*.[ch] && grep -H '^#include "' small/*/*.[ch]) >"$work/small.in"
    for source in "$work"/small/*/*.c; do
        gcc -ffreestanding -O0 -I"$work/small" -c -o "$source.o" "$source" && nm -A "$source.o"
    done >>"$work/small.in"
    if layers -v root=small "$@" "$work/small.in" >"$work/small.out"; then
        echo none
    fi
    sort "$work/small.out"
}

source_file common/low.h 'void low(void);'
source_file common/low.c '#include "low.h"' 'void low(void) {}'
source_file svm/middle.h 'void middle(void);'
source_file svm/middle.c '#include "common/low.h"' '#include "middle.h"' 'void middle(void) { low(); }'
source_file svm/high.c '#include "middle.h"' 'void high(void);' 'void high(void) { middle(); }'
source_file ring1/high.c '#include "common/low.h"' 'void high(void);' 'void high(void) { low(); }'
same "modules that look down are accepted" none "$(small)"

source_file svm/middle.c '#include "common/low.h"' '#include "middle.h"' 'void high(void);' \
    'void middle(void) { low(), high(); }'
same "a circle of three calls is found" \
    "circle: svm/high -> svm/middle (includes middle.h) -> svm/high (high)" "$(small)"
same "a named exception is accepted" none "$(small -v except="svm/middle high")"
same "an exception for another symbol does not count" \
    "circle: svm/high -> svm/middle (includes middle.h) -> svm/high (high)
exception without a use: svm/middle other" "$(small -v except="svm/middle other")"

source_file svm/middle.c '#include "middle.h"' 'void low(void);' 'void middle(void) { low(); }'
source_file common/low.c '#include "low.h"' 'void middle(void);' 'void low(void) { middle(); }'
same "common that calls a monitor is found, and the circle with it" \
    "circle: common/low -> svm/middle (middle) -> common/low (low)
forbidden: common/low uses svm/middle (middle)" "$(small)"

source_file common/low.c '#include "low.h"' '#include "svm/middle.h"' 'void low(void) {}'
source_file svm/middle.c '#include "middle.h"' 'void middle(void) {}'
same "common that includes a monitor's header is found" \
    "forbidden: common/low uses svm/middle (includes svm/middle.h)" "$(small)"

source_file common/low.c '#include "low.h"' 'void low(void) {}'
source_file ring1/high.c '#include "svm/middle.h"' 'void high(void);' 'void high(void) { middle(); }'
same "a monitor that uses another is found" \
    "forbidden: ring1/high uses svm/middle (includes svm/middle.h)" "$(small)"

rm "$work/small/ring1/high.c"
source_file svm/middle.h '#ifndef MIDDLE' '#define MIDDLE' '#include "high.h"' 'void middle(void);' '#endif'
source_file svm/high.h '#ifndef HIGH' '#define HIGH' '#include "middle.h"' 'void high(void);' '#endif'
same "a circle of headers is found" \
    "circle: svm/high -> svm/middle (includes middle.h) -> svm/high (includes high.h)" "$(small)"

# --- the monitor ----------------------------------------------------------------------------------

# Every module has its object but for what is made into no object: headers alone, the option ROM.
{
    ls monitor/*/*.[ch]
    grep -H '^#include "' monitor/*/*.[ch]
    nm -A "$build"/monitor/kit/hypervisor/*.o
    for source in monitor/*/*.c monitor/*/*.asm; do
        object=$build/$source.o
        case $source in *.asm) [ -f "$object" ] || continue ;; esac
        nm -A "$object" || echo "no object for $source"
    done
} >"$work/monitor.in"

monitor() {
    layers -v root=monitor "$@" "$work/monitor.in"
}

check "the monitor's modules only look down" monitor -v except="$exception"
check "the exception is the entry for the host's exceptions" grep -q '^ *extern *host_fault$' monitor/svm/host.asm
if monitor >"$work/without"; then
    fail "without its exception there is a circle"
else
    check "without its exception there is a circle" grep -q '^circle: .*svm/host -> svm/machine (host_fault)' "$work/without"
fi
same "handlers do not name the VMCB" "" "$(grep -lw vmcb monitor/svm/calls*.c)"
same "docs/monitor.md has the levels as they are" "$(monitor -v except="$exception" -v table=1)" \
    "$(grep '^| [0-9][0-9]* | ' docs/monitor.md)"

finish
