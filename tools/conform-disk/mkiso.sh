#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# mkiso.sh IMAGE ISO: a CD that boots the image of a floppy disk. The same image gives the same bytes: no time but the
# one below, no owner, no mode of this machine. The CD is written completely or not at all.
set -eu

[ $# = 2 ] || {
    echo "usage: $0 IMAGE ISO" >&2
    exit 2
}
image=$1 iso=$2
seconds=1136073600 date=2006010100000000 # the same time twice

work=$(mktemp -d)
trap 'rm -rf "$work" "$iso.new"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/cd"
cp "$image" "$work/cd/conform.img"
rm -f "$iso.new" # xorriso would add to it
SOURCE_DATE_EPOCH=$seconds xorriso -as mkisofs -V VMI_CONFORM --modification-date=$date --set_all_file_dates $date \
    -uid 0 -gid 0 -file-mode 0444 -dir-mode 0555 -b conform.img -c boot.cat -o "$iso.new" "$work/cd" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
mv "$iso.new" "$iso"
