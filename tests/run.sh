#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD [--long | SUITE...]: runs the suites, shows what failed or was skipped, and ends with
# `N passed, N failed` (`, N skipped`). --long: those of `make check` and those that take long. A suite prints TAP; one
# that dies, or whose plan does not match, has failed. VERBOSE=1 shows every line. JOBS suites run at once, by default
# one for each processor; what a suite says comes in one piece.
set -u

build=$1
shift

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
    kit-api) "$build/tests/unit/test_kit" "$build/vmi-hypercall.rom" "$build/vmi-native.rom" "$build/romsum" "$build/vmi-3-hypercall.rom" "$build/vmi-3-native.rom" ;;
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
    flips) tests/flips/run.sh "$build" 25 ;;
    flips-long) tests/flips/run.sh "$build" 1 ;;
    firmware-long) tests/firmware/long.sh "$build" ;;
    transparency-long) tests/transparency/run.sh "$build" long ;;
    *) "tests/$1/run.sh" "$build" ;;
    esac
}

# judge SUITE DIR: runs it and says what is worth saying; the counts go to DIR/SUITE.counts
judge() {
    begun=$(date +%s)
    run_suite "$1" > "$2/$1.tap" 2> "$2/$1.stderr" < /dev/null
    status=$?
    awk -v suite="$1" -v status="$status" -v verbose="${VERBOSE:-0}" -v took=$(($(date +%s) - begun)) '
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
        printf "%-16s %d passed, %d failed, %d skipped (%d s)\n", suite, pass, fail, skip, took
        print pass + 0, fail + 0, skip + 0 > counts
    }' counts="$2/$1.counts" "$2/$1.tap" > "$2/$1.said"
    read -r p f s < "$2/$1.counts"
    [ "$f" = 0 ] || cat "$2/$1.stderr" >> "$2/$1.said"
    cat "$2/$1.said"
}

if [ "${1:-}" = --judge ]; then
    judge "$3" "$2"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Each Bochs listens on a port for its display, and two that start at once can take the same one: each gets a network
# of its own.
if bochs=$(command -v bochs); then
    for separate in "unshare -n" "unshare -rn" ""; do
        $separate true 2> /dev/null && break
    done
    mkdir "$work/bin"
    printf '#!/bin/sh\nexec %s %s "$@"\n' "$separate" "$bochs" > "$work/bin/bochs"
    chmod +x "$work/bin/bochs"
    PATH=$work/bin:$PATH
fi

# Those that take longest come first, so that no processor waits for one at the end.
check="
    monitor bench mainline transparency guest demo
    slots slots-3-minimal slots-3-full slots-3-all
    post post-hypercall post-3 post-3-hypercall
    init init-3
    hypercall hypercall-3
    kit-api kit
    guest-kit-api guestkit
    guest-memory monitor-calls
    image
    romsum romsum-foreign romsum-builds fuzz
    firmware embed install
    machine
    traces hostile
    mutants flips
"
long="fuzz-long handlers flips-long hostile-long firmware-long transparency-long"
# shellcheck disable=SC2086 # words are wanted
case ${1:-} in
'') set -- $check ;;
--long) set -- $check $long ;;
esac

printf '%s\n' "$@" | xargs -n 1 -P "${JOBS:-$(nproc)}" "$0" "$build" --judge "$work"

passed=0
failed=0
skipped=0
for suite in "$@"; do
    if ! read -r p f s < "$work/$suite.counts"; then
        echo "  not ok - $suite was not judged"
        p=0 f=1 s=0
    fi
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
