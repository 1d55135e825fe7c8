#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD [--long | SUITE...]: runs the suites that tests/*/suite declare, shows what failed or was skipped, and
# ends with `N passed, N failed` (`, N skipped`). Without names: those of `make check`; --long: all.
#
# A suite prints TAP; one that dies, or whose plan does not match, has failed. In the environment:
#   TEST=NAME    this test alone, or those that match a pattern of the shell; the suites' printers see to it
#   VERBOSE=1    shows every line
#   JOBS=N       so many suites at once, by default one more than processors, since some wait; what a suite says comes in one piece
# Status: 0 all passed, 1 something failed, 2 there is nothing to run.
set -u

# judge SUITE DIR: runs it and says what is worth saying; the counts go to DIR/SUITE.counts
judge() {
    suite=$1 dir=$2
    # shellcheck disable=SC2034 # for the command
    version=$(cat VERSION)
    command=$(awk -F'\t' -v suite="$suite" '$1 == suite { print $5 }' "$dir/suites")
    begun=$(date +%s)
    (eval "$command") > "$dir/$suite.tap" 2> "$dir/$suite.stderr" < /dev/null
    status=$?
    awk -v suite="$suite" -v status="$status" -v verbose="${VERBOSE:-0}" -v took=$(($(date +%s) - begun)) '
    function bad_run(reason) {
        fail++
        print "  not ok - " suite ": " reason
        printf "%s", held
    }
    /^ok / {
        seen++
        if (/# SKIP/) { skip++; print "  " $0 } else { pass++; if (verbose) print "  " $0 }
        bad = 0
        held = ""
        next
    }
    /^not ok / { seen++; fail++; bad = 1; print "  " $0; printf "%s", held; held = ""; next }
    /^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0; have_plan = 1; next }
    { if (bad || verbose) print "  " $0; else held = held "  " $0 "\n" }
    END {
        seen += 0
        if (!have_plan) bad_run("ended early: no plan, ran " seen)
        else if (seen < plan) bad_run("ended early: planned " plan ", ran " seen)
        else if (seen > plan) bad_run("planned " plan ", ran " seen)
        else if (status != 0 && !fail) bad_run("exited with status " status)
        printf "%-16s %d passed, %d failed, %d skipped (%d s)\n", suite, pass, fail, skip, took
        print pass + 0, fail + 0, skip + 0 > counts
    }' counts="$dir/$suite.counts" "$dir/$suite.tap" > "$dir/$suite.said"
    read -r p f s < "$dir/$suite.counts"
    [ "$f" = 0 ] || cat "$dir/$suite.stderr" >> "$dir/$suite.said"
    cat "$dir/$suite.said"
}

[ -d "${1:-}" ] || { echo "usage: $0 BUILD [--long | SUITE...]" >&2; exit 2; }
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.." || exit 2
shift
if [ "${1:-}" = --judge ]; then
    judge "$3" "$2"
    exit 0
fi

unset MAKEFLAGS MFLAGS MAKELEVEL # a suite's make is not a part of the one that runs it
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
tests/suites.sh list > "$work/declared" || exit 2
sort -t "$(printf '\t')" -s -k 3,3nr "$work/declared" > "$work/suites"

# names [NAME...]: of suites, in the order in which they start; without a name those of `make check`
names() {
    printf '%s\n' "$@" | awk -F'\t' 'NR == FNR { if ($1 != "") { wanted[$1]; some = 1 } next }
        some ? $1 in wanted : $2 == "check" { print $1 }' - "$work/suites"
}

all=$(cut -f 1 "$work/suites")
# shellcheck disable=SC2086 # words are wanted
[ "${1:-}" != --long ] || set -- $all
unknown=$(printf '%s\n' "$@" | awk 'NR == FNR { known[$1]; next } $1 != "" && !($1 in known)' "$work/suites" -)
if [ -n "$unknown" ]; then
    # shellcheck disable=SC2016 # no command
    printf '%s\n' "$unknown" | sed 's/.*/run.sh: no suite is named `&`; there are:/' >&2
    printf '%s\n' "$all" | sort | paste -s -d ' ' | fold -s -w 100 >&2
    exit 2
fi
# shellcheck disable=SC2046
set -- $(names "$@")

# What a suite needs and the machine lacks. Without dpkg-query nobody knows.
if command -v dpkg-query > /dev/null; then
    printf '%s\n' "$@" | awk -F'\t' 'NR == FNR { needs[$1] = $4; next }
        { n = split(needs[$1], package, " "); for (i = 1; i <= n; i++) print package[i], $1 }' "$work/suites" - | sort -u > "$work/needs"
    # shellcheck disable=SC2046 # words are wanted
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' $(cut -d ' ' -f 1 "$work/needs" | sort -u) 2> /dev/null |
        sed -n 's/^installed //p' > "$work/installed"
    awk 'NR == FNR { installed[$1]; next } !($1 in installed) { print "run.sh: " $2 " needs the package " $1 }' \
        "$work/installed" "$work/needs" > "$work/missing"
    if [ -s "$work/missing" ]; then
        cat "$work/missing" >&2
        step=$(printf '%s\n' "$@" | awk -F'\t' 'NR == FNR { kind[$1] = $2; next } kind[$1] == "long" { long = "-long" } END { print "check" long }' \
            "$work/suites" -)
        echo "run.sh: \`tools/setup.sh $step\` installs what is missing" >&2
        exit 2
    fi
fi

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

printf '%s\n' "$@" | xargs -n 1 -P "${JOBS:-$(($(nproc) + 1))}" tests/run.sh "$build" --judge "$work"

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

if [ -n "${TEST:-}" ] && [ $((passed + failed + skipped)) = 0 ]; then
    echo "run.sh: no test of these suites is named \`$TEST\`" >&2
    exit 2
fi
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed = 0 ]
