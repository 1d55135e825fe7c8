#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run-ring1.sh BUILD_DIR: boots a guest in ring 1, below the hypervisor that its Init starts. `make
# run-ring1` calls it. All of run.sh's variables count: DISK=, KERNEL=, FOUND= for a guest of your own;
# the ROM is vmi-ring1.rom. When the guest stops for good, or calls Reboot or Shutdown, the calls and
# traps are printed.
#
#   CPUS=N                   processors, one by default
set -eu

[ $# -eq 1 ] || {
    echo "usage: $0 BUILD_DIR" >&2
    exit 2
}
[ -n "${DISK:-}${KERNEL:-}" ] || [ "${ENGINE:-qemu}" = bochs ] || export COUNTS=1
ROM=${ROM:-$1/vmi-ring1.rom} QEMU_ARGS="-smp ${CPUS:-1} ${QEMU_ARGS:-}" LOG=${LOG:-$1/run} \
    exec "$(dirname "$0")/run.sh" "$1"
