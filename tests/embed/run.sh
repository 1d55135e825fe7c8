#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The images as linkable objects: run.sh BUILD_DIR, prints TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
flags="-std=c11 -Wall -Wextra -Werror -Wpedantic -Iinclude"
names="native hypercall 3-native 3-hypercall"

expected=$(for name in $names; do
    case $name in 3-*) api=3 ;; *) api=13 ;; esac
    case $name in *hypercall) kind=1 ;; *) kind=0 ;; esac
    echo "vmi-$name $api $kind $(wc -c <"$build/vmi-$name.rom")"
done)

# --- 64 bits ---

for cc in gcc clang; do
    for position in "-fPIE -pie" "-fno-pie -no-pie"; do
        mkdir "$work/roms"
        # shellcheck disable=SC2086 # words are wanted
        $cc $flags $position -Wl,--fatal-warnings "$here/program.c" "$build/vmi_roms.o" -o "$work/program" 2>"$work/log"
        same "a_program_carries_the_images: $cc $position" "$expected" \
            "$("$work/program" "$work/roms" 2>&1 || echo "status $?"; cat "$work/log")"
        for name in $names; do
            check "the_image_in_it_is_the_file: $cc $position: $name" \
                cmp "$build/vmi-$name.rom" "$work/roms/vmi-$name.rom"
        done
        rm -rf "$work/roms"
    done
done

# --- 32 bits: linked, and taken apart ---

# shellcheck disable=SC2086
gcc $flags -m32 -ffreestanding -fno-pie -fno-asynchronous-unwind-tables -DFREESTANDING -c "$here/program.c" \
    -o "$work/program-32.o"
check a_32_bit_program_links_with_them ld -m elf_i386 --fatal-warnings -z noexecstack -e start -o "$work/program-32" \
    "$work/program-32.o" "$build/vmi_roms-32.o"

# value SYMBOL: its address, in decimal
value() {
    echo $((0x$(nm "$work/program-32" | awk -v s="$1" '$3 == s { print $1 }')))
}

# bytes ADDRESS SIZE: of the program, where they are loaded
bytes() {
    readelf -lW "$work/program-32" | awk '$1 == "LOAD" { print $2, $3, $5 }' | while read -r offset address size; do
        if [ "$1" -ge $((address)) ] && [ $(($1 + $2)) -le $((address + size)) ]; then
            tail -c +$(($1 - address + offset + 1)) "$work/program-32" | head -c "$2"
        fi
    done
}

# words ADDRESS COUNT: 32-bit words in decimal
words() {
    bytes "$1" $((4 * $2)) | od -An -v -tu4 -w$((4 * $2))
}

count=$(words "$(value vmi_embedded_rom_count)" 1)
same the_32_bit_table_has_all_images 4 "$((count))"
at=$(value vmi_embedded_roms)
for name in $names; do
    # shellcheck disable=SC2046
    set -- $(words "$at" 4)
    bytes "$2" "$3" >"$work/image"
    check "the_image_in_a_32_bit_program_is_the_file: $name" cmp "$build/vmi-$name.rom" "$work/image"
    same "the_32_bit_table_tells_of_it: $name" "$(echo "$expected" | grep "^vmi-$name ")" \
        "$(bytes "$1" 16 | tr '\000' '\n' | sed -n 1p) $(($4 % 65536)) $(($4 / 65536)) $3"
    at=$((at + 16))
done

# --- one image alone ---

echo 'extern const unsigned char vmi_rom_3_native[]; const unsigned char *start(void) { return vmi_rom_3_native; }' \
    >"$work/one.c"
gcc -m32 -ffreestanding -fno-pie -c "$work/one.c" -o "$work/one.o"
ld -m elf_i386 --gc-sections -z noexecstack -e start -o "$work/one" "$work/one.o" "$build/vmi_roms-32.o"
same a_program_that_names_one_image_carries_no_other "vmi_rom_3_native vmi_rom_3_native_end " \
    "$(nm "$work/one" | awk '/vmi_/ { print $3 }' | sort | tr '\n' ' ')"

# --- what both are ---

for object in vmi_roms vmi_roms-32; do
    same "the_object_needs_nothing: $object" "" "$(nm -u "$build/$object.o")"
    same "the_object_defines_what_the_header_declares: $object" \
        "$(grep -o 'vmi_rom_[a-z0-9_]*\|vmi_embedded_rom[s_][a-z]*' include/vmi/embed.h | grep -v 'vmi_roms' | sort -u | tr '\n' ' ')" \
        "$(nm -g "$build/$object.o" | awk '{ print $3 }' | sort -u | tr '\n' ' ')"
done
check cpp_takes_the_header sh -c "echo '#include \"vmi/embed.h\"' | clang -x c++ -std=c++11 -Wall -Wextra -Werror -Iinclude -fsyntax-only -"

finish
