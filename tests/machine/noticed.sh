#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Sourced by tests of the tests: whether a broken image is noticed on a machine.

# on_machine BUILD MUTANT NAME: prints the first engine on which the tests of the call notice MUTANT.bin
on_machine() {
    "$1/romsum" "$2.bin" -o "$2.rom" || return
    for engine in qemu bochs; do
        tests/machine/run-one.sh "$1" "$2.rom" "$engine" "$3" > "$2.$engine.log" 2>&1
        [ $? = 1 ] && echo $engine && return
    done
}
