; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The native ROM's code as a part of a kernel: call N at N * 32. A ROM of the
; platform can be copied over it. Its header is omitted, so that nobody takes it
; for a ROM.

%include "gen/area.inc"

AREA_SIZE       equ 4000h
SLOT_SIZE       equ 32
SLOTS_END       equ 1000h
%define ROM     "vmi-native.bin"

section .vmi.native progbits alloc exec write align=4096

        global  vmi_native_area:function (AREA_SIZE)
vmi_native_area:
        times   AREA_FIRST*SLOT_SIZE int3

; name, number
%macro area_call 2
        global  vmi_area_%1:function (SLOT_SIZE)
vmi_area_%1:
        incbin  ROM, %2*SLOT_SIZE, SLOT_SIZE
%endmacro

        area_calls
        incbin  ROM, AREA_LAST*SLOT_SIZE + SLOT_SIZE
        times   AREA_SIZE - ($ - $$) int3

section .note.GNU-stack noalloc noexec nowrite progbits
