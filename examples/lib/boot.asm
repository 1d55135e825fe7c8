; SPDX-License-Identifier: GPL-2.0-only OR MIT
;
; Boot sector of the guest kernels: reads the command-line sector (LBA 1) and the kernel (from LBA 2)
; contiguously to 0xFE00, so that the kernel begins at 0x10000, and jumps there in real mode.
;
; Boots from a floppy or a hard disk: the geometry comes from INT 13h AH=08h. examples/lib/mkdisk.sh
; writes the kernel's length in sectors into the word at offset 508.

LOAD_SEGMENT equ 0x0FE0                 ; 512 bytes below 0x10000
KERNEL_SEGMENT equ 0x1000
RETRIES equ 5

        bits 16
        org 0x7C00

        jmp short entry
        nop

        times 0x5A - ($ - $$) db 0      ; a BIOS that takes the disk for a floppy writes into its BPB
entry:
        cli
        cld
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7C00
        jmp 0:.flat_cs
.flat_cs:
        sti
        mov [drive], dl

        mov ah, 8                       ; geometry; ES:DI = 0 on the way in avoids BIOS bugs
        xor di, di
        int 0x13
        jc fail
        push ds
        pop es
        and cl, 0x3F
        mov [sectors_per_track], cl
        mov dl, dh
        xor dh, dh
        inc dx
        mov [heads], dx

        mov ax, [kernel_sectors]
        inc ax                          ; and the command line
        mov [remaining], ax

next_chunk:
        mov ax, [lba]
        xor dx, dx
        div word [sectors_per_track]    ; AX = track, DX = sector in it, from 0
        mov bx, [sectors_per_track]
        sub bx, dx                      ; sectors left in this track
        cmp bx, [remaining]
        jbe .track_ok
        mov bx, [remaining]
.track_ok:
        mov si, [to_segment]               ; a transfer must not cross 64 KiB: floppy DMA
        shr si, 5
        and si, 127
        neg si
        add si, 128
        cmp bx, si
        jbe .dma_ok
        mov bx, si
.dma_ok:
        mov [count], bx
        mov cl, dl
        inc cx                          ; sectors are numbered from 1
        xor dx, dx
        div word [heads]                ; AX = cylinder, DX = head
        mov ch, al
        shl ah, 6
        or cl, ah
        mov dh, dl
        mov dl, [drive]
        mov di, RETRIES
.try:
        mov es, [to_segment]
        xor bx, bx
        mov al, [count]
        mov ah, 2
        push dx
        push cx
        push di
        int 0x13
        pop di
        pop cx
        pop dx
        jnc .read
        xor ah, ah
        int 0x13
        dec di
        jnz .try
        jmp fail
.read:
        mov ax, [count]
        add [lba], ax
        sub [remaining], ax
        pushf
        shl ax, 5
        add [to_segment], ax
        popf
        jnz next_chunk

        mov dl, [drive]
        jmp KERNEL_SEGMENT:0

fail:
        mov si, message
.char:
        lodsb
        test al, al
        jz .stop
        out 0xE9, al
        mov ah, 0x0E
        mov bx, 7
        int 0x10
        jmp .char
.stop:
        hlt
        jmp .stop

message         db "guest: disk read error", 13, 10, 0
drive           db 0
sectors_per_track dw 0
heads           dw 0
lba             dw 1
to_segment      dw LOAD_SEGMENT
remaining       dw 0
count           dw 0

        times 508 - ($ - $$) db 0        ; the partition table too, if mkdisk.sh is told to make one
kernel_sectors  dw 0
        dw 0xAA55
