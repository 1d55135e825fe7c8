#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# A SeaBIOS that carries the ROMs inside, made from Debian's source package: long.sh BUILD_DIR, prints TAP. The BIOS is
# BUILD_DIR/firmware/seabios.bin.
set -eu

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

mkdir -p "$build/firmware"
{
    "$here/../transparency/packages.sh" "$build/packages" seabios-source
    cp -R "$build/packages/seabios-source" "$work/seabios"
    "$here/seabios/build.sh" "$work/seabios" include "$build/vmi_roms-32.o" "$build/firmware/seabios.bin"
} >"$build/firmware/seabios.log" 2>&1 || {
    tail -n 5 "$build/firmware/seabios.log" | sed 's/^/# /'
    echo "Bail out! SeaBIOS was not built: $build/firmware/seabios.log"
    exit 1
}
python3 -B "$here/paths.py" "$build" docs/firmware.md "$build/firmware/seabios.bin"
