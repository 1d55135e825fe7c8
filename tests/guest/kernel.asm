; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; A multiboot kernel, for QEMU's -kernel: prints its command line to COM1 and ends QEMU, in more than a
; blink with LONG.
;   PORT=n BYTE=n   by that byte to that port; 16 to F4h by default
;   TRIPLE          by a triple fault

COM1 equ 0x3F8
MAGIC equ 0x1BADB002
ADDRESSES_GIVEN equ 0x10000

%ifndef PORT
%define PORT 0xF4
%define BYTE 0x10
%endif

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
%ifdef LONG
        mov ecx, 1 << 30
        loop $
%endif
%ifdef TRIPLE
        lidt [no_idt]
        int3
%endif
        mov dx, PORT
        mov al, BYTE
        out dx, al
        hlt
        jmp $
no_idt: dd 0, 0
end:
