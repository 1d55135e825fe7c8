#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD_DIR: the machines of examples/page/ in Node, and the table. TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/page/page.sh
. "$here/page.sh"

reason=$(no_page)
if [ -n "$reason" ]; then
    skip the_page "$reason"
    finish
    exit
fi
check make_page_makes_it make_page page

# ---- the four places ----

places="none native hypercall ring1"
# shellcheck disable=SC2086 # words are wanted
timeout "$limit" node tests/page/machines.mjs "$build" demo default $places >"$work/all" 2>"$work/stderr"

# What it computed; which process ends first is the clock's.
results() {
    lines "$1" "$work/all" | grep -E '^(queens|primes): result' | sort
}
expected="primes: result 2262, 6 pages of zeros, 1 copied
queens: result 92, 1 pages of zeros, 1 copied"
for place in $places; do
    want result "Result: OK" "$(lines "$place" "$work/all" | grep '^Result')"
    want end "end ok " "$(lines "$place" "$work/all" | grep '^end')"
    want computed "$expected" "$(results "$place")"
    want "what was typed" "serial line: hello" "$(lines "$place" "$work/all" | grep 'hello')"
    conclude "the_demo_does_its_work: $place" "$(tail -n 5 "$work/all")" "$(head -n 5 "$work/stderr")"
done

# found PLACE: the ROMs
found() {
    lines "$1" "$work/all" | sed -n 's/^VMI ROM at \(.*\), ".*/\1/p' | tr '\n' ';'
}

# sites PLACE: how many are native, inlined, called and jumped to, and the ROM's place
sites() {
    lines "$1" "$work/all" | sed -n 's/^[0-9]* call sites, \(.*\): \([0-9]*\) native, \([0-9]*\) inlined, \([0-9]*\) called, \([0-9]*\) jumped/\2 \3 \4 \5 \1/p'
}
total=$(sites none | cut -d ' ' -f 1)
want roms "" "$(found none)"
want sites "$total 0 0 0 no ROM" "$(sites none)"
check the_kernel_has_call_sites [ "${total:-0}" -gt 50 ]
conclude without_a_rom_sites_stay_as_they_are

want roms "C0000h: API 13.3;" "$(found native)"
want sites "$total 0 0 0 ROM at C0000h" "$(sites native)"
conclude seabios_puts_the_native_rom_where_the_kernel_finds_it

# A place that traps: those that the ROM makes a call are called, some stay.
want roms "C0000h: API 13.3;C2000h: API 3.0;" "$(found ring1)"
want sites "$total yes ROM at C0000h" "$(sites ring1 | awk '{ print $1 + $2 + $3 + $4, ($3 > 15 ? "yes" : "no"), $5, $6, $7 }')"
conclude the_kernel_is_in_ring_1
same ring_1_tells_what_it_served "SetGDT 1 SetLDT 1 SetIDT 1 SetTR 1 WriteGDTEntry 6 WriteIDTEntry 49" \
    "$(lines ring1 "$work/all" | sed -n 's/^# monitor: calls: \(SetGDT .*\) SetCR3.*/\1/p')"

# ---- the hypervisor in JavaScript ----

# called FILE: the calls that the kernel has linked its sites to, a line each: "  called   SetGDT 1 SetLDT 1", and lines
# without a word before the names.
called() {
    lines hypercall "$1" | awk '
    !/^ / { kind = "" }
    /^  [a-z]/ { kind = $1; sub(/[a-z]+/, "") }
    kind == "called" { for (i = 1; i < NF; i += 2) print $i }' | sort
}

# served FILE: what was served, a call a line with its number; Init's question comes first, whatever traps
served() {
    lines hypercall "$1" | sed -n 's/^calls Init [1-9][0-9]* //p' | tr ' ' '\n' | paste -d ' ' - - | sort
}
# Paging is on before there are sites that are linked.
want roms "C0000h: API 13.3;" "$(found hypercall)"
want sites "$total yes ROM at C0000h" "$(sites hypercall | awk '{ print $1 + $2 + $3 + $4, ($3 > $1 + $2 ? "yes" : "no"), $5, $6, $7 }')"
want calls "$(called "$work/all" | grep -v '^[GS]etCR0$')" "$(served "$work/all" | cut -d ' ' -f 1)"
conclude every_call_that_the_kernel_has_linked_is_served
same calls_that_no_clock_counts "SetGDT 1;SetIDT 1;SetLDT 1;SetTR 1;Shutdown 1;WriteGDTEntry 6;WriteIDTEntry 49;" \
    "$(served "$work/all" | grep -E '^(Set[GIL]DT|SetTR|Shutdown|Write[GI]DTEntry) ' | tr '\n' ';')"

timeout "$limit" node tests/page/machines.mjs "$build" demo default unserved >"$work/unserved" 2>"$work/stderr"
want end "end ok " "$(lines unserved "$work/unserved" | grep '^end')"
want init "VMI ROM at C0000h: its Init refuses" "$(lines unserved "$work/unserved" | grep Init)"
conclude init_refuses_where_nobody_serves_its_question "$(tail -n 5 "$work/unserved")" "$(head -n 5 "$work/stderr")"

timeout "$limit" node tests/page/machines.mjs "$build" demo hosted hypercall >"$work/hosted" 2>"$work/stderr"
want end "end ok " "$(lines hypercall "$work/hosted" | grep '^end')"
want served "Shutdown 1" "$(served "$work/hosted")"
conclude hosted_serves_shutdown_alone "$(tail -n 5 "$work/hosted")" "$(head -n 5 "$work/stderr")"

# The tour looks at what each call does. What fails natively too is the emulator's: PCI's registers, a watchpoint.
# tour_rows PLACE: number, name and verdict
tour_rows() {
    lines "$1" "$work/tour" | awk '$1 ~ /^[0-9]+$/ && NF > 3 { print $1, $2, $NF }'
}
timeout "$limit" node tests/page/machines.mjs "$build" tour all native hypercall >"$work/tour" 2>"$work/stderr"
want calls "81 calls called, 6 failed, 3 not shown" "$(lines native "$work/tour" | grep 'calls called')"
want rows "$(tour_rows native)" "$(tour_rows hypercall)"
conclude the_tour_sees_no_difference_where_all_calls_trap "$(tail -n 3 "$work/tour")" "$(head -n 5 "$work/stderr")"
lines hypercall "$work/tour" | sed -n 's/^traps //p' | tr ' ' '\n' | grep -vx Shutdown | sort >"$work/traps"
want "what traps" "76" "$(wc -l <"$work/traps" | tr -d ' ')"
want served "$(cat "$work/traps")" "$(served "$work/tour" | cut -d ' ' -f 1)"
conclude every_call_that_traps_is_served_in_the_tour

# A page fault is injected at the call's site, and calls in a copy of the ROM's page are served.
verdicts() {
    lines "$1" "$work/machine" | grep -E '^(not )?ok - '
}
examples/lib/mkdisk.sh --cmdline "$build/guest/machine.img" "$work/machine.img" only=SetCR0
timeout "$limit" node tests/page/machines.mjs "$build" "$work/machine.img" all native hypercall >"$work/machine" 2>"$work/stderr"
want verdicts "$(verdicts native)" "$(verdicts hypercall)"
want passing "ok - set_cr0_switches_paging_from_copy;ok - set_cr0_write_protects_ring_0;" \
    "$(verdicts hypercall | grep -E 'from_copy|write_protects' | tr '\n' ';')"
conclude a_call_faults_at_its_site_and_is_served_in_a_copy "$(tail -n 5 "$work/machine")" "$(head -n 5 "$work/stderr")"

# ---- the table ----

sed -n '/^<!-- make bench-docs: stubs -->$/,/^<!-- end -->$/s/^| \([0-9][0-9]*\) | \([A-Za-z0-9]*\) | \([0-9]*\) |.*/\1 \2 \3/p' docs/bench.md >"$work/bench"
cat >"$work/table.mjs" <<END
import {calls} from "$build/page/calls.mjs";
for (const call of calls) {
    console.log([call.slot, call.name, call.bytes.split(" ").length, call.code.split("\n").pop(), call.api13 === null].join(" "));
}
END
node "$work/table.mjs" >"$work/table"
same the_table_has_every_row "$(grep -v '^#' calls.tsv | tail -n +2 | cut -f 1,4 | tr '\t' ' ')" "$(cut -d ' ' -f 1,2 "$work/table")"
same slots_have_the_bytes_that_the_bench_counts "$(cat "$work/bench")" "$(grep ' false$' "$work/table" | cut -d ' ' -f 1-3)"

# ---- the page ----

# In our part of it; the emulator's code is not ours, and the policy is for all.
cat examples/page/page.html examples/page/*.mjs "$build/page/calls.mjs" >"$work/ours"
same the_page_names_nothing_outside "" "$(grep -nE '[a-z]+://|(src|href) *=|url\(|@import' "$work/ours")"
check its_policy_forbids_connections grep -q "Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; worker-src blob:\"" "$build/page/vmirom.html"
same nothing_is_left_to_be_put_into_it "" "$(grep -nE '^<!-- (text|data|script|module):' "$build/page/vmirom.html")"

finish
