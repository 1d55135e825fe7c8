#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# ring1.sh BUILD: what ring 1 costs, in instructions, as a section for docs/ring1.md: the workload and the kernel that
# goes about API 3.0 as Linux, without a ROM, with the native ROM, and in ring 1. run.sh calls it.
set -eu

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/bench/count.sh
. "$here/count.sh"
out=$build/bench/ring1
mkdir -p "$out"

# of LOG BASE: instructions of one log against those of the other, with four decimals
of() {
    awk '/^(workload instructions|instructions) / { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+/) { n[++runs] = $i + 0; break } }
        END { printf "%.4f", n[1] / n[2] }' "$out/$1" "$out/$2"
}

# work NAME ROM COMMAND-LINE
work() {
    count workload "$2" "$out/$1" "$3"
}

# The native ROM that answers with the calls that ring 1 answers with
same_calls() {
    awk -F'\t' '$3 ~ /^[0-9]+$/ && ($17 ~ /^(trap|soft)$/ || $18 ~ /^(always|lean)$/) && $18 !~ /^(host|-)$/ {
        printf "%s%s", separator, $4; separator = "," }' calls.tsv
}
case $out in
/*) same=$out/same.rom ;;
*) same=$top/$out/same.rom ;;
esac
"$build/romsum" --quiet --policy "$(same_calls)" -o "$same" "$build/vmi-3-native.rom"

# kernels NAME LOAD: a row of the table
kernels() {
    for rom in none policy/minimal policy/full "$same" ring1 ring1-control; do
        name=${rom##*/}
        count mainline "$rom" "$out/kernel-${name%.rom}" "$2"
    done
    echo "| $1 | $(of kernel-minimal kernel-none) | $(of kernel-full kernel-none) | $(of kernel-same kernel-none) | $(of kernel-ring1 kernel-none) | $(of kernel-ring1-control kernel-none) |"
}

work work-none none ""
work work-native native sites
work work-ring1 ring1 sites
work work-control ring1-control sites
work calls-native native ""
work calls-ring1 ring1 ""
work calls-control ring1-control ""
echo "\`make bench\` on $(date +%F), version $version: instructions, against the same load without a ROM."
echo
echo "| load | native ROM (API 3.0: \`minimal\`) | (\`full\`) | (the calls of ring 1) | in ring 1 | with interrupt control |"
echo "| --- | --- | --- | --- | --- | --- |"
echo "| workload, patched sites | $(of work-native work-none) | | | $(of work-ring1 work-none) | $(of work-control work-none) |"
echo "| workload, calls of the slots | $(of calls-native work-none) | | | $(of calls-ring1 work-none) | $(of calls-control work-none) |"
kernels "kernel of API 3.0, half of it computed in ring 3" "$half_user"
kernels "the same with PAE" "$half_user pae"
kernels "the same that unmaps with one flush" "$half_user gather"
kernels "nothing but calls and faults" "$calls_only"
kernels "the same that unmaps with one flush" "$calls_only gather"
