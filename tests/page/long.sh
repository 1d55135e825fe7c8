#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# long.sh BUILD_DIR: the page in Chromium. TAP; a picture is left in BUILD_DIR/page/.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/page/page.sh
. "$here/page.sh"

reason=$(no_page)
[ -n "$reason" ] || command -v chromium >/dev/null || reason="no chromium"
if [ -n "$reason" ]; then
    skip the_page "$reason"
    finish
    exit
fi
check make_page_makes_it make_page page

timeout "$limit" node tests/page/browser.mjs "$build/page/vmirom.html" "$build/page/page.png" >"$work/page" 2>"$work/stderr"
detail=$(grep -v '^row ' "$work/page" | head -n 20; head -n 5 "$work/stderr")

same the_four_did_the_same "The four did the same: primes: result 2262, queens: result 92." "$(lines verdict "$work/page")"
for place in none native hypercall ring1; do
    want state "ended: OK" "$(lines "$place" "$work/page" | head -n 1)"
    want result "Result: OK" "$(lines "$place" "$work/page" | grep '^Result')"
    conclude "the_demo_ends: $place" "$detail"
done
same nothing_is_loaded "" "$(grep '^request ' "$work/page")"
same no_script_fails "" "$(grep '^error ' "$work/page")"
same the_table_has_every_row "$(grep -v '^#' calls.tsv | tail -n +2 | cut -f 4)" "$(sed -n 's/^row \([^ ]*\) .*/\1/p' "$work/page")"
same a_row_has_its_number_and_bytes "21 0F 22 D0 C3" "$(lines 'row SetCR2' "$work/page")"
# More than the calls that the kernel makes before it looks at the clock.
check calls_are_shown_as_they_are_served awk '/^served / { exit !($2 + 0 > 3000 && $4 + 0 > 100) }' "$work/page"
want verdict "The four did the same: primes: result 2262, queens: result 92." "$(lines 'again verdict' "$work/page")"
want "Init and Shutdown" "2, log 2, rows" "$(lines 'again served' "$work/page" | sed 's/ [0-9]*$//')"
want "a call that does not trap now" "native" "$(lines 'again slot SetCR2' "$work/page")"
want "a call that does" "traps" "$(lines 'again slot Shutdown' "$work/page")"
conclude another_policy_runs_again "$detail"
check a_picture_is_taken sh -c 'file=$1; [ "$(head -c 4 "$file" | tail -c 3)" = PNG ] && [ "$(wc -c <"$file")" -gt 50000 ]' sh "$build/page/page.png"

finish
