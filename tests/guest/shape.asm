; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; A small multiboot kernel whose C is in shape.c: its entry, and the handler of an interrupt.

MAGIC   equ 0x1BADB002

%include "vmi/sites-nasm.inc"

        bits    32

        section .multiboot progbits alloc noexec nowrite align=4
        dd      MAGIC, 0, -MAGIC

        section .text progbits alloc exec nowrite align=16
        extern  shape
        extern  interrupts
        global  start:function (start.end - start)
        global  handler:function (handler.end - handler)

start:
        mov     esp,stack_top
        call    shape
.stop:  ds cli                          ; meant: nobody is left to ask
        ds hlt
        jmp     .stop
.end:

handler:
        inc     dword [interrupts]
        vmi_iret
.end:

        section .bss nobits alloc noexec write align=16
stack:  resb    16384
stack_top:

        section .note.GNU-stack noalloc noexec nowrite progbits
