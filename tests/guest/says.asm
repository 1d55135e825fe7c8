; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; A boot sector in the part of somebody's kernel.
;   SAYS='text'   printed to COM1, and a line end
;   SHOWS='text'  printed to the screen by the BIOS, while the machine stays
;   COPIES        prints the whole text screen to COM1, 25 lines
; Without SHOWS it ends QEMU by isa-debug-exit.

COM1 equ 0x3F8

        bits 16
        org 0x7C00

        cld
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7C00
        mov es, ax
        mov ax, 0x0301 ; overwrites its own sector: the file must not notice
        mov bx, 0x0500
        mov cx, 1
        xor dh, dh
        int 0x13
%ifdef SAYS
        mov si, text
.char:
        lodsb
        test al, al
        jz .said
        call put
        jmp .char
.said:
%endif
%ifdef COPIES
        mov ax, 0xB800
        mov ds, ax
        xor si, si
        mov bx, 25
.row:
        mov cx, 80
.cell:
        lodsw
        call put
        loop .cell
        mov al, 10
        call put
        dec bx
        jnz .row
%endif
%ifdef SHOWS
        mov si, text
.shown_char:
        lodsb
        test al, al
        jz $
        mov ah, 0x0E
        mov bx, 7
        int 0x10
        jmp .shown_char
%endif
        mov al, 0x10
        out 0xF4, al
        hlt

put:
        mov ah, al
        mov dx, COM1 + 5
.wait:
        in al, dx
        test al, 0x20
        jz .wait
        mov dx, COM1
        mov al, ah
        out dx, al
        ret

text:
%ifdef SAYS
        db SAYS, 10
%endif
%ifdef SHOWS
        db SHOWS
%endif
        db 0

        times 510 - ($ - $$) db 0
        dw 0xAA55
