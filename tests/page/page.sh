# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What the page's suites begin with, behind tests/tap.sh: the page, or the reason why it cannot be made here.

# make_page TARGET: both suites may be at it
# shellcheck disable=SC2154 # tap.sh sets them
make_page() {
    flock "$build/page.lock" make -s B="$build" "$1"
}

# no_page: why not
# shellcheck disable=SC2154 # tap.sh sets them
no_page() {
    for page_command in node npm; do
        command -v "$page_command" >/dev/null || {
            echo "no $page_command"
            return
        }
    done
    # What npm says of itself is no fault of ours; a file with another sum is one, which `make page` then shows.
    make_page page-v86 >"$work/log" 2>&1 ||
        sed -n '/^npm/{ s/^/the emulator does not come: /p; q }' "$work/log"
}

# lines PLACE FILE: what the machine in that place has said
lines() {
    sed -n "s/^$1:\{0,1\} //p" "$2"
}
