#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# romsum as gcc and clang make it for 64 and for 32 bits: no warning, and the same output from all. And what it prints,
# read by others: JSON by jq, pictures by xmllint, the manual page by mandoc and groff.
# usage: tests/romsum/builds.sh BUILD_DIR. Prints TAP; status 0 on success.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
cd "$work" || exit 1

# --- builds ---

# gcc-multilib would bring asm/ for 32 bits; it is the same as that of 64.
asm=$(gcc -print-multiarch)
flags="-std=c11 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Werror -I$top/include -I$build/gen"
for cc in gcc clang; do
    for bits in 64 32; do
        kit=
        [ $bits = 64 ] || kit=-32
        # shellcheck disable=SC2086 # words are wanted
        $cc -m$bits -idirafter "/usr/include/$asm" $flags "$top"/tools/romsum.c "$top"/tools/romsum/*.c "$build/libvmihv$kit.a" -o romsum-$cc-$bits > log-$cc-$bits 2>&1 &
    done
done
wait
for cc in gcc clang; do
    for bits in 64 32; do
        if [ -x romsum-$cc-$bits ] && ! [ -s log-$cc-$bits ]; then
            pass "${cc}_makes_it_for_${bits}_bits_without_a_warning"
        else
            fail "${cc}_makes_it_for_${bits}_bits_without_a_warning" "$(head -n 20 log-$cc-$bits)"
        fi
    done
done
same the_builds_for_32_bits_have_32_bits "1 1" "$(od -An -tu1 -j4 -N1 romsum-gcc-32 | tr -d ' ') $(od -An -tu1 -j4 -N1 romsum-clang-32 | tr -d ' ')"

# Good and bad input: our images, raw and sealed; others; parts of files; what is no ROM.
mkdir in
cp "$build"/vmi-native.rom "$build"/vmi-hypercall.rom "$build"/vmi-3-hypercall.rom "$build"/vmi-3-native.bin in
cp /usr/share/qemu/linuxboot.bin /usr/share/qemu/sgabios.bin /usr/lib/ipxe/qemu/efi-e1000.rom in
for size in 3 31 600 4700; do
    head -c $size "$build/vmi-hypercall.rom" > in/part-$size
done
cp "$top/calls.tsv" in/text
cat in/linuxboot.bin in/sgabios.bin in/efi-e1000.rom > in/chip
{ cat "$build/vmi-native.rom"; head -c 700 "$top/calls.tsv"; } > in/behind
printf '\125\252\001\353\073\351\110\000' > in/second-entry
"$build/romsum" --quiet --pad 64K "$build/vmi-3-native.rom" -o in/padded.rom
chmod u+w in/*

# try ROMSUM: all that it says and makes of all files
try() {
    for file in in/*; do
        for what in --check "--show" "--check --json" "--show --json"; do
            # shellcheck disable=SC2086 # words are wanted
            "./$1" $what "$file"
            echo "status $?"
        done
        rm -f out.svg
        "./$1" --show --svg out.svg "$file"
        cksum out.svg
        for change in "" "--pci 8086:100e:020000" "--strings A,B" "--strings Acme,Some_product" "--sum-at end" "--sum-at 0x7F0" \
            "--pad 256K" "--trap int:0x80" "--policy full" "--length file" "--length header" "--last 1" "--last 2" "--at 0x800" \
            "--slots all" "--slots tuned --twin in/vmi-native.rom" "--sum-at 6 --force" "--strict" "--quiet" "--dry-run" "--pci 1:2 --strings X, --pad 1M --sum-at 6"; do
            rm -f out.rom
            # shellcheck disable=SC2086 # words are wanted
            "./$1" $change "$file" -o out.rom
            echo "status $? of romsum $change $file"
            [ ! -f out.rom ] || cksum out.rom
        done
    done
}

try romsum-gcc-64 > said-gcc-64 2>&1 &
try_pid=$!
mkdir other && cp -R in romsum-* other
(cd other && for it in romsum-gcc-32 romsum-clang-64 romsum-clang-32; do try $it > ../said-${it#romsum-} 2>&1; done)
wait $try_pid
same they_have_something_to_say "yes yes" "$([ "$(grep -c '^status 0' said-gcc-64)" -gt 40 ] && echo yes) $([ "$(grep -c '^status 1' said-gcc-64)" -gt 40 ] && echo yes)"
for it in gcc-32 clang-64 clang-32; do
    check "${it}_says_and_makes_the_same" cmp said-gcc-64 said-$it
done

# --- what others read ---

"./romsum-gcc-64" --show --json in/* > all.json 2> /dev/null
check jq_reads_the_json jq -e . all.json
same jq_finds_an_object_for_each_file "$(find in -type f | wc -l)" "$(jq length all.json)"
at=$((0x$(od -An -tx2 -j20 -N2 in/vmi-hypercall.rom | tr -d ' '))) # kinds of slots: 8 bytes into the descriptor
kinds=$(od -An -v -tu1 -w1 -j$((at + 8)) -N128 in/vmi-hypercall.rom)
same jq_finds_the_slots_of_a_hypercall_image \
    "$(echo "$kinds" | grep -c ' 1$') trap, $(echo "$kinds" | tail -n 40 | grep -c ' 0$') native of API 13" \
    "$(jq -r '.[] | select(.file == "in/vmi-hypercall.rom") | .images[0].vmi | "\([.slots[] | select(.kind == "trap")] | length) trap, \([.slots[] | select(.name == null and .kind == "native")] | length) native of API \(.api[0])"' all.json)"
cp in/vmi-native.rom "$(printf 'a<&>"\302\251\033\377.rom')"
for file in in/vmi-hypercall.rom in/vmi-3-native.bin in/efi-e1000.rom in/padded.rom in/text in/part-3 a*.rom; do
    ./romsum-gcc-64 --show --svg "x$(basename "$file").svg" "$file" 2> /dev/null
done
check xmllint_reads_the_pictures xmllint --noout x*.svg
same every_picture_is_drawn 7 "$(find . -maxdepth 1 -name 'x*.svg' | wc -l)"

# --- the manual page ---

page=$top/docs/romsum.1
same mandoc_has_nothing_against_the_manual_page "" "$(mandoc -T lint -W warning "$page" 2>&1)"
same groff_has_nothing_against_the_manual_page "" "$(groff -mandoc -ww -Tascii "$page" 2>&1 > /dev/null)"
mandoc -T ascii "$page" | col -b > page.txt
./romsum-gcc-64 --help > help.txt
missing=
# shellcheck disable=SC2013 # words are wanted
for option in $(grep -oE '(^| )--?[a-z][a-z-]*' help.txt | sort -u); do
    grep -q -- "$option" page.txt || missing="$missing $option"
done
same the_manual_page_has_every_option_of_the_help "" "$missing"
missing=
# shellcheck disable=SC2013 # words are wanted
for option in $(grep -oE -- '--[a-z-]+' page.txt | sort -u); do
    grep -q -- "$option" help.txt || missing="$missing $option"
done
same the_help_has_every_option_of_the_manual_page "" "$missing"
# What only a seal refuses with is not in JSON.
cat "$top"/tools/romsum/check*.c "$top"/tools/romsum/behind.c "$top"/tools/romsum/hypercall.c "$top"/tools/romsum/policy.c \
    "$top"/tools/romsum/report.c "$top"/tools/romsum/json.c | tr '\n' ' ' |
    grep -oE '(problem|warning|doubt)\([^"]*"[a-z0-9-]+"|"code\\": \\"[a-z0-9-]+' | sed -E 's/"$//; s/.*"//' | sort > codes.txt
same the_manual_page_has_every_code_once "$(sort -u codes.txt)" "$(sed -n 's/^\.It Li //p' "$page" | sort)"
check and_there_are_many_of_them [ "$(sort -u codes.txt | wc -l)" -gt 30 ]
same no_line_of_the_help_is_wider_than_a_terminal "" "$(awk 'length > 96' help.txt)"

finish
