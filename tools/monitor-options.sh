#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# monitor-options.sh BUILD_DIR ROM COPY OPTION...: a sealed copy of a monitor's image with these options, and no
# others (docs/monitor.md): trace, com1, resets. run-monitor.sh calls it.
set -eu

usage() {
    echo "monitor-options: $*" >&2
    exit 2
}

[ $# -ge 3 ] || usage "usage: $0 BUILD_DIR ROM COPY OPTION..."
romsum=$1/romsum rom=$2 copy=$3
shift 3
at=70 # struct rom_table.options in the image: monitor/svm/boot.h
word=0
for option in "$@"; do
    case $option in
    trace) word=$((word | 1)) ;;
    com1) word=$((word | 2)) ;;
    resets) word=$((word | 4)) ;;
    *) usage "$option: trace, com1 or resets" ;;
    esac
done

trap 'rm -f "$copy.unsealed"' EXIT
cp -- "$rom" "$copy.unsealed"
chmod u+w "$copy.unsealed"
# shellcheck disable=SC2059 # the format is the byte
printf "\\$(printf '%03o' $word)" | dd of="$copy.unsealed" bs=1 seek=$at conv=notrunc 2>/dev/null
"$romsum" --quiet "$copy.unsealed" -o "$copy"
