#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# debug.sh gdb|bochs BUILD_DIR LOG_DIR KERNEL ROM...: prints what a debugger reads to know KERNEL (an ELF
# file, or empty) and the ROMs by name. QEMU is the emulator. run.sh calls it for GDB=1; how to use it: docs/debugging.md.
set -eu

[ $# -ge 4 ] || {
    echo "usage: $0 gdb|bochs BUILD_DIR LOG_DIR KERNEL ROM..." >&2
    exit 2
}
debugger=$1 build=$2 log=$3 kernel=$4
tools=$(dirname "$0")
shift 4

# The monitor, if one of the ROMs is it; and the ELF file of each API's ROM. A ROM from elsewhere has none.
monitor=
elf_13=
elf_3=
for rom in "$@"; do
    image=$(basename "$rom" .rom)
    case $image in
    vmi-monitor*) monitor=$build/monitor/monitor.elf ;;
    vmi-3-*) [ ! -e "$build/$image.elf" ] || elf_3=$build/$image.elf ;;
    vmi-*) [ ! -e "$build/$image.elf" ] || elf_13=$build/$image.elf ;;
    esac
done

gdb_commands() {
    echo "# Made by debug.sh for one run."
    echo "set confirm off"
    # The program decides which processor gdb thinks it has; a 32-bit one will not do for QEMU's 64-bit machine.
    program=$kernel
    case ${QEMU:-} in
    *x86_64) program=$monitor ;;
    esac
    if [ -n "$monitor" ]; then
        # It publishes hypercall images. Lines of source are in them for native bodies that they do without.
        elf_13=$log/vmi-hypercall.elf elf_3=$log/vmi-3-hypercall.elf
        objcopy --strip-debug "$build/vmi-hypercall.elf" "$elf_13"
        objcopy --strip-debug "$build/vmi-3-hypercall.elf" "$elf_3"
        program=$monitor
    fi
    [ -z "$program" ] || echo "file \"$program\""
    [ -z "$kernel" ] || [ "$program" = "$kernel" ] || echo "add-symbol-file \"$kernel\""
    echo "target remote $log/gdb.socket"
    printf 'define load-13\n%send\n' "${elf_13:+add-symbol-file \"$elf_13\" -o \$arg0
}"
    printf 'define load-3\n%send\n' "${elf_3:+add-symbol-file \"$elf_3\" -o \$arg0
}"
    echo "source $tools/debug${monitor:+-monitor}.gdb"
}

# names FILE.elf NAME [OFFSET]: writes the functions of an ELF file, as Bochs reads them, to
# LOG_DIR/NAME.sym; and the command that reads them, for those whose OFFSET is known
names() {
    [ -n "$1" ] || return 0
    nm "$1" | awk '$2 ~ /[tT]/ && $3 !~ /[.]/ { print $1, $3 }' >"$log/$2.sym"
    [ -z "${3:-}" ] || echo "ldsym global \"$log/$2.sym\" $3"
}

# run.sh has Bochs put a ROM at CA000h. Where the monitor publishes one is known when it has.
bochs_commands() {
    names "$kernel" kernel 0
    names "$monitor" monitor 0
    if [ -n "$monitor" ]; then
        names "$build/vmi-hypercall.elf" rom-13
        names "$build/vmi-3-hypercall.elf" rom-3
    else
        names "$elf_13" rom-13 0xca000
        names "$elf_3" rom-3 0xca000
    fi
}

case $debugger in
gdb) gdb_commands ;;
bochs) bochs_commands ;;
*) echo "debug: $debugger: gdb or bochs" >&2; exit 2 ;;
esac
