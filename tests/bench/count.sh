# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# For the scripts of this folder: runs of kernels where the time-stamp counter counts
# instructions, those of a monitor included. Sourced behind tests/tap.sh.
# shellcheck disable=SC2154,SC2034

# count KERNEL ROM LOG [COMMAND LINE]: ROM is the name of an image, policy/ and one of API 3.0, a file, or none. LOG gets what was printed.
count() {
    count_image=$build/guest/$1.img
    case $2 in
    none) count_rom= ;;
    /*) count_rom=$2 ;;
    policy/*) count_rom=$build/$2.rom ;;
    *) count_rom=$build/vmi-$2.rom ;;
    esac
    log=$3
    shift 3
    [ $# -eq 0 ] || {
        examples/lib/mkdisk.sh --cmdline "$count_image" "$log.img" "$*"
        count_image=$log.img
    }
    : >"$log"
    count_status=0
    # From a floppy the BIOS alone would take longer than most of these kernels.
    timeout -k 2 "$limit" qemu-system-x86_64 -accel tcg -icount shift=0,sleep=off -cpu EPYC,+svm,+npt -M pc -m 64 \
        -display none -nodefaults -no-reboot -serial null -global apic-common.vapic=off \
        -device isa-debug-exit,iobase=0xf4,iosize=1 -debugcon "file:$log" ${count_rom:+-option-rom "$count_rom"} \
        -drive "if=virtio,file=$count_image,format=raw,readonly=on" 2>"$log.stderr" || count_status=$?
    tr -d '\r' <"$log" >"$log.lines" # the monitor ends its lines as COM1 wants it
    mv "$log.lines" "$log"
    if [ $count_status != 1 ] || ! grep -q -E '^(bench|#) end' "$log"; then
        cat "$log.stderr" "$log" >&2
        echo "count: the guest did not finish (status $count_status)" >&2
        return 1
    fi
}

# The load of tests/mainline, and what it is with as many instructions again that processes compute.
calls_only="rounds=256 steady work=1"
half_user="rounds=256 steady work=22000"

# mainline LOAD DIRECTORY: runs it without a ROM and with each policy
mainline() {
    for mainline_rom in none policy/minimal policy/lean policy/full; do
        count mainline "$mainline_rom" "$2/mainline-${mainline_rom#policy/}" "$1" || return 1
    done
}

# shares BENCH-LOG NONE ROM
shares() {
    awk -v user_iret="$(awk '$3 == "IRET(user)" { print $4 }' "$1")" -f tests/bench/shares.awk "$2" "$3"
}

# ratio NONE ROM: in hundred-thousandths
ratio() {
    awk '/^instructions / { n[++runs] = $2 + 0 } END { printf "%d\n", n[2] * 100000 / n[1] + 0.5 }' "$1" "$2"
}

# instructions LOG: of the workload.
instructions() {
    awk '/^workload instructions/ { print $3 }' "$1"
}

# trace ROM: the tuned monitor with a line for each exit
trace() {
    tools/monitor-options.sh "$build" "$build/vmi-monitor.rom" "$1" trace
}

# exits_at_work LOG: of a traced run, while the guest does its work. While the BIOS reads its disk there are more or
# less, as the disk of the host has it.
exits_at_work() {
    awk '/^workload / { on = $2 == "begins" } /^# exit/ { seen++; n += on } END { print seen ? n + 0 : "no trace" }' "$1"
}

# exits_by LOG REASON
exits_by() {
    awk -v reason="$2" '/^# monitor: exits:/ { for (i = 4; i < NF; i += 2) if ($i == reason) print $(i + 1) }' "$1"
}

# ticks LOG: of the guest with a ticking local APIC
ticks() {
    awk '/^# ticks / { print $3 }' "$1"
}

# served LOG: calls that the monitor served, one "NAME COUNT" a line
served() {
    awk '/^# monitor: calls:/ { for (i = 4; i < NF; i += 2) print $i, $(i + 1) }' "$1"
}

# sum: of the last column
sum() {
    awk '{ n += $NF } END { print n + 0 }'
}
