#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD [--long | SUITE...]: runs the suites, shows what failed or was skipped, and ends with
# `N passed, N failed` (`, N skipped`). --long: those of `make check` and those that take long. A suite prints TAP; one
# that dies, or whose plan does not match, has failed. VERBOSE=1 shows every line.
set -u

build=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
version=$(cat VERSION)

run_suite() {
    case $1 in
    slots) "$build/tests/unit/test_slots" "$build/vmi-native.rom" ;;
    slots-3-*) "$build/tests/unit/test_slots" "$build/policy/${1#slots-3-}.rom" "${1#slots-3-}" ;;
    post) "$build/tests/unit/test_post" "$build/vmi-native.rom" "vmirom VMI native ROM $version at" ;;
    post-hypercall) "$build/tests/unit/test_post" "$build/vmi-hypercall.rom" "vmirom VMI hypercall ROM $version at" ;;
    post-3) "$build/tests/unit/test_post" "$build/vmi-3-native.rom" "vmirom VMI 3.0 native ROM $version at" ;;
    post-3-hypercall) "$build/tests/unit/test_post" "$build/vmi-3-hypercall.rom" "vmirom VMI 3.0 hypercall ROM $version at" ;;
    init-3) "$build/tests/unit/test_init" "$build/vmi-3-hypercall.rom" ;;
    init) "$build/tests/unit/test_init" "$build/vmi-hypercall.rom" ;;
    kit-api) "$build/tests/unit/test_kit" "$build/vmi-hypercall.rom" "$build/vmi-native.rom" "$build/romsum" ;;
    guest-kit-api) "$build/tests/unit/test_guest_kit" "$build/tests/guestkit/nasm.bin" "$build/vmi-native.rom" "$build/vmi-hypercall.rom" "$build/policy/minimal.rom" "$build/policy/full.rom" "$build/policy/all.rom" "$build/vmi-3-hypercall.rom" ;;
    hypercall) "$build/tests/unit/test_hypercall" "$build/vmi-hypercall.rom" "$build/vmi-native.rom" ;;
    hypercall-3) "$build/tests/unit/test_hypercall" "$build/vmi-3-hypercall.rom" "$build/vmi-3-native.rom" ;;
    guest-memory) "$build/tests/unit/test_guest_memory" ;;
    monitor-calls) "$build/tests/unit/test_monitor_calls" ;;
    traces) tests/monitor/traces.sh "$build" ;;
    handlers) tests/monitor/mutate.sh "$build" ;;
    hostile-long) tests/hostile/run.sh "$build" 1000000 ;;
    romsum-foreign) tests/romsum/foreign.sh "$build" ;;
    romsum-builds) tests/romsum/builds.sh "$build" ;;
    fuzz) tests/fuzz/run.sh "$build" 20000 ;;
    fuzz-long) tests/fuzz/run.sh "$build" 10000000 ;;
    bench) tests/bench/check.sh "$build" ;;
    mutants) tests/mutate.sh "$build" 1 ;;
    transparency-long) tests/transparency/run.sh "$build" long ;;
    *) "tests/$1/run.sh" "$build" ;;
    esac
}

check="slots slots-3-minimal slots-3-full slots-3-all post post-hypercall post-3 post-3-hypercall init init-3 hypercall hypercall-3"
check="$check kit-api kit guest-kit-api guestkit guest-memory monitor-calls image romsum romsum-foreign romsum-builds fuzz machine mainline guest monitor traces hostile transparency bench mutants"
long="fuzz-long handlers hostile-long transparency-long"
# shellcheck disable=SC2086 # words are wanted
case ${1:-} in
'') set -- $check ;;
--long) set -- $check $long ;;
esac

passed=0
failed=0
skipped=0
for suite in "$@"; do
    run_suite "$suite" > "$work/tap" 2> "$work/stderr" < /dev/null
    status=$?
    awk -v suite="$suite" -v status="$status" -v verbose="${VERBOSE:-0}" '
    /^ok / {
        seen++
        if (/# SKIP/) { skip++; print "  " $0 } else { pass++; if (verbose) print "  " $0 }
        bad = 0
        next
    }
    /^not ok / { seen++; fail++; bad = 1; print "  " $0; next }
    /^1\.\.[0-9]+$/ { plan = substr($0, 4); have_plan = 1; next }
    { if (bad || verbose) print "  " $0 }
    END {
        if (!have_plan || plan != seen) { fail++; print "  not ok - " suite " came to its end: plan " plan ", results " seen + 0 }
        else if (status != 0 && !fail) { fail++; print "  not ok - " suite " exited with status " status }
        printf "%-8s %d passed, %d failed, %d skipped\n", suite, pass, fail, skip
        print pass + 0, fail + 0, skip + 0 > counts
    }' counts="$work/counts" "$work/tap"
    read -r p f s < "$work/counts"
    [ "$f" = 0 ] || cat "$work/stderr"
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
done

if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed = 0 ]
