#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# variants.sh BUILD: every call and the workload in each way to make calls, side by side, into
# BUILD/bench/variants.txt, .json and .svg; prints a section of docs/bench.md.
set -eu

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/bench/count.sh
. "$here/count.sh"
out=$build/bench
mkdir -p "$out"

# --- runs ---

count variants native "$out/calls-native.log"
count variants monitor-all "$out/calls-monitor.log"

# work KEY ROM "COMMAND LINE" TEXT
work() {
    count workload "$2" "$out/work-$1.log" "$3"
    echo "work $1 $(instructions "$out/work-$1.log") $4" >>"$out/variants.log"
}

: >"$out/variants.log"
work inline none contract "inline: bare instructions that do what the calls say"
work own none native "a kernel's own instructions"
work unlinked none sites "sites, no ROM"
work linked native sites "sites linked to the native ROM"
work called native sites=called "sites, all called"
work pointer native pointer "pointer"
work tuned-linked monitor sites "monitor, tuned: sites linked"
work tuned-pointer monitor pointer "monitor, tuned: pointer"
work trap-linked monitor-all sites "monitor, everything traps: sites linked"
work trap-copy monitor-all sites=called "monitor, everything traps: sites, the ROM copied"
work trap-pointer monitor-all pointer "monitor, everything traps: pointer"
work trap-page monitor-all page "monitor, everything traps: hypercall page"

# Cycles need a kernel that runs 32-bit processes, and nothing else of the host.
skipped=
if ! "$build/bench/host" >"$out/host.log" 2>"$out/host.stderr"; then
    [ ! -s "$out/host.log" ] || {
        cat "$out/host.log" >&2
        exit 1
    }
    skipped="the host does not run 32-bit processes"
fi

{
    sed -n -e 's/^variant/native &/p' -e 's/^uncounted/native &/p' "$out/calls-native.log"
    sed -n 's/^variant/monitor &/p' "$out/calls-monitor.log"
    sed -n 's/^cycles [0-9]/host &/p' "$out/host.log"
} >>"$out/variants.log"

# --- tables ---

# table FORMAT
table() {
    awk -v format="$1" -v cycles_skipped="$skipped" -v version="$(cat VERSION)" -v date="$(date +%F)" \
        -f "$here/variants.awk" "$out/variants.log"
}

for format in txt json svg; do
    table $format >"$out/variants.new"
    mv "$out/variants.new" "$out/variants.$format"
done
table md
