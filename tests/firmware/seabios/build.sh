#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# A SeaBIOS that carries the VMI ROMs inside:
#   build.sh SOURCE INCLUDE OBJECT BIOS
# SOURCE is a tree of SeaBIOS, which is changed; INCLUDE has vmi/embed.h, OBJECT is vmi_roms-32.o; BIOS is made.
set -eu

[ $# -eq 4 ] || {
    echo "usage: $0 SOURCE INCLUDE OBJECT BIOS" >&2
    exit 2
}
source=$(cd "$1" && pwd) include=$(cd "$2" && pwd) object=$(cd "$(dirname "$3")" && pwd)/$(basename "$3") bios=$4
here=$(cd "$(dirname "$0")" && pwd)

# change FILE EXPRESSION: an edit that has to find its place, and is made once
change() {
    grep -q vmirom "$source/$1" && return
    sed -i "$2" "$source/$1"
    grep -q vmirom "$source/$1" || {
        echo "build.sh: $1: the place for vmirom was not found: another SeaBIOS?" >&2
        exit 1
    }
}

cp "$here/vmirom.c" "$source/src/fw/vmirom.c"
change Makefile 's|fw/smbios\.c|& fw/vmirom.c|'
change src/util.h 's|^void coreboot_cbfs_init(void);|&\nvoid vmirom_setup(void);|'
change src/post.c 's|^    multiboot_init();|&\n    vmirom_setup();|'
# The object joins the 32-bit part, from which SeaBIOS takes what it uses.
sed -i "s|\$(OUT)version\.o -o|\$(OUT)version.o $object -o|" "$source/Makefile"

mkdir -p "$source/out"
printf 'CONFIG_QEMU=y\nCONFIG_ROM_SIZE=256\n' >"$source/out/.config"
run() {
    env -u MAKEFLAGS -u MAKELEVEL make -C "$source" -s OUT=out/ KCONFIG_CONFIG="$source/out/.config" PYTHON="python3 -B" \
        EXTRAVERSION=-vmirom CC="gcc -I$include" "$@"
}
run oldnoconfig
run
cp "$source/out/bios.bin" "$bios"
