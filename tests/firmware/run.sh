#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Every way by which a firmware takes a ROM: run.sh BUILD_DIR, prints TAP. The images that it makes and the table of
# what it saw are in BUILD_DIR/firmware.
set -eu

[ $# -eq 1 ] || {
    echo "usage: run.sh BUILD_DIR" >&2
    exit 2
}
exec python3 -B "$(dirname "$0")/paths.py" "$1" docs/firmware.md
