#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run-monitor.sh BUILD_DIR: boots a guest under the reference hypervisor. `make run-monitor` calls
# it. It takes the variables of run.sh, but the default guest is the tour, and the ROM is a monitor's.
# At the guest's end the exits by reason and the calls are printed. A guest of your own runs to its end,
# or to TIMEOUT, ten minutes by default.
#
#   POLICY=all|tuned         what traps: every call that may, or (by default) only those that must
#   COM1=1                   the monitor prints on the guest's serial line, too
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

options=
case ${COM1:-} in
'') ;;
1) options=com1 ;;
*)
    echo "run: COM1: $COM1: only 1" >&2
    exit 2
    ;;
esac
LOG=${LOG:-$1/run}
if [ -n "${DISK:-}${KERNEL:-}" ]; then
    options="$options resets"
    export WHOLE=1
    [ -n "${GDB:-}" ] || export TIMEOUT="${TIMEOUT:-600}"
fi
if [ -n "$options" ] && [ -z "${ROM:-}" ] && [ -e "$rom" ]; then
    mkdir -p "$LOG"
    copy=$LOG/$(basename "$rom")
    # shellcheck disable=SC2086 # words are wanted
    "$(dirname "$0")/monitor-options.sh" "$1" "$rom" "$copy" $options
    rom=$copy
fi
ROM=${ROM:-$rom} GUEST=${GUEST:-tour} QEMU=${QEMU:-qemu-system-x86_64} BOCHS_CPU=${BOCHS_CPU:-ryzen} \
    QEMU_ARGS="-cpu EPYC,+svm,+npt -smp ${CPUS:-1} ${QEMU_ARGS:-}" LOG=$LOG \
    exec "$(dirname "$0")/run.sh" "$1"
