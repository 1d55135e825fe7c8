# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What the scripts of kernels share, behind tap.sh: `. tests/guest/places.sh`.

# shellcheck disable=SC2154 # build, work, limit and top are tap.sh's
nasm -Werror -f elf32 -I"$build/gen/" -Iinclude/ -o "$work/entry.o" tests/guest/shape.asm

# link SHAPE LINKER: WORK/SHAPE.elf from WORK/SHAPE.o
link() {
    $2 -m elf_i386 -z noexecstack -Lkit/kernel -T tests/guest/shape.ld -o "$work/$1.elf" "$work/entry.o" "$work/$1.o" "$build/libvmiguest.a"
}

# boot PLACE SHAPE: what it says, without what differs between places
boot() {
    script=run.sh rom='' policy=''
    case $1 in
    without) rom=none ;;
    native) rom=$build/vmi-native.rom ;;
    hypercall) script=run-monitor.sh policy=all ;;
    ring1) script=run-ring1.sh ;;
    esac
    LOG=$work/log TIMEOUT=$limit KERNEL=$work/$2.elf FOUND='shape: right' ROM=$rom POLICY=$policy "tools/$script" "$build" \
        > "$work/out" 2>&1 < /dev/null
    echo "$?"
    grep -aoE '^(before|linked|not linked|unlinked|wrong|shape): .*' "$work/log/serial.log"
}

# places SHAPE: it works in each of them
places() {
    for place in without native hypercall ring1; do
        case $place in
        without) linked="not linked" ;;
        *) linked=linked ;;
        esac
        same "a_kernel_works: $1, $place" "0
before: all is as it should
$linked: all is as it should
unlinked: all is as it should
shape: right" "$(boot "$place" "$1")"
        called=$(sed -n 's/^VMI sites: .* \([0-9]*\) called.*/\1/p' "$work/log/serial.log")
        case $place in
        without | native) same "no_site_is_called: $1, $place" 0 "$called" ;;
        *) check "sites_are_called: $1, $place" test "${called:-0}" -gt 10 ;;
        esac
    done
    check "vmi_lint_finds_nothing_but_what_is_said: $1" "$build/vmi-lint" --strict --allow tests/guest/shape.allow "$work/$1.elf"
}
