#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: instructions and bytes of every native stub, counted under QEMU with -icount (one tick an instruction).
set -eu

build=$1
log=$(mktemp)
trap 'rm -f "$log" "$log.nm"' EXIT
trap 'exit 1' HUP INT TERM

status=0
timeout 60 qemu-system-i386 -accel tcg -icount shift=0,sleep=off -cpu qemu32 -M pc -m 64 -display none -nodefaults \
    -no-reboot -global apic-common.vapic=off -device isa-debug-exit,iobase=0xf4,iosize=1 -debugcon "file:$log" \
    -option-rom "$build/vmi-native.rom" -drive "if=floppy,file=$build/guest/bench.img,format=raw,readonly=on" -boot a || status=$?
if [ $status != 1 ] || ! grep -q '^bench end' "$log"; then
    cat "$log" >&2
    echo "bench: the guest did not come to its end (status $status)" >&2
    exit 1
fi

# The sizes of the stubs come from the image's symbols: slot N is at 32 * N.
nm -S --defined-only "$build/vmi-native.elf" > "$log.nm"
awk '
function hex(s, i, v) {
    for (i = 1; i <= length(s); i++)
        v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
    return v
}
FNR == NR {
    if (NF == 4 && $3 == "T" && hex($1) % 32 == 0 && hex($1) < 4096)
        bytes[hex($1) / 32] = hex($2)
    next
}
/^bench [0-9]/ {
    if (!n++) {
        print "| number | name | bytes | instructions |"
        print "| --- | --- | --- | --- |"
    }
    count = $4 == "never" ? "does not return" : $4 == "fault" ? ($5 == 6 ? "#UD under QEMU" : "exception " $5) : $4
    printf "| %d | %s | %d | %s |\n", $2, $3, bytes[$2], count
    if (count ~ /^[0-9]+$/ && $3 !~ /\(/) { total += count; calls++; two += count == 2 }
}
END { printf "\n%d calls counted: %.2f instructions on average, 2 in %d of them.\n", calls, total / calls, two }
' "$log.nm" "$log"

"$build/tests/unit/test_hypercall" "$build/vmi-hypercall.rom" "$build/vmi-native.rom" | awk '
    /^# figures: / { print "\nHypercall image: " substr($0, 12) "." }'
