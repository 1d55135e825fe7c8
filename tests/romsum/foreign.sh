#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# romsum on option ROMs that others built: SeaBIOS' VGA ROMs, QEMU's ROMs and iPXE from Debian's packages. What it shows
# is compared with romheaders and with the bytes as od has them; what it seals is run by SeaBIOS.
# usage: tests/romsum/foreign.sh BUILD_DIR. Prints TAP; status 0 on success.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
romsum=$build/romsum
cd "$work" || exit 1

qemu=/usr/share/qemu
ipxe=/usr/lib/ipxe/qemu
roms=$(ls /usr/share/seabios/vgabios*.bin $qemu/sgabios.bin $qemu/kvmvapic.bin $qemu/linuxboot.bin $qemu/linuxboot_dma.bin \
    $qemu/multiboot.bin $qemu/multiboot_dma.bin $qemu/pvh.bin $ipxe/*.rom)
same there_are_images_of_three_packages 33 "$(echo "$roms" | wc -l)"

# bytes FILE: a line of all bytes, decimal
bytes() {
    od -An -v -tu1 "$1" | tr -s ' \n' ' '
}

# set_byte FILE OFFSET VALUE | add_byte FILE OFFSET
set_byte() {
    # shellcheck disable=SC2059 # the format is made here
    printf "\\$(printf %o "$3")" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null
}

add_byte() {
    set_byte "$1" "$2" $((($(od -An -tu1 -j"$2" -N1 "$1") + 1) % 256))
}

# --- what it shows ---

# The same facts about every image with PCIR, out of what either tool prints.
from_romheaders() {
    romheaders "$1" | awk '
    /Vendor ID:/ { printf "%s", toupper(substr($3, 3)) }
    /Device ID:/ { printf ":%s", toupper(substr($3, 3)) }
    /Vital Product/ { printf " %s", toupper(substr($4, 3)) }
    /Structure Length:/ { printf " %s", substr($6, 2) }
    /Structure Revision:/ { printf " %d", substr($5, 3) }
    /Class Code:/ { printf " %s", toupper(substr($3, 3)) }
    /Image Length:/ { printf " %s", substr($5, 2) }
    /Code Type:/ { printf " %d", substr($3, 3) }
    /Last-Image/ { print " " ($3 == "0x80" ? "last" : "more") }'
}

from_show() {
    "$romsum" --show "$1" | awk '
    $2 == "vendor:device" { printf "%s", $3 }
    $2 == "device" && $3 == "list" { printf " %s", substr($4, 3) }
    $2 == "length," { pcir = $NF; if ($5 == "bytes,") printf " %s %s", $4, $7 }
    $2 == "class" && !done[FNR] && pcir != "" { printf " %s%s%s", $3, $4, $5; pcir = "" }
    $2 == "image" && $3 == "length" { printf " %s", substr($6, 2) }
    $2 == "code" && $3 == "type" { printf " %s", $4 }
    $2 == "indicator" { print " " ($4 == "(last" ? "last" : "more") }'
}

# Header and $PnP of the first image: blocks, entry, sum of its bytes; strings, vectors, sum of the header.
from_bytes() {
    bytes "$1" | awk '
    function word(at) { return b[at] + 256 * b[at + 1] }
    function text(at,  s) { for (s = ""; b[at] != 0; at++) s = s sprintf("%c", b[at]); return s }
    {
        for (i = 1; i <= NF; i++) b[i - 1] = $i
        for (i = 0; i < b[2] * 512; i++) sum += b[i]
        printf "%d blocks, ", b[2]
        if (b[3] == 233) printf "jmp 0x%04X, ", (6 + word(4)) % 65536
        else if (b[3] == 235) printf "jmp 0x%04X, ", 5 + b[4]
        else if (b[3] == 203) printf "retf, "
        else printf "code %02X, ", b[3]
        printf "sum %d\n", sum % 256
        pnp = word(26)
        if (b[pnp] == 36 && b[pnp + 1] == 80 && b[pnp + 2] == 110 && b[pnp + 3] == 80) {
            for (i = 0; i < 32; i++) total += b[pnp + i]
            printf "%s, ", word(pnp + 14) ? text(word(pnp + 14)) : "none"
            printf "%s, ", word(pnp + 16) ? text(word(pnp + 16)) : "none"
            printf "0x%04X 0x%04X 0x%04X, sum %d\n", word(pnp + 22), word(pnp + 24), word(pnp + 26), total % 256
        }
    }'
}

from_show_too() {
    "$romsum" --show "$1" | awk '
    function hex(s,  i, n) { n = 0; for (i = 3; i <= 4; i++) n = n * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1; return n }
    function quoted(s) { return s ~ /"/ ? substr(s, index(s, "\"") + 1, length(s) - index(s, "\"") - 1) : "none" }
    /^Image 2/ { exit }
    $2 == "length" && !blocks { blocks = $3; printf "%s blocks, ", $3 }
    $2 == "entry" { printf "%s, ", $3 == "jmp" ? "jmp " $4 : $3 == "retf" ? "retf" : "code " $4 }
    $2 == "checksum" && $3 == "place" { printf "sum %d\n", hex($6); sums++; next }
    $2 == "checksum" { sum[++sums] = (256 + hex($4) - hex(substr($6, 1))) % 256; if (sums == 1) printf "sum %d\n", sum[1] }
    $2 == "manufacturer" { printf "%s, ", quoted($0) }
    $2 == "product" { printf "%s, ", quoted($0) }
    $2 == "BCV," { printf "%s %s %s, sum %d\n", $5, $6, $7, sum[2] }'
}

wrong_pcir=
wrong_rest=
pcir=0
for rom in $roms; do
    expected=
    if romheaders "$rom" 2> /dev/null | grep -q "'PCIR' (Ok)"; then
        pcir=$((pcir + 1))
        expected=$(from_romheaders "$rom")
    fi
    seen=$(from_show "$rom")
    [ "$expected" = "$seen" ] || wrong_pcir="$wrong_pcir$rom: romheaders: $expected; romsum: $seen
"
    expected=$(from_bytes "$rom")
    seen=$(from_show_too "$rom")
    [ "$expected" = "$seen" ] || wrong_rest="$wrong_rest$rom: bytes: $expected; romsum: $seen
"
done
same show_agrees_with_romheaders_on_every_pcir "" "$wrong_pcir"
same romheaders_knows_all_images_with_pcir 23 "$pcir"
same show_agrees_with_the_bytes_of_every_header_and_pnp "" "$wrong_rest"

# --- what it checks and seals ---

# QEMU's own ROMs have a $PnP header without a checksum, at 1Ch; everything else is right.
refused=
for rom in $roms; do
    "$romsum" --check "$rom" > out 2> err && continue
    refused="$refused ${rom##*/}"
    # shellcheck disable=SC2016 # a signature
    grep -qv 'at 0x25: $PnP'"'"'s 32 bytes sum to 0x[0-9A-F]*, not 0: checksum 0x00, right 0x[0-9A-F]*$' err &&
        refused="$refused ($(cat err))"
done
same check_refuses_only_the_missing_sums_of_five_headers \
    " linuxboot.bin linuxboot_dma.bin multiboot.bin multiboot_dma.bin pvh.bin" "$refused"

changed=
for rom in $roms; do
    cp "$rom" sealed.rom
    "$romsum" --quiet sealed.rom && "$romsum" --check sealed.rom || changed="$changed ${rom##*/}: refused"
    case $refused in
    *" ${rom##*/}"*) # the sum of the header and the image's own in the last byte
        expected="38 $(stat -L -c %s "$rom")"
        seen=$(cmp -l "$rom" sealed.rom | awk '{ printf "%s%s", sep, $1; sep = " " }')
        [ "$expected" = "$seen" ] || changed="$changed ${rom##*/}: $seen" ;;
    *) cmp -s "$rom" sealed.rom || changed="$changed ${rom##*/}" ;;
    esac
done
same seal_changes_nothing_but_those_sums "" "$changed"

# The law: whatever sums to 0 comes out as it went in, also with something else behind it, another ROM or itself again.
lawless=
for rom in $roms; do
    case $refused in
    *" ${rom##*/}"*) continue ;;
    esac
    for behind in /dev/null "$build/vmi-native.rom" "$rom" "$build/romsum"; do
        { cat "$rom"; head -c 3000 "$behind"; } > chip.rom
        cp chip.rom before.rom
        "$romsum" --check chip.rom 2> /dev/null && "$romsum" chip.rom 2> err || lawless="$lawless ${rom##*/} and ${behind##*/}: $(cat err)"
        cmp -s chip.rom before.rom || lawless="$lawless ${rom##*/} and ${behind##*/}"
        grep -v warning: err && lawless="$lawless ${rom##*/}: $(cat err)"
    done
done
same what_sums_to_0_stays_as_it_is_whatever_is_behind "" "$lawless"

# A seal that was broken at its own place comes back there. The two that have it in byte 6 or in the last byte.
changed=
for rom in $roms; do
    case ${rom##*/} in
    vgabios* | *.rom) place=6 ;;
    *) place=$(($(stat -L -c %s "$rom") - 1)) ;;
    esac
    cp "$rom" right.rom
    chmod u+w right.rom
    "$romsum" --quiet --sum-at $place right.rom
    cp right.rom broken.rom
    add_byte broken.rom $place
    "$romsum" --check broken.rom 2> err && changed="$changed ${rom##*/}: accepted"
    if "$romsum" --quiet broken.rom 2> err; then
        cmp -s right.rom broken.rom || changed="$changed ${rom##*/}: $(cmp -l right.rom broken.rom | head -n 4)"
    else
        changed="$changed ${rom##*/}: $(cat err)"
    fi
done
same seal_puts_the_sum_back_where_each_image_has_it \
    " sgabios.bin: romsum: broken.rom: at 0xFFF: no place for the checksum: byte 6 belongs to a second entry (entry E9 4C 0A E9), and the last byte (0x2D) may be data: choose with --sum-at end or --sum-at OFFSET" \
    "$changed"

changed=
for rom in $roms; do
    cp "$rom" padded.rom
    chmod u+w padded.rom
    size=$(stat -L -c %s "$rom")
    "$romsum" --quiet --pad 256K padded.rom && "$romsum" --check padded.rom && "$romsum" --quiet --pad "$size" padded.rom || changed="$changed ${rom##*/}"
    "$romsum" --quiet "$rom" -o sealed.rom
    cmp -s padded.rom sealed.rom || changed="$changed ${rom##*/}: differs"
done
same every_image_can_be_padded_and_cut_again "" "$changed"

# --- what SeaBIOS runs ---

# The boot sector ends QEMU: out 0F4h, al; hlt
{
    printf '\260\001\346\364\364'
    head -c 505 /dev/zero
    printf '\125\252'
    head -c 65024 /dev/zero
} > boot.img

# boot VGA E1000 GENROM...: SeaBIOS with these ROMs; what it says goes to log
boot() {
    vga=$1
    nic=$2
    shift 2
    for genrom in "$@"; do
        set -- "$@" -option-rom "$genrom"
        shift
    done
    rm -f log
    timeout "$limit" qemu-system-i386 -accel tcg -m 64 -display none -nodefaults -vga none -device "VGA,romfile=$vga" \
        -netdev user,id=n -device "e1000,netdev=n,romfile=$nic" "$@" \
        -drive file=boot.img,format=raw,if=none,id=h -device ide-hd,drive=h,bootindex=0 \
        -chardev file,id=d,path=log -device isa-debugcon,iobase=0x402,chardev=d \
        -device isa-debug-exit,iobase=0xf4 -global apic-common.vapic=off > qemu.log 2>&1
    [ $? -eq 3 ] || echo "QEMU did not come to the boot sector: $(tail -n 3 qemu.log)"
}

ran() {
    grep -a -c 'Running option rom at' log
}

cp /usr/share/seabios/vgabios-stdvga.bin vga.rom
cp $ipxe/efi-e1000.rom nic.rom
cp $qemu/linuxboot_dma.bin linuxboot.rom
cp $qemu/sgabios.bin sgabios.rom
chmod u+w ./*.rom
# Something else in each, so that the old seal is wrong: free bytes of the header, and sgabios' text.
set_byte vga.rom 12 82
set_byte nic.rom 12 82
set_byte linuxboot.rom 12 82
set_byte sgabios.rom 4093 82
boot vga.rom nic.rom linuxboot.rom sgabios.rom > said
same seabios_runs_none_of_the_changed_images_before_they_are_sealed "0" "$(ran)"
"$romsum" --quiet vga.rom linuxboot.rom 2> err && "$romsum" --quiet --pad 256K nic.rom 2>> err && "$romsum" --quiet --sum-at end sgabios.rom 2>> err
same all_of_them_can_be_sealed "" "$(cat err)"
boot vga.rom nic.rom linuxboot.rom sgabios.rom > said
same seabios_runs_all_of_them_when_they_are_sealed "4" "$(ran)" # VGA, iPXE, and both of -option-rom
check seabios_comes_to_the_boot_sector_behind_them sh -c '! [ -s said ] && grep -aq "Booting from 0000:7c00" log'
check the_sealed_vga_rom_is_the_one_that_starts grep -aq 'Start SeaVGABIOS' log
same seabios_finds_no_wrong_checksum "" "$(grep -a 'bad checksum' log)"

# What the manual page shows: a ROM for a device that has another identity.
cp "$build/vmi-native.rom" boot.rom
boot vga.rom boot.rom > said
same seabios_runs_no_rom_of_another_device "1" "$(ran)" # VGA
"$romsum" --pci 8086:100e:020000 --pad 64K boot.rom -o card.rom 2> err
boot vga.rom card.rom > said
same seabios_runs_it_with_the_identity_of_the_card "2" "$(ran)"

finish
