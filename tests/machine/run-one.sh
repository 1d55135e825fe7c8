#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The machine tests of one call against one image:
#   run-one.sh BUILD_DIR ROM ENGINE CALLNAME        ENGINE: qemu, bochs, or another of engines.sh
# CALLNAME is a call's ABI name, a test's name, or "unassigned" for the slots without a call.
# Status 0: all tests that cover the call passed; 1: some failed, or the run crashed, hung or did not
# complete; 3: no test covers the call.
set -u

arguments="ROM ENGINE CALLNAME"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
[ $# -eq 4 ] || exit 2
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"

engine=$3
# Under Bochs a second processor is only there where it is needed: it is slow.
[ "$engine/$4" = bochs/Shutdown ] && engine=bochs-smp
out=$work/out

run_engine "$engine" "$build/guest/machine.img" "$2" "$out" "only=$4"
grep -a '^not ok\|^#' "$out"
run_completed "$out" || {
    echo "# the run did not complete"
    exit 1
}
grep -a -q '^not ok' "$out" && exit 1
grep -a -q '^# end, uncovered' "$out" && exit 3
exit 0
