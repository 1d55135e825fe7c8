# shellcheck shell=sh disable=SC2154
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Sourced behind tests/tap.sh: one run of a kernel on one engine.
#   run_engine ENGINE IMAGE ROM OUTPUT [COMMAND LINE]
# writes what the kernel printed to OUTPUT. The status says nothing about the tests; run_completed
# OUTPUT tells whether the kernel completed. With icount=1 the time of qemu-svm is
# its instructions: whatever else the machine does.

mkdisk=$top/examples/lib/mkdisk.sh
QEMU=${QEMU:-qemu-system-i386}
BOCHS=${BOCHS:-bochs}
BOCHS_BIOS=${BOCHS_BIOS:-/usr/share/bochs/BIOS-bochs-latest}
BOCHS_VGABIOS=${BOCHS_VGABIOS:-/usr/share/seabios/vgabios-isavga.bin}

# The second processor under Bochs costs much and shows little more: only the tests that need it.
# shellcheck disable=SC2034 # for those who source this
smp_only=shutdown_stops_a_cpu,swap_loses_no_bit_of_another_cpu,bit_calls_lose_no_bit_of_another_cpu
smp_only=$smp_only,long_swap_loses_no_bit_of_another_cpu,deactivate_loses_no_bit_of_another_cpu
smp_only=$smp_only,long_bit_calls_lose_no_bit_of_another_cpu,sites_are_linked_while_another_cpu_runs_through_them

# run_qemu DISK ROM OUTPUT OPTIONS...; ROM: none for none
run_qemu() {
    disk=$1 rom=$2 out=$3
    shift 3
    [ "$rom" = none ] || set -- -option-rom "$rom" "$@"
    timeout -k 2 "$limit" "$QEMU" -m 64 -display none -nodefaults -vga std \
        -global apic-common.vapic=off -device isa-debug-exit,iobase=0xf4,iosize=1 \
        -debugcon "file:$out" -drive "if=ide,index=0,format=raw,file=$disk" -boot c \
        "$@" </dev/null >"$out.log" 2>&1
}

# Machines with SVM and nested paging: engines qemu-svm and bochs-svm; with two processors: -smp.
QEMU64=${QEMU64:-qemu-system-x86_64}
bochs_model=p4_prescott_celeron_336
bochs_resets=0
bochs_cd= # a CD to boot instead
bochs_starts=4

# run_bochs CPUS DISK ROM OUTPUT: the ROM is true ROM at CA000h, behind the video BIOS.
run_bochs() {
    cat >"$4.bochsrc" <<END
plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true, parallel=false, serial=false, gameport=false, iodebug=true
config_interface: textconfig
display_library: rfb, options="timeout=0"
cpu: model=$bochs_model, count=$1, ips=20000000, reset_on_triple_fault=$bochs_resets, ignore_bad_msrs=0
megs: 64
romimage: file=$BOCHS_BIOS, options=fastboot
vgaromimage: file=$BOCHS_VGABIOS
$([ "$3" = none ] || echo "optromimage1: file=$3, address=0xca000")
port_e9_hack: enabled=1
boot: ${bochs_cd:+cdrom, }disk
ata0-master: type=disk, path=$2, mode=flat, cylinders=5, heads=16, spt=36
${bochs_cd:+ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path=$bochs_cd, status=inserted}
log: $4.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
clock: sync=none
END
    yes c 2>/dev/null | head -n "$bochs_starts" >"$4.go" # it stops at the start and after a triple fault
    timeout -k 2 "$limit" "$BOCHS" -q -f "$4.bochsrc" -rc "$4.go" </dev/null \
        >"$4.raw" 2>"$4.stderr" && status=0 || status=$?
    grep -a -E '^(ok|not ok|#)' "$4.raw" >"$4" || :
    return "$status"
}

run_engine() {
    engine=$1 image=$2 image_rom=$3 output=$4
    shift 4
    "$mkdisk" --cmdline "$image" "$output.img" "$*"
    : >"$output"
    case $engine in
    qemu) set -- -M pc -cpu qemu32,+mtrr -smp 2 -accel tcg,thread=multi ;;
    qemu-q35) set -- -M q35 -cpu qemu32,+mtrr -accel tcg ;;
    qemu-nopse) set -- -M pc -cpu qemu32,-pse -accel tcg ;;
    qemu-486) set -- -M pc -cpu 486 -accel tcg ;;
    qemu-svm | qemu-svm-smp)
        QEMU=$QEMU64 cpus=1
        [ "$engine" = qemu-svm ] || cpus=2
        set -- -M pc -cpu EPYC,+svm,+npt -accel tcg -smp "$cpus" ${icount:+-icount shift=5,sleep=off -rtc clock=vm}
        ;;
    bochs-svm | bochs-svm-smp)
        bochs_model=ryzen cpus=1
        bochs_resets=1 # no intercept gets hold of a triple fault there
        [ "$engine" = bochs-svm ] || cpus=2
        run_bochs "$cpus" "$output.img" "$image_rom" "$output"
        return
        ;;
    bochs)
        run_bochs 1 "$output.img" "$image_rom" "$output"
        return
        ;;
    bochs-smp)
        run_bochs 2 "$output.img" "$image_rom" "$output"
        return
        ;;
    *)
        echo "unknown engine: $engine" >&2
        return 2
        ;;
    esac
    run_qemu "$output.img" "$image_rom" "$output" "$@"
}

# has_x2apic PROGRAM OPTION...: whether that QEMU has x2APIC. It is started, and ended at once.
has_x2apic() {
    rm -f "$work/pid"
    "$@" -M pc -cpu EPYC,+svm,+npt,+x2apic -accel tcg -display none -monitor none -S -nodefaults \
        -daemonize -pidfile "$work/pid" >"$work/x2apic.log" 2>&1 || return 1
    kill "$(cat "$work/pid")"
    ! grep -q x2apic "$work/x2apic.log"
}

# A QEMU with x2APIC: the machine's, or one from Debian's backports, unpacked and not installed. Its program in
# x2apic_qemu, empty where there is none; in x2apic_data what it needs.
# shellcheck disable=SC2034 # for those who source this
find_x2apic() {
    x2apic_qemu='' x2apic_data=''
    newer=$build/packages/qemu/usr/bin/qemu-system-x86_64
    if has_x2apic "$QEMU64"; then
        x2apic_qemu=$QEMU64
        return
    fi
    "$top/tests/transparency/packages.sh" "$build/packages" qemu >"$work/packages.log" 2>&1 || return 0
    x2apic_data="-L /usr/share/qemu -L /usr/share/seabios"
    # shellcheck disable=SC2086 # two options
    if has_x2apic "$newer" $x2apic_data; then
        x2apic_qemu=$newer
    fi
}

run_completed() {
    grep -a -q '^# end' "$1"
}
