#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run-monitor.sh BUILD_DIR: boots a guest under the reference hypervisor. `make run-monitor` calls
# it. It takes the variables of run.sh, but the default guest is the tour, and the ROM is a monitor's.
# When the guest ends the emulator, the exits by reason and the calls are printed.
#
#   POLICY=all|tuned         what traps: every call that may, or (by default) only those that must
#   CPUS=N                   processors, one by default; under Bochs always one
set -eu

[ $# -eq 1 ] || {
    echo "usage: $0 BUILD_DIR" >&2
    exit 2
}
case ${POLICY:-} in
'' | tuned) rom=$1/vmi-monitor.rom ;;
all) rom=$1/vmi-monitor-all.rom ;;
*)
    echo "run: POLICY: $POLICY: all or tuned" >&2
    exit 2
    ;;
esac

ROM=${ROM:-$rom} GUEST=${GUEST:-tour} QEMU=${QEMU:-qemu-system-x86_64} BOCHS_CPU=${BOCHS_CPU:-ryzen} \
    QEMU_ARGS="-cpu EPYC,+svm,+npt -smp ${CPUS:-1} ${QEMU_ARGS:-}" LOG=${LOG:-$1/run} \
    exec "$(dirname "$0")/run.sh" "$1"
