#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD_DIR: boots the conformance disk under QEMU and prints what it says on port E9h. In the environment:
#   API=3       the native ROM of API 3.0 instead of that of API 13.3
#   ROM=FILE    another ROM; none: without one
#   QEMU=, QEMU_ARGS=   another program, more options: "-cpu 486"
# Status 0 when the disk says PASS.
set -eu

[ $# = 1 ] || {
    echo "usage: $0 BUILD_DIR" >&2
    exit 2
}
build=$1
case ${API:-13} in
3) rom=$build/vmi-3-native.rom ;;
*) rom=$build/vmi-native.rom ;;
esac
rom=${ROM:-$rom}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp "$build/vmi-conform.img" "$work/disk.img"

set -- -display none -nodefaults -vga std -global apic-common.vapic=off -device isa-debug-exit,iobase=0xf4,iosize=1 \
    -debugcon stdio -drive "if=ide,index=0,format=raw,file=$work/disk.img"
[ "$rom" = none ] || set -- "$@" -option-rom "$rom"
# shellcheck disable=SC2086 # words are wanted
"${QEMU:-qemu-system-i386}" "$@" ${QEMU_ARGS:-} </dev/null >"$work/out" || :
cat "$work/out"
grep -q '^conform: result: PASS' "$work/out"
