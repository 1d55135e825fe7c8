#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# romsum under libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer: romsum_fuzz.c says what has to hold. Seeds are
# our images, others' from Debian's packages, and small ones made here.
# usage: tests/fuzz/run.sh BUILD_DIR EXECUTIONS. Prints TAP; status 0 on success. KEEP=FOLDER keeps seeds, log and
# what broke it.
set -u

arguments=EXECUTIONS
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
executions=${2:?EXECUTIONS}
[ -z "${KEEP:-}" ] || { mkdir -p "$KEEP" && cd "$KEEP" && scratch=$PWD; }
mkdir -p "${scratch:=$work}/seeds" && cd "$scratch" || exit 1

# zeros COUNT
zeros() {
    head -c "$1" /dev/zero
}

# A block for the BIOS, or for EFI; what PCIR says of the code type and of an image behind it, in octal.
bios_image() {
    printf '\125\252\001\313'
    zeros 20
    printf '\034\000\000\000PCIR\064\022\021\200\000\000\030\000\000\000\000\002\001\000\000\000%b%b' "\\0$1" "\\0$2"
    zeros 462
}

efi_image() {
    printf '\125\252\001\000\361\016\000\000\013\000\144\206\000\000'
    zeros 8
    printf '\100\000\034\000\000\000PCIR\064\022\021\200\000\000\030\000\000\000\000\002\001\000\000\000\003\200\000\000'
    zeros 12
    printf 'MZ'
    zeros 446
}

# A $PnP header with strings at 60h and 66h; the offset of the next one in octal.
pnp_header() {
    # shellcheck disable=SC2016 # a signature
    printf '$PnP\001\002%b\000\000\000\000\000\000\000\140\000\146\000\002\000\000\364\000\000\000\000\000\000\000\000\000\000' "\\0$1"
}

pnp_image() {
    printf '\125\252\001\353\030\000\000'
    zeros 19
    printf '\040\000\000\000\000\000'
    pnp_header 100
    pnp_header 000
    printf 'Maker\000Thing\000'
    zeros 403
    printf '\001'
}

# A native image with the descriptor of a ring 1 ROM behind its code: slots 32 and 33, which two others follow, no flag.
ring1_image() {
    head -c 20 "$build/vmi-native.rom"
    printf '\000\023'
    head -c 4864 "$build/vmi-native.rom" | tail -c +23
    printf 'VmiR\001\000\040\002\214\023\360\023'
    zeros 128
    printf '\220%.0s' $(seq 64)
    zeros 52
}

for image in native hypercall 3-native 3-hypercall; do
    cp "$build/vmi-$image.rom" seeds
    head -c 200 "$build/vmi-$image.rom" > seeds/head-$image
done
for image in linuxboot linuxboot_dma multiboot multiboot_dma pvh sgabios; do
    cp /usr/share/qemu/$image.bin seeds
done
for image in /usr/share/seabios/vgabios-*.bin /usr/lib/ipxe/qemu/*.rom; do
    head -c 2048 "$image" > "seeds/head-${image##*/}"
done
bios_image 000 200 > seeds/pci
{ bios_image 000 000; efi_image; } > seeds/bios-efi
{ bios_image 000 000; bios_image 000 000; bios_image 001 200; } > seeds/three
pnp_image > seeds/pnp
ring1_image > seeds/ring1
for seed in pci bios-efi three pnp ring1; do
    "$build/romsum" --quiet seeds/$seed -o seeds/sealed-$seed || echo "# $seed: not sealed"
    [ $seed = ring1 ] || "$build/romsum" --quiet --pad 4K seeds/$seed -o seeds/padded-$seed || echo "# $seed: not padded"
done
# Chips: ROMs one behind the other, something else behind one, an image hidden behind the last-image bit, a second entry.
cat seeds/sealed-pnp seeds/sealed-pnp > seeds/twice
{ cat seeds/sealed-pnp; zeros 1536; cat seeds/sealed-pci; } > seeds/chip
{ cat seeds/sealed-pci; head -c 700 "$build/vmi-native.rom" | tail -c 600; } > seeds/behind
{ cat seeds/sealed-pci; efi_image; } > seeds/hidden
{ printf '\125\252\001\353\073\351\110\000'; zeros 504; } > seeds/second-entry
{ printf '\125\252\001\351\072\000\004TEST\351\062\000'; zeros 498; } > seeds/names
same every_seed_made_here_can_be_sealed 9 "$(find seeds -name 'sealed-*' -o -name 'padded-*' | wc -l)"

# Whatever the length of a unit's run, the same units are chosen: -entropic=0.
ASAN_OPTIONS=quarantine_size_mb=16 "$build/tests/fuzz/romsum_fuzz" -seed=1 -entropic=0 -runs="$executions" -max_len=5632 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$scratch/" seeds > log 2>&1
status=$?
done=$(sed -n 's/^stat::number_of_executed_units: *//p' log)
if [ $status -eq 0 ] && [ "${done:-0}" -ge "$executions" ]; then
    pass "nothing_breaks_romsum_in_$executions executions"
else
    fail "nothing_breaks_romsum_in_$executions executions" "status $status after ${done:-0} executions" \
        "$(grep -E -A12 'ERROR|runtime error|romsum_fuzz:|Test unit' log | head -n 40)"
fi
echo "# $(grep -E '(DONE|INITED) ' log | tail -n 1)"
echo "# $(grep '^Done' log)"

finish
