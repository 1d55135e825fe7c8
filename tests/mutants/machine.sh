#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Sourced by the suites that break images: where the bodies are, and the tests on a machine.

# outside ELF: the parts of bodies outside their slots, as SLOT:OFFSET:SIZE; get_reloc is in API 3.0 the jump to slot 85
outside() {
    nm -S "$1" | awk '
        BEGIN {
            owner["set_dr"] = 30; owner["get_dr"] = 31; owner["iret_look"] = 39; owner["set_present"] = 87
            owner["relocate"] = owner["answer"] = owner["has_cpuid"] = owner["get_reloc"] = 85
        }
        $3 == "T" && $4 in owner { print owner[$4] ":" $1 ":" $2 }'
}

# killed_by BUILD MUTANT NAME: prints the first engine on which the tests of the call fail with MUTANT.bin
killed_by() {
    "$1/romsum" "$2.bin" -o "$2.rom" || return
    for engine in qemu bochs; do
        tests/machine/run-one.sh "$1" "$2.rom" "$engine" "$3" > "$2.$engine.log" 2>&1
        [ $? = 1 ] && echo $engine && return
    done
}
