#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The machine tests on all engines: run.sh BUILD_DIR, prints TAP. What the kernel does not report (a
# crash, a hang, a reset, a missing last line) is a failure of the run. Status 0 when all went well.
# ENGINES="qemu bochs" in the environment chooses.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/machine/engines.sh
. "$here/engines.sh"

rom_13=$build/vmi-native.rom
rom_3=$build/policy/all.rom # every call that a native image can serve
image=$build/guest/machine.img
for file in "$rom_13" "$rom_3" "$image"; do
    [ -r "$file" ] || {
        echo "Bail out! $file is missing"
        exit 1
    }
done
: >"$work/passed-over"
: >"$work/shown"
# What run by run does not depend on the API is run for API 13 only: q35, and races of two processors.
runs="13:qemu 13:qemu-q35 13:qemu-nopse 13:qemu-486 13:bochs 13:bochs-smp 3:qemu 3:qemu-nopse 3:qemu-486 3:bochs"
[ -z "${ENGINES:-}" ] || runs=$(for engine in $ENGINES; do echo "13:$engine 3:$engine"; done)
for run in $runs; do
    out=$work/$run
    api=${run%%:*} engine=${run#*:}
    [ "$api" = 13 ] && rom=$rom_13 || rom=$rom_3
    case $engine in
    qemu*) program=$QEMU ;;
    *) program=$BOCHS ;;
    esac
    command -v "$program" >/dev/null || {
        skip "$run" "$program is not installed"
        continue
    }
    case $engine in
    qemu-nopse) cmdline=only=GetRelocationInfo ;;
    bochs-smp) cmdline=only=$smp_only ;;
    *) cmdline= ;;
    esac
    run_engine "$engine" "$image" "$rom" "$out" "$cmdline"
    status=$?
    while IFS= read -r line; do
        case $line in
        "ok - "*" # SKIP "*)
            name=${line#ok - }
            echo "$api ${name%% # SKIP *}" >>"$work/passed-over"
            echo "# not for API $api on $engine: $name"
            ;;
        "ok - "*)
            echo "$api ${line#ok - }" >>"$work/shown"
            pass "API $api on $engine: ${line#ok - }"
            ;;
        "not ok - "*) fail "API $api on $engine: ${line#not ok - }" ;;
        "# image "*) ;;
        "#"*) echo "$line" ;;
        esac
    done <"$out"
    if run_completed "$out"; then
        pass "API $api on $engine: the run completed"
        if [ -z "$cmdline" ]; then
            sed -n 's/^# image //p' "$out" >"$work/seen"
            od -An -v -tx1 -w32 "$rom" | tr -d ' ' >"$work/file"
            check "API $api on $engine: after all tests the image is its file, byte for byte" cmp "$work/file" "$work/seen"
        fi
    else
        [ "$status" -ne 124 ] || status="124: it hung"
        fail "API $api on $engine: the run completed" "the engine's status was $status; its last output:" \
            "$(tail -n 5 "$out.log" 2>/dev/null)"
    fi
done

# An engine without a feature skips a test: that is allowed as long as another one shows it.
sort -u "$work/passed-over" >"$work/over" 2>/dev/null
sort -u "$work/shown" >"$work/some" 2>/dev/null
same "every test is shown by some engine" "" "$(comm -23 "$work/over" "$work/some")"

finish
