#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD: the demo kernel in its places, and `make run`. Prints TAP; status 0 on success.
set -eu

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/bytes.sh
. "$top/tests/bytes.sh"
demo=$build/guest/demo
cd "$work"

# run SCRIPT NAME=VALUE...: that tool with that environment; sets status, output is in ./out
run() {
    tool=$1
    shift
    status=0
    env LOG="$work/log" TIMEOUT="$limit" "$@" "$top/tools/$tool.sh" "$build" >out 2>&1 </dev/null || status=$?
}

lines_with() { # PATTERN [FILE]
    grep -c -x -- "$1" "${2:-out}" || :
}

# --- what is to be expected -----------------------------------------------------------------------

# The calls of the kernel's sites, from its records: 16 bytes each, the number of the call first.
symbol() {
    echo $((0x$(nm "$demo.elf" | awk -v s="$1" '$3 == s { print $1 }')))
}
records() {
    od -An -v -tu4 -w16 -j $(($(symbol vmi_annotations) - $(symbol kernel_image))) \
        -N $(($(symbol vmi_annotations_end) - $(symbol vmi_annotations))) "$demo.bin" |
        awk '{ print $1 }'
}
records >sites

# became PLACE [LOG]: what the log says of the sites is what the table says
became() {
    awk -v place="$1" -f "$here/expect.awk" "$top/calls.tsv" sites | sort >expected
    awk -f "$here/seen.awk" "${2:-out}" | sort >seen
    want "sites ($1)" "" "$(diff expected seen)"
    for kind in native inlined called jumped; do
        want "sites $kind ($1)" "$(awk -v k=$kind '$2 == k { n += $3 } END { print n + 0 }' expected)" \
            "$(sed -n "s/^[0-9]* call sites, .* \\([0-9]*\\) $kind.*/\\1/p" "${2:-out}")"
    done
}

# There are 1229 and 2262 primes below 10,000 and 20,000, and 4 and 92 ways for 6 and 8 queens. Of zeros each process
# has its stack, and the sieve's 20,000 bytes are five pages.
worked() { # [LOG]
    want "parts" "primes part 1: 1229, primes part 2: 2262, queens part 1: 4, queens part 2: 92" \
        "$(sed -n 's/^\([a-z]* part .:\) */\1 /p' "${1:-out}" | sort | paste -s -d, | sed 's/,/, /g')"
    want "primes" 1 "$(lines_with "primes: result 2262, 6 pages of zeros, 1 copied" "${1:-out}")"
    want "queens" 1 "$(lines_with "queens: result 92, 1 pages of zeros, 1 copied" "${1:-out}")"
    want "failures" "" "$(grep FAILED "${1:-out}" || :)"
    want "result" 1 "$(lines_with "Result: OK" "${1:-out}")"
}

heard() { # [LOG]
    want "what was typed" "serial line: hello, keyboard: keys, serial line: exit" \
        "$(grep -E '^(serial line|keyboard): ' "${1:-out}" | paste -s -d, | sed 's/,/, /g')"
}

checksum="Demo kernel of vmirom: $(wc -c <"$demo.bin" | tr -d ' ') bytes, checksum $(crc_of "$demo.bin")"

# --- four places -----------------------------------------------------------------------------------

run places
mv out all
want status 0 "$status"
want "kernel" 1 "$(lines_with "kernel: the same" all)"
want "work" 1 "$(lines_with "what it did: the same" all)"
want "checksum" 4 "$(lines_with "$checksum" all)"
want "sha256" 1 "$(lines_with "sha256 $(sha256sum "$demo.bin" | cut -d' ' -f1)" all)"
want "row" 1 "$(lines_with "kernel in memory  *\\($(crc_of "$demo.bin") *\\)\\{4\\}" all)"
want "lines above 79 columns" 0 "$(awk 'length($0) > 79 && !/^# monitor/' log/*/serial.log | wc -l | tr -d ' ')"
conclude "one_binary_runs_in_four_places"

for place in none native monitor ring1; do
    file=log/$place/serial.log
    worked $file
    conclude "processes_compute_what_they_should: $place"
    heard $file
    conclude "keyboard_and_serial_line_are_read: $place"
    want "ticks" 1 "$(lines_with 'clock: [0-9]* ticks, [0-9]* switches' $file)"
    want "a switch needs a tick, but for two that a process's end brings" "" \
        "$(awk '/^clock:/ && ($4 < 2 || $4 > $2 + 2)' $file)"
    conclude "the_clock_switches_processes: $place"
done

became none log/none/serial.log
want "ROM" 1 "$(lines_with "No VMI ROM from C0000h to DFFFFh" log/none/serial.log)"
conclude "without_a_rom_every_site_is_native"
became native log/native/serial.log
want "ROM" 1 "$(lines_with 'VMI ROM at [CD]....h: API 13.3, "VMI native ROM .*", checksum right' log/native/serial.log)"
conclude "sites_are_what_the_native_rom_lets_them_be"
became tuned log/monitor/serial.log
want "ROM" 1 "$(lines_with 'VMI ROM at [CD]....h: API 13.3, "VMI hypercall ROM .*", checksum right' log/monitor/serial.log)"
conclude "sites_are_what_the_hypercall_rom_lets_them_be"
became ring1 log/ring1/serial.log
want "ROM" 1 "$(lines_with 'VMI ROM at [CD]....h: API 13.3, "VMI ring 1 ROM .*", checksum right' log/ring1/serial.log)"
conclude "sites_are_what_the_ring_1_rom_lets_them_be"

run places API=3
mv out all
want status 0 "$status"
want "checksum" 4 "$(lines_with "$checksum" all)"
want "work" 1 "$(lines_with "what it did: the same" all)"
became native log/native/serial.log
became tuned-3 log/monitor/serial.log
want "ROM" 1 "$(lines_with 'VMI ROM at [CD]....h: API 3.0, "VMI 3.0 native ROM .*", checksum right' log/native/serial.log)"
want "the other" 1 "$(lines_with 'VMI ROM at .*: API 13.3, .*, not asked for' log/monitor/serial.log)"
conclude "one_binary_runs_in_four_places_with_api_3"

run run-monitor GUEST=demo POLICY=all
want status 0 "$status"
became all
worked
conclude "a_hypervisor_may_have_every_site_called"
# A call that traps is made as often as the kernel says: at least once a called site that is passed by all.
for call in SetCR3 IRET Halt SetPxE InvalPage UpdateKernelStack OUTB INB SetIDT; do
    want "calls of $call" yes "$(grep '^# monitor: calls:' out | grep -q " $call [1-9]" && echo yes)"
done
conclude "called_sites_reach_the_hypervisor"


run run ENGINE=bochs
want status 0 "$status"
want "checksum" 1 "$(lines_with "$checksum")"
became native
worked
conclude "demo_runs_under_bochs"

# --- other compilers, other machines ------------------------------------------------------------------

mkdir -p clang/guest
ln -s "$build"/*.rom "$build/romsum" clang
freestanding="-std=c11 -m32 -march=i586 -O2 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -mgeneral-regs-only"
for source in "$top"/examples/demo/*.c; do
    # shellcheck disable=SC2086
    clang $freestanding -fno-asynchronous-unwind-tables -Wall -Wextra -Werror -I"$top/include" -I"$build/gen" \
        -I"$top/examples/lib" -c -o "clang/$(basename "$source").o" "$source"
done
ld -m elf_i386 -z noexecstack --fatal-warnings --build-id=none -L"$top/kit/kernel" -T "$top/examples/demo/demo.ld" \
    -o clang/demo.elf clang/*.c.o "$build"/guest/examples/demo/*.asm.o "$build"/guest/examples/lib/*.o "$build/libvmiguest.a"
objcopy -O binary clang/demo.elf clang/guest/demo.bin
"$top/examples/lib/mkdisk.sh" "$build/guest/boot.bin" clang/guest/demo.bin clang/guest/demo.img
status=0
LOG=$work/log "$top/tools/places.sh" clang >all 2>&1 </dev/null || status=$?
want status 0 "$status"
want "kernel" 1 "$(lines_with "kernel: the same" all)"
want "work" 1 "$(lines_with "what it did: the same" all)"
worked log/monitor/serial.log
heard log/monitor/serial.log
conclude "the_kernel_that_clang_makes_runs_in_four_places"
for compiler in gcc clang; do
    [ $compiler = clang ] && object=clang/user.c.o || object=$build/guest/examples/demo/user.c.o
    want "$compiler" "" "$(nm -u "$object")"
done
conclude "the_program_needs_nothing_of_the_kernel"

cat >qemu <<'SH'
#!/bin/sh
case "$*" in *svm*) exit 1 ;; esac
exec qemu-system-i386 "$@"
SH
chmod +x qemu
run places QEMU="$work/qemu"
want status 0 "$status"
want "word" 1 "$(lines_with "=== 3\\..*: skipped, $work/qemu has no SVM with nested paging ===")"
want "places" "no ROM native ROM ring 1 ROM" "$(sed -n '/^sha256/{n;p;}' out | sed 's/  */ /g; s/^ //')"
want "places that succeeded" 1 "$(lines_with "result  *OK  *OK  *OK")"
conclude "a_place_that_cannot_be_is_skipped_with_its_reason"

# --- interactive --------------------------------------------------------------------------------------

# Types until the kernel has had enough.
status=0
while :; do
    printf 'exit\r' || break
    sleep 0.2
done 2>/dev/null | LOG=$work/log INPUT=serial timeout "$limit" "$top/tools/places.sh" "$build" >out 2>&1 || status=$?
tr -d '\r' <out >in-order && mv in-order out
want status 0 "$status"
want "prompt" 1 "$(lines_with 'Type a line on the keyboard or the serial line; exit ends.')"
want "ROM" 1 "$(grep -c 'call sites, ROM at' out)"
worked
conclude "one_can_type_to_it"

run places SCREENSHOT="$work/demo.png"
want status 0 "$status"
want "first bytes" "PNG" "$(dd if=demo.png bs=1 skip=1 count=3 2>/dev/null)"
conclude "screenshot_of_the_demo_is_a_png"

# refuses NAME MESSAGE NAME=VALUE...: status 2, one line, and nothing is booted
refuses() {
    name=$1 message=$2
    shift 2
    run places "$@"
    want status 2 "$status"
    want output "run: $message" "$(cat out)"
    conclude "$name"
}
refuses unknown_api_is_a_usage_error "API: 4: 13 or 3" API=4
refuses unknown_engine_is_a_usage_error "ENGINE: vmware: qemu or bochs" ENGINE=vmware
refuses append_without_kernel_is_a_usage_error "INITRD and APPEND need KERNEL" APPEND=quiet
refuses initrd_without_kernel_is_a_usage_error "INITRD and APPEND need KERNEL" INITRD=out
refuses found_without_a_guest_of_ones_own_is_a_usage_error "FOUND is for a guest of your own" FOUND=VMI
refuses no_number_of_seconds_is_a_usage_error "TIMEOUT: soon: not a number of seconds" TIMEOUT=soon

# --- ROMs that are not as they should be -----------------------------------------------------------

# with_body ROM CALL BYTE...: ./changed.rom, where the call has that body, and nothing may be inlined of it
with_body() {
    cp "$1" changed.rom
    chmod u+w changed.rom
    number=$2
    shift 2
    poke changed.rom $((number * 32)) "$@"
    poke changed.rom $((number * 32 + 31)) 0
    seal changed.rom
}

run run ROM="$build/vmi-hypercall.rom"
want status 0 "$status"
want "word" 1 "$(lines_with 'VMI ROM at [CD]....h: its Init refuses')"
became none
worked
conclude "a_rom_that_refuses_leaves_all_sites_native"

cp "$build/vmi-native.rom" changed.rom
chmod u+w changed.rom
poke changed.rom 4500 $((($(byte_at changed.rom 4500) + 1) % 256))
dd if=/dev/zero of=zero8 bs=8 count=1 2>/dev/null
run run ROM=changed.rom QEMU_ARGS="-fw_cfg name=etc/optionroms-checksum,file=zero8"
want status 0 "$status"
want "word" 1 "$(lines_with 'VMI ROM at [CD]....h: API 13.3, refused: wrong checksum')"
became none
worked
conclude "a_rom_with_a_wrong_checksum_leaves_all_sites_native"

with_body "$build/vmi-native.rom" 39 0x83 0xC4 0x04 0xCF # add esp, 4; iret
run run ROM=changed.rom
want status 0 "$status"
want "IRET" "IRET called 1" "$(awk -f "$here/seen.awk" out | grep '^IRET')"
worked
conclude "a_body_that_says_nothing_of_inlining_is_called"

# Every body of the native ROM that the kernel has a site for.
cp "$build/vmi-native.rom" changed.rom
chmod u+w changed.rom
poke changed.rom 56 0 # of VmiI
seal changed.rom
run run ROM=changed.rom
want status 0 "$status"
want "not called" "" "$(awk -f "$here/seen.awk" out | grep -v -e ' called ' -e '(3\.0) native ')"
worked
heard
conclude "a_rom_that_says_nothing_of_inlining_is_called_throughout"

# A jump has no return address to drop.
with_body "$build/policy/minimal.rom" 39 0xCF
jump=$(od -An -v -tx1 -w1 changed.rom | paste -s -d' ' | sed 's/  */ /g' |
    awk '{ print (index($0, "6a 01 5a c3") - 2) / 3 + 1 }')
case $jump in
*.*) fail "the image's answer is where guests look for it" ;;
esac
poke changed.rom "$jump" 2 # push JUMP_REL
seal changed.rom
run run API=3 ROM=changed.rom
want status 0 "$status"
want "IRET" "IRET jumped 1" "$(awk -f "$here/seen.awk" out | grep '^IRET')"
worked
conclude "a_jump_is_one_where_api_3_asks_for_it"

cp "$build/vmi-native.rom" changed.rom
chmod u+w changed.rom
poke changed.rom $((22 * 32 + 31)) 3 # the RET is the fourth byte
seal changed.rom
run run ROM=changed.rom
want status 1 "$status"
want "word" 1 "$(lines_with "Not linked: the ROM's inlining data is wrong (call 22)")"
want "result" 1 "$(lines_with 'Result: FAILED')"
became none
conclude "a_rom_that_lies_is_not_linked_to"

# fails NAME CALL BYTE...: with that body the kernel does not succeed
fails() {
    name=$1
    shift
    with_body "$build/vmi-native.rom" "$@"
    run run ROM=changed.rom TIMEOUT=2
    want status 1 "$status"
    want "result" 0 "$(lines_with 'Result: OK')"
    conclude "$name"
}

fails "set_cr3_that_does_nothing_is_detected" 22 0xC3
fails "get_cr2_that_lies_is_detected" 25 0x31 0xC0 0xC3
fails "set_pxe_that_does_nothing_is_detected" 86 0xC3
fails "out_that_does_nothing_is_detected" 66 0xC3

# --- the document --------------------------------------------------------------------------------------

cd "$top"
same "porting_md_quotes_the_demo_as_it_is" "" \
    "$(awk -f "$here/excerpts.awk" docs/porting.md | grep -v '^[1-9][0-9]* excerpts$')"

finish
