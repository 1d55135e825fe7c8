# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Sourced by shell tests: TAP output. A test's name is the sentence that it proves.

tap_number=0
tap_failures=0

# pass NAME | fail NAME [DETAIL...] | skip NAME REASON
pass() {
    tap_number=$((tap_number + 1))
    echo "ok $tap_number - $1"
}

fail() {
    tap_number=$((tap_number + 1))
    tap_failures=$((tap_failures + 1))
    echo "not ok $tap_number - $1"
    shift
    for tap_line in "$@"; do
        printf '%s\n' "$tap_line" | sed 's/^/# /'
    done
}

skip() {
    tap_number=$((tap_number + 1))
    echo "ok $tap_number - $1 # SKIP $2"
}

# check NAME COMMAND...: passes when the command succeeds; its output is the detail of a failure
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

# Ends the script; the plan comes last.
finish() {
    echo "1..$tap_number"
    [ "$tap_failures" = 0 ]
}
