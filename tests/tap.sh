# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What every test script starts from: `. "$(dirname "$0")/../tap.sh"`, with the build's folder as first argument. Sets
#   build top here   absolute: the build, the checkout, which becomes the current folder, the script's folder
#   version          of the images
#   work             a scratch folder, removed when the script ends
#   limit            seconds after which a run has hung: no measure of speed. LIMIT in the environment is another
# and gives it TAP. A test's name is the sentence that it proves. TEST in the environment, a name or a pattern of the
# shell, chooses: no other test is counted or printed. `arguments`, set before, is what more the script takes.
# shellcheck disable=SC2034

if ! [ -d "${1:-}" ] || { [ $# -gt 1 ] && [ -z "${arguments:-}" ]; }; then
    echo "usage: $0 BUILD_DIR${arguments:+ $arguments}" >&2
    exit 2
fi
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top" || exit 1
version=$(cat VERSION)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
limit=${LIMIT:-600}

tap_number=0
tap_failures=0

# wanted NAME: whether TEST chooses it
wanted() {
    [ -n "${TEST:-}" ] || return 0
    [ "$1" != "$TEST" ] || return 0
    # shellcheck disable=SC2254 # a pattern
    case $1 in
    $TEST) ;;
    *) return 1 ;;
    esac
}

# pass NAME | fail NAME [DETAIL...] | skip NAME REASON
pass() {
    wanted "$1" || return 0
    tap_number=$((tap_number + 1))
    echo "ok $tap_number - $1"
}

fail() {
    wanted "$1" || return 0
    tap_number=$((tap_number + 1))
    tap_failures=$((tap_failures + 1))
    echo "not ok $tap_number - $1"
    shift
    for tap_line in "$@"; do
        printf '%s\n' "$tap_line" | sed 's/^/# /'
    done
}

skip() {
    wanted "$1" || return 0
    tap_number=$((tap_number + 1))
    echo "ok $tap_number - $1 # SKIP $2"
}

# check NAME COMMAND...: passes when the command succeeds; its output is the detail of a failure. It runs whatever
# TEST chooses: others may need what it leaves.
check() {
    tap_name=$1
    shift
    if tap_output=$("$@" 2>&1); then
        pass "$tap_name"
    else
        fail "$tap_name" "$* gave:" "$tap_output"
    fi
}

# same NAME EXPECTED SEEN
same() {
    if [ "$2" = "$3" ]; then
        pass "$1"
    else
        fail "$1" "expected: $2" "seen:     $3"
    fi
}

tap_problems=

# want WHAT EXPECTED SEEN: a part of a test
want() {
    [ "$2" = "$3" ] || tap_problems="$tap_problems$1: expected: $2
    seen: $3
"
}

# conclude NAME [DETAIL...]: the test made of the wants since the last one
conclude() {
    if [ -z "$tap_problems" ]; then
        pass "$1"
    else
        tap_name=$1
        shift
        fail "$tap_name" "$tap_problems" "$@"
    fi
    tap_problems=
}

# Ends the script; the plan comes last.
finish() {
    echo "1..$tap_number"
    [ "$tap_failures" = 0 ]
}
