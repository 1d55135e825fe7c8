#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The hostile guest under the monitor with everything trapping: run.sh BUILD_DIR [STEPS], prints TAP.
# Bochs makes a fifth of them, 30,000 at most: it is slower, and beyond that it has died of a reset.
# SEED, and ENGINES="qemu-svm bochs-svm", in the environment choose; a difference is repeated alone
# with ONLY=its step. Under QEMU the monitor's memory is looked at from outside at the end.
set -u

arguments="[STEPS]"
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$top/tests/machine/engines.sh"
steps=${2:-10000}
seed=${SEED:-1}
trap '' PIPE # the emulator may be gone
limit=$((limit + steps / 20))
bochs_starts=1000000 # as often as the guest ends
rom=$build/vmi-monitor-all.rom

MONITOR_AT=0x3C00000 # of 64 MiB
MONITOR_SIZE=0x100000
HOST_BASE=0x8000000000 # monitor.ld

at_most() {
    [ "$1" -le "$2" ] && echo "$1" || echo "$2"
}

# Waits for the guest's end, or for the emulator's: $1 is its process.
await_end() {
    while kill -0 "$1" 2>/dev/null && ! run_completed "$out"; do
        sleep 0.2
    done
}

# The guest shuts down; then the machine's memory is read through QEMU's monitor.
run_qemu_svm() {
    "$mkdisk" --cmdline "$build/guest/hostile.img" "$out.img" "$words tcg=1 stay=1"
    : >"$out"
    mkfifo "$work/hmp.in" "$work/hmp.out"
    QEMU=$QEMU64 run_qemu "$out.img" "$rom" "$out" -M pc -cpu EPYC,+svm,+npt -accel tcg \
        -chardev "pipe,id=hmp,path=$work/hmp" -mon hmp &
    qemu=$!
    cat "$work/hmp.out" >/dev/null &
    exec 3>"$work/hmp.in"
    await_end "$qemu"
    printf 'pmemsave %s %s "%s"\nquit\n' "$MONITOR_AT" "$MONITOR_SIZE" "$work/memory" >&3
    wait "$qemu"
    exec 3>&-
}

run_hostile() {
    case $1 in
    qemu-svm) run_qemu_svm ;;
    *) run_engine "$1" "$build/guest/hostile.img" "$rom" "$out" "$words" ;;
    esac
}

# Offsets of a symbol, and of the end of the monitor's code and constants.
offset_of() {
    echo $((0x$(nm "$build/monitor/monitor.elf" | awk -v name="$1" '$3 == name { print $1 }') - HOST_BASE))
}

constant_end() {
    objdump -h "$build/monitor/monitor.elf" | awk '$2 == ".rodata" { print "0x" $3, "0x" $4 }' | {
        read -r size at
        echo $((size + at - HOST_BASE))
    }
}

# What is before run_guest, of launch.asm, is filled in at the launch.
monitor_is_untouched() {
    from=$(offset_of run_guest)
    cmp -i "$from" -n $(($(constant_end) - from)) "$build/monitor/monitor.bin" "$work/memory"
}

# Of "# steps N: ... D deadly; ... restarts R, survived S; ...": R and S are D.
deadly_steps_restart() {
    grep -a '^# steps' "$out" | tr -d ',;' | awk '
        { for (i = 2; i <= NF; i++) { if ($i == "deadly") d = $(i - 1); if ($i == "restarts") r = $(i + 1) }
          print d " deadly steps, " r " restarts"; exit !(d == r) }'
}

# --- excuses ----------------------------------------------------------------------------------------

excuses_are_rare() {
    awk -f "$here/excuses.awk" "$1"
}

# made_up COUNT BOUND: the log of a run with one excuse beside another
made_up() {
    {
        echo "# steps 10000: 8000 calls"
        echo "# allowed: 0 of at most 12 times: the native body does not look"
        echo "# allowed: $1 of at most $2 times: the engine does not look"
    } >"$work/made-up"
}

refused() {
    ! excuses_are_rare "$1"
}

made_up 8 8
check "a run with its excuses within their bounds passes" excuses_are_rare "$work/made-up"
made_up 9 8
check "one with an excuse over its bound fails" refused "$work/made-up"
made_up 9 ""
check "so does one whose excuse has no bound" refused "$work/made-up"
echo "# steps 10000: 8000 calls" >"$work/made-up"
check "and one that lists no excuses" refused "$work/made-up"

# --- calls and traps --------------------------------------------------------------------------------

for engine in ${ENGINES:-qemu-svm bochs-svm}; do
    out=$work/$engine
    count=$steps
    [ "$engine" = qemu-svm ] || count=$(at_most $(((steps + 4) / 5)) 30000)
    words="seed=$seed steps=$count ${ONLY:+only=$ONLY}"
    run_hostile "$engine"
    sed -n 's/^# \(seed\|steps\|allowed\)/# '"$engine"': \1/p' "$out"
    if grep -a -q '^not ok\|^# monitor: FAULT\|^# monitor: unknown' "$out" || ! run_completed "$out"; then
        fail "$engine: every call and trap does what it does natively" "$(grep -a -v '^# monitor: \(exits\|calls\)' "$out" | grep -a -B 24 '^not ok\|^# monitor' | head -n 120)" "$(tail -n 30 "$out")"
    else
        pass "$engine: every call and trap does what it does natively"
    fi
    [ -n "${ONLY:-}" ] || check "$engine: no excuse exceeds its bound" excuses_are_rare "$out"
    [ -n "${ONLY:-}" ] || check "$engine: a call that ends the guest restarts it, and nothing else does" deadly_steps_restart
    [ "$engine" != qemu-svm ] || check "$engine: the monitor's code and constants are untouched" monitor_is_untouched
done

# --- interrupts, resets and sleeps ------------------------------------------------------------------

# Of "# interrupts N: ... deadly D; restarts R": R is D, and there are some of each mode.
every_mode_is_there() {
    tr -d ',;' <"$1" | awk '
        /^# interrupts/ { for (i = 4; i < NF; i += 2) { n[$i] = $(i + 1); if ($(i + 1) == 0) none = none " " $i } seen = 1 }
        END { print "none:" none "; deadly " n["deadly"] ", restarts " n["restarts"]; exit !seen || none != "" || n["deadly"] != n["restarts"] }'
}

# others NAME ENGINE STEPS PROCESSORS WORDS [OPTION...]
others() {
    name=$1 out=$work/others-$1 engine=$2
    words="seed=$seed others=$3 processors=$4 $5"
    cpus=$4
    shift 5
    case $engine in
    bochs*) run_engine "$engine" "$build/guest/hostile.img" "$rom" "$out" "$words" ;;
    *)
        "$mkdisk" --cmdline "$build/guest/hostile.img" "$out.img" "$words tcg=1"
        : >"$out"
        QEMU=$QEMU64 run_qemu "$out.img" "$rom" "$out" -accel tcg -cpu EPYC,+svm,+npt -smp "$cpus" "$@"
        ;;
    esac
    sed -n 's/^# \(interrupts\)/# '"$name"': \1/p' "$out"
    if grep -a -q '^not ok\|^# monitor: FAULT\|^# monitor: unknown' "$out" || ! run_completed "$out"; then
        fail "$name: only the targets of a STARTUP start, and all of them" "$(grep -a '^not ok\|^# monitor' "$out" | head -n 40)" "$(tail -n 20 "$out")"
    else
        pass "$name: only the targets of a STARTUP start, and all of them"
    fi
    check "$name: every mode was sent, and each reset started the BIOS" every_mode_is_there "$out"
}

if [ -z "${ONLY:-}" ]; then
    interrupts=$((steps / 100))
    others three qemu $((interrupts * 2)) 3 "" -M pc
    others eight-q35 qemu "$interrupts" 8 "" -M q35
    find_x2apic
    if [ -n "$x2apic_qemu" ]; then
        # shellcheck disable=SC2086 # two options
        QEMU64=$x2apic_qemu others x2apic qemu "$interrupts" 3 x2apic=1 -M pc -cpu EPYC,+svm,+npt,+x2apic $x2apic_data
    else
        skip "x2APIC" "no QEMU with x2APIC, neither installed nor in backports"
    fi
    others bochs-two bochs-svm-smp "$(at_most $((interrupts / 2)) 200)" 2 ""
fi

finish
