#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Other software behaves under the reference hypervisor as without it: run.sh BUILD_DIR [long],
# prints TAP. Everything is run twice on the same machine, with the monitor's ROM and with none, both at once, and
# what is said is compared. It stays in BUILD_DIR/transparency. All comes from Debian's packages.
#
#   without more   GRUB boots Debian's 686-pae kernel from a disk
#   long           GRUB from floppy and hard disk; memtest86+; both kernels, with one and two processors and with
#                  6 GiB; GRUB under Bochs
#   CPUS="1 2"     with how many processors
set -u

arguments="[long]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
length=${2:-short}
[ "$length" = short ] || limit=$((6 * limit))
packages=$build/packages
out=$build/transparency
QEMU64=${QEMU64:-qemu-system-x86_64}
BOCHS=${BOCHS:-bochs}
CPUS=${CPUS:-1 2}
script_sectors=8

# SeaBIOS reserves all from the monitor's aligned 2 MiB to the end of memory below 4 GiB.
most_memory_lost=4194304

mkdir -p "$out"
rm -f "$out"/*

# --- running ------------------------------------------------------------------------------------

# on_machine NAME SIDE OPTIONS...: QEMU to its end. Leaves NAME.SIDE.serial, .e9 and .status.
on_machine() {
    log=$out/$1.$2
    if [ "$2" = monitor ]; then
        set -- "$@" -option-rom "$build/vmi-monitor.rom"
    fi
    shift 2
    timeout -k 5 "$limit" "$QEMU64" -M pc -cpu EPYC,+svm,+npt -accel tcg -nodefaults -vga std -display none \
        -no-reboot -global apic-common.vapic=off -serial "file:$log.serial" -debugcon "file:$log.e9" "$@" \
        >"$log.qemu" 2>&1 && status=0 || status=$?
    echo "$status" >"$log.status"
}

# on_driven_machine NAME SIDE OPTIONS...: in the background; its monitor reads descriptor 3.
on_driven_machine() {
    mkfifo "$work/$1.$2"
    exec 3<>"$work/$1.$2"
    on_machine "$@" -monitor stdio <&3 &
}

ended() {
    [ -e "$out/$1.$2.status" ]
}

# both FUNCTION NAME ARGUMENTS...: FUNCTION NAME SIDE ARGUMENTS... with the monitor and without, at once
both() {
    function=$1 name=$2
    shift 2
    for side in native monitor; do
        "$function" "$name" "$side" "$@" &
    done
    wait
    make_texts "$name"
}

# make_texts NAME: the serial port's lines, NAME.SIDE.txt
make_texts() {
    for side in native monitor; do
        tr -d '\r\000' <"$out/$1.$side.serial" >"$out/$1.$side.txt"
    done
}

# GRUB at its menu takes a key, then the script at the head of hard disk DRIVE.
# run_grub NAME SIDE DRIVE OPTIONS...
run_grub() {
    name=$1 side=$2 drive=$3
    shift 3
    screen=$work/$name.$side.screen
    on_driven_machine "$name" "$side" "$@"
    until ended "$name" "$side" || LC_ALL=C grep -a -q 'G.N.U. .G.R.U.B' "$screen" 2>/dev/null; do
        echo "pmemsave 0xb8000 4000 \"$screen\"" >&3
        sleep 0.2
    done
    for key in c dot spc shift-9 h d "$drive" shift-0 0 shift-equal $script_sectors ret; do
        echo "sendkey $key" >&3
    done
    wait
}

# What memtest86+ writes to its serial screen, one place a line
memtest_screen() {
    tr '\033' '\n' <"$1" | sed 's/^\[[0-9;]*[A-Za-z]//'
}

# memtest86+ until it comes to its test 10, which waits, and has counted the errors up to there.
run_memtest() {
    on_driven_machine "$@"
    until ended "$1" "$2" || memtest_screen "$out/$1.$2.serial" 2>/dev/null | sed -n '/^ *#10 /,$p' | grep -q Errors; do
        sleep 0.2
    done
    echo quit >&3
    wait
}

# --- what is run ----------------------------------------------------------------------------------

sectors_of() {
    echo $((($(wc -c <"$1") + 511) / 512))
}

# make_initrd KERNEL: the initial file system, $work/KERNEL.initrd
make_initrd() {
    root=$work/$1
    mkdir -p "$root/bin"
    cp "$packages/busybox/busybox" "$root/bin/"
    ln -s busybox "$root/bin/sh"
    cp "$here/init" "$root/"
    cp -r "$packages/$1/lib" "$root/"
    (cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/$1.initrd"
}

# make_disk FILE END DRIVE: a disk with GRUB's script and a kernel; END: the script's last commands; linux: it boots
make_disk() {
    kernel=$packages/686-pae/vmlinuz
    kernel_at=$script_sectors
    kernel_blocks="(hd$3)$kernel_at+$(sectors_of "$kernel")"
    initrd_blocks="(hd$3)$((kernel_at + $(sectors_of "$kernel")))+$(sectors_of "$work/686-pae.initrd")"
    {
        cat "$here/grub.cfg"
        echo "sha256sum $kernel_blocks"
        echo 'echo "== end"'
        case $2 in
        linux)
            echo "linux $kernel_blocks console=ttyS0 panic=-1"
            echo "initrd $initrd_blocks"
            echo boot
            ;;
        *) echo "$2" ;;
        esac
    } >"$1"
    pad=$((script_sectors * 512 - $(wc -c <"$1")))
    yes '' | head -c "$pad" >>"$1"
    dd if="$kernel" of="$1" bs=512 seek=$kernel_at conv=sync,notrunc 2>/dev/null
    cat "$work/686-pae.initrd" >>"$1"
    truncate -s %516096 "$1" # whole cylinders of 16 heads and 63 sectors, for Bochs
}

# The sectors that make_disk put the kernel on
kernel_on_disk() {
    dd if="$1" bs=512 skip=$script_sectors count="$(sectors_of "$packages/686-pae/vmlinuz")" 2>/dev/null
}

sha256_of() {
    sha256sum | cut -d ' ' -f 1
}

# --- what is compared -----------------------------------------------------------------------------

# The BIOS's memory map as GRUB and Linux show it: first and last address, and of what kind
memory_map() {
    awk '
    function number(hex, i, n) {
        for (i = 3; i <= length(hex); i++)
            n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
        return n
    }
    /^base_addr = / {
        gsub(",", "")
        printf "%.0f %.0f %s\n", number($3), number($3) + number($6) - 1, $7 == "available" ? "usable" : $7
    }
    /BIOS-e820: \[mem / {
        sub(/.*\[mem /, "")
        split($1, range, /[]-]/)
        printf "%.0f %.0f %s\n", number(range[1]), number(range[2]), $2
    }' "$1" | sort -n -u
}

# One usable range ends earlier, and a reserved one behind it begins there, or there is a gap; all else is the same.
only_the_block_is_gone() {
    memory_map "$out/$1.native.txt" >"$work/map.native"
    memory_map "$out/$1.monitor.txt" >"$work/map.monitor"
    diff "$work/map.native" "$work/map.monitor"
    awk -v most=$most_memory_lost '
    NR == FNR { ranges = FNR; line[FNR] = $0; next }
    { split(line[FNR], was) }
    $0 == line[FNR] { next }
    $3 != was[3] { bad = 1 }
    !edge && $1 == was[1] && $2 < was[2] { lost = was[2] - $2; edge = $2 + 1; next }
    $2 == was[2] && $1 == edge { moved++; next }
    { bad = 1 }
    END { exit !(FNR == ranges && !bad && edge && moved <= 1 && lost >= 1048576 && lost <= most) }
    ' "$work/map.native" "$work/map.monitor"
}

# same_text NAME FILTER: what FILTER SIDE'S_FILE prints is the same on both sides, and something
same_text() {
    for side in native monitor; do
        "$2" "$out/$1.$side.txt" >"$work/text.$side"
    done
    [ -s "$work/text.native" ] && diff "$work/text.native" "$work/text.monitor"
}

ended_well() {
    [ "$(cat "$out/$1.$2.status")" = 0 ] || {
        echo "status $(cat "$out/$1.$2.status"); its last words:"
        tail -n 5 "$out/$1.$2.txt"
        cat "$out/$1.$2.e9"
        return 1
    }
}

# The monitor says something where it does not go on, and when it is asked for its figures.
monitor_is_quiet() {
    ! cat "$out/$1.monitor.e9" "$out/$1.monitor.txt" | grep '^# monitor: [Fu]'
}

ended_tests() {
    check "$1: ends by itself without the monitor" ended_well "$1" native
    check "$1: ends by itself under the monitor" ended_well "$1" monitor
    check "$1: the monitor knows every exit" monitor_is_quiet "$1"
}

map_test() {
    check "$1: the map of memory misses only the monitor's" only_the_block_is_gone "$1"
}

# --- GRUB -----------------------------------------------------------------------------------------

grub_answers() {
    sed -n '/^== devices/,/^== end/p' "$1"
}

grub_sum() {
    sed -n '/^== disk/,/^== end/s/^\([0-9a-f]\{64\}\) .*/\1/p' "$out/$1.monitor.txt"
}

grub_tests() {
    check "$1: GRUB's commands answer as without the monitor" same_text "$1" grub_answers
    same "$1: GRUB reads a disk right" "$2" "$(grub_sum "$1")"
}

# grub NAME END DRIVE OPTIONS...: GRUB's script is on hard disk DRIVE.
grub() {
    name=$1 drive=$3
    make_disk "$work/$name.disk" "$2" "$drive"
    shift 3
    both run_grub "$name" "$drive" -m 256 "$@" \
        -drive "if=ide,index=$drive,format=raw,snapshot=on,file=$work/$name.disk"
    ended_tests "$name"
    map_test "$name"
    grub_tests "$name" "$(kernel_on_disk "$work/$name.disk" | sha256_of)"
}

# --- GRUB under Bochs -------------------------------------------------------------------------------

# After this many instructions GRUB shows its menu. Bochs has no way to press keys but its BIOS's buffer.
bochs_menu=1000000000
bochs_keys="2e63 342e 3920 0a28 2368 2064 0b30 0b29 0b30 0d2b 0938 1c0d" # c . (hd0)0+8 and Enter

# Steps to the menu, puts the keys into the BIOS's buffer at 41Eh and goes on: past the start and after each reset.
bochs_commands() {
    echo "s $bochs_menu"
    at=$((0x41E))
    for key in $bochs_keys; do
        echo "setpmem $at 2 0x$key"
        at=$((at + 2))
    done
    echo "setpmem 0x41A 2 0x1E"
    echo "setpmem 0x41C 2 $((at - 0x400))"
    printf '%s\n' c c q
}

# run_bochs_grub NAME SIDE
run_bochs_grub() {
    log=$out/$1.$2
    cp "$work/bochs.disk" "$work/$1.$2.disk" # it locks its images
    truncate -s 1474560 "$work/$1.$2.floppy" # GRUB waits for a drive that is empty
    cat >"$log.rc" <<END
plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true, parallel=false, serial=true, gameport=false, iodebug=true
config_interface: textconfig
display_library: rfb, options="timeout=0"
cpu: model=ryzen, count=1, ips=20000000, reset_on_triple_fault=1, ignore_bad_msrs=0
megs: 64
romimage: file=${BOCHS_BIOS:-/usr/share/bochs/BIOS-bochs-latest}, options=fastboot
vgaromimage: file=${BOCHS_VGABIOS:-/usr/share/seabios/vgabios-isavga.bin}
$([ "$2" = native ] || echo "optromimage1: file=$build/vmi-monitor.rom, address=0xca000")
port_e9_hack: enabled=1
boot: cdrom
floppya: 1_44=$work/$1.$2.floppy, status=inserted
ata0-master: type=disk, path=$work/$1.$2.disk, mode=flat, cylinders=0
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path=$cd_image, status=inserted
com1: enabled=1, mode=file, dev=$log.serial
log: $log.bochs
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
clock: sync=none
END
    bochs_commands >"$log.commands"
    : >"$log.serial"
    timeout -k 5 "$limit" "$BOCHS" -q -f "$log.rc" -rc "$log.commands" </dev/null >"$log.e9" 2>"$log.stderr" || :
}

# GRUB's script ends with Bochs' own power-off, which the monitor sees too: it prints its figures.
bochs_grub() {
    make_disk "$work/bochs.disk" "$(for letter in 0x53 0x68 0x75 0x74 0x64 0x6f 0x77 0x6e; do echo "outb 0x8900 $letter"; done)" 0
    run_bochs_grub bochs native # not both at once: they would open the same port for their screens
    run_bochs_grub bochs monitor
    make_texts bochs
    check "bochs: the monitor was running" grep -a -q '^# monitor: exits: ' "$out/bochs.monitor.e9"
    check "bochs: the monitor knows every exit" monitor_is_quiet bochs
    map_test bochs
    grub_tests bochs "$(kernel_on_disk "$work/bochs.disk" | sha256_of)"
}

# --- Debian's kernels ------------------------------------------------------------------------------

# fact NAME SIDE WHICH
fact() {
    sed -n "s/^fact $3 //p" "$out/$1.$2.txt"
}

facts() {
    grep '^fact ' "$1" | grep -v -E '^fact (roms|flags|memory|complaint) '
}

complaints() {
    sed -n 's/^fact complaint //p' "$1"
}

flags_without_svm() {
    sed -n 's/^fact flags //p' "$1" | tr ' ' '\n' | grep -v -x -E 'svm|npt|nrip_save|svm_lock'
}

powered_off() {
    for side in native monitor; do
        if ! grep -q '^fact end' "$out/$1.$side.txt" || ! grep -q 'reboot: Power down' "$out/$1.$side.txt"; then
            tail -n 5 "$out/$1.$side.txt"
            return 1
        fi
    done
}

# MemTotal, in KiB: what the map has lost, and a few tables more or less
memory_is_near() {
    lost=$(($(fact "$1" native memory) - $(fact "$1" monitor memory)))
    echo "$lost KiB less"
    [ $lost -ge 1024 ] && [ $lost -le $((most_memory_lost / 1024 + 1024)) ]
}

svm_is_hidden() {
    fact "$1" native flags | grep -q -w svm && ! fact "$1" monitor flags | grep -w svm
}

# linux_tests NAME PROCESSORS DISK
linux_tests() {
    check "$1: Linux shuts down and powers off" powered_off "$1"
    same "$1: both of the monitor's ROMs are there, and none natively" "2 0" "$(fact "$1" monitor roms) $(fact "$1" native roms)"
    same "$1: Linux sees every processor" "$2" "$(fact "$1" monitor processors)"
    check "$1: facts are the same" same_text "$1" facts
    check "$1: Linux prints no warning that it does not print natively" complains_of_nothing "$1"
    check "$1: only SVM is missing from the processor" same_text "$1" flags_without_svm
    check "$1: SVM is missing" svm_is_hidden "$1"
    check "$1: Linux has nearly all of the memory" memory_is_near "$1"
    same "$1: Linux reads a disk right" "$(sha256_of <"$3")" "$(fact "$1" monitor disk)"
}

complains_of_nothing() {
    for side in native monitor; do
        [ -z "$(complaints "$out/$1.$side.txt")" ] || {
            complaints "$out/$1.$side.txt"
            return 1
        }
    done
}

# linux KERNEL PROCESSORS MEGABYTES: by QEMU's own loader
linux() {
    name=$1-cpus$2-$3M
    head -c 4194304 "$packages/$1/vmlinuz" >"$work/$name.disk"
    both on_machine "$name" -m "$3" -smp "$2" -kernel "$packages/$1/vmlinuz" -initrd "$work/$1.initrd" \
        -append "console=ttyS0 panic=-1" -drive "if=ide,format=raw,snapshot=on,file=$work/$name.disk"
    ended_tests "$name"
    map_test "$name"
    linux_tests "$name" "$2" "$work/$name.disk"
}

# --- memtest86+ ------------------------------------------------------------------------------------

# It shows a test only where it looks at the clock meanwhile; the last one follows all others.
memtest_said() {
    memtest_screen "$1" | grep -o -E 'AMD .* Processor|^CPU: .*SMP: [^|]*|#10 .*|Errors: +[0-9]+' | sort -u
}

memtest_passed() {
    [ "$(memtest_said "$out/$1.monitor.txt" | grep -c '#10 ')" = 1 ] &&
        [ "$(memtest_said "$out/$1.monitor.txt" | grep Errors)" = "Errors: 0" ]
}

# memtest IMAGE PROCESSORS
memtest() {
    name=$1-cpus$2
    both run_memtest "$name" -m 16 -smp "$2" -kernel "$packages/memtest86+/$1.bin" -append console=ttyS0,115200
    ended_tests "$name"
    check "$name: memtest86+ finds no error in tests 0 to 9" memtest_passed "$name"
    check "$name: it prints the same as natively" same_text "$name" memtest_said
}

# --- the suite ------------------------------------------------------------------------------------

wanted="grub busybox 686-pae"
[ "$length" = short ] || wanted="$wanted amd64 memtest86+"
# shellcheck disable=SC2086 # words are wanted
if ! "$here/packages.sh" "$packages" $wanted >"$out/packages.log" 2>&1; then
    skip "Debian's software runs as without the monitor" "its packages cannot be had: $(tail -n 1 "$out/packages.log")"
    finish
    exit
fi
command -v "$QEMU64" >/dev/null || {
    skip "Debian's software runs as without the monitor" "$QEMU64 is not installed"
    finish
    exit
}

make_initrd 686-pae
cd_image=$packages/grub/grub-rescue-cdrom.iso
if [ "$length" = short ]; then
    grub cd linux 0 -cdrom "$cd_image" -boot d
    linux_tests cd 1 "$work/cd.disk"
else
    make_initrd amd64
    grub floppy reboot 0 -drive "if=floppy,format=raw,readonly=on,file=$packages/grub/grub-rescue-floppy.img" -boot a
    grub disk halt 1 -drive "if=ide,index=0,format=raw,snapshot=on,file=$cd_image" -boot c
    if command -v "$BOCHS" >/dev/null; then
        bochs_grub
    else
        skip "bochs" "$BOCHS is not installed"
    fi
    for image in memtest86+ia32 memtest86+x64; do
        for count in $CPUS; do
            memtest $image "$count"
        done
    done
    for kernel in 686-pae amd64; do
        for count in $CPUS; do
            linux $kernel "$count" 256
            linux $kernel "$count" 6144
        done
    done
fi

finish
