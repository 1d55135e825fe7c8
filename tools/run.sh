#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD_DIR: boots one guest once, with a VMI ROM. `make run` (places.sh), `make tour` and
# `make run-monitor` call it.
#
# What it boots, and its exit status:
#   by default           the demo kernel under QEMU, with some input typed; 0: success; 1: failure, a
#                        crash or a hang
#   GUEST=tour           the tour of all calls; 0: every call did what it should; 1: one did not, or a
#                        crash or a hang; 3: the guest used no ROM
#   DISK= or KERNEL=     a guest of your own; 0: it printed that it found VMI (the message of Linux or
#                        Sanos, or FOUND); 1: it did not
# Status 2: usage error.
#
#   GUEST=demo|tour          which of our guests
#   INPUT=serial|screen      you type to the demo kernel until you type exit: on this terminal, which
#                            is its serial line, or in QEMU's window
#   API=3                    our guest uses API 3.0, with BUILD_DIR/vmi-3-native.rom
#   POLICY=LIST              with API=3: what the ROM answers with (romsum --policy), full by default
#   DISK=FILE                a disk, floppy or CD image to boot (never written to)
#   KERNEL=FILE INITRD=FILE APPEND="..."   or a kernel, as QEMU boots it; best with console=ttyS0
#   FOUND=REGEX              what your guest prints when it has found VMI. With FOUND it runs to its end
#                            or to TIMEOUT; without, it is stopped at the first known message
#   WHOLE=1                  your guest runs to its end in any case
#   ROM=FILE                 the ROM; ROM=none: no ROM. By default BUILD_DIR/vmi-native.rom, and for a guest
#                            of your own BUILD_DIR/vmi-3-native.rom as well
#   ENGINE=qemu|bochs        bochs: our guests only, the ROM at CA000h, no input
#   QEMU=PROGRAM BOCHS_CPU=MODEL   other machines; QEMU's -cpu goes into QEMU_ARGS
#   QEMU_ARGS="..."          more arguments for QEMU; they come last, so most of them override ours
#   TIMEOUT=SECONDS          60 by default, an hour with INPUT or GDB
#   GDB=1                    wait for gdb and print what to type; ENGINE=bochs: Bochs' debugger, on this
#                            terminal (docs/debugging.md)
#   GUI=1                    QEMU shows its window
#   SCREENSHOT=FILE.png      takes a picture of our guest's last screen
#   LOG=DIR                  directory for the logs, BUILD_DIR/run by default
set -eu

say() {
    echo "run: $*"
}

usage() {
    echo "run: $*" >&2
    exit 2
}

readable() {
    [ -e "$2" ] || usage "$1: $2: no such file"
    [ -f "$2" ] || usage "$1: $2: not a regular file"
    [ -r "$2" ] || usage "$1: $2: not readable"
}

[ $# -eq 1 ] || usage "usage: $0 BUILD_DIR"
build=$1
DISK=${DISK:-} KERNEL=${KERNEL:-} FOUND=${FOUND:-} INITRD=${INITRD:-} APPEND=${APPEND:-}
API=${API:-13} ENGINE=${ENGINE:-qemu} QEMU_ARGS=${QEMU_ARGS:-} GUEST=${GUEST:-demo} INPUT=${INPUT:-}
QEMU=${QEMU:-qemu-system-i386} BOCHS_CPU=${BOCHS_CPU:-corei7_sandy_bridge_2600k} GDB=${GDB:-}
[ -z "$INPUT$GDB" ] || TIMEOUT=${TIMEOUT:-3600}
TIMEOUT=${TIMEOUT:-60} GUI=${GUI:-} SCREENSHOT=${SCREENSHOT:-} LOG=${LOG:-$build/run}
POLICY=${POLICY:-full} WHOLE=${WHOLE:-}
disk=$build/guest/$GUEST.img

second= # the ROM of API 3.0, in addition to that of API 13
[ -z "$DISK$KERNEL" ] || [ -n "${ROM:-}" ] || second=$build/vmi-3-native.rom
case $API in
13) ROM=${ROM:-$build/vmi-native.rom} ;;
3) ROM=${ROM:-$build/vmi-3-native.rom} ;;
*) usage "API: $API: 13 or 3" ;;
esac
[ "$ROM" = none ] || readable ROM "$ROM"
[ -z "$second" ] || readable ROM "$second"
[ -z "$DISK" ] || readable DISK "$DISK"
[ -z "$KERNEL" ] || readable KERNEL "$KERNEL"
[ -z "$INITRD" ] || readable INITRD "$INITRD"
[ -z "$DISK" ] || [ -z "$KERNEL" ] || usage "DISK or KERNEL, not both"
[ -z "$DISK$KERNEL" ] || [ "$API" = 13 ] || usage "API is for our guests: yours chooses for itself"
[ -n "$DISK$KERNEL" ] || [ -z "$FOUND" ] || usage "FOUND is for a guest of your own"
[ -n "$KERNEL" ] || [ -z "$INITRD$APPEND" ] || usage "INITRD and APPEND need KERNEL"
case $GUEST in
demo | tour) ;;
*) usage "GUEST: $GUEST: demo or tour" ;;
esac
[ -n "$DISK$KERNEL" ] || readable "our guest" "$disk"
case $INPUT in
'') ;;
serial | screen)
    [ "$GUEST$DISK$KERNEL$SCREENSHOT" = demo ] || usage "INPUT is for the demo kernel"
    [ "$ENGINE" = qemu ] || usage "INPUT needs ENGINE=qemu"
    [ "$INPUT" = serial ] || GUI=1
    ;;
*) usage "INPUT: $INPUT: serial or screen" ;;
esac
case $TIMEOUT in
'' | *[!0-9]*) usage "TIMEOUT: $TIMEOUT: not a number of seconds" ;;
esac
case $GDB in
'' | 1) ;;
*) usage "GDB: $GDB: only 1" ;;
esac
case $ENGINE in
qemu) ;;
bochs) [ -z "$DISK$KERNEL$SCREENSHOT" ] || usage "ENGINE=bochs runs our guests only" ;;
*) usage "ENGINE: $ENGINE: qemu or bochs" ;;
esac

mkdir -p "$LOG"
rm -f "$LOG"/*.log "$LOG"/*.txt "$LOG"/*.bin "$LOG"/*.pipe "$LOG"/*.pipe.* "$LOG/gdb.socket"
cr=$(printf '\r')
pid=
finish() {
    status=$?
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || :
    rm -f "$LOG"/*.pipe "$LOG"/*.pipe.* "$LOG/gdb.socket"
    exit "$status"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# Our guest is told which API to look for, and whether there is input; the ROM gets its policy.
told="api=$API input=wait"
[ "$ENGINE" = qemu ] || told="api=$API input=none"
if [ -z "$DISK$KERNEL" ]; then
    "$(dirname "$0")/../examples/lib/mkdisk.sh" --cmdline "$disk" "$LOG/$GUEST.img" "$told"
    disk=$LOG/$GUEST.img
fi
if [ "$API" = 3 ] && [ "$ROM" = "$build/vmi-3-native.rom" ]; then
    "$build/romsum" --quiet --policy "$POLICY" "$ROM" -o "$LOG/vmi-3-native.rom" || exit 2
    ROM=$LOG/vmi-3-native.rom
fi

# Prints what a debugger has to know of this run.
for_debugger() { # gdb|bochs
    symbols=
    if [ -z "$DISK$KERNEL" ]; then
        symbols=$build/guest/$GUEST.elf
    elif [ -n "$KERNEL" ] && readelf -h "$KERNEL" >/dev/null 2>&1; then
        symbols=$KERNEL
    fi
    QEMU=$QEMU "$(dirname "$0")/debug.sh" "$1" "$build" "$LOG" "$symbols" "$ROM" ${second:+"$second"}
}

if [ -n "$GDB" ] && [ "$ENGINE" = qemu ]; then
    for_debugger gdb >"$LOG/debug.gdb"
    say "QEMU waits for gdb. In another terminal, in this directory:"
    say "    gdb -q -x $LOG/debug.gdb -ex at-boot"
fi

# Commas in the value of a QEMU option are doubled.
value() {
    printf '%s' "$1" | sed 's/,/,,/g'
}

# Runs QEMU with the arguments that all runs share and those given. qemu32 alone lacks CLFLUSH,
# which Linux 13.0 executes; kvmvapic.bin would leave the end of our image writable.
qemu() {
    [ -n "$DISK$KERNEL$SCREENSHOT" ] || set -- -debugcon "file:$(value "$LOG/e9.log")" "$@"
    set -- "$QEMU" -M pc -accel tcg -cpu qemu32,+clflush -nodefaults -vga std \
        -global apic-common.vapic=off "$@"
    [ -n "$GUI" ] || set -- "$@" -display none
    [ "$ROM" = none ] || set -- "$@" -option-rom "$(value "$ROM")"
    [ -z "$second" ] || set -- "$@" -option-rom "$(value "$second")"
    [ -z "$GDB" ] || set -- "$@" -S -gdb chardev:gdb \
        -chardev "socket,id=gdb,server=on,wait=off,path=$(value "$LOG/gdb.socket")"
    foreground=
    [ "$INPUT" != serial ] || foreground=--foreground # otherwise it cannot read the terminal
    # shellcheck disable=SC2086 # words are wanted
    exec timeout $foreground -k 2 "$TIMEOUT" "$@" $QEMU_ARGS
}

debug_exit="-device isa-debug-exit,iobase=0xf4,iosize=1"

# Copies lines to our output as they arrive, and to a file, without carriage returns.
show_lines() {
    while IFS= read -r line || [ -n "$line" ]; do
        printf '%s\n' "${line%"$cr"}"
    done | tee "$LOG/serial.log"
}

our_drive="if=floppy,format=raw,readonly=on,file=$(value "$disk")"

# --- our guests -------------------------------------------------------------------------------------

# The verdict from the guest's last line, where the engine's exit status does not carry it. Prints
# ok, native or failed.
verdict_in_log() {
    if grep -q '^Result: OK$' "$LOG/serial.log"; then
        echo ok
    elif grep -q 'calls called, 0 failed\(, [0-9]* not shown\)\{0,1\}$' "$LOG/serial.log"; then
        echo ok
    elif grep -q '^Native: ' "$LOG/serial.log"; then
        echo native
    else
        echo failed
    fi
}

# What a hypervisor has said at the guest's end, if it has not been shown.
figures() { # FILE
    [ -f "$1" ] || return 0
    [ -f "$LOG/serial.log" ] || : >"$LOG/serial.log"
    tr -d '\000\r' <"$1" | grep -a '^# monitor: ' | grep -a -v -x -F -f "$LOG/serial.log" || :
}

conclude() {
    [ -z "$GDB" ] || {
        say "ended; logs in $LOG"
        exit 0
    }
    case $1 in
    ok) exit 0 ;;
    native) say "the guest used no ROM" && exit 3 ;;
    hung) say "did not end within $TIMEOUT s, stopped; logs in $LOG" ;;
    *) say "FAILED; logs in $LOG" ;;
    esac
    [ ! -s "$LOG/engine.log" ] || tail -n 5 "$LOG/engine.log"
    exit 1
}

# By QEMU's exit status: isa-debug-exit makes it 2 * the guest's + 1; 124 is timeout's.
conclude_qemu() {
    figures "$LOG/e9.log"
    case $1 in
    33) conclude ok ;;
    35) conclude native ;;
    124) conclude hung ;;
    *) conclude failed ;;
    esac
}

tour_qemu() {
    mkfifo "$LOG/serial.pipe"
    # shellcheck disable=SC2086
    qemu -m 64 -smp 2 $debug_exit -drive "$our_drive" -boot a -serial stdio \
        </dev/null >"$LOG/serial.pipe" 2>"$LOG/engine.log" &
    pid=$!
    show_lines <"$LOG/serial.pipe"
    status=0
    wait "$pid" || status=$?
    pid=
    conclude_qemu "$status"
}

# Copies standard input to our output, and answers the kernel's prompts: descriptor 4 is its serial
# line, 5 QEMU's monitor, which presses keys.
type_at() {
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line%"$cr"}
        printf '%s\n' "$line"
        case $line in
        "Type a line "*) printf 'hello\r' >&4 ;;
        "serial line: hello")
            for key in k e y s ret; do
                echo "sendkey $key 10" >&5
            done
            ;;
        "keyboard: keys") printf 'exit\r' >&4 ;;
        "# monitor: end of counts") [ -z "${COUNTS:-}" ] || echo quit >&5 ;;
        "Result: "*)
            [ -z "$SCREENSHOT" ] || printf 'screendump "%s" -f png\nquit\n' "$SCREENSHOT" >&5
            ;;
        esac
    done
}

demo_qemu() {
    mkfifo "$LOG/serial.pipe" "$LOG/typed.pipe" "$LOG/keys.pipe.in" "$LOG/keys.pipe.out"
    exec 4<>"$LOG/typed.pipe" 5<>"$LOG/keys.pipe.in"
    # for a picture, and for a hypervisor's counts, the guest must stop, not end QEMU
    [ -z "$SCREENSHOT${COUNTS:-}" ] || debug_exit=
    # shellcheck disable=SC2086
    qemu -m 64 $debug_exit -drive "$our_drive" -boot a -serial stdio \
        -chardev "pipe,id=keys,path=$(value "$LOG/keys.pipe")" -mon keys \
        <&4 >"$LOG/serial.pipe" 2>"$LOG/engine.log" &
    pid=$!
    type_at <"$LOG/serial.pipe" | tee "$LOG/serial.log"
    status=0
    wait "$pid" || status=$?
    pid=
    if [ -n "$SCREENSHOT" ]; then
        [ -s "$SCREENSHOT" ] || conclude failed
        say "$SCREENSHOT written"
        conclude "$(verdict_in_log)"
    fi
    [ -z "${COUNTS:-}" ] || conclude "$(verdict_in_log)"
    conclude_qemu "$status"
}

# With a person at the keyboard.
demo_by_hand() {
    # shellcheck disable=SC2086
    (qemu -m 64 $debug_exit -drive "$our_drive" -boot a -serial stdio) && status=0 || status=$?
    conclude_qemu "$status"
}

# Here the ROM is true ROM: the BIOS does not copy it.
our_bochs() {
    {
        echo 'plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true'
        echo 'plugin_ctrl: parallel=false, serial=true, gameport=false, iodebug=true'
        echo 'config_interface: textconfig'
        echo 'display_library: rfb, options="timeout=0"'
        echo "cpu: model=$BOCHS_CPU, count=1, ips=20000000, reset_on_triple_fault=1"
        echo 'megs: 64'
        echo 'romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot'
        echo 'vgaromimage: file=/usr/share/seabios/vgabios-isavga.bin'
        [ "$ROM" = none ] || echo "optromimage1: file=\"$ROM\", address=0xca000"
        echo 'boot: floppy'
        echo "floppya: 1_44=\"$disk\", status=inserted, write_protected=1"
        [ -n "$GDB" ] || echo 'port_e9_hack: enabled=1' # on standard output, which is then the debugger's
        echo "com1: enabled=1, mode=file, dev=\"$LOG/serial.raw\""
        echo "log: $LOG/bochs.log"
        echo 'panic: action=fatal'
        echo 'error: action=report'
        echo 'info: action=report'
        echo 'debug: action=ignore'
        echo 'clock: sync=none'
    } >"$LOG/bochsrc.txt"
    # Debian's Bochs stops in its debugger at the start and after each reset of the guest.
    printf '%s\n' c c c c q >"$LOG/start.txt"
    : >"$LOG/serial.raw"
    status=0
    if [ -n "$GDB" ]; then
        for_debugger bochs >"$LOG/start.txt"
        timeout --foreground -k 2 "$TIMEOUT" bochs -q -f "$LOG/bochsrc.txt" -rc "$LOG/start.txt" || :
        conclude debugged
    fi
    timeout -k 2 "$TIMEOUT" bochs -q -f "$LOG/bochsrc.txt" -rc "$LOG/start.txt" \
        </dev/null >"$LOG/engine.log" 2>&1 || status=$?
    show_lines <"$LOG/serial.raw"
    figures "$LOG/engine.log"
    [ "$status" != 124 ] || conclude hung
    conclude "$(verdict_in_log)"
}

# --- with QEMU's monitor: screenshots, and guests that are not ours -----------------------------------

# Starts QEMU in the background; commands for its monitor go to descriptor 3.
start_with_monitor() {
    mkfifo "$LOG/monitor.pipe"
    exec 3<>"$LOG/monitor.pipe"
    : >"$LOG/serial.log"
    : >"$LOG/e9.log"
    qemu -serial "file:$(value "$LOG/serial.log")" -debugcon "file:$(value "$LOG/e9.log")" \
        -monitor stdio "$@" <"$LOG/monitor.pipe" >/dev/null 2>"$LOG/engine.log" &
    pid=$!
}

running() {
    kill -0 "$pid" 2>/dev/null
}

screenshot() {
    # without isa-debug-exit the guest stops with its screen still shown
    start_with_monitor -m 64 -smp 2 -drive "$our_drive" -boot a
    while running && ! grep -q ' calls called, \|^Native: \|^# panic' "$LOG/serial.log"; do
        sleep 0.2
    done
    running || conclude failed
    echo "screendump \"$SCREENSHOT\" -f png" >&3
    echo quit >&3
    wait "$pid" || :
    pid=
    [ -s "$SCREENSHOT" ] || conclude failed
    say "$SCREENSHOT written"
    tr -d '\r' <"$LOG/serial.log" >"$LOG/serial.txt"
    mv "$LOG/serial.txt" "$LOG/serial.log"
    conclude "$(verdict_in_log)"
}

# The VGA text screen as QEMU last saved it: 25 lines to $LOG/vga.txt, and joined to one line, since
# a long message may wrap anywhere, to $LOG/said.log.
take_screen() {
    [ -f "$LOG/vga.bin" ] || return 0
    od -An -v -tu1 "$LOG/vga.bin" | awk '
        { for (i = 1; i <= NF; i += 2) text = text sprintf("%c", $i > 31 && $i < 127 ? $i : 32) }
        END {
            for (row = 0; row < 25; row++)
                print substr(text, row * 80 + 1, 80)
            print "joined:" text
        }' >"$LOG/screen.txt"
    grep -v '^joined:' "$LOG/screen.txt" | sed 's/ *$//' >"$LOG/vga.txt"
    grep '^joined:' "$LOG/screen.txt" >>"$LOG/said.log" || :
}

# The first match of a pattern in what the guest printed.
said() {
    tr -d '\000\r' <"$LOG/serial.log" >"$LOG/said.log"
    tr -d '\000\r' <"$LOG/e9.log" >>"$LOG/said.log"
    take_screen
    grep -a -o "$1" "$LOG/said.log" | sed -n 1p
}

# The messages of known guests. Linux 2.6.21 to 2.6.36 prints two: when it finds a ROM, and when it
# uses it.
look_for_vmi() {
    if [ -n "$FOUND" ]; then
        line=$(said "$FOUND")
        [ -n "$line" ]
        return
    fi
    line=$(said 'VMI: Found .*, API version [0-9.]*, ROM version [0-9.]*')
    if [ -n "$line" ]; then
        [ -n "$(said 'Booting paravirtualized kernel on vmi')" ] || line=
    fi
    # Linux 13.0, Sanos
    [ -n "$line" ] || line=$(said 'Detected VMI ROM version 13\.[0-9]*')
    [ -n "$line" ] || line=$(said 'VMWare VMI ROM version 13\.[0-9]* detected')
    [ -n "$line" ]
}

drive_of() {
    format=raw
    [ "$(dd if="$DISK" bs=1 count=3 2>/dev/null | tr -d '\000')" != QFI ] || format=qcow2
    size=$(wc -c <"$DISK" | tr -d ' ')
    if [ "$(dd if="$DISK" bs=1 skip=32769 count=5 2>/dev/null | tr -d '\000')" = CD001 ]; then
        kind=ide,media=cdrom
    elif [ $format = raw ] && [ "$size" -le 2949120 ]; then
        kind=floppy
    else
        kind=ide
    fi
    echo "if=$kind,format=$format,snapshot=on,file=$(value "$DISK")"
}

own_guest() {
    missing=message
    [ -z "$FOUND$WHOLE" ] || missing=end
    # shellcheck disable=SC2086
    set -- -m 256 -no-reboot $debug_exit
    if [ -n "$DISK" ]; then
        drive=$(drive_of)
        case $drive in
        if=floppy*) set -- "$@" -drive "$drive" -boot a ;;
        *cdrom*) set -- "$@" -drive "$drive" -boot d ;;
        *) set -- "$@" -drive "$drive" -boot c ;;
        esac
    else
        set -- "$@" -kernel "$KERNEL" -append "$APPEND"
        [ -z "$INITRD" ] || set -- "$@" -initrd "$INITRD"
    fi
    start_with_monitor "$@"
    while running && { [ -n "$FOUND$WHOLE" ] || ! look_for_vmi; }; do
        echo "pmemsave 0xb8000 4000 \"$LOG/vga.bin\"" >&3
        sleep 0.2
    done
    if running; then
        end="still running, stopped"
        kill "$pid" 2>/dev/null || :
    else
        end="ended"
    fi
    status=0
    wait "$pid" || status=$?
    pid=
    [ "$status" != 124 ] || end="no $missing within $TIMEOUT s, stopped"
    [ "$status" != 1 ] || [ ! -s "$LOG/engine.log" ] || end=$(tail -n 1 "$LOG/engine.log")
    said '^# monitor: .*' >/dev/null # fills said.log
    grep -a '^# monitor: ' "$LOG/said.log" | awk '!seen[$0]++' # from both ports
    if look_for_vmi; then
        say "VMI found: $line ($end; logs in $LOG)"
        exit 0
    fi
    if [ -n "$(said 'Booting paravirtualized kernel on bare hardware')" ]; then
        say "VMI refused: Booting paravirtualized kernel on bare hardware"
    fi
    say "VMI not found ($end; logs in $LOG: serial.log, e9.log, vga.txt, engine.log)"
    exit 1
}

if [ -n "$DISK$KERNEL" ]; then
    own_guest
elif [ "$ENGINE" = bochs ]; then
    our_bochs
elif [ -n "$INPUT" ]; then
    demo_by_hand
elif [ "$GUEST" = demo ]; then
    demo_qemu
elif [ -n "$SCREENSHOT" ]; then
    screenshot
else
    tour_qemu
fi
