#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Every way by which a firmware takes a ROM: run.sh BUILD_DIR, prints TAP. The images that it makes and the table of
# what it saw are in BUILD_DIR/firmware.
set -eu

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
python3 -B "$here/paths.py" "$build" docs/firmware.md
