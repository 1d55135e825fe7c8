#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh BUILD_DIR: the sessions of docs/debugging.md are run, and have to show what they show there; and how runs wait
# for a debugger. TAP. The name of a session's test is in a comment over it. Other lines may come in between, and
# what moves with any change of the code is not compared: line numbers, offsets in functions, addresses of code.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
document=docs/debugging.md
run=
cleanup() {
    [ -z "$run" ] || kill "$run" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
HOME=$work # nobody's .gdbinit
LOG=$work/run
TIMEOUT=$limit
export HOME LOG TIMEOUT

# The sessions: $work/session/NAME holds the lines of the block behind `<!-- test: NAME -->`.
mkdir "$work/session"
awk -v to="$work/session/" '
/^<!-- test: / { name = $3; next }
/^```/ {
    if (!inside && name != "")
        file = to name
    else if (file != "") {
        close(file)
        file = name = ""
    }
    inside = !inside
    next
}
file != "" { print > file }' "$document"

# started: waits until the run in the background listens, or has ended
started() {
    while kill -0 "$run" 2>/dev/null; do
        [ ! -S "$LOG/gdb.socket" ] || return 0
        sleep 0.1
    done
    return 1
}

# A block's lines are run one by one: a run that waits for gdb in the background, gdb and Bochs with the commands at
# their prompts, anything else as it is.
session() { # FILE
    sed "s|build/run|$LOG|g; s|build/|$build/|g" "$1" >"$work/here"
    sed -n 's/^(gdb) //p' "$work/here" >"$work/gdb.commands"
    sed -n 's/^<bochs:[0-9]*> //p' "$work/here" >"$work/bochs.commands"
    sed -n 's/^\$ //p' "$work/here" >"$work/shell.commands"
    while IFS= read -r line; do
        case $line in
        make*) line="env -u MAKEFLAGS -u MAKELEVEL make -s B=$build ${line#make}" ;;
        esac
        case $line in
        *ENGINE=bochs*) sh -c "$line" <"$work/bochs.commands" ;;
        *GDB=1*)
            sh -c "$line" >"$work/run.out" 2>&1 </dev/null &
            run=$!
            started || cat "$work/run.out"
            ;;
        gdb*)
            sh -c "$line -batch -x '$work/gdb.commands'" </dev/null
            wait "$run"
            run=
            ;;
        *) sh -c "$line" </dev/null ;;
        esac
    done <"$work/shell.commands" >"$work/out" 2>&1
}

comparable() {
    sed -e "s|$LOG|build/run|g; s|$PWD/||g; s|$build/|build/|g" -e 's/\r$//' \
        -e 's/^[0-9]*\t/N\t/; s/line [0-9]*/line N/; s/ + [0-9]* in section/ + N in section/' \
        -e 's/ at 0x[0-9a-f]*: file/ at X: file/; s/= 0x[0-9a-f]* "/= X "/' \
        -e 's/^(0) Breakpoint \([0-9]*\), 0x[0-9a-f]* in/(0) Breakpoint \1, X in/' "$1"
}

# The first line of FILE that does not come, in its order
missing() {
    grep -v -e '^\$ ' -e '^(gdb) ' -e '^<bochs:' "$1" >"$work/shown"
    comparable "$work/shown" >"$work/wanted"
    comparable "$work/out" >"$work/seen"
    awk 'NR == FNR { wanted[n++] = $0; next } at < n && $0 == wanted[at] { at++ } END { if (at < n) print wanted[at] }' \
        "$work/wanted" "$work/seen"
}

for engine in gdb bochs; do
    command -v $engine >/dev/null || absent="${absent:-} $engine"
done

for file in "$work"/session/*; do
    name=${file##*/}
    if [ -n "${absent:-}" ]; then
        skip "$name" "not installed:$absent"
        continue
    fi
    session "$file"
    line=$(missing "$file")
    if [ -z "$line" ]; then
        pass "$name"
    else
        fail "$name" "the line of $document did not come: $line" "seen:" "$(cat "$work/out")"
    fi
done
same "each_session_has_a_test" "$(grep -c -E '^\$ (make|gdb).*' "$document")" "$(cat "$work"/session/* | grep -c -E '^\$ (make|gdb)')"

# --- how a run waits ------------------------------------------------------------------------------------

if [ -z "${absent:-}" ]; then
    LOG=$work/first GDB=1 tools/places.sh "$build" >"$work/first.out" 2>&1 </dev/null &
    first=$!
    GUEST=tour GDB=1 tools/run.sh "$build" >"$work/run.out" 2>&1 </dev/null &
    run=$!
    started
    said=$(sed -n 's/^run:  *\(gdb .*\)/\1/p' "$work/run.out")
    same the_run_says_what_to_type "$(sed -n "s|build/run|$LOG|; /^gdb /p" "$document" | head -n 1)" "$said"
    sh -c "$said -batch -ex 'info symbol SetCR3' -ex kill" >"$work/second.out" 2>&1 </dev/null
    sh -c "gdb -q -x $work/first/debug.gdb -ex at-boot -batch -ex 'info symbol SetCR3' -ex kill" >"$work/both.out" 2>&1 </dev/null
    wait $run
    status=$?
    run=
    wait $first
    same a_run_that_gdb_ends_is_no_failure "0 0" "$status $?"
    same two_runs_wait_at_once "2" "$(cat "$work/second.out" "$work/both.out" | grep -c '^SetCR3 in section .rom')"

    # tests/guest/kernel.asm as an ELF file
    sed 's/^ *org .*/global start/' tests/guest/kernel.asm >"$work/kernel.asm"
    nasm -f elf32 -o "$work/kernel.o" "$work/kernel.asm" &&
        ld -m elf_i386 -Ttext 0x100000 -e start -o "$work/kernel.elf" "$work/kernel.o"
    KERNEL=$work/kernel.elf APPEND=own QEMU=qemu-system-x86_64 GDB=1 tools/run.sh "$build" >"$work/run.out" 2>&1 </dev/null &
    run=$!
    started
    sh -c "gdb -q -x '$LOG/debug.gdb' -ex at-boot -batch -ex 'hbreak start' -ex continue -ex 'info symbol \$pc' -ex kill" \
        >"$work/out" 2>&1 </dev/null
    wait $run
    run=
    same a_kernel_of_ones_own_is_known_by_name "start in section .text of $work/kernel.elf" "$(grep '^start in' "$work/out")"
fi

GDB=2 tools/run.sh "$build" >"$work/out" 2>&1
same gdb_is_1_or_nothing "2 run: GDB: 2: only 1" "$? $(cat "$work/out")"

finish
