# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Sourced by tests that change single bytes of images.

byte_at() {
    od -An -v -tu1 -j "$2" -N 1 "$1" | tr -d ' '
}

# poke FILE OFFSET BYTE...
poke() {
    file=$1 offset=$2
    shift 2
    for byte; do
        # shellcheck disable=SC2059 # the format is the byte
        printf "\\$(printf %03o "$byte")"
    done | dd of="$file" bs=1 seek="$offset" conv=notrunc 2>/dev/null
}

# Makes the image's bytes sum to 0 again by the byte that is there for it.
seal() {
    sum=$(od -An -v -tu1 "$1" |
        awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum % 256 }')
    poke "$1" 6 $((($(byte_at "$1" 6) - sum + 256) % 256))
}

crc_of() { # gzip ends with the CRC-32 and the length
    gzip -c "$1" | tail -c 8 | od -An -v -tx1 -N 4 | awk '{ print toupper($4 $3 $2 $1) }'
}
