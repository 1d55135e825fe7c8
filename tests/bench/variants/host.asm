; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; For host.c: the loops of calls that a process may make, and the native ROM.

%define USER
%include "tests/bench/variants/loops.asm"

        global  host_rom, host_rom_end, silent_rom

section .rom progbits alloc exec write align=4096
host_rom:
        incbin  "vmi-native.rom"
host_rom_end:
        align   4096, db 0
silent_rom:
        times 16384 db 0                ; a copy that says nothing of inlining

section .note.GNU-stack
