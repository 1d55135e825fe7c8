; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; A multiboot kernel, for QEMU's -kernel: prints its command line to COM1 and ends QEMU.

COM1 equ 0x3F8
MAGIC equ 0x1BADB002
ADDRESSES_GIVEN equ 0x10000

        bits 32
        org 0x100000

header:
        dd MAGIC
        dd ADDRESSES_GIVEN
        dd -(MAGIC + ADDRESSES_GIVEN)
        dd header, header, end, end, start

start:
        mov esi, [ebx + 16]             ; the information structure's command line
.char:
        lodsb
        test al, al
        jz .done
        mov dx, COM1
        out dx, al
        jmp .char
.done:
        mov al, 10
        out dx, al
        mov al, 0x10
        out 0xF4, al
        hlt
end:
