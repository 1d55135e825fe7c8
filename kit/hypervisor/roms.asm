; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; The images as data for a hypervisor or a virtual BIOS: include/vmi/embed.h declares the names and
; the layout of the table. POINTER is dq or dd, by the width of the object.

NATIVE          equ 0
HYPERCALL       equ 1
%assign count   0

section .rodata.vmi_embedded progbits alloc noexec nowrite align=4
section .data.rel.ro progbits alloc noexec write align=8

        global  vmi_embedded_roms:object (table_end - vmi_embedded_roms)
vmi_embedded_roms:

; file, its name without .rom, the end of its symbol, API, kind
%macro rom 5
section .rodata.vmi_rom_%3 progbits alloc noexec nowrite align=16
        global  vmi_rom_%3:object (vmi_rom_%3_end - vmi_rom_%3)
        global  vmi_rom_%3_end
vmi_rom_%3:
        incbin  %1
vmi_rom_%3_end:
section .rodata.vmi_embedded
%%name: db      %2, 0
section .data.rel.ro
        POINTER %%name, vmi_rom_%3
        dd      vmi_rom_%3_end - vmi_rom_%3
        dw      %4, %5
  %assign count count + 1
%endmacro

%include "gen/roms.inc"

section .data.rel.ro
table_end:
section .rodata.vmi_embedded
        align   4, db 0
        global  vmi_embedded_rom_count:object 4
vmi_embedded_rom_count:
        dd      count

section .note.GNU-stack noalloc noexec nowrite progbits
