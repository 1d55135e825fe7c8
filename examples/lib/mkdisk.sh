#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Makes a 1.44 MB disk image: boot sector, command line (sector 1), kernel (from sector 2).
#   mkdisk.sh [--partition] BOOT.bin KERNEL.bin IMAGE [COMMAND LINE]
#   mkdisk.sh --cmdline IMAGE NEW-IMAGE COMMAND LINE      a copy with another command line
# The image boots as a floppy or as a hard disk; --partition: with a partition table, which some BIOSes want of a hard
# disk. The last sector is marked as one that a kernel may write to. The image is written completely or not at all.
set -eu

fail() {
    echo "mkdisk.sh: $*" >&2
    exit 1
}

size_of() {
    wc -c <"$1" | tr -d ' '
}

# put_cmdline IMAGE TEXT
put_cmdline() {
    [ "${#2}" -lt 512 ] || fail "the command line has ${#2} characters; 511 fit"
    {
        printf '%s' "$2"
        dd if=/dev/zero bs=1 count=$((512 - ${#2})) 2>/dev/null
    } | dd of="$1" bs=512 seek=1 conv=notrunc 2>/dev/null
}

partition=
if [ "${1:-}" = --partition ]; then
    partition=1
    shift
fi
[ $# -ge 3 ] || fail "usage: mkdisk.sh [--partition] BOOT KERNEL IMAGE [CMDLINE] | --cmdline IMAGE NEW CMDLINE"

if [ "$1" = --cmdline ]; then
    new=$3
    temporary=$new.tmp.$$
    trap 'rm -f "$temporary"' EXIT
    cp "$2" "$temporary"
    chmod u+w "$temporary"
    shift 3
    put_cmdline "$temporary" "$*"
    mv "$temporary" "$new"
    exit 0
fi

boot=$1 kernel=$2 image=$3
shift 3
[ "$(size_of "$boot")" -eq 512 ] || fail "$boot: not one sector"
sectors=$((($(size_of "$kernel") + 511) / 512))
[ "$sectors" -gt 0 ] || fail "$kernel: empty"
[ "$sectors" -le 1024 ] || fail "$kernel: $sectors sectors do not fit below the EBDA"

temporary=$image.tmp.$$
trap 'rm -f "$temporary"' EXIT
dd if=/dev/zero of="$temporary" bs=512 count=2880 2>/dev/null
dd if="$boot" of="$temporary" bs=512 conv=notrunc 2>/dev/null
# shellcheck disable=SC2059 # the format is the two octal bytes
printf "$(printf '\\%03o\\%03o' $((sectors % 256)) $((sectors / 256)))" |
    dd of="$temporary" bs=1 seek=508 conv=notrunc 2>/dev/null
# One active partition behind the boot sector, of 80 cylinders, 2 heads and 18 sectors as a floppy has them.
[ -z "$partition" ] ||
    printf '\200\0\002\0\177\001\122\117\001\0\0\0\077\013\0\0' | dd of="$temporary" bs=1 seek=446 conv=notrunc 2>/dev/null
printf 'vmirom scratch sector' | dd of="$temporary" bs=512 seek=2879 conv=notrunc 2>/dev/null
put_cmdline "$temporary" "$*"
dd if="$kernel" of="$temporary" bs=512 seek=2 conv=notrunc 2>/dev/null
mv "$temporary" "$image"
