#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: what calls cost, in instructions, exits, bytes and cycles. Prints its sections and
# leaves them in BUILD/bench/*.md, from where docs.sh takes them into docs/.
set -eu

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/bench/count.sh
. "$here/count.sh"
out=$build/bench
mkdir -p "$out"

when="\`make bench\` on $(date +%F), version $version"

# --- every way to make a call: variants.md, and variants.txt, .json, .svg ---

"$here/variants.sh" "$build" >"$out/variants.md.new"
{
    echo "$when."
    echo
    cat "$out/variants.md.new"
} >"$out/variants.md"
rm "$out/variants.md.new"

# --- every call by itself: stubs.md, api3.md, trips.md ---

count bench native "$out/native.log"
count bench monitor-all "$out/all.log"

# The sizes of the stubs come from the image's symbols: slot N is at 32 * N.
nm -S --defined-only "$build/vmi-native.elf" >"$out/native.nm"
{
    echo "$when."
    echo
    awk -f "$here/counts.awk" -f "$here/stubs.awk" "$out/native.nm" "$out/all.log" "$out/native.log"
    "$build/tests/hypercall/test_hypercall" "$build/vmi-hypercall.rom" "$build/vmi-native.rom" | awk '
        /^# figures: / { print "\nHypercall image: " substr($0, 12) "." }'
} >"$out/stubs.md"

count bench policy/all "$out/api3.log" api=3
nm -S --defined-only "$build/vmi-3-native.elf" >"$out/api3.nm"
{
    echo "$when."
    echo
    awk -f "$here/counts.awk" -f "$here/stubs3.awk" calls.tsv "$out/api3.nm" "$out/api3.log"
} >"$out/api3.md"

{
    echo "$when: round trips by group, in instructions."
    echo
    awk -f "$here/trips.awk" calls.tsv "$out/all.log"
} >"$out/trips.md"

# --- the workload: workload.md ---

# The others are from variants.sh.
count workload monitor "$out/work-unused.log" native

trace "$work/traced.rom"
count workload "$work/traced.rom" "$out/work-traced.log" pointer
for load in console timer; do
    count devices native "$out/$load-native.log" $load
    count devices monitor "$out/$load-tuned.log" $load
    count devices "$work/traced.rom" "$out/$load-traced.log" $load
done

calls=$(served "$out/work-trap-pointer.log" | sum)

# row WHAT LOG CALLS
row() {
    awk -v what="$1" -v calls="$3" -v mine="$(instructions "$2")" -v native="$(instructions "$out/work-own.log")" \
        -v by_rom="$(instructions "$out/work-pointer.log")" -v trapped="$(exits_by "$2" VMMCALL)" 'BEGIN {
        printf "| %s | %s | %s | %d | %.3f | %s |\n", what, calls, trapped == "" ? "-" : trapped, mine, mine / native, trapped ? sprintf("%d", (mine - by_rom) / trapped) : "-"
    }'
}

{
    echo "$when:"
    echo
    echo "| run | calls | exits by calls | instructions | of native | added by an exit |"
    echo "| --- | --- | --- | --- | --- | --- |"
    row "native: no ROM, no monitor" "$out/work-own.log" -
    row "the same under the monitor" "$out/work-unused.log" -
    row "native ROM, no monitor" "$out/work-pointer.log" "$calls"
    row "monitor, everything traps" "$out/work-trap-pointer.log" "$calls"
    row "monitor, tuned" "$out/work-tuned-pointer.log" "$calls"
    echo
    echo "Tuned, exits of every kind while the work is done: $(exits_at_work "$out/work-traced.log"), for $calls where everything traps."
    for load in console timer; do
        awk -v load=$load -v mine="$(instructions "$out/$load-tuned.log")" -v native="$(instructions "$out/$load-native.log")" \
            -v exits="$(exits_at_work "$out/$load-traced.log")" -v ticks="$(ticks "$out/$load-tuned.log")" 'BEGIN {
            what = load == "console" ? "A guest that writes to a serial line and reads the keyboard" \
                : "A guest that computes while its local APIC ticks, every 50,000 instructions (" ticks " ticks)"
            printf "\n%s: tuned %.3f of the native ROM'\''s instructions, %d exits while it does so.\n", what, mine / native, exits }'
    done
    echo
    echo "Calls made: $(served "$out/work-trap-pointer.log" | sort -k2,2nr | awk '{ printf "%s%s %d", NR == 1 ? "" : ", ", $1, $2 }')."
    echo
    echo "Calls that exit when tuned: $(served "$out/work-tuned-pointer.log" | sort -k2,2nr |
        awk '{ printf "%s%s %d", NR == 1 ? "" : ", ", $1, $2 } END { if (!NR) printf "none" }')."
} >"$out/workload.md"

# --- a mainline kernel by policy: policies.md ---

mainline "$calls_only" "$out"
mkdir -p "$out/half"
mainline "$half_user" "$out/half"

# policy_row NAME FILE: instructions and ratios of both loads
policy_row() {
    echo "| $1 | $(awk '/^instructions / { print $2 + 0 }' "$out/$2") | $(ratio "$out/mainline-none" "$out/$2" | sed 's/.....$/.&/') \
| $(awk '/^instructions / { print $2 + 0 }' "$out/half/$2") | $(ratio "$out/half/mainline-none" "$out/half/$2" | sed 's/.....$/.&/') |"
}

{
    echo "$when:"
    echo
    echo "| policy | calls and faults only | of those without a ROM | half computed in ring 3 | of those without a ROM |"
    echo "| --- | --- | --- | --- | --- |"
    policy_row none mainline-none
    policy_row minimal mainline-minimal
    policy_row lean mainline-lean
    policy_row full mainline-full
    for policy in minimal lean full; do
        echo
        echo "Policy $policy, in the load of calls and faults only:"
        echo
        shares "$out/native.log" "$out/mainline-none" "$out/mainline-$policy"
    done
} >"$out/policies.md"

"$here/ring1.sh" "$build" >"$out/ring1.md.new"
mv "$out/ring1.md.new" "$out/ring1.md"

for section in variants stubs api3 trips workload policies ring1; do
    cat "$out/$section.md"
    echo
done
