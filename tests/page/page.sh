# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What the page's suites begin with, behind tests/tap.sh: the page, or the reason why it cannot be made here.

# no_page: why not
# shellcheck disable=SC2154 # tap.sh sets them
no_page() {
    for page_command in node npm; do
        command -v "$page_command" >/dev/null || {
            echo "no $page_command"
            return
        }
    done
    make -s B="$build" page-v86 >"$work/log" 2>&1 || echo "npm does not bring the emulator: $(tail -n 1 "$work/log")"
}

# lines PLACE FILE: what the machine in that place has said
lines() {
    sed -n "s/^$1:\{0,1\} //p" "$2"
}
